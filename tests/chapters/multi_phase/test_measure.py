"""What chapter 40 measures agrees with counting, with exact sums and with descent by hand."""

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
)
from regime_lib.chapters.multi_phase.convergence import Spread, quantiles, rank_correlation
from regime_lib.chapters.multi_phase.one_run import weight_speed
from regime_lib.chapters.multi_phase.plateaus import Dependence, in_words
from regime_lib.chapters.multi_phase.settings import PARAMETERS, or_no_run, solved, typical
from regime_lib.chapters.multi_phase.switches import log_slope_of, share_without_majority
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.estimate import number
from regime_lib.keeping import dumps, loads
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

TINY = multi_phase.Settings(
    n_seeds=3, m=60, d=5, ratio=4.0, delta=0.1, kappa1=1e-3, kappa2=1.0, seed=2
)
PARTS = [field.name for field in dataclasses.fields(multi_phase.Measurements)]


@pytest.fixture(scope="module")
def measured() -> multi_phase.Measurements:
    return multi_phase.measure(TINY)


@pytest.mark.untyped  # thousands of events: too slow with every call checked
class TestMeasured:
    """Everything at a tiny setting, measured once."""

    def test_every_claim_of_the_chapter_is_measured_once(
        self, measured: multi_phase.Measurements
    ) -> None:
        claims = load_claims(find_project().claims_file).values()
        own = {claim.id: claim.unit for claim in claims if claim.chapter == "40_multi_phase"}
        assert {name: found.unit for name, found in claims_in(measured).items()} == own

    @pytest.mark.parametrize("part", PARTS)
    def test_every_part_survives_keeping(
        self, measured: multi_phase.Measurements, part: str
    ) -> None:
        result = getattr(measured, part)
        content = dumps(result)
        assert dumps(loads(type(result), content)) == content

    def test_networks_are_counted_at_every_event(self, measured: multi_phase.Measurements) -> None:
        runs = solved(TINY)
        times = [run.phases.on_first for run in runs if not math.isnan(run.phases.on_first)]
        row = measured.networks.table.set_index("event").loc["on_first"]
        assert row["networks"] == len(times) == measured.networks.numbers["reached"]
        assert (row["first"], row["last"]) == (min(times), max(times))

    def test_solvers_approach_the_exact_flow(self, measured: multi_phase.Measurements) -> None:
        table = measured.solver_errors.table
        for check in ("solve_ivp", "gradient descent"):
            errors = table[table["check"] == check]["largest error"].to_numpy()
            assert (np.diff(errors) < 0).all()
            assert errors[-1] < 2e-4
        assert table["largest error"].iloc[-1] == 0

    def test_one_run_counts_all_neurons_until_the_last_change(
        self, measured: multi_phase.Measurements
    ) -> None:
        run = measured.one_run
        assert (run.counts.sum(axis=(1, 2)) == TINY.m).all()
        assert run.settled["pattern"] == run.changes.max() < run.times[-1]
        calm = run.settled["weight"]
        assert (run.speed[run.speed_times >= calm] <= 0.1).all()
        assert run.numbers["settled-factor"] == f"{run.settled['pattern'] / calm:.0f}"
        assert np.abs(run.law / np.interp(run.on_plateau, run.times, run.loss) - 1).max() < 0.02

    def test_the_plane_shows_all_phases_in_order(self, measured: multi_phase.Measurements) -> None:
        plane = measured.plane
        order = ["I", "II", "III", "IV"]
        assert list(dict.fromkeys(plane.names)) == order
        assert np.linalg.norm(plane.weights[0], axis=1) * 8 == pytest.approx(1e-3, rel=0.02)
        counts = plane.alive.sum(axis=1)
        assert counts[0] > counts[-1] == plane.alive[:, plane.alive[-1]].all(axis=0).sum()

    def test_the_farthest_neuron_is_the_farthest_by_its_cosine(
        self, measured: multi_phase.Measurements
    ) -> None:
        found, flow = measured.condensation, solved(TINY)[0].flow
        _, patterns = flow.neurons(np.array([found.ready]))
        weights = flow.weights(found.ready)
        unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        directions = theory.condensation_directions(TINY.problem)
        for row, sign in enumerate((1, -1)):
            chosen = (patterns[0] != Pattern.OFF) & (flow.start.signs == sign)
            worst = (1 - unit[chosen, :2] @ directions[row]).max()
            assert found.at_end[0, row] == pytest.approx(worst, rel=1e-6, abs=1e-12)
        assert (np.diff(found.smaller["negative"]) < 0).all()

    def test_the_plateau_follows_its_laws(self, measured: multi_phase.Measurements) -> None:
        found = measured.plateau
        assert found.rises[:, 0] == pytest.approx(1, abs=1e-3)
        assert np.abs(found.off_law).max() < 0.01
        drift = found.claims["mp-plateau-drift"].value
        assert drift == pytest.approx(np.median(np.abs(found.off_law).max(axis=1)))

    def test_times_scale_with_the_outputs_by_symmetry(
        self, measured: multi_phase.Measurements
    ) -> None:
        # as long as the start is small, only kappa2^2 t matters
        found = measured.scaling.claims["mp-plateau-time-scale"].value
        assert found == pytest.approx(-2, abs=1e-5)

    def test_the_switch_follows_its_law(self, measured: multi_phase.Measurements) -> None:
        found = measured.sensitivity
        law = np.interp(found.ratios, found.law_ratios, np.log(found.law))
        reached = np.isfinite(found.switched) & (found.ratios <= found.law_ratios.max())
        assert np.log(found.switched[reached]) == pytest.approx(law[reached], rel=0.05)
        assert found.numbers["small-never"] == np.isnan(found.switched).sum()
        if (rare := found.ratios > found.never).any():
            assert np.isnan(found.switched[rare]).all()

    def test_the_margin_and_the_loss_reach_their_limits(
        self, measured: multi_phase.Measurements
    ) -> None:
        found = measured.limits
        assert found.final == pytest.approx(found.predicted, rel=1e-4)
        assert found.approach[:, -1] == pytest.approx(1, abs=1e-4)
        low, high = map(float, str(found.numbers["margin-measured"]).split(" to "))
        assert low == pytest.approx(1, abs=0.01) == high

    def test_the_spread_is_the_median_at_a_level(self, measured: multi_phase.Measurements) -> None:
        found = measured.spread
        wide = [row["arrival"] for _, row in found.table.iterrows() if row["Δ"] == 1]
        assert found.numbers["wide-arrival"] == pytest.approx(np.nanmedian(wide))
        claim = measured.plateau.claims["mp-plateau-arrival"]
        assert claim.value == pytest.approx(np.nanmedian(found.table["arrival"]))
        assert claim.over.endswith("54 settings x 3 seeds")

    def test_the_tracker_counts_what_descent_by_hand_flips(
        self, measured: multi_phase.Measurements
    ) -> None:
        found, problem, kept = measured.tracked, TwoPoints(2.0, 0.4), np.r_[:32, 32:64:2]
        full = even_neurons(64, kappa1=0.05)
        weights, signs = full.weights[kept].copy(), full.signs[kept]
        a, x = signs / math.sqrt(len(kept)), problem.inputs()
        patterns = [weights @ x.T > 0]
        for _ in range(11_000):
            on = weights @ x.T > 0
            plus, minus = a @ np.maximum(weights @ x.T, 0)
            slopes = np.array([2 * np.exp(-plus), -np.exp(minus)]) / 3
            weights += 0.01 * (a[:, None] * on * slopes) @ x
            patterns.append(weights @ x.T > 0)
        flips = [np.mean(a != b) for a, b in zip(patterns[-201:-1], patterns[-200:], strict=True)]
        assert found.flips[-1] == pytest.approx(np.mean(flips), rel=0.02)
        assert found.numbers["tracked-flips"] == pytest.approx(96 * np.mean(flips), rel=0.02)

    def test_the_variant_of_the_paper_is_the_exact_flow(
        self, measured: multi_phase.Measurements
    ) -> None:
        found = measured.variants.runs[0].events
        run = measure_phases(exact_flow(TwoPoints(2.0, 0.2), even_neurons(80), 3e5))
        assert found["T_II"] == pytest.approx(run.off_first, rel=1e-4)
        assert found["T_III"] == pytest.approx(run.on_first, rel=1e-4)
        assert found["T_acc"] == pytest.approx(run.accurate, rel=0.05)  # at the integrator's steps

    def test_small_steps_keep_what_large_steps_kill(
        self, measured: multi_phase.Measurements
    ) -> None:
        found = measured.survival
        for rows in found.constant.values():
            assert rows[:, 0] == pytest.approx(1, abs=0.15)
            assert rows[:, -1] == pytest.approx(0, abs=0.01)
        assert (found.raised[found.moments > found.safe] > 0.8).all()
        assert found.raised[0] == 0


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
    assert (found.value, found.n, found.over) == (2.5, 2, "2 settings")


def test_runs_that_do_not_get_there_leave_the_rest() -> None:
    assert typical(np.array([3.0, np.nan, 1.0]), "3 seeds").value == 2
    assert not typical(np.array([3.0, np.nan]), "2 seeds").known
    assert or_no_run(math.nan) == "no run"


def test_the_speed_of_the_weights_is_their_derivative() -> None:
    flow = exact_flow(TwoPoints(2.0, 0.4), even_neurons(20, kappa1=0.01), 50.0)
    for time in (1.0, 12.0, 40.0):
        step = 1e-4 * time
        moved = flow.weights(time + step) - flow.weights(time - step)
        found = weight_speed(flow, np.array([time]))[0]
        assert found == pytest.approx(np.linalg.norm(moved) / (2 * step), rel=1e-5)


def test_a_power_law_has_its_exponent_and_a_short_row_none() -> None:
    values = np.geomspace(1, 100, 4)
    rows = np.array([3 * values**-1.5, [1.0, np.nan, np.nan, 2.0]])
    axis = Dependence(values, {"T_acc": rows}, {}, rows)
    assert axis.exponents("T_acc") == pytest.approx([-1.5])
    assert in_words(typical(np.array([1.0, 1.0]), "2 seeds")) == "1.00 (1.00 to 1.00)"
    assert in_words(number(None)) == "not reached"


def test_a_slope_of_logarithms_needs_four_networks() -> None:
    predicted = np.geomspace(1, 1e6, 12)
    found = log_slope_of(predicted, 5 * predicted**0.9, 0)
    assert found.value == pytest.approx(0.9)
    assert not log_slope_of(predicted[:3], predicted[:3], 0).known


def test_ranks_correlate_whatever_the_scale() -> None:
    x = np.array([1.0, 2.0, 3.0, 5.0])
    assert rank_correlation(x, x**3, 0).value == pytest.approx(1)
    assert rank_correlation(x, -x, 0).value == pytest.approx(-1)
    assert not rank_correlation(x[:3], x[:3], 0).known


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
