"""A small data set for training in tests: points in three classes, most of them separable."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from regime_lib.chapters.neuron_modes.training import Setup
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.training import checkpoints

FEATURES, CLASSES = 6, 3


def small_data() -> Dataset:
    """Return 90 + 40 points whose class a noisy linear map gives."""
    random = np.random.default_rng(3)
    points = torch.from_numpy(random.standard_normal((130, FEATURES))).float()
    scores = points.numpy() @ random.standard_normal((FEATURES, CLASSES))
    labels = torch.from_numpy((scores + 0.7 * random.standard_normal(scores.shape)).argmax(1))
    names = tuple("abc")
    return Dataset("small", "made up", names, points[:90], labels[:90], points[90:], labels[90:])


def small_stack(seeds: Sequence[int]) -> Stack:
    """Return another split of these points for each seed."""
    return stacked(small_data().redrawn(seed) for seed in seeds)


def small_setup(folder: Path | None = None, seeds: Sequence[int] = (4, 11)) -> Setup:
    """Return a setup of sixty steps, with a split for each seed."""
    data = small_stack(seeds)
    return Setup(data=data, steps=60, batch_size=16, probe_size=80, bins=4, folder=folder)


class Interrupted(Exception):
    """What ends a run in the middle."""


@contextmanager
def steps_counted(
    monkeypatch: pytest.MonkeyPatch, at_most: int | None = None
) -> Iterator[list[int]]:
    """Count the optimiser's steps in this block, and stop after some."""
    taken: list[int] = []
    descend: Callable[..., Iterator[object]] = checkpoints.descend

    def counted(*given: object) -> Iterator[object]:
        for step in descend(*given):
            if len(taken) == at_most:
                raise Interrupted
            taken.append(1)
            yield step

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "descend", counted)
        yield taken
