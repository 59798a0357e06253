"""What chapter 40 measures agrees with counting, with exact sums and with descent by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from regime_lib.chapters.multi_phase import measure as multi_phase
from regime_lib.chapters.multi_phase.one_run import log_windows, rates_in
from regime_lib.chapters.multi_phase.plateaus import Rests
from regime_lib.chapters.multi_phase.settings import PARAMETERS, solved
from regime_lib.chapters.multi_phase.trend import effective_features, in_order
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.phases import largest_angles, living_at, measure_phases
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons, random_neurons
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

    def test_the_parts_with_claims_and_no_others_are_named(
        self, measured: multi_phase.Measurements
    ) -> None:
        with_claims = {part for part in PARTS if getattr(getattr(measured, part), "claims", None)}
        assert {part.__name__ for part in multi_phase.PARTS} == with_claims
        kinds = {load_claims(find_project().claims_file)[name].kind for name in claims_in(measured)}
        assert ("empirical" in kinds) == bool(multi_phase.EMPIRICAL)

    def test_one_run_counts_all_neurons_until_the_last_change(
        self, measured: multi_phase.Measurements
    ) -> None:
        run = measured.one_run
        assert (run.counts.sum(axis=(1, 2)) == TINY.m).all()
        assert run.changes.max() < run.times[-1]
        assert np.abs(run.law / np.interp(run.on_plateau, run.times, run.loss) - 1).max() < 0.02

    def test_weights_and_patterns_settle_by_one_yardstick(
        self, measured: multi_phase.Measurements
    ) -> None:
        run, calm = measured.one_run, measured.one_run.settled["weight"]
        assert (run.speed[run.speed_times >= 1.6 * calm] < 0.1).all()  # a window is that wide
        assert run.speed[run.speed_times >= calm / 2.6].max() > 0.1
        late = run.rate_times > run.settled["pattern"]
        assert (run.rate[late] < 0.1).all()
        assert run.rate[~late][-1] >= 0.1
        flow = next(one for one in solved(TINY) if one.done).flow
        windows = log_windows(1e-5, 1e6)
        seen = rates_in(flow, windows)["pattern"] * np.diff(windows)
        entries = flow.entry_time[TINY.m :]
        assert seen.sum() == ((entries >= windows[0]) & (entries <= windows[-1])).sum()

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
        assert found.by_start[0, :, 0] == pytest.approx(found.at_end[0])

    def test_condensation_is_proportional_to_the_start(
        self, measured: multi_phase.Measurements
    ) -> None:
        found = measured.condensation
        smaller = dataclasses.replace(TINY, kappa1=1e-5)
        flow = exact_flow(smaller.problem, smaller.start(TINY.seed + 1), 0.04)
        end = np.array([theory.condensation_time(1e-5, 1.0)])
        directions = theory.condensation_directions(smaller.problem)
        truth = largest_angles(flow, end, directions, living_at(flow, end[0]))[:, 0]
        assert found.by_start[1, :, 2] == pytest.approx(truth)
        for row, sign in enumerate(("positive", "negative")):
            ends = np.log(found.by_start[:, row, [0, 2]])
            truth = np.median(np.diff(ends, axis=1)) / np.log(0.01)
            claim = found.claims[f"mp-condensation-{sign}"]
            assert claim.value == pytest.approx(truth, abs=0.03)
            assert claim.value == pytest.approx(1, abs=0.1)
        table = multi_phase.smaller_starts(found)
        assert table["negative"].iloc[2] == np.median(found.by_start[:, 1, 2])

    def test_the_plateau_follows_its_laws(self, measured: multi_phase.Measurements) -> None:
        found = measured.plateau
        assert found.rises[:, 0] == pytest.approx(1, abs=1e-3)
        assert np.abs(found.off_law).max() < 0.01
        drift = found.claims["mp-plateau-drift"].value
        assert drift == pytest.approx(np.median(np.abs(found.off_law).max(axis=1)))

    def test_a_rest_is_as_long_as_the_loss_stays(self) -> None:
        run = solved(TINY)[0]
        rest, height = Rests.of(run.flow, run.phases.condensed), theory.plateau_loss(TINY.problem)
        times = np.geomspace(1e-6, 1e6, 200_000)
        loss = run.flow.loss(times)
        near = times[np.abs(loss / height - 1) <= 0.02]
        assert (rest.arrived, rest.fallen) == pytest.approx((near[0], near[-1]), rel=1e-3)
        assert rest.left == pytest.approx(times[loss >= 0.98][-1], rel=1e-3)
        saddle, plateau = rest.decades
        assert saddle == pytest.approx(np.log10(rest.left / run.phases.condensed))
        assert plateau == pytest.approx(np.log10(near[-1] / near[0]), abs=1e-3)
        assert rest.accuracy_off(run.flow) == 0
        assert math.isnan(Rests(0, 1, math.nan, math.nan).decades[0])

    def test_saddle_and_plateau_last_longer_the_smaller_the_angle(
        self, measured: multi_phase.Measurements
    ) -> None:
        numbers = measured.plateau.numbers
        longer = numbers["plateau-decades-small"] - numbers["plateau-decades"]
        assert longer == pytest.approx(2, abs=0.2)  # its end is like one over the squared angle
        shorter = min(numbers["plateau-decades-small"], numbers["saddle-decades-small"])
        claim = measured.plateau.claims["mp-saddle-to-plateau"]
        assert claim.value == pytest.approx(shorter, abs=0.1)

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
        middles = found.table.groupby(PARAMETERS)["arrival"].median().dropna()
        assert claim.value == pytest.approx(middles.median())
        assert claim.n == len(middles) <= 54
        assert "54 settings, each the median of 3 networks" in claim.over

    def test_descent_finds_the_switch_and_the_limit_of_the_exact_flow(
        self, measured: multi_phase.Measurements
    ) -> None:
        found, problem = measured.by_descent, TwoPoints(2.0, 0.4)
        seeds = range(TINY.seed, TINY.seed + TINY.n_seeds)
        starts = [random_neurons(200, seed, d=2, kappa1=1e-2) for seed in seeds]
        for i, start in enumerate(starts):
            run = measure_phases(exact_flow(problem, start, 1e6))
            if not run.on_first < 3000:
                assert np.isnan(found.switched[i]) or found.switched[i] > 2000
                continue
            assert found.switched[i] == pytest.approx(run.on_first, rel=0.05)
            limit = problem.cos * run.alive_plus - run.alive_minus
            limit /= run.alive_plus + run.alive_minus
            assert found.predicted[i] == pytest.approx(limit, abs=1e-12)
            assert found.moved[i] == pytest.approx(limit, abs=0.02)
        assert np.isfinite(found.switched).any()
        assert found.claims["mp-reactivation-ratio"].value == pytest.approx(
            np.nanmedian(found.ratios), nan_ok=True
        )

    def test_features_and_patterns_are_counted_by_hand(
        self, measured: multi_phase.Measurements
    ) -> None:
        found, run = measured.complexity, next(one for one in solved(TINY) if one.done)
        for column, time in enumerate((0.0, run.plateau.time, run.phases.accurate, TINY.horizon)):
            places, patterns = run.flow.neurons(np.array([time]))
            sizes: dict[tuple[float, int], float] = {}
            for k, (sign, held) in enumerate(zip(run.flow.start.signs, patterns[0], strict=True)):
                if held != Pattern.OFF:
                    seen = max(places[0, 0, k], 0) + max(places[0, 1, k], 0)
                    sizes[sign, held] = sizes.get((sign, held), 0.0) + seen
            assert found.patterns[0, column] == len(sizes)
            shares = np.array([*sizes.values()]) / sum(sizes.values())
            truth = 1 / (shares**2).sum()
            assert effective_features(run.flow, time) == pytest.approx(truth)

    def test_a_network_out_of_order_is_seen(self) -> None:
        run = next(one for one in solved(TINY) if one.done)
        rests = Rests.of(run.flow, run.phases.condensed)
        assert in_order(run, rests)
        late = dataclasses.replace(run.phases, on_first=run.phases.off_last - 1)
        assert not in_order(dataclasses.replace(run, phases=late), rests)
        flow = run.flow
        other = flow.entry_pattern.copy()
        other[-1] = Pattern.PLUS  # the last neuron loses x- instead
        assert not in_order(
            dataclasses.replace(run, flow=dataclasses.replace(flow, entry_pattern=other)), rests
        )
        short = dataclasses.replace(
            run.phases, on_first=math.nan, off_first=math.nan, off_last=math.nan
        )
        assert not in_order(dataclasses.replace(run, phases=short), rests)

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
