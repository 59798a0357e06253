"""The catalogue of chapters: which notebooks there are, and which one a reader means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.declarations import parameters_of
from regime_lib.companion.book.notebooks import Node, read_notebook, title_of
from regime_lib.companion.book.parameters import Parameter
from regime_lib.companion.book.project import Project
from regime_lib.errors import RegimeError

#: What a chapter is called: two digits and a slug.
CHAPTER_NAME = re.compile(r"(?P<number>\d\d)_(?P<slug>[a-z0-9]+(?:_[a-z0-9]+)*)")


@dataclass(frozen=True)
class Entry:
    """One chapter of the catalogue.

    Attributes
    ----------
    name : str
        The notebook's name without suffix, such as ``20_tracking_mlp``.
    title : str
        Its level-one heading.
    path : Path
        The committed notebook.
    parameters : tuple of Parameter
        What can be set, in the order of declaration.
    """

    name: str
    title: str
    path: Path
    parameters: tuple[Parameter, ...]

    @property
    def number(self) -> str:
        """The two digits that order the chapters."""
        return self.name[:2]

    @property
    def slug(self) -> str:
        """The name without its number."""
        return self.name[3:]

    def notebook(self) -> Node:
        """Read the committed notebook."""
        return read_notebook(self.path)


def chapter_names(project: Project) -> tuple[str, ...]:
    """Return the names of all chapters in order, from the file names alone.

    Raises
    ------
    RegimeError
        If a notebook is not called ``NN_slug.ipynb``, or two share a number.
    """
    names = sorted(path.stem for path in project.notebooks.glob("*.ipynb"))
    numbers: dict[str, str] = {}
    for name in names:
        if not CHAPTER_NAME.fullmatch(name):
            raise RegimeError(
                f"notebooks/{name}.ipynb is not named like a chapter; use two digits and a "
                "lower-case slug, such as 20_tracking_mlp.ipynb"
            )
        if name[:2] in numbers:
            raise RegimeError(
                f"notebooks/{name}.ipynb and {numbers[name[:2]]}.ipynb share the number "
                f"{name[:2]}; give each chapter its own"
            )
        numbers[name[:2]] = name
    return tuple(names)


def load_entry(project: Project, name: str) -> Entry:
    """Read the title and the declared parameters of the chapter called `name`."""
    path = project.notebooks / f"{name}.ipynb"
    notebook = read_notebook(path)
    title = title_of(notebook)
    if not title:
        raise RegimeError(f"notebooks/{name}.ipynb has no title; start it with a line '# Title'")
    return Entry(name, title, path, parameters_of(notebook, f"notebooks/{name}.ipynb"))


def list_chapters(project: Project) -> tuple[Entry, ...]:
    """Return every chapter of the project, in order."""
    return tuple(load_entry(project, name) for name in chapter_names(project))


def find_chapters(project: Project, wanted: Sequence[str]) -> tuple[Entry, ...]:
    """Return the chapters that a reader names, in the order of the book and each once.

    Parameters
    ----------
    project : Project
        The book.
    wanted : sequence of str
        Each is a number (``20``), a name (``20_tracking_mlp``), a slug (``tracking_mlp``), a
        path to the notebook, or ``all``.

    Raises
    ------
    RegimeError
        If a name fits no chapter; near misses are suggested.
    """
    names = chapter_names(project)
    if not names:
        raise RegimeError(f"{project.notebooks.name}/ holds no chapter yet")
    chosen: set[str] = set()
    for word in wanted:
        chosen.update(names if word == "all" else [_resolve(word, names)])
    return tuple(load_entry(project, name) for name in names if name in chosen)


def _resolve(word: str, names: Sequence[str]) -> str:
    stem = word.replace("\\", "/").rstrip("/").rpartition("/")[2].removesuffix(".ipynb")
    key = stem.lower().replace("-", "_")
    number = key.zfill(2) if key.isdigit() else key
    for name in names:
        if key == name or key == name[3:] or number == name[:2]:
            return name
    pool = {form: name for name in names for form in (name[3:], name)}
    near = difflib.get_close_matches(key, pool, n=1, cutoff=0.5)
    hint = f"did you mean {pool[near[0]]}" if near else f"there are {', '.join(names)}"
    raise RegimeError(f"no chapter '{word}'; {hint}")
