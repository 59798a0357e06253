"""The shared figures show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.tracking import figures as draw
from regime_lib.chapters.tracking.parts import (
    FlipLaw,
    Layers,
    OneRun,
    Proportional,
    Ratios,
    Series,
    Settling,

)
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

RANDOM = np.random.default_rng(0)
STEPS = np.arange(1, 301)
SERIES: Series = (STEPS, np.exp(-STEPS[:, None] / 60) * (1 + 0.1 * RANDOM.random((300, 5))))
BOTH = {"sgd": SERIES, "adam": SERIES}
RUNS = np.array([1.0, 2.0, 3.0])
SETTLED = Settling(10.0, 20.0, "exact", RUNS, np.zeros((3, 2), bool))
LATE = Settling(5.0, 300.0, "lower", RUNS, np.array([[0, 1], [0, 0], [0, 0]], bool))
RATIOS = Ratios({}, {}, BOTH, BOTH, {"sgd": SETTLED, "adam": LATE})
WARM = {"without": SERIES, "with": SERIES}
WARMED = Ratios(
    {},
    {"area-before": 2.5, "area-after": 1.25},
    WARM,
    WARM,
    {"without": SETTLED, "with": LATE},
)
TASKS = {"patches sgd": SERIES, "letters sgd": SERIES}
BY_TASK = Ratios({}, {}, TASKS, TASKS, {"patches sgd": SETTLED, "letters sgd": LATE})
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
RUN = OneRun({}, {"embers-half": 7}, FLIPS, (8, 4), SERIES, SERIES)
LAW = FlipLaw({}, {}, BOTH, BOTH, {"sgd": RUNS, "adam": 2 * RUNS})
LAYERS = Layers({"relu1": SERIES}, {"hidden1": (STEPS, np.ones((300, 2)))})
POINTS = Proportional({}, {}, {"sgd": RANDOM.random((2, 50))}, {"sgd": RUNS})
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "settling": lambda theme: draw.settling(theme, RATIOS),
    "warm_up": lambda theme: draw.settling(theme, WARMED),
    "by_task": lambda theme: draw.settling(theme, BY_TASK, "letters"),
    "by_definition": lambda theme: draw.by_definition(theme, TABLE),
    "by_layer": lambda theme: draw.by_layer(theme, LAYERS),
    "law": lambda theme: draw.law_against_measurement(theme, LAW),
    "proportional": lambda theme: draw.proportional(theme, POINTS),
    "flip_rates": lambda theme: draw.flip_rates(theme, RUN),
    "horizon": lambda theme: draw.horizon(theme, CUTS),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_settling_times_that_are_not_known_are_not_drawn() -> None:
    left, right = FIGURES["settling"](Theme()).axes

    def vertical(ax: mpl.axes.Axes) -> list[float]:
        lines = [line.get_xdata() for line in ax.lines]
        return [float(x[0]) for x in lines if len(x) == 2 and x[0] == x[1]]

    assert vertical(left) == [10.0, 20.0]
    assert vertical(right) == []


def test_bounds_are_hollow_and_unknown_ratios_left_out() -> None:
    (ax,) = FIGURES["by_definition"](Theme()).axes
    points = [
        (float(x), bool(np.allclose(face, mpl.colors.to_rgba("#ffffff"))))
        for dots in ax.collections
        if hasattr(dots, "get_offsets") and len(dots.get_facecolors())
        for (x, _), face in zip(dots.get_offsets(), dots.get_facecolors(), strict=False)
    ]
    assert sorted(points) == [(1.0, False), (2.0, False), (3.0, True)]


def test_flip_rates_sort_units_within_their_layer_and_average_within_a_bin() -> None:
    top = FIGURES["flip_rates"](Theme()).axes[0]
    (mesh,) = [c for c in top.collections if c.get_array() is not None]
    shown = np.ma.filled(mesh.get_array(), 0.0)
    assert shown.shape[0] == 12
    edges = mesh.get_coordinates()[0, :, 0].astype(int)
    widths = np.diff(edges)
    totals = (shown * widths).sum(axis=1)
    assert np.allclose(np.sort(totals), np.sort(FLIPS.sum(axis=0)))
    assert np.all(np.diff(totals[:8]) <= 1e-9)
    assert np.all(np.diff(totals[8:]) <= 1e-9)


def test_a_task_is_drawn_alone_under_the_names_of_its_optimisers() -> None:
    (ax,) = FIGURES["by_task"](Theme()).axes
    assert ax.get_title() == "SGD"


def test_alt_texts_say_the_numbers() -> None:
    assert draw.settling_alt(RATIOS).startswith(
        "Falling curves in 2 panels. SGD: patterns settle at step 10, weights at step 20. Adam: "
        "not settled in every run; in the second half patterns at 0.0"
    )
    assert "patterns settle" not in draw.settling_alt(BY_TASK, "letters")
    assert "2.50 without and 1.25 with the warm-up" in draw.warm_up_alt(WARMED)
    assert "SGD from 1.00 to 1.0, Adam from 2.00 to 2.0." in draw.by_definition_alt(TABLE)
    below = np.median(SERIES[1] / SERIES[1].max(axis=0), axis=1) <= 0.1
    layers = draw.by_layer_alt(LAYERS)
    assert f"relu1 from step {STEPS[below][0]}, 0.00" in layers
    assert "hidden1 never, 1.000 at the end." in layers
    assert "SGD 2.00, Adam 4.00." in draw.law_alt(LAW)
    assert "SGD 2.00." in draw.proportional_alt(POINTS)
    assert "the first 7 steps" in draw.flip_rates_alt(RUN)
    assert "SGD 1.00." in draw.horizon_alt(CUTS)
    assert draw.in_words("letters momentum") == "letters SGD with momentum"
