"""The automatic segmentation finds planted stretches, and the best partition is the best of all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from regime_lib.chapters.multi_phase.segmentation import (
    Series,
    _partitions,
    alternates,
    number_for,
    stretches,
)

RANDOM = np.random.default_rng(2)


def planted(starts: list[int], busy: list[bool], windows: int = 80) -> Series:
    """Return series with a new level of all three from each start on, and a little noise."""
    which = np.searchsorted(starts, np.arange(windows), side="right")
    levels = np.array([0.0, -0.7, 0.4, -1.0, 0.9, -0.2])[which]
    noise = 0.02 * RANDOM.standard_normal((3, windows))
    changes = np.where(np.array(busy)[which], 0.8, 0.0)
    return Series(np.geomspace(1, 1e8, windows + 1), levels + noise[0], -levels + noise[1], changes)


@pytest.mark.parametrize("starts", [[30], [20, 40], [10, 30, 55], [10, 22, 40, 55, 70]])
def test_planted_stretches_are_found(starts: list[int]) -> None:
    busy = [i % 2 == 0 for i in range(len(starts) + 1)]
    series = planted(starts, busy)
    assert stretches(series).tolist() == starts
    assert number_for(series, 0.01) == len(starts) + 1
    assert number_for(series, 0.0) == 0


def test_only_change_rest_change_rest_is_the_order() -> None:
    for busy in itertools.product([True, False], repeat=4):
        expected = busy == (True, False, True, False)
        assert alternates(planted([10, 30, 55], list(busy))) == expected


def test_the_partition_is_the_best_of_all() -> None:
    levels = RANDOM.standard_normal((12, 2))
    costs, starts = _partitions(levels)

    def cost(bounds: tuple[int, ...]) -> float:
        parts = np.split(levels, bounds)
        return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts))

    for number in range(1, 6):
        every = {b: cost(b) for b in itertools.combinations(range(1, 12), number - 1)}
        best = min(every, key=every.__getitem__)
        assert costs[number - 1] == pytest.approx(every[best])
        assert tuple(starts[number - 1]) == best
