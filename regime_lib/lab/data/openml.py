"""The reader's own download of the image sets, from OpenML through scikit-learn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Pixels
from regime_lib.lab.data.files import cache_root

#: Published means of CIFAR-10's red, green and blue channel over the training set, from 0 to 1.
_CIFAR10_MEANS = (0.4914, 0.4822, 0.4465)


@dataclass(frozen=True)
class OpenML:
    """A data set on OpenML."""

    name: str
    version: int
    n_train: int
    """The first rows are the training set, the rest is the test set."""
    verify: Callable[[UInt8[np.ndarray, "all pixels"], UInt8[np.ndarray, " all"]], None]
    """Raises RegimeError unless pixels and labels are the published ones."""

    def fetch(self) -> Pixels:
        """Download the set, or read scikit-learn's copy of an earlier download, and verify it.

        Raises
        ------
        RegimeError
            If the download fails or brings something else than the published data.
        """
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


def _octets(values: NDArray, name: str) -> NDArray[np.uint8]:
    """Turn OpenML's numbers, or numerals, into bytes without changing any."""
    numbers = np.asarray(values)
    if numbers.dtype.kind not in "iuf":
        numbers = numbers.astype(np.int64)
    if numbers.min() < 0 or numbers.max() > 255 or not np.array_equal(numbers, numbers.round()):
        raise RegimeError(
            f"{name} from OpenML holds other numbers than 0 to 255; delete "
            f"{cache_root() / 'openml'} and try again"
        )
    return numbers.astype(np.uint8)


def _exactly(
    pixels_digest: str, labels_digest: str
) -> Callable[[NDArray[np.uint8], NDArray[np.uint8]], None]:
    """Return a check of SHA-256 digests."""

    def verify(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
        for what, array, expected in (
            ("pixels", pixels, pixels_digest),
            ("labels", labels, labels_digest),
        ):
            found = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
            if found != expected:
                raise RegimeError(
                    f"the {what} from OpenML have the SHA-256 {found}, expected {expected}; "
                    f"delete {cache_root() / 'openml'} and try again, or get the published files"
                )

    return verify


def _like_cifar10(pixels: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
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
        f"means; delete {cache_root() / 'openml'} and try again"
    )


MNIST = OpenML(
    "mnist_784",
    1,
    60_000,
    _exactly(
        "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
        "671ff9d70b4811116d55c3dd479efa7a981e2e62753ef7a6d5c15fea81e63d27",
    ),
)
FASHION_MNIST = OpenML(
    "Fashion-MNIST",
    1,
    60_000,
    _exactly(
        "0fbbfcb392782b3b702472ead3688778e1509e8cf40f5c24d9d3303618b193ab",
        "8ab940a680640f36c0bf1d2549cb2f3b3d4068c12547116cc7b1161b1d26663d",
    ),
)
CIFAR10 = OpenML("CIFAR_10", 1, 50_000, _like_cifar10)
