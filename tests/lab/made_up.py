"""Small image sets in the formats of the published ones, and a stand-in for OpenML."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from regime_lib.lab.data import images
from regime_lib.lab.data.dataset import Pixels
from regime_lib.lab.data.files import Files


def pixels(features: int) -> Pixels:
    """12 + 5 images of random bytes."""
    random = np.random.default_rng(0)
    draw = lambda *shape: random.integers(0, 256, shape, dtype=np.uint8)  # noqa: E731
    return Pixels(draw(12, features), draw(12) % 10, draw(5, features), draw(5) % 10)


def idx(array: np.ndarray) -> bytes:
    """The IDX format, written from its description."""
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes())


def write_idx_set(root: Path, raw: Pixels) -> dict[str, str]:
    """Write an MNIST look-alike; return the digests of its files."""
    contents = {}
    for part, images_of, labels in (
        ("train", raw.train_pixels, raw.train_labels),
        ("t10k", raw.test_pixels, raw.test_labels),
    ):
        contents[f"{part}-images-idx3-ubyte.gz"] = idx(images_of.reshape(-1, 28, 28))
        contents[f"{part}-labels-idx1-ubyte.gz"] = idx(labels)
    return _write(root / "mnist", contents)


def write_jpeg_set(root: Path, colours: np.ndarray) -> dict[str, str]:
    """Write a CIFAR-10 look-alike of plain colours (n, 3), all of them in both parts."""
    arrays: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        jpegs = []
        for colour in colours:
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), tuple(map(int, colour))).save(buffer, "JPEG", quality=100)
            jpegs.append(buffer.getvalue())
        arrays[f"{part}_jpeg"] = np.frombuffer(b"".join(jpegs), np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, jpegs)])
        arrays[f"{part}_labels"] = np.arange(len(colours), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return _write(root / "cifar10", {"cifar10_jpeg.npz": buffer.getvalue()})


def substitute(monkeypatch: pytest.MonkeyPatch, name: str, **changes: Any) -> None:
    """Change a data set's source for one test; `digests` are those of its files."""
    source = images.SOURCES[name]
    if "digests" in changes:
        changes["files"] = Files(name, changes.pop("digests"), source.files.origin)
    monkeypatch.setitem(images.SOURCES, name, replace(source, **changes))


def openml_that_serves(
    raw: Pixels, kind: Callable[[np.ndarray], np.ndarray] = lambda array: array.astype(np.int64)
) -> Callable[..., SimpleNamespace]:
    """A stand-in for scikit-learn's `fetch_openml`: labels are numerals, as there."""
    data = np.concatenate([raw.train_pixels, raw.test_pixels])
    target = np.concatenate([raw.train_labels, raw.test_labels])

    def fetch_openml(name: str, *, version: int, as_frame: bool, data_home: Path) -> Any:
        assert not as_frame
        return SimpleNamespace(data=kind(data), target=target.astype(str).astype(object))

    return fetch_openml


def _write(folder: Path, contents: dict[str, bytes]) -> dict[str, str]:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
