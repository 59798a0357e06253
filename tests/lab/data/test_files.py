"""Finding and verifying files, and keeping decoded copies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from regime_lib.lab.data.files import Arrays, Files, cache_root, cached, read_cached
from tests.sentences import refusal

FILES = Files("set", {"a.gz": hashlib.sha256(b"alpha").hexdigest()}, origin="their publisher")


def put(root: Path, content: bytes) -> Path:
    (root / "set").mkdir(parents=True)
    (root / "set" / "a.gz").write_bytes(content)
    return root


def some_arrays() -> Arrays:
    return {"x": np.arange(6, dtype=np.uint8).reshape(2, 3)}


def test_files_are_found_below_the_given_folder_before_the_environment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, environment = put(tmp_path / "given", b"alpha"), put(tmp_path / "env", b"alpha")
    monkeypatch.setenv("REGIME_DATA", str(environment))
    assert FILES.find(None) == environment / "set"
    assert FILES.find(given) == given / "set"
    assert FILES.find(tmp_path / "nowhere") is None


def test_a_changed_file_is_refused_with_both_sums(tmp_path: Path) -> None:
    root = put(tmp_path, b"alphA")
    message = refusal(FILES.digests["a.gz"], lambda: FILES.find(root))
    assert hashlib.sha256(b"alphA").hexdigest() in message
    assert str(root / "set" / "a.gz") in message


@pytest.mark.usefixtures("no_data")
def test_without_a_data_folder_the_way_to_one_is_told() -> None:
    advice = FILES.how_to_get(None)
    for word in ("a.gz", "set/", "REGIME_DATA", "their publisher"):
        assert word in advice


def test_with_a_data_folder_only_the_missing_files_are_told(tmp_path: Path) -> None:
    two = Files("set", {**FILES.digests, "b.gz": "0"}, origin="their publisher")
    advice = two.how_to_get(put(tmp_path, b"alpha"))
    assert "b.gz" in advice
    assert "a.gz" not in advice
    assert str(tmp_path) in advice


def test_the_cache_folder_is_the_user_s_choice_or_the_platform_s(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    assert cache_root() == cache
    monkeypatch.delenv("REGIME_CACHE")
    assert "regime-lib" in str(cache_root())


def test_arrays_are_made_once_and_read_back_the_same(cache: Path) -> None:
    made: list[int] = []

    def make() -> Arrays:
        made.append(1)
        return some_arrays()

    for _ in range(3):
        np.testing.assert_array_equal(cached("key", make)["x"], some_arrays()["x"])
    assert len(made) == 1
    assert [path.name for path in cache.iterdir()] == ["key.npz"]


def test_an_interrupted_write_leaves_nothing_half(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def stop_half_way(file, **arrays):  # type: ignore[no-untyped-def]
            file.write(b"PK half a file")
            raise KeyboardInterrupt

        patch.setattr(np, "savez", stop_half_way)
        with pytest.raises(KeyboardInterrupt):
            cached("key", some_arrays)
    assert list(cache.iterdir()) == []
    assert read_cached("key") is None
    np.testing.assert_array_equal(cached("key", some_arrays)["x"], some_arrays()["x"])


@pytest.mark.parametrize("harm", ["cut", "flip", "other"])
def test_a_damaged_copy_is_refused_by_name(cache: Path, harm: str) -> None:
    cached("key", lambda: {"x": np.zeros(1000, np.uint8)})
    path = cache / "key.npz"
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[600] ^= 1
    path.write_bytes({"cut": content[:500], "flip": content, "other": b"hello"}[harm])
    refusal(str(path), lambda: read_cached("key"))


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REGIME_CACHE", str(tmp_path / "file" / "cache"))
    refusal("REGIME_CACHE", lambda: cached("key", some_arrays))
