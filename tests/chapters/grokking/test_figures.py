"""The figures on grokking show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.grokking import figures as draw
from regime_lib.chapters.grokking import scene
from regime_lib.chapters.grokking.fourier import FourierFeatures
from regime_lib.chapters.grokking.measure import Addition, RegimeChange
from regime_lib.chapters.grokking.measure_batchnorm import Normalised
from regime_lib.chapters.grokking.run import MeasuredRun
from regime_lib.chapters.grokking.running_statistics import StatisticsRun
from regime_lib.companion.figures.theme import Theme
from regime_lib.lab.training.config import TrainingConfig

RANDOM = np.random.default_rng(0)
STEPS = np.unique(np.geomspace(1, 500, 20).astype(int))
RISING = np.linspace(0.01, 1, len(STEPS))[:, None] * (1 + 0.1 * RANDOM.random(4))
EMPTY = np.full(RISING.shape, np.nan)
RUN = MeasuredRun(
    STEPS, RISING, RISING / 3, RISING, RISING, RISING, np.stack([RISING, RISING]), RISING, EMPTY
)
LATE = replace(RUN, test=RISING / 1.5)
FOURIER = FourierFeatures(
    np.array([1, 10, 99]),
    np.array([0.1, 0.9, 1.0]),
    np.array([0.0, 0.1, 0.8]),
    np.array([0.3, 0.4, 0.95]),
    RANDOM.dirichlet(np.ones(5), (3, 3)),
    RANDOM.normal(size=(3, 3, 11)),
)
ADDITION = Addition({}, {"a": RUN, "b": RUN}, FOURIER, 1)
CONFIG = TrainingConfig(optimizer="sgd", lr=0.1, steps=500, batch_size=None)
MOMENTA = (0.1, 1.0, 0.03)
STATISTICS = StatisticsRun(
    CONFIG, (0, 1, 2, 3), MOMENTA, STEPS, RISING, np.stack([RISING] * 3, axis=1), RISING,
    np.stack([RISING] * 3, axis=1),
)  # fmt: skip
DELAYS = np.array([[10.0] * 4, [0.0] * 4, [40.0] * 4])
TESTS = {"lagging": RISING, "fresh": RISING / 2, "own": RISING}
NORMALISED = Normalised({}, {}, STATISTICS, DELAYS, 4, TESTS)
RISES = {"a": {"flips": 1.5, "excess": 2.0}, "b": {"flips": 0.5, "excess": 1.0}}
CURVES = {name: {"a": RISING, "b": EMPTY} for name in ("test accuracy", "flips / plateau")}
ANSWER = RegimeChange({}, {}, RISES, np.geomspace(0.1, 4, len(STEPS)), CURVES, pd.DataFrame())

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "run": lambda theme: draw.measured_run(theme, RUN),
    "controls": lambda theme: draw.controls(theme, ADDITION.runs),
    "aligned": lambda theme: draw.aligned(theme, ANSWER),
    "statistics": lambda theme: draw.statistics(theme, NORMALISED),
    "spectrum": lambda theme: scene.spectrum_still(theme, ADDITION),
}


def test_lines_are_medians_over_runs_and_moments_that_are_not_known_are_left_out() -> None:
    norm = draw.measured_run(Theme(), RUN).axes[1]
    curve = next(line for line in norm.lines if len(line.get_xdata()) == len(STEPS))
    np.testing.assert_allclose(curve.get_ydata(), np.median(RISING, axis=1))
    marks = [line.get_xdata()[0] for line in norm.lines if len(line.get_xdata()) == 2]
    assert marks == [RUN.moments.medians[0]]  # no network generalises


def test_basins_start_where_every_run_has_one() -> None:
    values = RISING.copy()
    values[:3, 1] = 0.0
    figure = draw.measured_run(Theme(), replace(RUN, sample_basin=values))
    assert figure.axes[2].lines[0].get_xdata()[0] == STEPS[3]


def test_words_for_a_run_hold_every_quantity_at_every_moment() -> None:
    said = draw.measured_run_alt(replace(LATE, weight_basin=RISING))
    memorised, jump = LATE.moments.medians
    assert f"99 % at step {memorised:.0f}, test accuracy 50 % at step {jump:.0f}." in said
    end = np.median(RISING[-1])
    assert said.count(f"{end:.2g} at the end") == 5


def test_words_for_other_figures_hold_their_numbers() -> None:
    assert f"a {np.median(RISING[-1]) / 3:.2f}, b" in draw.controls_alt(ADDITION.runs)
    assert "plateau: a 1.50, b 0.50; per relative weight step: a 2.00" in draw.aligned_alt(ANSWER)
    said = draw.statistics_alt(NORMALISED)
    assert f"At step {STEPS[4]}, " in said
    assert said.endswith("from 0 steps at momentum 1 to 40 at momentum 0.03.")


def test_words_for_the_moving_picture_are_of_memorisation_and_the_end() -> None:
    said = scene.spectrum_alt(ADDITION)
    assert "step 10, training accuracy 0.90 and test accuracy 0.10" in said
    assert "average 0.40 of its power; at step 99, with test accuracy 0.80, 0.95" in said


def test_the_moving_picture_has_a_frame_for_every_check() -> None:
    moving = scene.spectrum_scene(FOURIER)
    assert list(moving.frames) == [(0,), (1,), (2,)]
    assert "step 10: training accuracy 0.90, test accuracy 0.10" in moving.frames[(1,)].readout
    assert moving.start == (2,)
    bars = moving.frames[(2,)].marks[1]
    heights = [bar.y[1] for bar in bars]  # type: ignore[union-attr,index]
    np.testing.assert_allclose(heights, FOURIER.shares[2].ravel())
