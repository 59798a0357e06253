"""Print a digest of everything that a test run depends on, to know whether one can be left out.

It covers every file that git tracks or would track, the Python version, and whether real data sets
are at hand. Without git nothing can be said, so each run then gets a digest of its own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import time
from pathlib import Path


def files_of(root: Path) -> list[Path] | None:
    """Return tracked and untracked, not ignored files below `root`; None outside git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return sorted({root / os.fsdecode(name) for name in done.stdout.split(b"\0") if name})


def digest(root: Path) -> str:
    """Return the digest of the tree at `root` and its surroundings."""
    state = hashlib.sha256()
    state.update(f"{platform.python_version()} {'REGIME_DATA' in os.environ}".encode())
    files = files_of(root)
    if files is None:
        state.update(str(time.time_ns()).encode())
    for path in files or ():
        content = path.read_bytes() if path.is_file() else b"missing"
        state.update(f"\0{path.relative_to(root)}\0{os.access(path, os.X_OK)}\0".encode())
        state.update(hashlib.sha256(content).digest())
    return state.hexdigest()


if __name__ == "__main__":
    print(digest(Path(__file__).resolve().parents[1]))
