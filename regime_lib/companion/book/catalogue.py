"""The catalogue of chapters: which notebooks there are, and which one a reader means."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from regime_lib.companion.book.closure import imports_of, parsed
from regime_lib.companion.book.declarations import parameters_of
from regime_lib.companion.book.notebooks import Node, code_cells, read_notebook, source_of, title_of
from regime_lib.companion.book.parameters import Parameter
from regime_lib.companion.book.project import Project
from regime_lib.errors import RegimeError

#: What a chapter is called: two digits and a slug.
CHAPTER_NAME = re.compile(r"\d\d_[a-z0-9]+(?:_[a-z0-9]+)*")


@dataclass(frozen=True)
class Entry:
    """One chapter of the catalogue; its notebook is read once."""

    name: str  # of the notebook, without suffix, such as 20_tracking_mlp
    path: Path  # the committed notebook

    @cached_property
    def notebook(self) -> Node:
        """The committed notebook; nobody changes it."""
        return read_notebook(self.path)

    @cached_property
    def title(self) -> str:
        """Its level-one heading."""
        if title := title_of(self.notebook):
            return title
        raise RegimeError(
            f"notebooks/{self.path.name} has no title; start it with a line '# Title'"
        )

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What can be set, in the order of declaration."""
        return parameters_of(self.notebook, f"notebooks/{self.path.name}")

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """The full name of everything that the notebook's code imports."""
        return tuple(name for cell in self._trees for _, name in imports_of(cell))

    @cached_property
    def measure(self) -> str | None:
        """The module that measures, which the notebook gives to `open_chapter`; None without."""
        names: dict[str, str] = {}
        for cell in self._trees:
            names |= dict(imports_of(cell))
            for node in ast.walk(cell):
                match node:
                    case ast.Call(func=ast.Name(id="open_chapter"), args=[_, _, ast.Name(id=name)]):
                        return names.get(name)
        return None

    @property
    def measuring(self) -> tuple[str, ...]:
        """What its measurements are made by: its module `measure`, else all that it imports."""
        return (self.measure,) if self.measure else self.imports

    @cached_property
    def _trees(self) -> list[ast.Module]:
        where = f"a code cell of {self.path.name}"
        return [parsed(source_of(cell), where) for cell in code_cells(self.notebook)]


def chapter_names(project: Project) -> tuple[str, ...]:
    """Return the names of all chapters in order, from the file names alone."""
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
    """Return the chapter called `name`; its title and its declared parameters are fit."""
    entry = Entry(name, project.notebooks / f"{name}.ipynb")
    _ = entry.title, entry.parameters
    return entry


def list_chapters(project: Project) -> tuple[Entry, ...]:
    """Return every chapter of the project, in order."""
    return tuple(load_entry(project, name) for name in chapter_names(project))


def find_chapters(project: Project, wanted: Sequence[str]) -> tuple[Entry, ...]:
    """Return the chapters that a reader names, in the order of the book and each once.

    Each word is a number (``20``), a name (``20_tracking_mlp``), a slug (``tracking_mlp``), a path
    to the notebook, or ``all``; near misses of a word that fits no chapter are suggested.
    """
    names = chapter_names(project)
    if not names:
        raise RegimeError(f"{project.notebooks.name}/ holds no chapter yet")
    chosen = [names if word == "all" else [_resolve(word, names)] for word in wanted]
    return tuple(load_entry(project, name) for name in names if any(name in c for c in chosen))


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
