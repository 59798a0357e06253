"""The figures of deep linear networks can be drawn, and show the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.deep_linear import figures as draw
from regime_lib.chapters.deep_linear import figures_learning as learn
from regime_lib.chapters.deep_linear.scene import staircase_scene, still
from regime_lib.companion.figures.scene import Line
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

TIMES = np.linspace(0.1, 10, 30)
FALL = np.exp(-TIMES)
RUNS = FALL[:, None] * [1.0, 0.9, 1.1]
SIDE = np.linspace(-1, 1, 11)
X, Y = np.meshgrid(SIDE, SIDE)


def curve(depth: int, sigma: float, start: float) -> tuple[np.ndarray, np.ndarray]:
    values = np.linspace(start, 0.999 * sigma, 8)
    return (values - start) * depth / sigma**2, values


FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "matrices": lambda theme: draw.matrices(theme, {"A": np.eye(4), "B": -np.eye(4)}, (1, 2, 1)),
    "drift": lambda theme: draw.drift(
        theme, TIMES, {"flow": 0 * FALL, "descent": FALL}, TIMES, RUNS, FALL
    ),
    "ladder": lambda theme: draw.ladder(
        theme, {"none": 1.0, "all": 0.0}, {"depth 2": np.array([1.0, 0.0])}, 1.0
    ),
    "inertia": lambda theme: draw.inertia_bars(theme, {"origin": (1, 0, 3), "end": (0, 4, 0)}),
    "portraits": lambda theme: draw.portraits(
        theme,
        [
            draw.Portrait(
                "a", "x", "y", SIDE, SIDE, Y, X, ((SIDE, SIDE),), saddles=((SIDE[:1], SIDE[:1]),)
            )
        ],
    ),
    "fibre": lambda theme: draw.fibre(
        theme, [(FALL, TIMES)], {"one": (TIMES, 1 / TIMES)}, {"depth 2": (SIDE, 1 + SIDE**2)}
    ),
    "half_lines": lambda theme: draw.half_lines(
        theme, TIMES, {"depth 3": FALL}, {"depth 3": FALL}, SIDE + 2, {"depth 3": SIDE + 1}
    ),
    "staircases": lambda theme: learn.staircases(
        theme, {"a": (TIMES, RUNS), "b": (TIMES, RUNS)}, [np.array([0.5])] * 2, log=True
    ),
    "starts": lambda theme: learn.starts(
        theme, dict.fromkeys("abcde", (TIMES, RUNS)), np.array([1.0, 0.9, 1.1])
    ),
    "rates": lambda theme: learn.rates(theme, {"a": (TIMES, FALL)}, {"a": FALL}, TIMES, RUNS),
    "edge": lambda theme: learn.edge(theme, TIMES, {"a": (FALL, TIMES)}, {"a": 5.0}),
    "scale_law": lambda theme: learn.scale_law(theme, TIMES, RUNS, 0.5),
    "stairs_and_flips": lambda theme: learn.stairs_and_flips(
        theme, TIMES, RUNS, RUNS, np.array([1.0, 0.5])
    ),
    "still": lambda theme: still(theme, curve, 2, 0.01, (2.0, 1.0)),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_bars_are_as_long_as_their_share() -> None:
    (ax,) = FIGURES["inertia"](Theme()).axes
    widths = [round(float(bar.get_width()), 3) for bar in ax.patches]
    assert widths == [0.25, 0.0, 0.0, 1.0, 0.75, 0.0]
    assert [text.get_text() for text in ax.texts] == ["1", "4", "3"]


def test_a_run_that_diverges_is_drawn_up_to_where_it_does() -> None:
    losses = np.array([1.0, 10.0, np.inf, np.nan])
    figure = learn.edge(Theme(), np.arange(4), {"a": (losses, np.ones(4))}, {"a": 1.0})
    drawn = figure.axes[0].lines[0].get_ydata()
    assert np.isfinite(drawn).tolist() == [True, True, False, False]


def test_the_scene_holds_every_combination_and_its_loss_follows_from_the_strengths() -> None:
    scene = staircase_scene(curve, (1, 2), (0.1, 0.01), ((2.0, 1.0), (2.0, 0.5)))
    assert set(scene.frames) == {(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)}
    frame = scene.frames[(1, 0, 0)]
    (losses,) = [mark for mark in frame.marks[0] if isinstance(mark, Line)]
    modes = [mark for mark in frame.marks[1] if isinstance(mark, Line)]
    expected = 0.5 * ((2 - np.asarray(modes[0].y)) ** 2 + (1 - np.asarray(modes[1].y)) ** 2)
    np.testing.assert_allclose(losses.y, expected)
    assert np.asarray(losses.x)[-1] == 1.0
    assert frame.readout.startswith("depth 2")
