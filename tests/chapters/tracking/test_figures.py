"""The figures on tracking show the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from regime_lib.chapters.tracking import figures as draw
from regime_lib.chapters.tracking import figures_drift, parts
from regime_lib.companion.figures.theme import Theme

RANDOM = np.random.default_rng(0)
STEPS = np.arange(1, 301)
SERIES = (STEPS, np.exp(-STEPS[:, None] / 60) * (1 + 0.1 * RANDOM.random((300, 5))))
INFINITE = (STEPS, np.where(SERIES[1] > 0.9, np.inf, 1 + 30 * SERIES[1]))
BOTH = {"sgd": SERIES, "adam": SERIES}
TASKS = {f"{task} {name}": SERIES for task in ("patches", "letters") for name in BOTH}
RUNS = np.array([1.0, 2.0, 3.0])
MEDIANS = {"sgd": RUNS, "adam": 3 + RUNS}
SETTLED = parts.Settling(10.0, 20.0, "exact", RUNS, np.zeros((3, 2), bool))
LATE = parts.Settling(5.0, 300.0, "lower", RUNS, np.array([[0, 1], [0, 0], [0, 0]], bool))
RATIOS = parts.Ratios({}, {}, BOTH, BOTH, {"sgd": SETTLED, "adam": LATE})
BY_TASK = parts.Ratios({}, {}, TASKS, TASKS, dict.fromkeys(TASKS, LATE) | {"patches sgd": SETTLED})
WARMED = parts.Ratios({}, {"area-before": 2.5, "area-after": 1.25}, BOTH, BOTH, RATIOS.settled)


def table(*rows: tuple[str, str, str, float, str]) -> pd.DataFrame:
    columns = ["schedule", "definition", "optimizer", "ratio", "bound"]
    found = pd.DataFrame(rows, columns=columns)
    return found.assign(low=found["ratio"] - 0.1, high=found["ratio"] + 0.1)


DEFINITIONS = table(
    ("constant", "below a tenth", "sgd", 1.0, "exact"),
    ("constant", "below a tenth", "adam", 3.0, "lower"),
    ("constant", "area over peak", "sgd", np.nan, "undetermined"),
    ("constant", "area over peak", "adam", 2.0, "exact"),
)
CUTS = pd.DataFrame(
    [
        {"steps": s, "optimizer": "sgd", "ratio": r, "low": r, "high": r, "undetermined": u}
        for s, r, u in ((300, np.nan, 1.0), (6000, 1.2, 0.0))
    ]
)
FLIPS = RANDOM.random((300, 12)) * (RANDOM.random((300, 12)) < 0.5)
RUN = parts.OneRun({}, {"flips-half": 7}, FLIPS, (8, 4), SERIES, SERIES)
LAW = parts.FlipLaw({}, {}, BOTH, BOTH, {"sgd": RUNS, "adam": 2 * RUNS})
LAYERS = parts.Layers({"relu1": SERIES}, {"hidden1": (STEPS, np.ones((300, 2)))})
POINTS = parts.Proportional({}, {}, {"sgd": RANDOM.random((2, 50))}, {"sgd": RUNS})
PAIRS = dict.fromkeys(BOTH, (SERIES, SERIES))
DRIFT = parts.Drift({}, {}, PAIRS, PAIRS, MEDIANS, {name: 2 * own for name, own in MEDIANS.items()})
FLICKER = parts.Flicker({}, {}, {"a": {"sgd": INFINITE}, "b": {"sgd": INFINITE}}, MEDIANS)
PARTS_OF_LAYERS = {"relu1": SERIES, "relu2": SERIES}
INDICATOR = parts.Indicator({}, {}, BOTH, BOTH, PARTS_OF_LAYERS, MEDIANS)
TWO_TASKS = parts.Indicator({}, {}, TASKS, TASKS, PARTS_OF_LAYERS, MEDIANS)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "settling": lambda theme: draw.settling(theme, RATIOS),
    "by_task": lambda theme: draw.settling(theme, BY_TASK, "letters"),
    "by_definition": lambda theme: draw.by_definition(theme, DEFINITIONS),
    "by_layer": lambda theme: draw.by_layer(theme, LAYERS),
    "law": lambda theme: draw.law_against_measurement(theme, LAW),
    "proportional": lambda theme: draw.proportional(theme, POINTS),
    "flip_rates": lambda theme: draw.flip_rates(theme, RUN),
    "horizon": lambda theme: draw.horizon(theme, CUTS),
    "raw_and_average": lambda theme: figures_drift.raw_and_average(theme, DRIFT),
    "flicker": lambda theme: figures_drift.flicker(theme, FLICKER),
    "indicator": lambda theme: figures_drift.indicator(theme, INDICATOR),
    "indicator_of_a_task": lambda theme: figures_drift.indicator(theme, TWO_TASKS, "patches"),
}


def dots(ax: Axes) -> dict[float, bool]:
    """Return where dots are, and whether they are hollow."""
    background = mpl.colors.to_rgba(Theme().background)
    return {
        round(float(x), 2): bool(np.allclose(points.get_facecolor()[0], background))
        for points in ax.collections
        if isinstance(points, PathCollection)
        for x, _ in points.get_offsets()
    }


def test_settling_times_that_are_not_known_are_not_drawn() -> None:
    for ax, times in zip(FIGURES["settling"](Theme()).axes, ([10.0, 20.0], []), strict=True):
        lines = [line.get_xdata() for line in ax.lines]
        assert [float(x[0]) for x in lines if len(x) == 2 and x[0] == x[1]] == times


def test_bounds_are_hollow_and_what_is_undetermined_is_left_out() -> None:
    (ax,) = FIGURES["by_definition"](Theme()).axes
    assert dots(ax) == {1.0: False, 2.0: False, 3.0: True}


def test_flip_rates_sort_units_within_their_layer_and_average_within_a_bin() -> None:
    top = FIGURES["flip_rates"](Theme()).axes[0]
    (mesh,) = [c for c in top.collections if c.get_array() is not None]
    shown = np.ma.filled(mesh.get_array(), 0.0)
    edges = mesh.get_coordinates()[0, :, 0].astype(int)
    totals = (shown * np.diff(edges)).sum(axis=1)
    assert np.allclose(np.sort(totals), np.sort(FLIPS.sum(axis=0)))
    assert np.all(np.diff(totals[:8]) <= 1e-9)
    assert np.all(np.diff(totals[8:]) <= 1e-9)


def test_a_task_is_drawn_alone_under_the_names_of_its_optimisers() -> None:
    left = FIGURES["indicator_of_a_task"](Theme()).axes[0]
    assert left.get_legend_handles_labels()[1] == ["SGD", "Adam"]


def test_the_two_rows_are_the_weights_and_their_average() -> None:
    axes = FIGURES["raw_and_average"](Theme()).axes
    assert [ax.get_title() for ax in axes] == ["SGD", "Adam", "", ""]
    assert axes[2].get_ylabel().startswith("their average")
    titles = [ax.get_title() for ax in FIGURES["raw_and_average"](Theme(narrow=True)).axes]
    assert titles[:3] == ["SGD: trained weights", "SGD: their average", "Adam: trained weights"]


def test_infinite_ratios_leave_a_gap_and_no_line() -> None:
    line = FIGURES["flicker"](Theme()).axes[0].lines[0]
    known = np.where(np.isfinite(INFINITE[1]), INFINITE[1], np.nan)
    seen = np.isfinite(known).any(axis=1)
    assert np.array_equal(line.get_xdata(), STEPS[seen])
    assert np.allclose(line.get_ydata(), np.nanmedian(known[seen], axis=1))


def test_the_good_stretch_is_shaded_where_it_is_said_to_be() -> None:
    for ax in FIGURES["indicator"](Theme()).axes[1:]:
        band: Any = ax.patches[0]
        assert (band.get_y(), band.get_height()) == pytest.approx((0.6, 0.2))


def test_alt_texts_say_the_numbers() -> None:
    assert draw.settling_alt(RATIOS).startswith(
        "Falling curves in 2 panels. SGD: patterns settle at step 10, weights at step 20. Adam: "
        "not settled in every run; in the second half patterns at 0.0"
    )
    assert "patterns settle" not in draw.settling_alt(BY_TASK, "letters")
    assert "2.50 without and 1.25 with the warm-up" in draw.warm_up_alt(WARMED)
    assert "SGD from 1.00 to 1.0, Adam from 2.00 to 2.0." in draw.by_definition_alt(DEFINITIONS)
    below = np.median(SERIES[1] / SERIES[1].max(axis=0), axis=1) <= 0.1
    layers = draw.by_layer_alt(LAYERS)
    assert f"relu1 from step {STEPS[below][0]}, 0.00" in layers
    assert "hidden1 never, 1.000 at the end." in layers
    assert "SGD 2.00, Adam 4.00." in draw.law_alt(LAW)
    assert "SGD 2.00." in draw.proportional_alt(POINTS)
    assert "the first 7 steps" in draw.flip_rates_alt(RUN)
    assert "SGD 1.00." in draw.horizon_alt(CUTS)
    assert draw.in_words("letters momentum") == "letters SGD with momentum"
    words = figures_drift.raw_and_average_alt(DRIFT)
    assert "weights SGD 2.00, Adam 5.00; of their average SGD 4.00" in words
    assert "SGD 2.0, Adam 5.0." in figures_drift.flicker_alt(FLICKER)
    assert "at SGD 2.00, Adam 5.00; by layer" in figures_drift.indicator_alt(INDICATOR)
