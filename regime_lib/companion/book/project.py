"""Where the book lies: its root folder, found from anywhere inside it, and the paths in it."""

from __future__ import annotations

import os
import shlex
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from regime_lib.errors import RegimeError
from regime_lib.storage import reading

_PACKAGE = Path(__file__).resolve().parents[2]


class BuildFailed(RegimeError):
    """A chapter or the book could not be built: the project's fault, not a wrong argument's."""


@dataclass(frozen=True)
class Project:
    """The folders and files of one book."""

    root: Path  # holds notebooks/ and book/claims.yml
    library: Path = field(default_factory=lambda: _PACKAGE)  # whose files are part of every key

    @property
    def notebooks(self) -> Path:
        """The committed chapters, with the outputs that were accepted."""
        return self.root / "notebooks"

    @property
    def pages(self) -> Path:
        """What is written by hand, and committed tables: claims, evidence and sweeps."""
        return self.root / "book"

    @property
    def claims_file(self) -> Path:
        """The list of every claim of the papers."""
        return self.pages / "claims.yml"

    @property
    def lock_file(self) -> Path:
        """The exact versions that a build installs."""
        return self.root / "requirements.lock"

    @property
    def reference_file(self) -> Path:
        """The accepted numbers, with the distance at which another run counts as different."""
        return self.notebooks / "reference.json"

    @property
    def build(self) -> Path:
        """Everything that can be made again."""
        return self.root / "_build"

    @property
    def executed(self) -> Path:
        """The chapters as they were last run."""
        return self.build / "notebooks"

    @property
    def measurements(self) -> Path:
        """What chapters measured, kept until something that it depends on changes."""
        return self.build / "measurements"

    @property
    def html(self) -> Path:
        """The rendered book."""
        return self.build / "html"

    def show(self, path: Path) -> str:
        """Write `path` relative to the root where it lies inside, else in full."""
        try:
            return path.resolve().relative_to(self.root).as_posix()
        except ValueError:
            return str(path)


def find_project(start: Path | None = None) -> Project:
    """Find the project: ``$REGIME_ROOT``, else upward from `start`, else beside the package.

    Parameters
    ----------
    start : Path, optional
        Where to look first; the working directory by default.

    Raises
    ------
    RegimeError
        If no folder with ``notebooks/`` and ``book/claims.yml`` is found.
    """
    if named := os.environ.get("REGIME_ROOT"):
        root = Path(named).expanduser().resolve()
        if not _is_root(root):
            raise RegimeError(
                f"REGIME_ROOT names {named}, which does not hold notebooks/ and book/claims.yml"
            )
        return Project(root)
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, _PACKAGE.parent):
        if _is_root(folder):
            return Project(folder)
    raise RegimeError(
        "no project found: go to a folder that holds notebooks/ and book/claims.yml, "
        "or name it in REGIME_ROOT"
    )


def reading_committed(path: Path, otherwise: str = "") -> AbstractContextManager[None]:
    """Tell in one sentence what is wrong with a committed file, and how to get it back.

    What would make the file anew, if a command does, is said by `otherwise`.
    """
    root = next((folder for folder in path.parents if (folder / "book").is_dir()), path.parent)
    name = path.relative_to(root).as_posix()
    back = f"mend it or take the committed one back: git checkout -- {shlex.quote(name)}"
    return reading(path, f"{back}, or run {otherwise}" if otherwise else back, name)


def _is_root(folder: Path) -> bool:
    written = ("claims.yml", "statements.yml")  # either: what is missing is told when it is read
    known = any((folder / "book" / name).exists() for name in written)
    return known and (folder / "notebooks").is_dir()
