"""The reader's own download, with a stand-in for the network."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets

from regime_lib.lab import load_dataset
from regime_lib.lab.data import openml as module
from regime_lib.lab.data.dataset import Pixels
from regime_lib.lab.data.images import SOURCES
from tests.lab.made_up import openml_that_serves, pixels, substitute
from tests.sentences import refusal

pytestmark = pytest.mark.usefixtures("no_data")


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def accept(monkeypatch: pytest.MonkeyPatch, raw: Pixels) -> None:
    """Make the digests of a small set those of MNIST."""
    verify = module._exactly(
        digest(raw.train_pixels, raw.test_pixels), digest(raw.train_labels, raw.test_labels)
    )
    source = replace(SOURCES["mnist"].openml, n_train=len(raw.train_labels), verify=verify)
    substitute(monkeypatch, "mnist", openml=source)


def no_network(*args: Any, **options: Any) -> None:
    raise OSError("no route\nto host")


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


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_other_pixels_than_the_published_ones_are_refused_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(datasets, "fetch_openml", openml_that_serves(pixels(784)))
    refusal("the pixels from OpenML", lambda: load_dataset(name, download=True))
    refusal("not on this machine", lambda: load_dataset(name))


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
def test_values_that_are_no_bytes_are_refused(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    monkeypatch.setattr(datasets, "fetch_openml", openml_that_serves(pixels(784), spoil))
    refusal("0 to 255", lambda: load_dataset("mnist", download=True))


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


def test_cifar10_is_recognised_by_shape_classes_and_channel_means() -> None:
    verify = SOURCES["cifar10"].openml.verify
    images, labels = cifar10_like()
    verify(images, labels)
    refusal("CIFAR_10", lambda: verify(images[:20_000], labels[:20_000]))
    refusal("CIFAR_10", lambda: verify(images, np.sort(labels)))
    refusal("CIFAR_10", lambda: verify(cifar10_like(channels_first=False)[0], labels))
