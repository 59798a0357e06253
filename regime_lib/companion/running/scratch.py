"""Folders of work under way: one that its process left behind is known by a lock nobody holds."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX, _LOCK = "regime-", ".held"
_LONG_AGO = 24 * 3600.0  # seconds after which a folder that never had a lock is given up


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder for temporary files, which is gone after the block."""
    from filelock import FileLock

    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, FileLock(Path(name) / _LOCK):
        yield Path(name)


def abandoned_folders() -> list[Path]:
    """Return the temporary folders of processes that were killed."""
    from filelock import FileLock, Timeout

    found = []
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        with suppress(OSError, Timeout):  # another's, gone meanwhile, or in use
            if (folder / _LOCK).is_file():
                with FileLock(folder / _LOCK, timeout=0):
                    found.append(folder)
            elif folder.is_dir() and time.time() - folder.stat().st_mtime > _LONG_AGO:
                found.append(folder)
    return found


def size_of(folder: Path) -> int:
    """Return how many bytes the files of a folder hold."""
    return sum(size for _, size, _ in _files(folder))


def remove_oldest(folder: Path, cap: int, spare: float = _LONG_AGO) -> list[Path]:
    """Remove the files of a cache that were not used for longest, until it holds `cap` bytes.

    What was used within the last `spare` seconds stays: a run may be about to read it. Returns
    what was removed.
    """
    files = sorted(_files(folder), key=lambda one: one[2])
    total, removed = sum(size for _, size, _ in files), []
    for path, size, used in files:
        if total <= cap or time.time() - used < spare:
            break
        with suppress(OSError):
            path.unlink()
            removed.append(path)
            total -= size
    return removed


def remove_folders(folders: list[Path]) -> None:
    """Remove folders with all that is in them."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    """Yield every file below a folder with its size and the time of its last use."""
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process may remove it
            if path.is_file() and not path.is_symlink():
                known = path.stat()
                yield path, known.st_size, max(known.st_atime, known.st_mtime)
