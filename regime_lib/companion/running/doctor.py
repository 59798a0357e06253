"""What is wrong with an environment: Python, packages, threads, folders, fonts, browser, git."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path

from regime_lib.companion.book.project import Project
from regime_lib.companion.running.threads import ENVIRONMENT
from regime_lib.errors import RegimeError

_PACKAGE = "regime-lib"
_OLDEST = (3, 11)
_ROOM = 2 * 1024**3  # bytes that a build of the book needs, with room to spare
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_FEW = 4  # packages that a sentence names


class State(StrEnum):
    """How bad something is."""

    FINE = "fine"
    MIND = "mind"  # everything runs, but something is not as it is elsewhere
    WRONG = "wrong"  # something will not run


@dataclass(frozen=True)
class Finding:
    """What was found about one thing: a sentence, with the remedy where it needs one."""

    topic: str
    state: State
    says: str

    def as_dict(self) -> dict[str, str]:
        """Return it as JSON."""
        return {"topic": self.topic, "state": str(self.state), "says": self.says}


def examine(project: Project, folders: Mapping[str, Path]) -> list[Finding]:
    """Return what is to be said of this environment, topic by topic.

    Parameters
    ----------
    project : Project
        The book that is worked on.
    folders : mapping
        Folders, by what they are for, that must be writable beside those of the project.
    """
    every: Mapping[str, Path] = {"build": project.build, "temporary": _temporary(), **folders}
    return [
        python_found(sys.version_info[:3]),
        library_found(project),
        *packages_found(project.lock_file, _installed, _needed()),
        *threads_found(os.environ),
        data_found(os.environ.get("REGIME_DATA")),
        *(folder_found(purpose, path) for purpose, path in every.items()),
        font_found(),
        browser_found(project),
        git_found(project),
    ]


def python_found(version: Sequence[int]) -> Finding:
    """Say whether this Python is new enough."""
    shown, oldest = (".".join(map(str, one)) for one in (version, _OLDEST))
    if tuple(version) < _OLDEST:
        return Finding("python", State.WRONG,
                       f"Python {shown} is too old; install {oldest} or newer and run: "
                       "make PYTHON=python3.11")  # fmt: skip
    return Finding("python", State.FINE, f"Python {shown} on {platform.system()} is new enough.")


def library_found(project: Project) -> Finding:
    """Say whether the library that is imported is the project's own."""
    if project.library.is_relative_to(project.root):
        return Finding("library", State.FINE, "The library is this project's own.")
    return Finding("library", State.MIND,
                   f"The library is imported from {project.library}, not from the project in "
                   f"{project.root}; run: pip install --no-deps -e {project.root}")  # fmt: skip


def packages_found(
    lock: Path, installed: Callable[[str], str | None], needed: frozenset[str]
) -> Iterator[Finding]:
    """Compare what is installed with the lock; what chapters need is told from what tests need."""
    if not lock.is_file():
        yield Finding("packages", State.MIND, f"There is no {lock.name}; restore it from git.")
        return
    try:
        text = lock.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        yield Finding("packages", State.MIND, f"{lock.name} cannot be read; restore it from git.")
        return
    pins = {canonical(name): pin for name, pin in _PIN.findall(text)}
    found = {name: installed(name) for name in pins}
    missing = sorted(name for name, version in found.items() if version is None)
    other = [f"{name} {version} instead of {pins[name]}" for name, version in found.items()
             if version is not None and version.partition("+")[0] != pins[name]]  # fmt: skip
    if gone := [name for name in missing if name in needed]:
        yield Finding("packages", State.WRONG,
                      f"Chapters need {_listed(gone)}, not installed; run: make setup")  # fmt: skip
    if rest := [name for name in missing if name not in needed]:
        yield Finding("packages", State.MIND,
                      f"Tests and tools need {_listed(rest)}, not installed; "
                      "run: make setup")  # fmt: skip
    if other:
        yield Finding("packages", State.MIND,
                      f"Not the locked version: {_listed(other)}; numbers may differ in their last "
                      "digits until you run: make setup")  # fmt: skip
    if not missing and not other:
        yield Finding("packages", State.FINE, f"All {len(pins)} packages are the locked versions.")


def threads_found(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Say whether libraries are told to compute on one thread."""
    told = {name: environment[name] for name in ENVIRONMENT if name in environment}
    many = {name: value for name, value in told.items() if value != ENVIRONMENT[name]}
    for name, value in many.items():
        yield Finding("threads", State.MIND,
                      f"{name} is {value}, so two chapters at once may hinder each other; "
                      f"run: export {name}=1")  # fmt: skip
    if not many:
        yield Finding("threads", State.FINE,
                      "Chapters compute on one thread each, whoever runs them.")  # fmt: skip


def data_found(named: str | None) -> Finding:
    """Say whether real data sets can be found."""
    if not named:
        return Finding("data", State.FINE,
                       "REGIME_DATA is not set; the quick profile needs no data but what "
                       "scikit-learn brings.")  # fmt: skip
    folder = Path(named).expanduser()
    if not folder.is_dir():
        return Finding("data", State.WRONG,
                       f"REGIME_DATA names {named}, which is no folder; correct it, or "
                       "run: unset REGIME_DATA")  # fmt: skip
    if not os.access(folder, os.R_OK | os.X_OK):
        return Finding("data", State.WRONG,
                       f"REGIME_DATA names {named}, which cannot be read; run: "
                       f"chmod u+rx {named}")  # fmt: skip
    held = sum(1 for _ in folder.iterdir())
    return Finding("data", State.FINE, f"REGIME_DATA names {named}, which holds {held} entries.")


def folder_found(purpose: str, path: Path) -> Finding:
    """Say whether a folder, or the one in which it would be made, can be written and has room."""
    topic = f"{purpose} folder"
    try:
        place = next(folder for folder in (path, *path.parents) if folder.exists())
        with tempfile.TemporaryFile(dir=place):
            pass
        free = shutil.disk_usage(place).free
    except OSError as error:
        return Finding(topic, State.WRONG,
                       f"{path} cannot be written ({error.strerror}); give it to yourself with "
                       f"chown, or name another{_variable(purpose)}.")  # fmt: skip
    if free < _ROOM:
        return Finding(topic, State.MIND,
                       f"{path} has {free / 1024**3:.1f} GiB free, and a build needs up to "
                       f"{_ROOM / 1024**3:.0f}; make room, or run: make clean")  # fmt: skip
    return Finding(topic, State.FINE, f"{path} can be written.")


def font_found() -> Finding:
    """Say whether figures find their fonts."""
    try:
        from regime_lib.companion.figures import typeface

        typeface.require()
    except ImportError:
        return Finding("font", State.WRONG, "matplotlib cannot be imported; run: make setup")
    except RegimeError as missing:
        return Finding("font", State.WRONG, str(missing))
    return Finding("font", State.FINE, f"Figures find their font, {typeface.NAME}.")


def require_browser(project: Project, named: str | None, purpose: str) -> str:
    """Return the browser that was named, or the one at hand.

    Raises
    ------
    RegimeError
        If there is none for the `purpose`.
    """
    if found := named or find_browser(project):
        return found
    raise RegimeError(
        f"no Chromium was found to {purpose} with; run: sh .ci/browser, or name one with --browser"
    )


def browser_found(project: Project) -> Finding:
    """Say whether the tests of rendered pages find a browser, as they look for it."""
    if not _browser_script(project).is_file():
        return Finding("browser", State.FINE, "Nothing here needs a browser.")
    if found := find_browser(project):
        return Finding("browser", State.FINE, f"The pages' tests use {found}.")
    if named := os.environ.get("REGIME_CHROMIUM"):
        return Finding("browser", State.WRONG,
                       f"REGIME_CHROMIUM names {named}, which does not run; correct it, or "
                       "run: unset REGIME_CHROMIUM")  # fmt: skip
    return Finding("browser", State.MIND,
                   "No Chromium is found, so the tests of rendered pages cannot run; "
                   "run: sh .ci/browser")  # fmt: skip


def find_browser(project: Project) -> str | None:
    """Return the Chromium that pages are tested and printed with; None where none is found."""
    done = _run(["sh", str(_browser_script(project)), "--find", sys.executable])
    return done.stdout.strip() if done is not None and done.returncode == 0 else None


def _browser_script(project: Project) -> Path:
    return project.root / ".ci" / "browser"


def git_found(project: Project) -> Finding:
    """Say whether a run can say from which commit it came."""
    done = _run(["git", "-C", str(project.root), "rev-parse", "--short", "HEAD"])
    if done is None:
        return Finding("git", State.MIND,
                       "git is not installed, so runs cannot say from which commit they came; "
                       "install it.")  # fmt: skip
    if done.returncode != 0:
        return Finding("git", State.MIND,
                       f"{project.root} is not under version control, so runs cannot say from "
                       "which commit they came; clone the project, do not copy it.")  # fmt: skip
    return Finding("git", State.FINE, f"Runs come from commit {done.stdout.strip()}.")


def canonical(name: str) -> str:
    """Return a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed() -> frozenset[str]:
    """Return what the installed library names as needed, its extras included."""
    try:
        lines = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return frozenset()
    return frozenset(canonical(found[0]) for line in lines if (found := _NAME.match(line)))


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _variable(purpose: str) -> str:
    names = {"cache": "REGIME_CACHE", "temporary": "TMPDIR"}
    return f" in {names[purpose]}" if purpose in names else ""


def _temporary() -> Path:
    """Return where temporary files go, writable or not."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path(os.environ.get("TMPDIR", "/tmp"))


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """Run a program; None where there is none."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
