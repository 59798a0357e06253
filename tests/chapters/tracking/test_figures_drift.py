"""The figures on schedules, drift and the indicator show the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from regime_lib.chapters.tracking import figures_drift as draw
from regime_lib.chapters.tracking.parts import Drift, Flicker, Indicator, Series
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

STEPS = np.arange(1, 201)
VALUES = np.exp(-STEPS[:, None] / 40) * (1 + 0.1 * np.random.default_rng(0).random((200, 3)))
SERIES: Series = (STEPS, VALUES)
RATIOS: Series = (STEPS, np.where(VALUES > 0.9, np.inf, 1 + 30 * VALUES))
RUNS = {"sgd": SERIES, "adamw": SERIES}
TABLE = pd.DataFrame(
    [
        {
            "schedule": schedule,
            "definition": "below a tenth",
            "optimizer": optimizer,
            "ratio": ratio,
            "low": ratio - 0.1,
            "high": ratio + 0.1,
            "bound": bound,
        }
        for schedule, optimizer, ratio, bound in (
            ("constant", "sgd", np.nan, "undetermined"),
            ("constant", "adamw", 4.0, "lower"),
            ("cosine", "sgd", 1.0, "exact"),
            ("cosine", "adamw", 1.5, "exact"),
        )
    ]
)
PAIRS = {"sgd": (SERIES, SERIES), "adamw": (SERIES, SERIES)}
MEDIANS = {"sgd": np.array([1.0, 2.0, 3.0]), "adamw": np.array([4.0, 5.0, 6.0])}
DRIFT = Drift({}, {}, PAIRS, PAIRS, MEDIANS, {name: 2 * own for name, own in MEDIANS.items()})
FLICKER = Flicker({}, {}, {"a": {"sgd": RATIOS}, "b": {"sgd": RATIOS}}, MEDIANS)
LAYERS = {"relu1": SERIES, "relu2": SERIES}
INDICATOR = Indicator({}, {}, RUNS, RUNS, LAYERS, MEDIANS)
TASKS = {f"{task} {name}": own for task in ("patches", "letters") for name, own in RUNS.items()}
BY_TASK = Indicator({}, {}, TASKS, TASKS, LAYERS, MEDIANS)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "by_schedule": lambda theme: draw.by_schedule(theme, TABLE),
    "raw_and_average": lambda theme: draw.raw_and_average(theme, DRIFT),
    "flicker": lambda theme: draw.flicker(theme, FLICKER),
    "indicator": lambda theme: draw.indicator(theme, INDICATOR),
    "by_task": lambda theme: draw.indicator(theme, BY_TASK, "patches"),
}

test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_what_is_undetermined_is_a_cross_and_a_bound_is_hollow() -> None:
    figure = draw.by_schedule(Theme(), TABLE)
    constant, cosine = figure.axes
    at = {
        tuple(np.round(points.get_offsets()[0], 2)): points
        for points in constant.collections
        if isinstance(points, PathCollection) and len(points.get_offsets())
    }
    values = sorted(x for x, _ in at)
    assert values[0] == 1.0  # the cross
    assert 4.0 in values
    hollow = next(points for (x, _), points in at.items() if x == 4.0)
    assert mpl.colors.same_color(hollow.get_facecolor()[0], Theme().background)
    shown = [
        float(x)
        for points in cosine.collections
        if isinstance(points, PathCollection)
        for x, _ in points.get_offsets()
    ]
    assert sorted(shown) == [1.0, 1.5]


def test_more_schedules_than_columns_go_to_the_next_row() -> None:
    double = pd.concat([TABLE, TABLE.assign(schedule=TABLE["schedule"] + " again")])
    figure = draw.by_schedule(Theme(), double, columns=2)
    assert [ax.get_title() for ax in figure.axes] == [
        "constant",
        "cosine",
        "constant again",
        "cosine again",
    ]
    tops = [ax.get_subplotspec().rowspan.start for ax in figure.axes]
    assert tops == [0, 0, 1, 1]


def test_infinite_ratios_leave_a_gap_and_no_line() -> None:
    figure = FIGURES["flicker"](Theme())
    line = figure.axes[0].lines[0]
    assert np.isfinite(line.get_ydata()).all()
    known = np.where(np.isfinite(RATIOS[1]), RATIOS[1], np.nan)
    seen = np.isfinite(known).any(axis=1)
    assert np.array_equal(line.get_xdata(), STEPS[seen])
    assert np.allclose(line.get_ydata(), np.nanmedian(known[seen], axis=1))


def test_the_good_stretch_is_shaded_where_it_is_said_to_be() -> None:
    figure = FIGURES["indicator"](Theme())
    for ax in figure.axes[1:]:
        band = ax.patches[0]
        assert band.get_y() == pytest.approx(0.6)
        assert band.get_height() == pytest.approx(0.2)


def test_alt_texts_say_the_numbers() -> None:
    words = draw.by_schedule_alt(TABLE)
    assert "constant: 1 of 2 have one, AdamW 4.00 to 4.00." in words
    assert "cosine: 2 of 2 have one, SGD 1.00 to 1.00, AdamW 1.50 to 1.50." in words
    assert "weights SGD 2.00, AdamW 5.00; of their average SGD 4.00" in (
        draw.raw_and_average_alt(DRIFT)
    )
    assert "SGD 2.0, AdamW 5.0." in draw.flicker_alt(FLICKER)
    assert "at SGD 2.00, AdamW 5.00; by layer" in draw.indicator_alt(INDICATOR)
