"""Writing files so that an interrupted run never leaves half of one, and their digests."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CHUNK = 1 << 20


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path; rename it to `path` if the block succeeds, else remove it.

    Parameters
    ----------
    path : str or Path
        The file to create or replace. Missing parent folders are made.

    Yields
    ------
    Path
        Where to write. It lies in the same folder, so that the final rename is atomic.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _copy_mode(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _copy_mode(path: Path) -> None:
    """Give a file made by `mkstemp` (mode 600) the permissions that an ordinary `open` would."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
