"""Figures of counts show a point a run and the mean of runs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.neuron_modes import figures_units as draw
from regime_lib.chapters.neuron_modes.counts import KINDS, column, rows_of
from regime_lib.chapters.neuron_modes.measure_units import ByDepth
from regime_lib.companion.figures.theme import Theme

RANDOM = np.random.default_rng(0)
NAMES = ("alone", "pair", "shuffled", "keep alignment", "fold alignment")
UNITS = pd.DataFrame(
    row
    for kind, moment, seed in product(KINDS, ("start", "peak", "end"), range(4))
    for row in rows_of(
        {name: RANDOM.random() for name in NAMES}, seed=seed, kind=kind, moment=moment
    )
)
LAYERS = pd.DataFrame(
    row
    for kind, layer, seed in product(KINDS, range(4), range(3))
    for row in rows_of(
        {"readable": RANDOM.random(), "any": RANDOM.random()}, seed=seed, kind=kind, layer=layer
    )
)
DEPTHS = ByDepth({}, {}, {2: np.array([1.0, 2.0]), 10: np.array([0.0, 3.0])})


@pytest.mark.parametrize("narrow", [False, True])
def test_shares_are_drawn_by_kind_and_moment(narrow: bool) -> None:
    left, right = draw.units(Theme(narrow=narrow), UNITS).axes
    dots, middle = left.lines[:2]  # by themselves, tanh at the start
    values = column(UNITS, "alone", kind="tanh", moment="start")
    assert np.allclose(dots.get_ydata(), values)
    assert np.allclose(middle.get_ydata(), values.mean())
    assert [text.get_text() for text in right.get_xticklabels()] == list(KINDS)
    fold = column(UNITS, "fold alignment", kind="Gaussian", moment="end")
    assert np.allclose(right.lines[-2].get_ydata(), fold)
    assert f"Gaussian, end: {column(UNITS, 'alone', kind='Gaussian', moment='end').mean():.2f}" in (
        draw.units_alt(UNITS)
    )


def test_readable_starts_at_the_inputs_and_folding_at_the_first_layer() -> None:
    left, right = draw.readable(Theme(), LAYERS).axes
    assert left.lines[0].get_xdata().tolist() == [0, 1, 2, 3]
    assert right.lines[0].get_xdata().tolist() == [1, 2, 3]
    middle = np.median(column(LAYERS, "any", kind="tanh", layer=2))
    assert right.lines[0].get_ydata()[1] == pytest.approx(middle)
    assert "From the inputs" in draw.readable_alt(LAYERS)


def test_depths_stand_beside_all_activations() -> None:
    (ax,) = draw.by_depth(Theme(), DEPTHS).axes
    assert ax.lines[0].get_ydata().tolist() == [2, 10]
    assert ax.lines[-1].get_ydata().tolist() == [1.5]
    assert "2 layers 1.5, 10 layers 1.5" in draw.by_depth_alt(DEPTHS)
