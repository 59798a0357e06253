"""How chapter 40 counts and averages agrees with sums by hand, on numbers that are made up."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

from regime_lib.chapters.multi_phase import measure as multi_phase
from regime_lib.chapters.multi_phase.condensation import (
    RANGES,
    chance_of_ranges,
    mean_over_settings,
    share_within,
)
from regime_lib.chapters.multi_phase.convergence import Spread, quantiles, rank_correlation
from regime_lib.chapters.multi_phase.one_run import settles, weight_speed
from regime_lib.chapters.multi_phase.plateaus import Dependence, in_words
from regime_lib.chapters.multi_phase.settings import PARAMETERS, or_no_run, typical
from regime_lib.chapters.multi_phase.switches import (
    log_slope_of,
    share_of_settings,
    share_without_majority,
)
from regime_lib.chapters.multi_phase.trend import fan_ranks
from regime_lib.estimate import number
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

TINY = multi_phase.Settings(
    n_seeds=3, m=60, d=5, ratio=4.0, delta=0.1, kappa1=1e-3, kappa2=1.0, seed=2
)


def test_the_chance_of_both_ranges_is_a_sum_of_binomials() -> None:
    expected = 1.0
    for share, (low, high) in zip((0.25, 0.1), RANGES, strict=True):
        expected *= sum(
            math.comb(50, k) * share**k * (1 - share) ** (50 - k)
            for k in range(51)
            if low <= k / 50 <= high
        )
    assert chance_of_ranges(np.array([50]), (0.25, 0.1))[0] == pytest.approx(expected)


def test_a_mean_over_settings_weighs_every_setting_alike() -> None:
    levels = [(0, 0, 0, 0), (0, 0, 0, 0), (1, 0, 0, 0)]
    table = pd.DataFrame(levels, columns=PARAMETERS).assign(x=[1.0, 2.0, 3.5])
    found = mean_over_settings(table, "x")
    assert (found.value, found.n, found.over) == (2.5, 2, "the means of 2 settings")


def test_a_share_of_settings_counts_a_setting_once() -> None:
    rows = [(-1, 0, 0, 0)] * 3 + [(0, 0, 0, 0)] * 3 + [(1, 0, 0, 0)] * 2
    shares = [1.0, 0.995, 1.0, 1.0, 0.5, 1.0, math.nan, math.nan]
    table = pd.DataFrame(rows, columns=PARAMETERS).assign(off_share=shares)
    found = share_of_settings(table)
    assert (found.value, found.n) == (0.5, 2)
    assert not share_of_settings(table[table["Δ"] > 0]).known


def test_a_share_of_networks_holds_the_ends_of_the_range() -> None:
    found = share_within(np.array([0.1, 0.2, 0.3, 0.31]), (0.2, 0.3))
    assert (found.value, found.n) == (0.5, 4)


def test_runs_that_do_not_get_there_leave_the_rest() -> None:
    found = typical(np.array([3.0, np.nan, 1.0]), "3 seeds")
    assert (found.value, found.over) == (2, "the 2 that get there of 3 seeds")
    assert not typical(np.array([3.0, np.nan]), "2 seeds").known
    assert or_no_run(math.nan) == "no run"


def test_the_speed_of_the_weights_is_their_derivative() -> None:
    flow = exact_flow(TwoPoints(2.0, 0.4), even_neurons(20, kappa1=0.01), 50.0)
    for time in (1.0, 12.0, 40.0):
        step = 1e-4 * time
        moved = flow.weights(time + step) - flow.weights(time - step)
        found = weight_speed(flow, np.array([time]))[0]
        assert found == pytest.approx(np.linalg.norm(moved) / (2 * step), rel=1e-5)


def test_the_rank_on_a_fan_is_that_of_its_singular_values() -> None:
    flow = exact_flow(TwoPoints(2.0, 0.4), even_neurons(20, kappa1=0.01), 50.0)
    angles = 2 * np.pi * np.arange(64) / 64
    for time in (0.0, 20.0):
        seen = np.column_stack([np.cos(angles), np.sin(angles)]) @ flow.weights(time).T
        squares = np.linalg.svd(np.maximum(seen, 0), compute_uv=False) ** 2
        truth = squares.sum() ** 2 / (squares**2).sum()
        assert fan_ranks(flow, np.array([time])) == pytest.approx([truth])


def test_a_rate_settles_after_its_last_large_window() -> None:
    windows = np.array([1.0, 2, 4, 8, 16])
    assert settles(windows, np.array([10.0, 0.5, 2, 0.9])) == 8
    assert settles(windows, np.array([10.0, 0.5, 0.2, 1])) == 16
    assert settles(windows, np.array([10.0, 2.0, 0.2, 0.05]), 0.01) == 8


def test_a_power_law_has_its_exponent_and_a_short_row_none() -> None:
    values = np.geomspace(1, 100, 4)
    rows = np.array([3 * values**-1.5, [1.0, np.nan, np.nan, 2.0]])
    axis = Dependence(values, {"T_acc": rows}, {}, rows)
    assert axis.exponents("T_acc") == pytest.approx([-1.5])
    bent = dataclasses.replace(axis, measured={"T_acc": np.maximum(rows, 0.024)})
    late = np.polyfit(np.log(values[1:]), np.log(np.maximum(rows[0, 1:], 0.024)), 1)[0]
    assert bent.exponents("T_acc", values[1]) == pytest.approx([late])
    assert len(bent.exponents("T_acc", 30.0)) == 0
    assert in_words(typical(np.array([1.0, 1.0]), "2 seeds")) == "1.00 (1.00 to 1.00)"
    assert in_words(number(None)) == "not reached"


def test_a_slope_of_logarithms_needs_four_networks() -> None:
    predicted = np.geomspace(1, 1e6, 12)
    found = log_slope_of(predicted, 5 * predicted**0.9, 0)
    assert found.value == pytest.approx(0.9)
    assert not log_slope_of(predicted[:3], predicted[:3], 0).known


def test_ranks_correlate_whatever_the_scale() -> None:
    x = np.array([1.0, 2.0, 3.0, 5.0])
    assert rank_correlation(x, x**3, 0, "runs").value == pytest.approx(1)
    assert rank_correlation(x, -x, 0, "runs").value == pytest.approx(-1)
    assert not rank_correlation(x[:3], x[:3], 0, "runs").known


def test_how_often_positives_are_no_majority_is_a_sum_over_draws() -> None:
    plus, minus = theory.living_fractions(TINY.problem)
    rest, cos = 1 - plus - minus, TINY.problem.cos
    exact = sum(
        math.comb(40, i) * math.comb(40 - i, j) * plus**i * minus**j * rest ** (40 - i - j)
        for i in range(41)
        for j in range(41 - i)
        if j * cos >= i
    )
    assert share_without_majority(TINY) == pytest.approx(exact, abs=0.008)


def test_quantiles_leave_out_the_levels() -> None:
    table = pd.DataFrame(0, index=range(5), columns=PARAMETERS).assign(x=np.arange(5.0))
    found = quantiles(Spread({}, table))
    assert list(found.index) == ["x"]
    assert found.loc["x", ["least", "median", "most", "runs"]].tolist() == [0, 2, 4, 5]


def test_the_network_in_torch_has_the_loss_of_the_problem() -> None:
    model, inputs, loss = multi_phase.network_in_torch()
    with torch.no_grad():
        plus, minus = model(inputs)[:, :1].numpy()
        assert loss().item() == pytest.approx(TwoPoints(2.0, 0.4).loss(plus, minus).item())
    assert [p.requires_grad for p in model.parameters()] == [True, False]
