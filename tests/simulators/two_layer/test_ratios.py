"""Measured over predicted: against a fine grid in time, an even start, the grid's corners."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Flow
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons, random_neurons
from regime_lib.simulators.two_layer.ratios import PhaseRatios, phase_ratios, settings_around
from regime_lib.simulators.two_layer.solver import exact_flow
from tests.companion.refusals import refused

PROBLEM, KAPPA1 = TwoPoints(2.0, 0.02), 1e-4


@pytest.fixture(scope="module")
def flow() -> Flow:
    return exact_flow(PROBLEM, even_neurons(400, kappa1=KAPPA1), 1e9)


@pytest.fixture(scope="module")
def ratios(flow: Flow) -> PhaseRatios:
    return phase_ratios(flow, KAPPA1)


def test_all_predictions_hold_at_a_small_angle_from_an_even_start(ratios: PhaseRatios) -> None:
    found = asdict(ratios)
    for name in ("off_share", "on_share", "on_ratio"):
        assert found[name] == pytest.approx(1, abs=1e-3)
    for name in ("living_plus", "living_minus", "height", "accuracy_time", "off_time", "arrival"):
        assert found[name] == pytest.approx(1, abs=0.03)
    assert found["final_constant"] == pytest.approx(1, abs=1e-2)
    assert found["final_exponent"] == pytest.approx(-1, abs=1e-2)
    assert found["later_events"] == 0
    assert found["condensed_plus"] < 1e-2


def test_the_arrival_is_when_the_loss_comes_within_two_per_cent(
    flow: Flow, ratios: PhaseRatios
) -> None:
    run = measure_phases(flow)
    times = np.linspace(0.1, 20, 4001)
    inside = flow.loss(times) <= 1.02 * theory.plateau_loss(PROBLEM)
    by_hand = times[np.argmax(inside)]
    predicted = theory.arrival_time(PROBLEM, run.alive_plus)
    assert ratios.arrival * predicted == pytest.approx(by_hand, abs=0.006)


@pytest.mark.parametrize("p", [2.0, 4.0, 50.0])
def test_the_tanh_law_is_within_two_per_cent_at_the_predicted_arrival(p: float) -> None:
    problem = TwoPoints(p, 0.1, 0.5)
    time = theory.arrival_time(problem, 0.25)
    root = theory.rise(problem, 0.25, np.array([time]))[0]
    loss = p / (1 + p) / root + root / (1 + p)
    assert loss / theory.plateau_loss(problem) == pytest.approx(1.02, rel=1e-12)


def test_classes_that_are_nearly_balanced_start_on_the_plateau() -> None:
    assert math.isnan(theory.arrival_time(TwoPoints(1.2, 0.1), 0.25))


def test_what_a_run_does_not_reach_is_not_a_number() -> None:
    brief = phase_ratios(exact_flow(PROBLEM, random_neurons(200, 0, kappa1=KAPPA1), 3.0), KAPPA1)
    for name in ("off_time", "on_delay", "on_ratio", "final_constant", "later_events", "arrival"):
        assert math.isnan(asdict(brief)[name])
    assert brief.living_plus == pytest.approx(1, abs=0.4)
    with refused("must lie in"):
        phase_ratios(exact_flow(PROBLEM, random_neurons(100, 0, kappa1=0.01), 0.01), 0.01)


def test_the_grid_holds_every_combination_once_and_its_own_centre() -> None:
    grid = settings_around(TwoPoints(4.0, 0.1, 1.0), 1e-3)
    levels = [tuple(names.values()) for _, _, names in grid]
    assert len(set(levels)) == len(grid) == 54
    for problem, kappa1, names in grid:
        assert problem.p == 4 * 2 ** names["p"]
        assert problem.delta == pytest.approx(0.1 * 2 ** names["Δ"])
        assert problem.kappa2 == 4.0 ** names["κ₂"]
        assert kappa1 == pytest.approx(1e-3 * 10 ** names["κ₁"])


def test_the_grid_keeps_to_where_the_formulas_hold() -> None:
    grid = settings_around(TwoPoints(2.0, 0.4, 1.0), 0.01)
    assert all(problem.dominated for problem, _, _ in grid)
    assert max(kappa1 for _, kappa1, _ in grid) == 0.01
