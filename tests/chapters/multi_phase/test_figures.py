"""The figures on four phases show the numbers they are given, in every variant."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase import figures_laws as laws
from regime_lib.chapters.multi_phase import figures_runs as runs
from regime_lib.chapters.multi_phase import figures_tests as tests
from regime_lib.chapters.multi_phase import scene
from regime_lib.chapters.multi_phase.any_points import AnyPoints, Family
from regime_lib.chapters.multi_phase.by_descent import ByDescent
from regime_lib.chapters.multi_phase.condensation import Condensation, Living
from regime_lib.chapters.multi_phase.convergence import Limits, Spread
from regime_lib.chapters.multi_phase.one_run import OneRun, Plane
from regime_lib.chapters.multi_phase.plateaus import TIMES, Dependence, OnPlateau, Scaling
from regime_lib.chapters.multi_phase.saddles import Saddles
from regime_lib.chapters.multi_phase.segmentation import Series
from regime_lib.chapters.multi_phase.settings import PARAMETERS
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.chapters.multi_phase.trend import Complexity, Segments
from regime_lib.chapters.multi_phase.variations import Survival, Tracked, Variant, Variants
from regime_lib.companion.figures.scene import Points
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.phases import Phases, Plateau

RANDOM = np.random.default_rng(0)
T = np.geomspace(1e-4, 1e4, 60)
LOSS = 1 / (1 + T)
ROWS = LOSS * (1 + 0.1 * RANDOM.random((5, 60)))
PHASES = Phases(1e-2, 1.0, 5.0, 10.0, 10.1, 1.0, 20.0, 1.0, 1.0, 0, 0.25, 0.14)
COUNTS = np.zeros((60, 2, len(Pattern)), dtype=int)
COUNTS[:, :, Pattern.BOTH] = 7
COUNTS[30:, 0, Pattern.BOTH] = 3
COUNTS[30:, 0, Pattern.SLIDE_V] = 4
RUN = OneRun(
    {},
    PHASES,
    Plateau(3.0, -0.01, 0.8, 0.8),
    {"I": 1e-2, "II": 10.0, "III": 20.0},
    T,
    LOSS,
    1.0 * (LOSS < 0.5),
    T[30:40],
    LOSS[30:40],
    T,
    COUNTS,
    T,
    LOSS,
    T[:9],
    T,
    np.where(T < 1e-2, 1.0, 0.0),
    {"weight": 1.0, "pattern": 9e-3},
)
NEVER = np.array([[1.0, 2.0, np.nan], [1.0, np.nan, np.nan], [1.0, 3.0, np.nan]])
AXIS = Dependence(T[:3], dict.fromkeys(TIMES, NEVER), dict.fromkeys(TIMES, LOSS[:3]), NEVER)
SCALING = Scaling(
    {}, {}, {"Δ": AXIS, "κ₁": AXIS}, {(s, name): "1.00" for s in ("Δ", "κ₁") for name in TIMES}
)
LEVELS = pd.DataFrame(np.tile([[-1], [0], [1]], (2, 4)), columns=PARAMETERS)
MEASURED = np.array([1.0, 2.0, 3.0, 3.0, np.nan, 5.0])
SPREAD = Spread({}, LEVELS.assign(**dict.fromkeys(laws.PANELS, MEASURED)))
WEIGHTS = RANDOM.standard_normal((3, 4, 2))
PLANE = Plane(
    0.6,
    PHASES,
    T[:3],
    LOSS[:3],
    LOSS[:3],
    ("I", "II", "IV"),
    WEIGHTS / np.linalg.norm(WEIGHTS, axis=-1, keepdims=True),
    np.array([1.0, 1.0, -1.0, -1.0]),
    np.array([[True] * 4, [True, False, True, False], [True, False, False, False]]),
)
SENSITIVITY = Sensitivity(
    {}, {}, 1e12, np.array([0.4, 0.6, 1.2]), np.array([3.0, 9.0, np.nan]), LOSS, T, 1.1
)
EVENTS = {"T_acc": 1.0, "T_II": math.nan, "T_III": 3.0}
TRACKED = Tracked({"tracked-flips": 2.0}, T, LOSS, LOSS, {"T_II": 2.0})
VARIANTS = Variants(
    {}, (Variant("logistic", T, LOSS, {"T_acc": 1.0, "T_II": math.nan, "T_III": 3.0}),)
)
LIVING = Living({}, {}, ROWS[:2, :4], (0.25, 0.14), np.arange(1, 61), LOSS)
ANGLES = Condensation(
    {}, {}, 1.0, T, np.stack([ROWS, ROWS], 1), ROWS[:, :2], T[:3], np.stack([ROWS[:, :3]] * 2, 1)
)
PLATEAU = OnPlateau({}, {}, 4.0, T, ROWS, LOSS, T, ROWS)
COMPLEXITY = Complexity({}, {}, T, 1 + ROWS, 2 * ROWS, ("start", "end"), np.full((5, 2), 2))
SEGMENTS = Segments(
    {},
    {},
    Series(np.geomspace(1e-3, 1e3, 61), LOSS - 1, LOSS, 1.0 * (T < 1e-2)),
    np.array([0.5, 20.0]),
    {"I": 1e-2, "II": 10.0, "III": 20.0},
    np.array([2, 3, 3]),
)
SADDLES = Saddles({}, {}, T, ROWS, T[:10].reshape(5, 2), ROWS[:, :2], np.ones((5, 2)))
LATE_CHANGES = np.array([[np.nan, 1e-3, 9.0]] * 5)
FAMILY = Family(np.tile(LOSS, (5, 1)), LATE_CHANGES, np.array([True] * 4 + [False]), 3)
ANY_POINTS = AnyPoints({}, {}, T, FAMILY, FAMILY)
LATE = np.array([30.0, np.nan, 90.0])
DESCENT = ByDescent({}, {}, LATE, LATE / 90, LATE / LATE, np.array([0.1, 0.2, 0.3]), LATE / 300)
LIMITS = Limits({}, {}, T, ROWS, LOSS[:5], LOSS[:5])
SURVIVAL = Survival({}, T, {"2 dimensions": ROWS}, T, LOSS, 3.0)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "phases": lambda theme: runs.phases(theme, RUN),
    "patterns": lambda theme: runs.patterns(theme, RUN),
    "settling": lambda theme: runs.settling(theme, RUN),
    "tracked": lambda theme: runs.tracked(theme, TRACKED),
    "variants": lambda theme: runs.variants(theme, VARIANTS),
    "living": lambda theme: laws.living(theme, LIVING),
    "condensation": lambda theme: laws.condensation(theme, ANGLES),
    "plateau": lambda theme: laws.plateau(theme, PLATEAU),
    "scaling": lambda theme: laws.scaling(theme, SCALING),
    "sensitivity": lambda theme: laws.sensitivity(theme, SENSITIVITY),
    "limits": lambda theme: laws.limits(theme, LIMITS),
    "complexity": lambda theme: laws.complexity(theme, COMPLEXITY),
    "segments": lambda theme: tests.segments(theme, SEGMENTS),
    "saddles": lambda theme: tests.saddles(theme, SADDLES),
    "any points": lambda theme: tests.any_points(theme, ANY_POINTS),
    "descent": lambda theme: laws.by_descent(theme, DESCENT),
    "spread": lambda theme: laws.spread(theme, SPREAD),
    "survival": lambda theme: laws.survival(theme, SURVIVAL),
    "plane": lambda theme: scene.three_moments(theme, PLANE),
}


def test_words_quote_the_numbers() -> None:
    assert "to 0.80, stays there" in runs.phases_alt(RUN)
    assert "4 living positive neurons go" in runs.patterns_alt(RUN)
    assert "below a tenth of that at 1 " in runs.settling_alt(RUN)
    assert "2.00 bits flip" in runs.tracked_alt(TRACKED)
    assert (
        "logistic: full accuracy 1, positives switch off nan, negatives switch on 3."
        in runs.variants_alt(VARIANTS)
    )
    assert f"positive {ROWS[0, :4].min():.3f} to" in laws.living_alt(LIVING)
    assert f"neuron is at {np.median(ROWS[:, 0]):.1e}" in laws.condensation_alt(ANGLES)
    assert f"within {100 * ROWS.max():.2f} per cent" in laws.plateau_alt(PLATEAU)
    assert "Exponents of positives switch off: Δ 1.00, κ₁ 1.00." in laws.scaling_alt(SCALING)
    assert "from 3 to 9.0e+00; 1 of 3 networks" in laws.sensitivity_alt(SENSITIVITY)
    assert "from 1 to 1" in laws.limits_alt(LIMITS)
    first = 1 + np.median(ROWS[:, 0])
    assert f"From {first:.2f} features" in laws.complexity_alt(COMPLEXITY)
    assert f"The rank on a fan of inputs goes from {2 * (first - 1):.2f}" in laws.complexity_alt(
        COMPLEXITY
    )
    assert "begin at 0.5, 20. Segments found: 2 in 1 runs, 3" in tests.segments_alt(SEGMENTS)
    assert f"has {np.median(ROWS[:, 0]):.2f} of its" in tests.saddles_alt(SADDLES)
    none = copy.copy(SADDLES)
    object.__setattr__(none, "there", np.empty((0, 2)))
    assert tests.saddles_alt(none) == "No network rests."
    assert "Of 5 losses on random points 4 are learnt" in tests.any_points_alt(ANY_POINTS)
    assert "at times from 30 to 90" in laws.by_descent_alt(DESCENT)
    never = dataclasses.replace(DESCENT, switched=np.full(3, np.nan))
    assert laws.by_descent_alt(never) == "No network switches in time."
    assert "At the widest angle: living positive 4," in laws.spread_alt(SPREAD)
    assert "2 dimensions 1." in laws.survival_alt(SURVIVAL)
    assert "3 of 4 die" in scene.plane_alt(PLANE)


def test_runs_that_never_arrive_count_as_the_longest() -> None:
    figure = FIGURES["scaling"](Theme())
    (container, *_) = figure.axes[0].containers
    middle = container.lines[0].get_ydata()
    assert middle[:2].tolist() == [1.0, 3.0]
    assert np.isnan(middle[2])


def test_patterns_stack_to_the_number_of_neurons() -> None:
    figure = FIGURES["patterns"](Theme())
    assert [ax.get_ylim()[1] for ax in figure.axes] == [7, 7]


def test_a_spread_shows_medians_of_the_runs_that_get_there() -> None:
    first, *_ = FIGURES["spread"](Theme()).axes
    medians = [line for line in first.lines if line.get_marker() == "o"]
    assert len(medians) == len(PARAMETERS)
    for line in medians:
        assert np.allclose(line.get_ydata(), [2.0, 2.0, 4.0])


def test_the_scene_shows_every_neuron_at_every_moment() -> None:
    made = scene.moving_neurons(PLANE)
    assert made.sliders[0].labels == tuple(f"{time:.3g}" for time in PLANE.times)
    for (i,), frame in made.frames.items():
        dots = [mark for mark in frame.marks[0] if isinstance(mark, Points)]
        assert sum(len(np.asarray(mark.x)) for mark in dots) == 4
        assert f"phase {PLANE.names[i]}: " in frame.readout
    assert "1 positive and 0 negative neurons alive" in made.frames[(2,)].readout


def test_directions_are_true_and_radii_logarithmic() -> None:
    long = dataclasses.replace(PLANE, weights=PLANE.weights * np.array([1, 11, 111])[:, None, None])
    frame = scene.moving_neurons(long).frames[(1,)]
    x, y = np.hstack([[mark.x, mark.y] for mark in frame.marks[0]])
    assert np.hypot(x, y) == pytest.approx(2)  # log10(1 + 9 x 11)


def test_dots_mark_the_late_changes_alone() -> None:
    figure = FIGURES["any points"](Theme())
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert [list(line.get_xdata()) for line in dots] == [[9.0]] * 5
