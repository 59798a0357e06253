"""Settings of the lab's tests: one thread, an empty cache, a small data set, real data if there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from regime_lib.lab import Dataset

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, so that no test reads or fills the reader's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("REGIME_CACHE", str(folder))
    return folder


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without data sets."""
    monkeypatch.delenv("REGIME_DATA", raising=False)


@pytest.fixture
def real_data() -> Path:
    """The folder of real data sets."""
    if "REGIME_DATA" not in os.environ:
        pytest.skip("REGIME_DATA is not set: no real data on this machine")
    return Path(os.environ["REGIME_DATA"])


@pytest.fixture
def small() -> Dataset:
    """50 + 20 points of 6 features in 3 classes that a linear map separates, mostly."""
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(70, 6, generator=random)
    labels = (inputs @ torch.randn(6, 3, generator=random)).argmax(dim=1)
    return Dataset(
        "small",
        "drawn at random",
        ("a", "b", "c"),
        inputs[:50],
        labels[:50],
        inputs[50:],
        labels[50:],
    )
