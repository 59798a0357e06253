"""The figures of deep linear networks can be drawn, and show the numbers they are given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.deep_linear import figures_learning, figures_saddles, figures_structure
from regime_lib.chapters.deep_linear import scene as learning_scene
from regime_lib.chapters.deep_linear.beyond import (
    STAGES,
    CorrelatedData,
    LargeSteps,
    Relu,
    ScaleLaw,
)
from regime_lib.chapters.deep_linear.coefficients import Coefficients
from regime_lib.chapters.deep_linear.landscape import CriticalPoints, HalfLines, Saddles
from regime_lib.chapters.deep_linear.learning import (
    Initialisations,
    RateBound,
    Rates,
    SmallWeights,
)
from regime_lib.chapters.deep_linear.race import Race
from regime_lib.chapters.deep_linear.saddle_sets import MatrixSaddle
from regime_lib.chapters.deep_linear.structure import Conservation, Fibres, MatrixFlow
from regime_lib.companion.figures.theme import Theme
from regime_lib.estimate import number, proportion, run_range

TIMES = np.linspace(0.1, 10, 30)
FALL = np.exp(-TIMES)
RUNS = FALL[:, None] * [1.0, 0.9, 1.1]
VALUES = np.array([1.0, 0.5])
RUN = {"depth 2": (TIMES, RUNS), "depth 3": (TIMES, RUNS)}

FLOW = MatrixFlow({}, {}, (1, 2, 1), np.eye(4), 2 * np.eye(4), np.fliplr(np.eye(4)), 0.0)
DRIFT = Conservation(
    {"dl-conservation": number(3e-11), "dl-conservation-descent": number(1.01)},
    {},
    TIMES,
    {"flow": 0 * FALL, "descent, step 0.01": FALL, "descent, step 0.001": FALL / 10},
    TIMES,
    RUNS,
    FALL,
)
FIBRES = Fibres(
    np.stack([RUNS, RUNS + 1]),
    {"one": np.stack([TIMES, 1 / TIMES])},
    TIMES - 5,
    {"depth 2": 1 + (TIMES - TIMES[3]) ** 2},
)
POINTS = CriticalPoints({}, {}, {"none": 1.0, "all": 0.0}, {"depth 2": np.array([1.0, 0.0, 0.0])})
SADDLES = Saddles({}, {}, pd.DataFrame(), {"origin": (1, 0, 3), "end": (0, 4, 0)})
HALF_LINES = HalfLines(
    {}, TIMES, {"depth 3": FALL}, {"depth 3": FALL}, {"depth 3": -1.0}, TIMES, {"depth 3": FALL}
)
SMALL = SmallWeights({}, {}, RUN, VALUES, {}, {2: np.array([0.1, 0.2]), 3: np.array([0.01])})
RAW = CorrelatedData({"raw-worst-2": 0.25, "raw-worst-3": 0.125}, RUN, VALUES)
KINDS = Initialisations({}, np.array([0.5, 0.2, 0.1]), TIMES, dict.fromkeys("abcde", RUNS[::-1]))
RATES = Rates(
    {"dl-rate": run_range([0.99, 1.0, 1.02], over="3 runs")},
    {},
    {f"depth {h}": (TIMES, FALL) for h in range(1, 6)},
    {f"depth {h}": FALL for h in range(1, 6)},
)
BOUND = RateBound({"dl-rate-bound": number(1.0)}, TIMES, RUNS)
STEPS = LargeSteps(
    {},
    {name: np.array([1.0, 10.0, np.inf, np.nan]) for name in "abcd"},
    {name: np.full(4, 0.5) for name in "abcd"},
    {"a": True, "b": False, "c": False, "d": False},
)
RELU = Relu(
    {},
    RUNS,
    RUNS,
    VALUES,
    pd.DataFrame({"stage": STAGES, "of the steps": 1 / 7, "of the flips": [*[0.125] * 6, 0.25]}),
)
LAW = ScaleLaw({"scale-exponent": 0.53}, TIMES, RUNS, 0.5)

SADDLE = MatrixSaddle(
    {},
    {},
    TIMES,
    {"depth 3": RUNS},
    {"depth 3": 2 * RUNS},
    TIMES,
    {"0": FALL, "0.1": FALL + 1, "0.2": FALL + 2, "0.3": FALL + 3},
)
SHARE = proportion(25, 100, over="starts")
RACE = Race(
    {},
    {},
    dict.fromkeys(("depth 2, weights of 1", "depth 3, weights of 1"), (1.1, 1.2)),
    {name: [SHARE, SHARE] for name in ("depth 2, weights of 1", "depth 3, weights of 1")},
    TIMES,
    {"1": FALL},
)
COEFFICIENTS = Coefficients(
    {},
    {},
    {"depth 2": [3.5, 4.0], "depth 3": [3.0, 4.0]},
    {"depth 2": [SHARE, number(4.0)], "depth 3": [SHARE, SHARE]},
)

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "matrices": lambda theme: figures_structure.matrices(theme, FLOW),
    "drift": lambda theme: figures_structure.drift(theme, DRIFT),
    "fibres": lambda theme: figures_structure.fibres(theme, FIBRES),
    "critical_points": lambda theme: figures_saddles.critical_points(theme, POINTS),
    "inertia": lambda theme: figures_saddles.inertia(theme, SADDLES),
    "portraits": figures_saddles.portraits,
    "half_lines": lambda theme: figures_saddles.half_lines(theme, HALF_LINES),
    "matrix_saddle": lambda theme: figures_saddles.matrix_saddle(theme, SADDLE),
    "race": lambda theme: figures_learning.race(theme, RACE),
    "coefficients": lambda theme: figures_learning.coefficients(theme, COEFFICIENTS),
    "small_weights": lambda theme: figures_learning.small_weights(theme, SMALL),
    "correlated_data": lambda theme: figures_learning.correlated_data(theme, RAW),
    "initialisations": lambda theme: figures_learning.initialisations(theme, KINDS),
    "rates": lambda theme: figures_learning.rates(theme, RATES, BOUND),
    "large_steps": lambda theme: figures_learning.large_steps(theme, STEPS),
    "relu": lambda theme: figures_learning.relu(theme, RELU),
    "scale_law": lambda theme: figures_learning.scale_law(theme, LAW),
    "still": learning_scene.still,
}


def test_alternative_texts_say_the_numbers() -> None:
    assert figures_structure.matrices_alt(FLOW).endswith("whose diagonal is 1.00.")
    assert "below 3e-11 while descent" in figures_structure.drift_alt(DRIFT)
    assert "slope 1.010" in figures_structure.drift_alt(DRIFT)
    assert f"imbalance {TIMES[3] - 5:.2f} (depth 2)." in figures_structure.fibres_alt(FIBRES)
    assert figures_saddles.critical_points_alt(POINTS).startswith("3 points and 2 dotted lines")
    assert figures_saddles.inertia_alt(SADDLES).endswith("origin: 1, 0, 3; end: 0, 4, 0.")
    assert "ratios are 0.500, 0.500, 0.500" in figures_saddles.matrix_saddle_alt(SADDLE)
    assert "depth 2, weights of 1: 0.250 at ratio 1.1" in figures_learning.race_alt(RACE)
    assert "depth 2: exact 3.5, 4, sampled 0.25, 4.00" in figures_learning.coefficients_alt(
        COEFFICIENTS
    )
    assert "slopes -1.000 at depths" in figures_saddles.half_lines_alt(HALF_LINES)
    assert "2.0e-01 at depth 2 and 1.0e-02" in figures_learning.small_weights_alt(SMALL)
    assert "2.5e-01 at depth 2 and 1.2e-01" in figures_learning.correlated_data_alt(RAW)
    assert "between 0.9900 and 1.0200." in figures_learning.rates_alt(RATES, BOUND)
    assert "a, 0.50; b, diverged" in figures_learning.large_steps_alt(STEPS)
    assert "third transition 0.12, end 0.25." in figures_learning.relu_alt(RELU)
    assert "with slope 0.53 where 0.50" in figures_learning.scale_law_alt(LAW)


def test_modes_that_are_not_learnt_in_time_are_said_to_be_learnt_at_zero() -> None:
    modes = np.array([[0.0, 0.0, 0.0], [0.4, 0.0, 0.0], [0.5, 0.2, 0.04]])
    found = Initialisations({}, KINDS.sigma, np.array([0.0, 1.0, 2.0]), {"one": modes})
    assert found.halves == {"one": (1.0, 0.0)}
    assert "one: 1.0 and 0.0 (0 means" in figures_learning.initialisations_alt(found)


def test_bars_are_as_long_as_their_share() -> None:
    (ax,) = FIGURES["inertia"](Theme()).axes
    widths = [round(float(bar.get_width()), 3) for bar in ax.patches]
    assert widths == [0.25, 0.0, 0.0, 1.0, 0.75, 0.0]
    assert [text.get_text() for text in ax.texts] == ["1", "4", "3"]


def test_a_run_that_diverges_is_drawn_up_to_where_it_does() -> None:
    drawn = FIGURES["large_steps"](Theme()).axes[0].lines[0].get_ydata()
    assert np.isfinite(drawn).tolist() == [True, True, False, False]


def test_minima_of_portraits_have_the_product_one() -> None:
    two, three = figures_saddles.portraits_of_chains()
    for x, y in two.minima:
        np.testing.assert_allclose(x * y, 1)
    for x, y in three.minima:
        np.testing.assert_allclose(x * y**2, 1)
    middle = len(two.side) // 2
    assert two.flow[0][middle, middle] == three.flow[1][middle, middle] == 0
