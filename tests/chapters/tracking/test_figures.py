"""The shared figures show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.tracking import figures as draw
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

RANDOM = np.random.default_rng(0)
STEPS = np.arange(1, 301)
VALUES = np.exp(-STEPS[:, None] / 60) * (1 + 0.1 * RANDOM.random((300, 5)))
BUNDLE = draw.Curves(STEPS, VALUES)
SERIES = {"sgd": BUNDLE, "adam": BUNDLE}
TABLE = pd.DataFrame(
    [
        {"definition": d, "optimizer": o, "ratio": r, "low": r - 0.1, "high": r + 0.1, "bound": b}
        for d, o, r, b in (
            ("below a tenth", "sgd", 1.0, "exact"),
            ("below a tenth", "adam", 3.0, "lower"),
            ("area over peak", "sgd", np.nan, "undetermined"),
            ("area over peak", "adam", 2.0, "exact"),
        )
    ]
)
CUTS = pd.DataFrame(
    [
        {"share": s, "optimizer": "sgd", "ratio": r, "low": r, "high": r, "undetermined": u}
        for s, r, u in ((0.1, np.nan, 1.0), (1.0, 1.2, 0.0))
    ]
)
FLIPS = RANDOM.random((300, 12)) * (RANDOM.random((300, 12)) < 0.5)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "settling": lambda theme: draw.settling(
        theme, SERIES, SERIES, {"sgd": (10.0, 20.0), "adam": (5.0, np.nan)}
    ),
    "by_definition": lambda theme: draw.by_definition(theme, TABLE, 3.0),
    "by_layer": lambda theme: draw.by_layer(theme, {"relu1": BUNDLE}, {"hidden1": BUNDLE}),
    "law": lambda theme: draw.law_against_measurement(theme, SERIES, SERIES),
    "proportional": lambda theme: draw.proportional(theme, SERIES, SERIES),
    "embers": lambda theme: draw.embers(theme, FLIPS, (8, 4), BUNDLE, BUNDLE),
    "horizon": lambda theme: draw.horizon(theme, CUTS),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_settling_times_that_are_not_known_are_not_drawn() -> None:
    left, right = FIGURES["settling"](Theme()).axes

    def vertical(ax: mpl.axes.Axes) -> list[float]:
        lines = [line.get_xdata() for line in ax.lines]
        return [float(x[0]) for x in lines if len(x) == 2 and x[0] == x[1]]

    assert vertical(left) == [10.0, 20.0]
    assert vertical(right) == [5.0]


def test_bounds_are_hollow_and_unknown_ratios_left_out() -> None:
    (ax,) = FIGURES["by_definition"](Theme()).axes
    points = [
        (float(x), bool(np.allclose(face, mpl.colors.to_rgba("#ffffff"))))
        for dots in ax.collections
        if hasattr(dots, "get_offsets") and len(dots.get_facecolors())
        for (x, _), face in zip(dots.get_offsets(), dots.get_facecolors(), strict=False)
    ]
    assert sorted(points) == [(1.0, False), (2.0, False), (3.0, True)]


def test_embers_sort_units_within_their_layer_and_average_within_a_bin() -> None:
    top = FIGURES["embers"](Theme()).axes[0]
    (mesh,) = [c for c in top.collections if c.get_array() is not None]
    shown = np.ma.filled(mesh.get_array(), 0.0)
    assert shown.shape[0] == 12
    edges = mesh.get_coordinates()[0, :, 0].astype(int)
    widths = np.diff(edges)
    totals = (shown * widths).sum(axis=1)
    assert np.allclose(np.sort(totals), np.sort(FLIPS.sum(axis=0)))
    assert np.all(np.diff(totals[:8]) <= 1e-9)
    assert np.all(np.diff(totals[8:]) <= 1e-9)
