"""A toy task for the studies of neuron modes: points in three classes, most of them separable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from regime_lib.chapters.neuron_modes.training import ModeStudy
from regime_lib.lab import Dataset
from regime_lib.lab.training import checkpoints

FEATURES, CLASSES = 6, 3


def toy() -> Dataset:
    """Return 90 + 40 points whose class a noisy linear map gives."""
    random = np.random.default_rng(3)
    points = torch.from_numpy(random.standard_normal((130, FEATURES))).float()
    scores = points.numpy() @ random.standard_normal((FEATURES, CLASSES))
    labels = torch.from_numpy((scores + 0.7 * random.standard_normal(scores.shape)).argmax(1))
    names = tuple("abc")
    return Dataset("toy", "made up", names, points[:90], labels[:90], points[90:], labels[90:])


def study(folder: Path | None = None) -> ModeStudy:
    """Return a study of sixty steps."""
    return ModeStudy(data=toy(), steps=60, batch_size=16, probe_size=80, bins=4, folder=folder)


class Interrupted(Exception):
    """What ends a run in the middle."""


@contextmanager
def steps_counted(
    monkeypatch: pytest.MonkeyPatch, at_most: int | None = None
) -> Iterator[list[int]]:
    """Count the optimiser's steps in this block, and stop after some."""
    taken: list[int] = []
    descend: Callable[..., None] = checkpoints.descend

    def counted(*given: object) -> None:
        if len(taken) == at_most:
            raise Interrupted
        taken.append(1)
        descend(*given)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "descend", counted)
        yield taken
