"""Data sets by name: one call that finds, verifies and prepares them, or says how to get them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, overload

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.images import SOURCES, load_digits, load_images
from regime_lib.lab.data.text import (
    CharacterData,
    SentenceData,
    load_characters,
    load_descriptions,
    load_sentences,
)

#: The names that `load_dataset` knows.
DATASETS = ("digits", *SOURCES, "descriptions", "tiny-shakespeare", "sst2")


_Root = str | Path | None
_Images = Literal["digits", "mnist", "fashion-mnist", "cifar10"]
_Texts = Literal["descriptions", "tiny-shakespeare"]
_Any = Dataset | CharacterData | SentenceData


@overload
def load_dataset(name: _Images, *, root: _Root = ..., download: bool = ...) -> Dataset: ...
@overload
def load_dataset(name: _Texts, *, root: _Root = ..., download: bool = ...) -> CharacterData: ...
@overload
def load_dataset(
    name: Literal["sst2"], *, root: _Root = ..., download: bool = ...
) -> SentenceData: ...
@overload
def load_dataset(name: str, *, root: _Root = ..., download: bool = ...) -> _Any: ...
def load_dataset(name: str, *, root: _Root = None, download: bool = False) -> _Any:
    """Return a data set.

    ``digits`` comes with scikit-learn. The others are read from their published files below the
    data folder (`root`, or the environment variable REGIME_DATA), whose SHA-256 sums are verified
    every time. Where the files are missing, the image sets can be fetched from OpenML once; they
    are then kept in the cache folder ($REGIME_CACHE, or the platform's own) and found again without
    `download`. The pixels of MNIST and Fashion-MNIST from OpenML must equal the published ones bit
    for bit; CIFAR-10 from OpenML is the original, whereas the file is a lossy JPEG copy
    (`provenance` tells which).

    Images are flattened and standardised with one mean and one standard deviation, taken over all
    pixels of the full training set.

    ====================  =======================  ==========================================
    name                  training + test          folder and files
    ====================  =======================  ==========================================
    ``digits``            1,297 + 500              none
    ``mnist``             60,000 + 10,000          ``mnist/``, the four ``.gz`` files
    ``fashion-mnist``     60,000 + 10,000          ``fashion-mnist/``, the four ``.gz`` files
    ``cifar10``           50,000 + 10,000          ``cifar10/cifar10_jpeg.npz``
    ``descriptions``      about 39,000 + 4,300     none (text that comes with scikit-learn)
    ``tiny-shakespeare``  1,003,854 + 111,540      ``tinyshakespeare/input.txt``
    ``sst2``              6,920 + 1,821 (and 872)  ``sst2/{train,dev,test}.tsv``
    ====================  =======================  ==========================================

    Parameters
    ----------
    name : str
        One of the names above.
    root : str or Path, optional
        The data folder, instead of REGIME_DATA.
    download : bool
        Whether an image set whose files are missing may be fetched from OpenML.

    Returns
    -------
    Dataset, CharacterData or SentenceData
        The first for images.

    Raises
    ------
    RegimeError
        If there is no such set, its files are missing or not the published ones, or the download
        fails.

    Examples
    --------
    >>> load_dataset("digits")
    Dataset('digits', 1297 training and 500 test samples of shape (64,), 10 classes)
    """
    if name == "digits":
        return load_digits()
    if name in SOURCES:
        return load_images(name, root, download)
    if name == "descriptions":
        return load_descriptions()
    if name == "tiny-shakespeare":
        return load_characters(root)
    if name == "sst2":
        return load_sentences(root)
    raise RegimeError(f"there is no data set {name!r}; the known ones are {', '.join(DATASETS)}")
