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
from regime_lib.companion.figures.curves import Curves
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_html import VARIANTS

STEPS = np.arange(1, 201)
VALUES = np.exp(-STEPS[:, None] / 40) * (1 + 0.1 * np.random.default_rng(0).random((200, 3)))
BUNDLE = Curves(STEPS, VALUES)
RATIOS = Curves(STEPS, np.where(VALUES > 0.9, np.inf, 1 + 30 * VALUES))
RUNS = {"sgd": BUNDLE, "adamw": BUNDLE}
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
PAIRS = {"sgd": (BUNDLE, BUNDLE), "adamw": (BUNDLE, BUNDLE)}
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "by_schedule": lambda theme: draw.by_schedule(theme, TABLE, 3.0),
    "raw_and_average": lambda theme: draw.raw_and_average(theme, PAIRS, PAIRS),
    "flicker": lambda theme: draw.flicker(theme, {"sgd": RATIOS}, {"sgd": RATIOS}, ("a", "b")),
    "indicator": lambda theme: draw.indicator(
        theme, RUNS, RUNS, {"relu1": BUNDLE, "relu2": BUNDLE}, (0.6, 0.8), "adamw"
    ),
}


@pytest.mark.parametrize("theme", VARIANTS, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_in_every_variant(name: str, theme: Theme) -> None:
    with mpl.rc_context(theme.rc()):
        figure = FIGURES[name](theme)
        figure.canvas.draw()
    assert figure.get_figwidth() == {True: 3.9, False: 7.2}[theme.narrow]


def test_what_is_undetermined_is_a_cross_and_a_bound_is_hollow() -> None:
    figure = draw.by_schedule(Theme(), TABLE, 3.0)
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
    figure = draw.by_schedule(Theme(), double, 3.0, columns=2)
    assert [ax.get_title() for ax in figure.axes] == [
        "constant",
        "cosine",
        "constant again",
        "cosine again",
    ]
    tops = [ax.get_subplotspec().rowspan.start for ax in figure.axes]
    assert tops == [0, 0, 1, 1]


def test_infinite_ratios_leave_a_gap_and_no_line() -> None:
    figure = draw.flicker(Theme(), {"sgd": RATIOS}, {"sgd": RATIOS}, ("a", "b"))
    line = figure.axes[0].lines[0]
    assert np.isfinite(line.get_ydata()).all()
    seen = np.isfinite(RATIOS.values).any(axis=1)
    assert np.array_equal(line.get_xdata(), STEPS[seen])
    expected = np.nanmedian(np.where(np.isfinite(RATIOS.values), RATIOS.values, np.nan)[seen], 1)
    assert np.allclose(line.get_ydata(), expected)


def test_the_good_stretch_is_shaded_where_it_is_said_to_be() -> None:
    figure = FIGURES["indicator"](Theme())
    for ax in figure.axes[1:]:
        band = ax.patches[0]
        assert band.get_y() == pytest.approx(0.6)
        assert band.get_height() == pytest.approx(0.2)
