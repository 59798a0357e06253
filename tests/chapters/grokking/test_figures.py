"""The figures on grokking show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.grokking import figures as draw
from regime_lib.chapters.grokking import scene
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.figures.render import VARIANTS

RANDOM = np.random.default_rng(0)
STEPS = np.unique(np.geomspace(1, 500, 20).astype(int))
RISING = (STEPS, np.linspace(0.01, 1, len(STEPS))[:, None] * (1 + 0.1 * RANDOM.random(4)))
EMPTY = (STEPS, np.full((len(STEPS), 4), np.nan))
POWER = RANDOM.dirichlet(np.ones(5), (3, 3))
WAVES = RANDOM.normal(size=(3, 3, 11))
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "passage": lambda theme: draw.passage(
        theme, RISING, RISING, RISING, {"sample": RISING, "weight": EMPTY},
        {"layer 1": RISING, "layer 2": RISING}, RISING, RISING, (20.0, np.nan),
    ),
    "controls": lambda theme: draw.controls(
        theme, {"a": (RISING, RISING), "b": (RISING, RISING)}, {"a": RISING, "b": RISING}
    ),
    "aligned": lambda theme: draw.aligned(
        theme, {n: {"a": RISING, "b": EMPTY} for n in ("test accuracy", "flips")}
    ),
    "statistics": lambda theme: draw.statistics(
        theme, RISING, {"lagging": RISING, "fresh": RISING}, {"lagging": RISING},
        (np.array([1.0, 10.0]), np.array([[0.0, 0.0], [10.0, 14.0]])),
    ),
    "spectrum": lambda theme: scene.spectrum_still(
        theme, [("before", POWER[0]), ("after", POWER[2])], np.arange(1, 6)
    ),
}  # fmt: skip


@pytest.mark.parametrize("theme", VARIANTS, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_in_every_variant(name: str, theme: Theme) -> None:
    with mpl.rc_context(theme.rc()):
        figure = FIGURES[name](theme)
        figure.canvas.draw()
    assert figure.get_figwidth() == {True: 3.9, False: 7.2}[theme.narrow]


def test_lines_are_medians_over_runs_and_moments_that_are_not_known_are_left_out() -> None:
    figure = FIGURES["passage"](Theme())
    norm = figure.axes[1]
    curve = next(line for line in norm.lines if len(line.get_xdata()) == len(STEPS))
    np.testing.assert_allclose(curve.get_ydata(), np.median(RISING[1], axis=1))
    marks = [line.get_xdata()[0] for line in norm.lines if len(line.get_xdata()) == 2]
    assert marks == [20.0]


def test_basins_start_where_every_run_has_one() -> None:
    values = RISING[1].copy()
    values[:3, 1] = 0.0
    figure = draw.passage(
        Theme(), RISING, RISING, RISING, {"sample": (STEPS, values)}, {"layer 1": RISING},
        RISING, RISING, (np.nan, np.nan),
    )  # fmt: skip
    (curve,) = figure.axes[2].lines
    assert curve.get_xdata()[0] == STEPS[3]


def test_words_for_the_figure_hold_every_quantity_at_every_moment() -> None:
    rows = ((9.0, 0.012), (4.0, np.nan), (1.0, 0.3))
    values = [dict(zip(("norm", "basin"), row, strict=True)) for row in rows]
    said = draw.passage_alt((20.0, 500.4), values)
    assert "99 % at step 20, test accuracy 50 % at step 500." in said
    assert "norm 9 at memorisation, 4 at the jump, 1 at the end; basin 0.012 at" in said
    assert said.endswith("nan at the jump, 0.3 at the end.")


def test_words_for_the_moving_picture_are_of_an_early_stop_and_the_last() -> None:
    said = scene.spectrum_alt([1, 10, 99], [0.1, 0.9, 1.0], [0.0, 0.1, 0.8], [0.3, 0.4, 0.95], 1)
    assert "step 10, training accuracy 0.90 and test accuracy 0.10" in said
    assert "average 0.40 of its power; at step 99, with test accuracy 0.80, 0.95" in said


def test_the_moving_picture_has_a_frame_for_every_stop() -> None:
    moving = scene.spectrum_scene(
        [1, 10, 100], [0.1, 0.9, 1.0], [0.0, 0.1, 0.8], POWER, WAVES, [0.3, 0.4, 0.9]
    )
    assert list(moving.frames) == [(0,), (1,), (2,)]
    assert "step 10: training accuracy 0.90, test accuracy 0.10" in moving.frames[(1,)].readout
    assert moving.start == (2,)
    bars = moving.frames[(2,)].marks[1]
    heights = [bar.y[1] for bar in bars]  # type: ignore[union-attr,index]
    np.testing.assert_allclose(heights, POWER[2].ravel())
