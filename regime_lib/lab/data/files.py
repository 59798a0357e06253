"""Where data files are found or downloaded, how they are verified, where copies are kept."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from regime_lib.errors import RegimeError, extra
from regime_lib.lab.data.dataset import Pixels
from regime_lib.storage import atomic_write, sha256_of

Bytes = NDArray[np.uint8]
Arrays = dict[str, Bytes]

#: Published means of CIFAR-10's red, green and blue channel over the training set, from 0 to 1.
_CIFAR10_MEANS = (0.4914, 0.4822, 0.4465)


@dataclass(frozen=True)
class Files:
    """The files of a data set as they are published."""

    folder: str  # below the data folder
    digests: Mapping[str, str]  # SHA-256 of each file, by name
    origin: str  # where a reader gets them, in words that follow "get them from"

    def find(self, root: str | Path | None) -> Path | None:
        """Return the folder of the verified files, or None if one of them is missing."""
        base = data_root(root)
        if base is None or self._missing(base):
            return None
        for name, expected in self.digests.items():
            path = base / self.folder / name
            found = sha256_of(path)
            if found != expected:
                raise RegimeError(
                    f"the file {path} has the SHA-256 {found}, expected {expected}; "
                    "replace it by the published file"
                )
        return base / self.folder

    def how_to_get(self, root: str | Path | None) -> str:
        """Say what is missing and where to put it, as the middle of a sentence."""
        base = data_root(root)
        here = f"of the data folder {base}"
        if base is None:
            here = "of your data folder and set the environment variable REGIME_DATA to that folder"
        missing = ", ".join(self._missing(base))
        return f"put {missing} into {self.folder}/ {here} (get them from {self.origin})"

    def _missing(self, base: Path | None) -> list[str]:
        there = base / self.folder if base else None
        return [name for name in self.digests if not (there and (there / name).is_file())]


def data_root(root: str | Path | None) -> Path | None:
    """Return the data folder: the given one, else $REGIME_DATA, else None."""
    chosen = root or os.environ.get("REGIME_DATA")
    return Path(chosen).expanduser() if chosen else None


def cache_root() -> Path:
    """Return the folder of decoded and downloaded data: $REGIME_CACHE, or the platform's own."""
    chosen = os.environ.get("REGIME_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    with extra("lab"):
        from platformdirs import user_cache_path
    return user_cache_path("regime-lib", appauthor=False)


def cached(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays kept under `key`; make them, and keep the whole file, the first time."""
    kept = read_cached(key)
    if kept is not None:
        return kept
    arrays = make()
    try:
        with atomic_write(_path_of(key)) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    except OSError as error:
        raise RegimeError(
            f"the cache folder {cache_root()} cannot be written ({error.strerror}); "
            "set the environment variable REGIME_CACHE to a folder that can"
        ) from error
    return arrays


def read_cached(key: str) -> Arrays | None:
    """Return the arrays kept under `key`; None where there are none, or damaged ones."""
    try:
        with _path_of(key).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, zipfile.BadZipFile, ValueError, EOFError, KeyError):
        return None  # the file's own checksums are verified; what is damaged can be made again


def _path_of(key: str) -> Path:
    return cache_root() / f"{key}.npz"


@dataclass(frozen=True)
class OpenML:
    """A data set on OpenML."""

    name: str
    version: int
    n_train: int  # the first rows are the training set, the rest is the test set
    verify: Callable[[Bytes, Bytes], None]  # refuses pixels and labels that are not the published

    def fetch(self) -> Pixels:
        """Download the set, or read scikit-learn's copy of an earlier download, and verify it."""
        with extra("lab"):
            from sklearn import datasets  # takes a second to import, and few need it

        try:
            bunch = datasets.fetch_openml(
                self.name, version=self.version, as_frame=False, data_home=cache_root() / "openml"
            )
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise RegimeError(
                f"{self.name} (version {self.version}) could not be downloaded from OpenML "
                f"({reason}); check the connection and try again"
            ) from error
        pixels, labels = _octets(bunch.data, self.name), _octets(bunch.target, self.name)
        self.verify(pixels, labels)
        n = self.n_train
        return Pixels(pixels[:n], labels[:n], pixels[n:], labels[n:])


def _octets(values: NDArray, name: str) -> Bytes:
    """Turn OpenML's numbers, or numerals, into bytes without changing any."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":
        numbers = numbers.astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 255 or not np.array_equal(numbers, numbers.round()):
        raise RegimeError(f"{name} from OpenML holds other numbers than 0 to 255; {_again()}")
    return numbers.astype(np.uint8)


def _again() -> str:
    return f"delete {cache_root() / 'openml'} and try again"


def exactly(*digests: str) -> Callable[[Bytes, Bytes], None]:
    """Return a check of the SHA-256 digests of pixels and labels."""

    def verify(pixels: Bytes, labels: Bytes) -> None:
        parts = {"pixels": pixels, "labels": labels}
        for (what, array), expected in zip(parts.items(), digests, strict=True):
            found = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
            if found != expected:
                raise RegimeError(
                    f"the {what} from OpenML have the SHA-256 {found}, expected {expected}; "
                    f"{_again()}, or get the published files"
                )

    return verify


def like_cifar10(pixels: Bytes, labels: Bytes) -> None:
    """Check what is known of CIFAR-10 without a copy of the original at hand to digest.

    scikit-learn has already compared the download with OpenML's own MD5 sum. Here: the shape, the
    equal classes of both parts, and the channel means, which also tell that channels come first.
    """
    balanced = pixels.shape == (60_000, 3072) and all(
        np.array_equal(np.bincount(part, minlength=10), [len(part) // 10] * 10)
        for part in (labels[:50_000], labels[50_000:])
    )
    if balanced:
        means = pixels[:50_000].mean(axis=0).reshape(3, -1).mean(axis=1) / 255
        if np.allclose(means, _CIFAR10_MEANS, atol=1e-3):
            return
    raise RegimeError(
        "what OpenML calls CIFAR_10 is not 50,000 + 10,000 balanced images with CIFAR-10's channel "
        f"means; {_again()}"
    )
