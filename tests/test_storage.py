"""A file is either the old one or the new one, whatever interrupts the writing."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.storage import (
    Damaged,
    Unwritten,
    all_or_nothing,
    atomic_write,
    read_json,
    read_table,
    reading,
    sha256_of,
    unwritten,
    write_text,
)

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


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_half(tmp_path / "file.txt", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert caught.value.filename == str(tmp_path / "file.txt")


# --- several files together ----------------------------------------------------------------------


def write_three(folder: Path) -> None:
    with all_or_nothing() as beside:
        for name in ("a", "b", "deep/c"):
            beside(folder / name).write_text(f"new {name}")


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_several_files_are_written_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write_three(tmp_path)
    assert contents(tmp_path) == {"a": "new a", "b": "new b", "deep/c": "new deep/c"}


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("number", range(3))
def test_a_rename_that_fails_takes_the_others_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, links: bool
) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c").write_text("old, too")
    before, renames, rename = contents(tmp_path), [], Path.replace

    def fail_once(path: Path, target: Path) -> Path:
        if path.suffix == ".tmp":
            renames.append(target)
            if len(renames) == number + 1:
                raise OSError(errno.EIO, "the disk is broken", str(target))
        return rename(path, target)

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "replace", fail_once)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(Unwritten, match=r"nothing was changed, so see to that"):
        write_three(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("error", [ValueError("stop"), KeyboardInterrupt()], ids=repr)
def test_what_goes_wrong_while_writing_changes_nothing(
    tmp_path: Path, error: BaseException
) -> None:
    (tmp_path / "a").write_text("old")

    def stop() -> None:
        with all_or_nothing() as beside:
            beside(tmp_path / "a").write_text("new")
            beside(tmp_path / "b").write_text("half")
            raise error

    with pytest.raises(type(error)):
        stop()
    assert contents(tmp_path) == {"a": "old"}


def test_a_folder_in_the_way_is_not_moved(tmp_path: Path) -> None:
    (tmp_path / "b" / "precious").mkdir(parents=True)
    with pytest.raises(Unwritten, match=r"b cannot be written \(Is a directory\); nothing"):
        write_three(tmp_path)
    assert (tmp_path / "b" / "precious").is_dir()
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room"), (errno.EROFS, "writable"), (errno.EIO, "see to that")],
)
def test_the_remedy_fits_the_fault(number: int, remedy: str) -> None:
    said = unwritten(OSError(number, os.strerror(number), "x"), None, "nothing was changed")
    assert said.startswith(f"x cannot be written ({os.strerror(number)}); nothing was changed, so ")
    assert remedy in said


# --- files that are damaged ----------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_whatever_lies_in_a_file_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("damage") / "file"
    path.write_bytes(data)
    for read in (lambda: read_json(path, dict), lambda: read_table(path, ["x"])):
        said = complaint(path, read)
        assert said == "" or said.startswith("the file is ")
        assert said == "" or said.endswith("; restore it")
        assert "\n" not in said


def complaint(path: Path, read: Callable[[], object]) -> str:
    """Return what is said of a file that cannot be read; nothing if it can."""
    try:
        with reading(path, "restore it", "the file"):
            read()
    except Damaged as error:
        return str(error)
    return ""


def test_content_is_on_the_disk_before_the_name_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: (done.append("sync"), sync(file))[1])
    monkeypatch.setattr(Path, "replace", lambda a, b: (done.append("rename"), rename(a, b))[1])
    write_text(tmp_path / "file", "new")
    assert done == ["sync", "rename"]
