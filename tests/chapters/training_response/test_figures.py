"""The figures of the chapter on ageing: drawn in every variant, they show what they are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import figures as draw
from regime_lib.companion.figures.curves import Curves
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

RANDOM = np.random.default_rng(0)
EPOCHS = np.unique(np.geomspace(1, 1e4, 20).astype(int))
FALL = Curves(EPOCHS, EPOCHS[:, None] ** -2.0 * (1 + 0.1 * RANDOM.random((len(EPOCHS), 5))))
KERNEL = Curves(np.arange(9), (1 - np.arange(9) / 8.5)[:, None] * np.ones(5))
PAIR = {"output": FALL, "logit": FALL}
LAW = {"output": -2.0, "logit": -1.0}
TIMES = EPOCHS.astype(float)
LINE = FALL.values[:, 0]
POINTS = {t: RANDOM.random(6) for t in draw.TRAININGS}
FOUND = np.array([[-0.2, -0.3, -0.1], [0.1, 0.0, 0.2]])

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "ageing": lambda theme: draw.ageing(
        theme,
        {"cross-entropy": PAIR, "squared": PAIR},
        {"cross-entropy": LAW, "squared": LAW},
        {"epoch 1": KERNEL, "epoch 9": KERNEL},
        np.linspace(1, 0, 9),
    ),
    "two kernels": lambda theme: draw.two_kernels(theme, {"epoch 1": KERNEL}, {"epoch 1": KERNEL}),
    "stages": lambda theme: draw.stages(theme, PAIR, {"output": LINE, "logit": LINE}, 2.0),
    "rapidity": lambda theme: draw.rapidity(
        theme, FALL, LINE, FALL, {"rate 1": FALL}, {"epoch 1": LINE[:9], "limit": LINE[:9]}
    ),
    "noise": lambda theme: draw.noise(
        theme,
        {"ReLU": {"no noise": FALL, "bits": FALL}, "ELU": {"no noise": FALL, "bits": FALL}},
        {"ReLU": {"no noise": KERNEL}, "ELU": {"no noise": KERNEL}},
    ),
    "regression": lambda theme: draw.regression(
        theme, {"squared": PAIR}, {"squared": {"output": LINE, "logit": LINE}}
    ),
    "one weight": lambda theme: draw.one_weight(
        theme, {"a": (TIMES, LINE)}, (TIMES, LINE), {"0.6": (TIMES, LINE, LINE)}
    ),
    "still": lambda theme: draw.one_weight_still(theme, TIMES, {"target 1": (LINE, LINE)}),
    "separability": lambda theme: draw.separability(
        theme, TIMES, {"ReLU": {"logit, as it is": FALL.values, "output, scaled": FALL.values}}
    ),
    "flips": lambda theme: draw.flips(
        theme, FALL, (TIMES, LINE), (TIMES, LINE), {"pattern": FALL, "weight": FALL}
    ),
    "features": lambda theme: draw.feature_spaces(
        theme, {"ReLU": POINTS, "ELU": POINTS}, {"ReLU": POINTS, "ELU": POINTS}
    ),
    "correlations": lambda theme: draw.correlations(
        theme, ["one", "two"], {"ReLU": FOUND, "ELU": FOUND, "both": FOUND}, -0.3
    ),
    "stability": lambda theme: draw.stability(
        theme, TIMES, {"output": FALL.values, "logit": FALL.values}, 2.0
    ),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_guides_have_the_exponents_that_they_name() -> None:
    ax = FIGURES["ageing"](Theme()).axes[0]
    guides = [line for line in ax.lines if len(line.get_xdata()) == 2]
    found = [
        np.diff(np.log(line.get_ydata()))[0] / np.diff(np.log(line.get_xdata()))[0]
        for line in guides
    ]
    assert found == pytest.approx([-2, -1])
    assert {text.get_text() for text in ax.texts} == {"−2", "−1"}


def test_correlations_show_values_and_intervals_in_their_rows() -> None:
    (ax,) = FIGURES["correlations"](Theme()).axes
    points = [line for line in ax.lines if line.get_label() in ("ReLU", "ELU", "both")]
    assert all(line.get_xdata().tolist() == [-0.2, 0.1] for line in points)
    assert [round(float(line.get_ydata()[0])) for line in points] == [0, 0, 0]
    ends = [path.vertices[:, 0].tolist() for path in ax.collections[0].get_paths()]
    assert ends == [[-0.3, -0.1], [0.0, 0.2]]


def test_large_points_stand_at_the_median_and_the_mean() -> None:
    ax = FIGURES["features"](Theme()).axes[0]
    large = {line.get_label(): line for line in ax.lines}
    for training, name in draw.TRAININGS.items():
        (x,), (y,) = large[name].get_data()
        assert x == pytest.approx(np.median(POINTS[training]))
        assert y == pytest.approx(np.mean(POINTS[training]))
