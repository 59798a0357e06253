"""A file is either the old one or the new one, whatever interrupts the writing."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.storage import atomic_write, sha256_of, write_text

KILLED_WHILE_WRITING = """
import os, signal, sys
from regime_lib.storage import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_half(path: Path, error: BaseException) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("half")
        raise error


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_block_writes_the_file(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "file.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "file.txt").read_text() == "new"
    assert names_in(tmp_path) == ["file.txt"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "file.txt", "new")
    assert (tmp_path / "a" / "b" / "file.txt").read_text() == "new"


def test_the_old_content_is_there_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.parent == path.parent  # a rename across file systems is a copy
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt(), SystemExit()], ids=repr)
def test_an_exception_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_half(path, error)
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file.txt"]


def test_an_exception_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"):
        write_half(tmp_path / "file.txt", ValueError("stop"))
    assert names_in(tmp_path) == []


def test_a_rename_that_fails_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert names_in(tmp_path) == ["file.txt"]


def test_a_killed_process_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False, timeout=60
    )
    assert ended.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_nested_writes_to_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic_write(path) as outer, atomic_write(path) as inner:
        outer.write_text("outer")
        inner.write_text("inner")
    assert path.read_text() == "outer"
    assert names_in(tmp_path) == ["file.txt"]


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
def test_permissions_follow_the_users_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file.txt", "new")
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o666 & ~mask


def test_text_is_written_in_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "file.txt", "θ → ∞\n")
    assert (tmp_path / "file.txt").read_bytes() == "θ → ∞\n".encode()


@given(st.binary(max_size=4096))
def test_the_digest_is_that_of_hashlib(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(data)
    assert sha256_of(path) == hashlib.sha256(data).hexdigest()


def test_a_file_longer_than_a_chunk_is_digested_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8193  # two chunks and a bit
    (tmp_path / "file").write_bytes(data)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(data).hexdigest()
