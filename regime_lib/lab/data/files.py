"""Where data files are found, how they are verified, and where decoded copies are kept."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from regime_lib.errors import RegimeError
from regime_lib.storage import atomic_write, sha256_of

Arrays = dict[str, NDArray[np.uint8]]


@dataclass(frozen=True)
class Files:
    """The files of a data set as they are published."""

    folder: str
    """Name of their folder below the data folder."""
    digests: Mapping[str, str]
    """SHA-256 of each file, by name."""
    origin: str
    """Where a reader gets them, in words that follow "get them from"."""

    def find(self, root: str | Path | None) -> Path | None:
        """Return the folder that holds the files, or None if one of them is missing.

        Parameters
        ----------
        root : str or Path, optional
            The data folder; the environment variable REGIME_DATA if None.

        Raises
        ------
        RegimeError
            If a file is there but is not the published one.
        """
        base = data_root(root)
        if base is None or not all((base / self.folder / name).is_file() for name in self.digests):
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
        missing = [
            name
            for name in self.digests
            if base is None or not (base / self.folder / name).is_file()
        ]
        here = (
            "of your data folder and set the environment variable REGIME_DATA to that folder"
            if base is None
            else f"of the data folder {base}"
        )
        return f"put {', '.join(missing)} into {self.folder}/ {here} (get them from {self.origin})"


def data_root(root: str | Path | None) -> Path | None:
    """Return the data folder: the given one, else $REGIME_DATA, else None."""
    chosen = root or os.environ.get("REGIME_DATA")
    return Path(chosen).expanduser() if chosen else None


def cache_root() -> Path:
    """Return the folder of decoded and downloaded data: $REGIME_CACHE, or the platform's own."""
    chosen = os.environ.get("REGIME_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("regime-lib", appauthor=False)


def cached(key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays kept under `key`, making and keeping them the first time.

    The file appears whole or not at all; its own checksums are verified whenever it is read.

    Raises
    ------
    RegimeError
        If the kept file is damaged, or the cache folder cannot be written.
    """
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
    """Return the arrays kept under `key`, or None if there are none.

    Raises
    ------
    RegimeError
        If the kept file is damaged.
    """
    path = _path_of(key)
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return dict(archive)
    except (zipfile.BadZipFile, ValueError, EOFError) as error:
        raise RegimeError(
            f"the cached file {path} is damaged; delete it and load the data again"
        ) from error


def _path_of(key: str) -> Path:
    return cache_root() / f"{key}.npz"
