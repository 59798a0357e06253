"""The figures on four phases can be drawn in every variant from plain numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase import figures as draw
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

RANDOM = np.random.default_rng(0)
TIMES = np.geomspace(1e-4, 1e4, 60)
LOSS = 1 / (1 + TIMES)
ENDS = {"I": 1e-2, "II": 10.0, "III": 20.0}
FAN = draw.Fan(TIMES, LOSS * (1 + 0.1 * RANDOM.random((5, 60))))
NEVER = draw.Fan(TIMES[:3], np.array([[1.0, 2.0, np.nan], [1.0, np.nan, np.nan]]))
POINTS = RANDOM.standard_normal((2, 9))
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "phases": lambda t: draw.phases(t, TIMES, LOSS, LOSS > 0.5, ENDS, (TIMES, LOSS)),
    "condensation": lambda t: draw.condensation(t, FAN, FAN, 1.0, LOSS),
    "living": lambda t: draw.living(t, {"positive": (LOSS[:4], 0.25)}, TIMES, LOSS),
    "plateau": lambda t: draw.plateau(t, FAN, LOSS, FAN),
    "scaling": lambda t: draw.scaling(
        t,
        {"Δ": (TIMES[:3], {"T_II": NEVER, "T_acc": NEVER}, {"T_II": LOSS[:3], "T_acc": LOSS[:3]})},
    ),
    "sensitivity": lambda t: draw.sensitivity(t, LOSS[:5], TIMES[:5], (LOSS, TIMES), 1.1),
    "river": lambda t: draw.river(t, TIMES, {"both": LOSS, "off": LOSS}, {"off": LOSS}, ENDS),
    "limits": lambda t: draw.limits(t, FAN, LOSS[:4], LOSS[:4]),
    "beyond": lambda t: draw.beyond(
        t, [("logistic", TIMES, LOSS, {"T_acc": 1.0, "T_II": np.nan, "T_III": 3.0})]
    ),
    "survival": lambda t: draw.survival(t, {"2 dimensions": FAN}, TIMES, LOSS, 3.0),
    "settling": lambda t: draw.settling(
        t, TIMES, LOSS, TIMES[:9], {"weight": 1.0, "pattern": 9.0}, ENDS
    ),
    "tracked": lambda t: draw.tracked(t, TIMES, LOSS, LOSS, {"T_II": 2.0}),
    "spreads": lambda t: draw.spreads(
        t,
        [
            draw.Spread("T_II", "positive", {"p": [LOSS, 2 * LOSS]}, limits=(0.9, 1.1)),
            draw.Spread("angle", "negative", {"p": [NEVER.rows[0]]}, target=None, log=True),
        ],
    ),
    "plane": lambda t: draw.plane(t, [("start", POINTS, POINTS, POINTS[:, :0])], {"x": (1.0, 0.0)}),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_runs_that_never_arrive_count_as_the_longest() -> None:
    figure = FIGURES["scaling"](Theme())
    (container, *_) = figure.axes[0].containers
    middle = container.lines[0].get_ydata()
    assert middle[0] == 1.0
    assert np.isnan(middle[2])


def test_the_river_stacks_to_the_number_of_neurons() -> None:
    figure = FIGURES["river"](Theme())
    assert figure.axes[0].get_ylim()[1] == pytest.approx(2 * LOSS.max())


def test_the_band_of_a_fan_is_its_quantiles() -> None:
    low, mid, high = draw.Fan(TIMES[:1], np.arange(101.0)[:, None]).quantiles()
    assert (low[0], mid[0], high[0]) == (5, 50, 95)


def test_a_spread_shows_medians_at_every_level_of_the_runs_that_get_there() -> None:
    left, right = FIGURES["spreads"](Theme()).axes
    (medians,) = [line for line in left.lines if line.get_marker() == "o"]
    assert np.allclose(medians.get_ydata(), [np.median(LOSS), 2 * np.median(LOSS)])
    (reached,) = [line for line in right.lines if line.get_marker() == "o"]
    assert reached.get_ydata() == pytest.approx([1.5])
