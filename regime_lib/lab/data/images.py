"""Loaders of the image sets: embedded, from published files, or from OpenML."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from regime_lib.errors import RegimeError, extra
from regime_lib.lab.data.dataset import Dataset, Pixels, standardised
from regime_lib.lab.data.files import Files, OpenML, cached, exactly, like_cifar10, read_cached
from regime_lib.lab.seeding import generator

_TEN = tuple("0123456789")
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_OBJECTS = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
_DIGITS_TRAIN = 1297  # of 1,797
_IDX_KINDS = ("images-idx3", "labels-idx1")
_JPEGS = "cifar10_jpeg.npz"


@dataclass(frozen=True)
class ImageSource:
    """An image set that is read from files or fetched from OpenML."""

    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    files: Files
    read: Callable[[Path], Pixels]  # reads the verified files in a folder
    files_are: str  # what the files hold, for the caption of a figure
    openml: OpenML


def load_digits() -> Dataset:
    """Return scikit-learn's embedded 8x8 digits: 1,297 for training and 500 for testing."""
    with extra("lab"):
        from sklearn import datasets  # takes a second to import

    bunch = datasets.load_digits()
    order = generator(0, "digits split").permutation(len(bunch.target))
    pixels, labels = bunch.data[order].astype(np.uint8), bunch.target[order].astype(np.uint8)
    cut = _DIGITS_TRAIN
    raw = Pixels(pixels[:cut], labels[:cut], pixels[cut:], labels[cut:])
    return standardised("digits", "digits of scikit-learn", _TEN, (1, 8, 8), raw)


def load_images(name: str, root: str | Path | None, download: bool) -> Dataset:
    """Return an image set from its files, or else from an OpenML download, new or kept."""
    source = SOURCES[name]
    folder = source.files.find(root)
    if folder is not None:
        raw, provenance = source.read(folder), source.files_are
    else:
        key = f"{name}-openml"
        kept = cached(key, lambda: vars(source.openml.fetch())) if download else read_cached(key)
        if kept is None:
            raise RegimeError(
                f"the data set {name} is not on this machine: call "
                f"load_dataset({name!r}, download=True) to fetch it from OpenML, or "
                f"{source.files.how_to_get(root)}"
            )
        raw, provenance = Pixels(**kept), f"{source.openml.name} of OpenML"
    return standardised(name, provenance, source.classes, source.image_shape, raw)


def read_idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """Read a gzipped IDX file of bytes: magic number, sizes as big-endian words, numbers."""
    raw = gzip.decompress(path.read_bytes())
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", count=axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _read_idx_folder(folder: Path) -> Pixels:
    parts = []
    for part in ("train", "t10k"):
        images, labels = (read_idx(folder / f"{part}-{kind}-ubyte.gz") for kind in _IDX_KINDS)
        parts += [images.reshape(len(images), -1), labels]
    return Pixels(*parts)


def _read_jpeg_folder(folder: Path) -> Pixels:
    """Decode the JPEG copy of CIFAR-10, which takes seconds, the first time only."""
    return Pixels(**cached("cifar10-jpeg", lambda: vars(_decode(folder / _JPEGS))))


def _decode(path: Path) -> Pixels:
    with extra("lab"):
        from PIL import Image

    with np.load(path) as archive:
        arrays = dict(archive)
    parts = []
    for part in ("train", "test"):
        jpegs, offsets = arrays[f"{part}_jpeg"].tobytes(), arrays[f"{part}_offsets"]
        images = [
            np.asarray(Image.open(io.BytesIO(jpegs[start:end]))).transpose(2, 0, 1).reshape(-1)
            for start, end in pairwise(offsets)
        ]
        parts += [np.stack(images), arrays[f"{part}_labels"]]
    return Pixels(*parts)


def _like_mnist(
    name: str, classes: tuple[str, ...], files: list[str], openml: list[str], **words: str
) -> ImageSource:
    """Return the source of a set in MNIST's format; digests are of the files, and of OpenML's."""
    names = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in _IDX_KINDS]
    published = Files(name, dict(zip(names, files, strict=True)), words["origin"])
    remote = OpenML(words["openml_name"], 1, 60_000, exactly(*openml))
    return ImageSource(classes, (1, 28, 28), published, _read_idx_folder, words["title"], remote)


SOURCES = {
    "mnist": _like_mnist(
        "mnist",
        _TEN,
        [
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ],
        [
            "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96",
            "671ff9d70b4811116d55c3dd479efa7a981e2e62753ef7a6d5c15fea81e63d27",
        ],
        title="MNIST",
        openml_name="mnist_784",
        origin="any mirror of MNIST's four original files",
    ),
    "fashion-mnist": _like_mnist(
        "fashion-mnist",
        _CLOTHES,
        [
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ],
        [
            "0fbbfcb392782b3b702472ead3688778e1509e8cf40f5c24d9d3303618b193ab",
            "8ab940a680640f36c0bf1d2549cb2f3b3d4068c12547116cc7b1161b1d26663d",
        ],
        title="Fashion-MNIST",
        openml_name="Fashion-MNIST",
        origin="github.com/zalandoresearch/fashion-mnist, data/fashion",
    ),
    "cifar10": ImageSource(
        _OBJECTS,
        (3, 32, 32),
        Files(
            "cifar10",
            {_JPEGS: "6fd454078ba18d85913ef154a33da3923790fdbbe7c12d26f3a35e335fe400db"},
            origin="whoever made this lossy JPEG copy for you, as it is not published",
        ),
        _read_jpeg_folder,
        "CIFAR-10 (JPEG copy)",
        OpenML("CIFAR_10", 1, 50_000, like_cifar10),
    ),
}
