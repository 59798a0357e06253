"""What the tracking chapters measure: each claim once, and every number that of a plain loop."""

from __future__ import annotations

import dataclasses
import math
import statistics
from itertools import pairwise, product
from types import ModuleType
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.tracking import measure, measure_cnn, measure_mlp, measure_transformer
from regime_lib.chapters.tracking.parts import late_level
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.estimate import median
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.instrument.traces import decaying, made_trace

SHARED: dict[str, Any] = {"seed": 2, "lr_sgd": 0.1, "lr_momentum": 0.03, "probe_size": 16}
AVERAGED = SHARED | {"lr_adamw": 0.005, "ema": 0.9, "window": 10, "n_seeds": 2, "batch_size": 8}
SMALL_MLP = {"n_seeds": 3, "steps": 100, "hidden": 12, "batch_size": 16, "lr_adam": 0.003}
TINY_MLP = measure_mlp.Settings(dataset="digits", **SHARED | SMALL_MLP)
SMALL_CNN = {"steps": 100, "channels": 2, "hidden": 6}
TINY_CNN = measure_cnn.Settings(dataset="digits", **AVERAGED | SMALL_CNN)
SMALL_TRANSFORMER = {"n_train": 80, "width": 4, "ffn": 6, "blocks": 2, "text_batch": 2, "length": 6}
LENGTHS = {"text": "descriptions", "steps": 110, "text_steps": 100}
TINY_TRANSFORMER = measure_transformer.Settings(**AVERAGED | SMALL_TRANSFORMER | LENGTHS)
CHAPTERS: dict[str, tuple[ModuleType, Any]] = {
    "20_tracking_mlp": (measure_mlp, TINY_MLP),
    "21_tracking_cnn": (measure_cnn, TINY_CNN),
    "22_tracking_transformer": (measure_transformer, TINY_TRANSFORMER),
}
ALONE = {  # parts without a claim, which no sweep needs
    "20_tracking_mlp": ("accuracy", "one_run", "layers", "warm_up", "horizon"),
    "21_tracking_cnn": ("accuracy", "schedules", "layers", "small_probes"),
    "22_tracking_transformer": ("accuracy", "floors", "layers", "thresholds"),
}
DIGITS = load_dataset("digits")


def config(optimizer: str = "adam", steps: int = 60) -> TrainingConfig:
    return TrainingConfig(optimizer=optimizer, lr=0.01, steps=steps, batch_size=16)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_claim_is_measured_once_and_every_part_can_be_kept(chapter: str) -> None:
    module, settings = CHAPTERS[chapter]
    measured = module.measure(settings)
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == chapter}
    assert {name: found.unit for name, found in claims_in(measured).items()} == own
    for part in [*module.PARTS, *(getattr(module, name) for name in ALONE[chapter])]:
        content = dumps(part(settings))
        assert dumps(loads(get_type_hints(part)["return"], content)) == content


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_profiles_and_settings_fit(chapter: str) -> None:
    module, settings = CHAPTERS[chapter]
    assert module.QUICK.keys() == module.PAPER.keys()
    assert dataclasses.replace(settings, **module.PAPER)


def test_a_part_depends_on_its_settings_alone() -> None:
    claims = [measure_cnn.proportional(TINY_CNN).claims]
    measure_cnn._runs.cache_clear()
    np.random.seed(1)  # noqa: NPY002  (what other code may have left behind)
    measure_cnn.warm_up(TINY_CNN)
    assert measure_cnn.proportional(TINY_CNN).claims == claims[0]


def test_a_run_is_that_of_its_seed_however_many_there_are() -> None:
    fewer = measure_cnn.ratios(dataclasses.replace(TINY_CNN, n_seeds=1)).patterns["adamw"][1]
    assert np.array_equal(measure_cnn.ratios(TINY_CNN).patterns["adamw"][1][:, :1], fewer)


def test_a_tracked_ensemble_is_its_members_alone() -> None:
    sizes, probe = (64, 8, 8, 10), DIGITS.test_inputs[:20]
    both = measure.tracked(MLPEnsemble(sizes, (4, 5)), DIGITS, config(), (4, 5), probe, ema=0.9)
    for member, seed in enumerate((4, 5)):
        alone = measure.tracked(MLP(sizes, seed), DIGITS, config(), seed, probe)
        change = alone.trace.array("pattern_change")[1][:, 0]
        assert np.allclose(both.trace.array("pattern_change")[1][:, member], change, atol=2e-3)
        assert alone.average is None
        assert both.accuracy[member] == pytest.approx(alone.accuracy[0], abs=5e-3)


def test_the_average_is_the_tracker_s_own_every_tenth_step() -> None:
    sizes, probe, seeds = (64, 8, 8, 10), DIGITS.test_inputs[:20], (4, 5)
    found = measure.tracked(MLPEnsemble(sizes, seeds), DIGITS, config(), seeds, probe, ema=0.8)
    model = MLPEnsemble(sizes, seeds)
    with RegimeTracker(model, probe, members=2, ema=0.8) as tracker:
        train(model, DIGITS, config(), seeds, tracker.update)
    assert found.average is not None
    for quantity in ("pattern_change", "weight_change"):
        steps, values = found.average.array(quantity)
        every_step, all_values = tracker.ema_trace.array(quantity)
        assert steps.tolist() == [10, 20, 30, 40, 50, 60]
        assert np.allclose(values, all_values[np.isin(every_step, steps)])
        raw = tracker.trace.array(quantity)[1]
        assert np.array_equal(found.trace.array(quantity)[1], raw)


def test_flips_counted_layer_by_layer_are_the_tracker_s() -> None:
    run = measure_mlp.one_run(TINY_MLP)
    raw = run.flips.mean(axis=1, dtype=float)
    smoothed = [raw[max(0, k - 10) : k + 1].mean() for k in range(len(raw))]
    assert np.allclose(run.pattern[1][:, 0], smoothed)
    half = int(run.numbers["embers-half"])
    assert raw[:half].sum() >= raw.sum() / 2 > raw[: half - 1].sum()
    assert run.numbers["embers-per-pair"] == pytest.approx(raw.sum())
    quiet = sum(unit.sum() < 1 for unit in run.flips.T) / 24
    assert run.numbers["embers-quiet"] == pytest.approx(quiet)


def test_settling_is_the_median_of_the_runs_that_settle() -> None:
    taus = np.array([400.0, 500.0, 600.0, 700.0, 800.0])
    found = measure.settling([decaying(taus, 2 * taus, 8000)])
    assert found.ratio == found.exact_ratio
    assert found.ratio.value == pytest.approx(2, rel=0.02)
    assert found.times[1] == pytest.approx(2 * found.times[0], rel=0.02)
    assert "patterns settle at step" in str(found)
    late = measure.settling([decaying(taus, np.array([800.0, 1e3, 1200.0, 1400.0, 1e6]), 8000)])
    assert late.censored.tolist() == [[False, False]] * 4 + [[False, True]]
    assert not late.exact_ratio.known
    assert late.row["bound"] == "lower"
    assert late.row["ratio"] == pytest.approx(2, rel=0.05)
    assert np.isnan(late.times).all()
    never = measure.settling([decaying(np.full(3, 1e6), np.full(3, 1e6))])
    assert not never.ratio.known
    assert np.isnan(float(never.row["ratio"]))
    assert "not settled" in str(never)


@pytest.mark.parametrize("seed", range(4))
def test_a_pooled_ratio_holds_whatever_censored_runs_hide(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    ratios = random.lognormal(0, 1, 15)
    order = np.argsort(ratios)
    censored = np.zeros((15, 2), dtype=bool)
    censored[order[13:], 1] = True  # the weights never settle: at least so large
    censored[order[:2], 0] = True  # the patterns never settle: at most so large
    censored[order[7]] = True  # neither
    monkeypatch.setattr(measure, "run_ratios", lambda *_: (ratios, censored))
    found = measure.pooled_ratio([], "15 seeds")
    kept = [k for k in range(15) if not censored[k].all()]
    assert found.n == 14
    assert found.over == "14 of 15 runs: 15 seeds"
    for factors in product((1.0, 7.0), repeat=4):
        true = ratios.copy()
        true[order[13:]] *= factors[:2]
        true[order[:2]] /= factors[2:]
        alone = median(true[kept], over="runs")
        assert found.value == alone.value
        assert found.low is not None
        assert found.high is not None
        assert found.low <= alone.low  # type: ignore[operator]
        assert found.high >= alone.high  # type: ignore[operator]


def test_a_pooled_ratio_that_bounds_could_move_is_no_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ratios = np.arange(1.0, 8.0)

    def found(*settles: tuple[bool, bool]) -> bool:
        censored = ~np.array(settles)
        monkeypatch.setattr(measure, "run_ratios", lambda *_: (ratios, censored))
        return measure.pooled_ratio([], "runs").known

    yes, never, weights_late = (True, True), (False, False), (True, False)
    assert found(*[yes] * 7)
    assert not found(*[yes] * 3, *[weights_late] * 4)  # the median itself is a bound
    assert not found(*[yes] * 6, weights_late)  # the end of the interval is open
    assert not found(*[never] * 4, *[yes] * 3)


def test_slopes_are_the_powers_that_series_follow() -> None:
    weights = np.exp(-np.arange(400.0) / 60)
    powers = (0.5, 1.0, 1.7)
    patterns = np.stack([0.3 * weights**power for power in powers], axis=1)
    trace = made_trace({"pattern_change": patterns, "weight_change": np.stack([weights] * 3, 1)})
    assert measure.slopes([trace]) == pytest.approx(powers, rel=0.05)  # both are smoothed
    still = made_trace({"pattern_change": 0 * patterns, "weight_change": patterns})
    assert np.isnan(measure.slopes([still])).all()


def test_points_are_single_steps_over_their_peaks() -> None:
    random = np.random.default_rng(0)
    changes = {name: random.random((50, 2)) for name in ("weight_change", "pattern_change")}
    x, y = measure.step_points([made_trace(changes)])
    assert len(x) == 100
    for points, name in ((x, "weight_change"), (y, "pattern_change")):
        peaks = [max(column) for column in changes[name].T]
        expected = [
            value / peak for row in changes[name] for value, peak in zip(row, peaks, strict=True)
        ]
        assert np.allclose(points, expected)


def test_flips_per_net_flip_are_counted() -> None:
    random = np.random.default_rng(1)
    life = random.random((31, 40)) < 0.5
    change = np.array([(a != b).mean() for a, b in pairwise(life)])
    to_end = np.array([(life[k] != life[-1]).mean() for k in range(31)])
    steps = np.arange(31)
    trace = made_trace({"pattern_change": change})
    ends = made_trace({"pattern_from_end": to_end}, steps=steps)
    both = dataclasses.replace(trace, all_series=trace.all_series + ends.all_series)
    found = measure.flips_per_net_flip([both, both], "end")
    assert found[1].shape == (30, 2)
    expected = [change[k:].sum() / to_end[k] for k in range(30)]
    assert np.allclose(found[1], np.array(expected)[:, None])
    assert measure.at_step(found, 12) == pytest.approx([expected[12]] * 2)
    assert measure.at_step(found, 500) == pytest.approx([expected[-1]] * 2)


def test_a_level_is_the_median_of_the_second_half_over_the_peak() -> None:
    series = np.arange(1, 7), np.array([[4.0, 1.0], [8.0, 2.0], [1.0, 1.0], *[[2.0, 1.0]] * 3])
    assert late_level(series) == statistics.median([2 / 8] * 3 + [1 / 2] * 3)


def test_the_share_of_a_lead_that_goes_is_one_of_logarithms() -> None:
    before = np.exp([1.0, 0.8, 1.2])
    found = measure.lead_removed(before, before**0.3, seed=0)
    assert found.value == pytest.approx(0.7)
    assert (found.low, found.high) == pytest.approx((0.7, 0.7))
    other = measure.lead_removed(before, np.exp([0.5, 0.2, 0.9]), seed=0)
    assert other.value == pytest.approx(0.5)
    assert (other.low, other.high) == pytest.approx((0.25, 0.75))
    assert not measure.lead_removed(np.full(3, 1.05), before, seed=0).known


def test_medians_over_runs_leave_out_what_is_no_number() -> None:
    values = [np.array([1.0, math.nan, 3.0]), np.array([2.0, math.inf])]
    assert measure.pooled_median(values, "seeds").value == 2
    assert measure.pooled_median(values, "seeds").n == 3
    assert not measure.pooled_median([np.array([1.0, math.nan])], "seeds").known
    named = {"sgd": np.array([1.0, math.nan, 3.0]), "adam": np.array([5.0])}
    assert measure.medians(named, "of-") == {"of-sgd": 2, "of-adam": 5}
    assert measure.range_of_medians(named, 1) == "2.0 to 5.0"


def test_the_spread_of_definitions_is_that_of_loops() -> None:
    ratios = np.random.default_rng(3).lognormal(0, 1, (4, 5))
    found = measure_mlp.spread_of_medians(ratios, seed=0)
    middles = [statistics.median(row) for row in ratios.tolist()]
    assert found.value == pytest.approx(max(middles) / min(middles))
    single = [max(column) / min(column) for column in ratios.T.tolist()]
    assert found.low == pytest.approx(min([*single, max(middles) / min(middles)]))
    assert found.high == pytest.approx(max([*single, max(middles) / min(middles)]))
    assert not measure_mlp.spread_of_medians(np.empty((0, 5)), seed=0).known


def test_factors_are_geometric_means_where_both_are_above_zero() -> None:
    measured = np.array([[2.0, 0.0], [6.0, 0.0], [0.0, 1.0]])
    predicted = np.array([[1.0, 1.0], [2.0, 1.0], [1.0, 0.0]])
    found = measure_mlp.mean_factor(measured, predicted)
    assert found[0] == pytest.approx(math.sqrt(2 * 3))
    assert np.isnan(found[1])


def test_runs_that_are_cut_short_are_timed_as_if_they_had_ended() -> None:
    table = measure_mlp.horizon(TINY_MLP).table
    whole = measure_mlp.ratios(TINY_MLP).settled
    last = table[table["share"] == 1].set_index("optimizer")
    for name, found in whole.items():
        assert last.loc[name, "bound"] == found.bound
        assert last.loc[name, "undetermined"] == found.censored.all(axis=1).mean()


def test_what_the_prose_quotes_of_the_sweep_is_there() -> None:
    rows: list[dict[str, Any]] = [
        {"claim": "rc-ratio-mlp-adam", "value": value, "hidden": hidden, "batch_size": 64}
        for value, hidden in ((2.0, 128), (4.0, 256), (None, 128))
    ]
    table = pd.DataFrame(rows).assign(low=1.5, high=4.5)
    assert measure_mlp.swept(table) == {
        "swept-here": "2.00 [1.50, 4.50]",
        "swept-range": "2.0 to 4.0",
        "swept-settings": 2,
    }


def test_small_probes_miss_more() -> None:
    found = measure_cnn.small_probes(TINY_CNN)
    assert found.images.tolist() == [1, 4, 16]
    assert np.all(np.diff(found.still) <= 0)


def test_tasks_are_told_apart() -> None:
    runs = {"patches sgd": 1, "letters sgd": 2, "letters adamw": 3}
    assert measure_transformer.of("letters", runs) == {"sgd": 2, "adamw": 3}


def test_every_setting_is_trained_and_pooled() -> None:
    module: ModuleType = measure_transformer
    table = module.schedules(TINY_TRANSFORMER).table
    assert len(table) == 2 * 2 * 4 * 3
    assert set(module.accuracy(TINY_TRANSFORMER).table) == {
        f"{task}, {name}{schedule}"
        for task in ("patches", "letters")
        for name in ("sgd", "momentum", "adamw")
        for schedule in ("", ", cosine")
    }
    found = module.indicator(TINY_TRANSFORMER)
    everything = [value for own in found.final.values() for value in own]
    assert found.claims["rc-oui-transformer"].value == pytest.approx(statistics.median(everything))
    assert len(everything) == 12
