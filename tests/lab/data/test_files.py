"""Finding, verifying and downloading files, and keeping decoded copies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets

from regime_lib.lab import load_dataset
from regime_lib.lab.data.dataset import Pixels
from regime_lib.lab.data.files import Arrays, Files, cache_root, cached, exactly, read_cached
from regime_lib.lab.data.images import SOURCES
from tests.lab.made_up import openml_that_serves, pixels, substitute
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
def test_a_damaged_copy_is_made_again(cache: Path, harm: str) -> None:
    cached("key", lambda: {"x": np.zeros(1000, np.uint8)})
    path = cache / "key.npz"
    content = bytearray(path.read_bytes())
    if harm == "flip":
        content[600] ^= 1
    path.write_bytes({"cut": content[:500], "flip": content, "other": b"hello"}[harm])
    assert read_cached("key") is None
    np.testing.assert_array_equal(cached("key", some_arrays)["x"], some_arrays()["x"])
    np.testing.assert_array_equal(dict(read_cached("key") or {})["x"], some_arrays()["x"])


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REGIME_CACHE", str(tmp_path / "file" / "cache"))
    refusal("REGIME_CACHE", lambda: cached("key", some_arrays))


# --- the reader's own download, with a stand-in for the network ----------------------------------


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def accept(monkeypatch: pytest.MonkeyPatch, raw: Pixels) -> None:
    """Make the digests of a small set those of MNIST."""
    verify = exactly(
        digest(raw.train_pixels, raw.test_pixels), digest(raw.train_labels, raw.test_labels)
    )
    source = replace(SOURCES["mnist"].openml, n_train=len(raw.train_labels), verify=verify)
    substitute(monkeypatch, "mnist", openml=source)


def no_network(*args: Any, **options: Any) -> None:
    raise OSError("no route\nto host")


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("kind", [np.int64, np.float64, np.uint8])
def test_a_verified_download_is_kept_and_found_again(
    monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    raw = pixels(784)
    accept(monkeypatch, raw)
    serve = openml_that_serves(raw, lambda array: array.astype(kind))
    monkeypatch.setattr(datasets, "fetch_openml", serve)
    data = load_dataset("mnist", download=True)
    assert data.provenance == "mnist_784 of OpenML"
    assert len(data.train_labels) == 12
    assert sorted(data.test_labels.tolist()) == sorted(raw.test_labels.tolist())
    monkeypatch.setattr(datasets, "fetch_openml", no_network)
    for download in (False, True):
        again = load_dataset("mnist", download=download)
        assert torch.equal(again.train_inputs, data.train_inputs)


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_other_pixels_than_the_published_ones_are_refused_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(datasets, "fetch_openml", openml_that_serves(pixels(784)))
    refusal("the pixels from OpenML", lambda: load_dataset(name, download=True))
    refusal("not on this machine", lambda: load_dataset(name))


@pytest.mark.usefixtures("no_data")
def test_other_labels_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = pixels(784)
    accept(monkeypatch, raw)
    swapped = replace(raw, test_labels=raw.test_labels[::-1].copy())
    monkeypatch.setattr(datasets, "fetch_openml", openml_that_serves(swapped))
    refusal("the labels from OpenML", lambda: load_dataset("mnist", download=True))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda array: array / 255,
        lambda array: array.astype(np.int64) - 1,
        lambda array: array.astype(float) * np.nan,
    ],
)
@pytest.mark.usefixtures("no_data")
def test_values_that_are_no_bytes_are_refused(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    monkeypatch.setattr(datasets, "fetch_openml", openml_that_serves(pixels(784), spoil))
    refusal("0 to 255", lambda: load_dataset("mnist", download=True))


@pytest.mark.usefixtures("no_data")
def test_a_failed_download_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "fetch_openml", no_network)
    refusal("(no route to host)", lambda: load_dataset("cifar10", download=True))


def cifar10_like(channels_first: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """60,000 times one image with CIFAR-10's channel means, without its memory."""
    levels = np.array([0.4914, 0.4822, 0.4465]) * 255
    image = np.empty((3, 1024), np.uint8)
    for channel, level in zip(image, levels, strict=True):
        channel[:] = int(level)
        channel[: round((level - int(level)) * 1024)] += 1
    row = image.reshape(-1) if channels_first else image.T.reshape(-1)
    labels = np.concatenate([np.arange(50_000) % 10, np.arange(10_000) % 10]).astype(np.uint8)
    return np.broadcast_to(row, (60_000, 3072)), labels


@pytest.mark.usefixtures("no_data")
def test_cifar10_is_recognised_by_shape_classes_and_channel_means() -> None:
    verify = SOURCES["cifar10"].openml.verify
    images, labels = cifar10_like()
    verify(images, labels)
    refusal("CIFAR_10", lambda: verify(images[:20_000], labels[:20_000]))
    refusal("CIFAR_10", lambda: verify(images, np.sort(labels)))
    refusal("CIFAR_10", lambda: verify(cifar10_like(channels_first=False)[0], labels))
