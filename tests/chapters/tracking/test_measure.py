"""What the tracking chapters measure: each claim once, and every number that of a plain loop."""

from __future__ import annotations

import dataclasses
import math
import statistics
from functools import partial
from itertools import pairwise, product
from types import ModuleType
from typing import Any, get_type_hints

import numpy as np
import pandas as pd
import pytest
import torch

from regime_lib.chapters.tracking import measure, measure_cnn, measure_mlp, measure_transformer
from regime_lib.chapters.tracking.parts import late_level
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.estimate import Estimate, median, no_number
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.bare import bare
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
    "21_tracking_cnn": ("accuracy", "small_probes"),
    "22_tracking_transformer": ("accuracy", "thresholds"),
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
    late = {name for name in own if name.startswith(("rc-late-", "rc-gelu-"))}  # of committed runs
    for name in late:
        own.pop(name)
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
    fewer = measure_cnn.ratios(dataclasses.replace(TINY_CNN, n_seeds=2)).patterns["adamw"][1]
    more = measure_cnn.ratios(dataclasses.replace(TINY_CNN, n_seeds=4)).patterns["adamw"][1]
    assert np.allclose(more[:, :2], fewer, atol=2e-3)


def test_networks_trained_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[Any]:
        measure_mlp._runs.cache_clear()
        series = [own[1] for own in measure_mlp.ratios(TINY_MLP).patterns.values()]
        law = [*measure_mlp.flip_law(TINY_MLP).factors.values()]
        return [*series, *law, measure_mlp.accuracy(TINY_MLP).table["adam"]]

    at_once = found()
    monkeypatch.setattr(measure_mlp, "_TOGETHER", 2)
    assert len(measure_mlp._run(TINY_MLP, "sgd")) == 2  # of three networks
    assert all(map(partial(np.allclose, rtol=1e-5), found(), at_once))  # but for rounding
    monkeypatch.setattr(measure_mlp, "_SPLITS", 1)  # less than a split takes
    assert len(measure_mlp._run(TINY_MLP, "sgd")) == 3


def test_what_is_kept_of_a_run_does_not_grow_with_their_number() -> None:
    """64 seeds of 3,000 steps are then 60 MB: the bound that the chapter states holds in all."""
    few = dataclasses.replace(TINY_MLP, steps=40, hidden=4, n_seeds=3)
    sizes = {n: kept_bytes(dataclasses.replace(few, n_seeds=n)) / n for n in (3, 16)}
    layers = 2 * 6  # changes of 2 layers and 3 modules beside the whole, with Adam; one more spare
    series = 3 * (len(measure_mlp._READ) + 1) + layers  # and the loss, with three optimisers
    assert sizes[16] <= 8 * 41 * series
    assert sizes[16] <= 1.02 * sizes[3]


def kept_bytes(settings: Any) -> int:
    """Return the bytes of every array that a chapter's runs keep, and steps only once."""
    found = 0
    for own in measure_mlp._runs(settings).values():
        for run in own:
            assert run.trace.groups is None
            for values in [run.loss, *(one.values for one in run.trace.all_series)]:
                whole = values if values.base is None else values.base
                found += max(whole.nbytes, values.nbytes)
    return found


def test_a_tracked_ensemble_is_its_members_alone_each_on_its_own_split_and_probe() -> None:
    sizes, seeds = (64, 8, 8, 10), (4, 5)
    own = [DIGITS.redrawn(seed) for seed in seeds]
    both = measure.tracked(MLPEnsemble(sizes, seeds), stacked(own), config(), seeds, 20, ema=0.9)
    for member, (seed, data) in enumerate(zip(seeds, own, strict=True)):
        alone = measure.tracked(MLP(sizes, seed), data, config(), seed, 20)
        change = alone.trace.array("pattern_change")[1][:, 0]
        assert np.allclose(both.trace.array("pattern_change")[1][:, member], change, atol=2e-3)
        assert alone.average is None
        assert both.accuracy[member] == pytest.approx(alone.accuracy[0], abs=5e-3)


@pytest.mark.parametrize("module", [measure_cnn, measure_transformer])
def test_runs_of_other_seeds_see_other_data(module: ModuleType) -> None:
    _, settings = next(both for both in CHAPTERS.values() if both[0] is module)
    seen = []

    class Stop(Exception):
        pass

    def tracked(model: Any, data: Any, *_: Any, **__: Any) -> None:
        seen.append(data)
        raise Stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "tracked", tracked)
        task = ("letters",) if module is measure_transformer else ()
        with pytest.raises(Stop):
            module._train(settings, *task, settings.seeds, "sgd", {})
    (data,) = seen
    assert data.members == settings.n_seeds
    probes = data.test_inputs[:, : settings.probe_size]
    assert not torch.equal(probes[0], probes[1])
    assert not torch.equal(data.train_inputs[0], data.train_inputs[1])


def test_the_average_is_the_tracker_s_own_every_tenth_step() -> None:
    sizes, seeds = (64, 8, 8, 10), (4, 5)
    found = measure.tracked(MLPEnsemble(sizes, seeds), DIGITS, config(), seeds, 20, ema=0.8)
    model = MLPEnsemble(sizes, seeds)
    with RegimeTracker(model, DIGITS.test_inputs[:20], members=2, ema=0.8) as tracker:
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
    half = int(run.numbers["flips-half"])
    assert raw[:half].sum() >= raw.sum() / 2 > raw[: half - 1].sum()
    assert run.numbers["flips-per-pair"] == pytest.approx(raw.sum())
    quiet = sum(unit.sum() < 1 for unit in run.flips.T) / 24
    assert run.numbers["flips-quiet"] == pytest.approx(quiet)


def test_settling_is_the_median_of_the_runs_that_settle() -> None:
    taus = np.array([400.0, 500.0, 600.0, 700.0, 800.0])
    found = measure.settling([decaying(taus, 2 * taus, 8000)])
    assert found.ratio.value == pytest.approx(2, rel=0.02)
    assert found.times[1] == pytest.approx(2 * found.times[0], rel=0.02)
    assert "patterns settle at step" in str(found)
    late = measure.settling([decaying(taus, np.array([800.0, 1e3, 1200.0, 1400.0, 1e6]), 8000)])
    assert late.censored.tolist() == [[False, False]] * 4 + [[False, True]]
    assert late.row["bound"] == "lower"
    assert late.row["ratio"] == pytest.approx(2, rel=0.05)
    assert np.isnan(late.times).all()
    never = measure.settling([decaying(np.full(3, 1e6), np.full(3, 1e6))])
    assert not never.ratio.known
    assert np.isnan(float(never.row["ratio"]))
    assert "not settled" in str(never)


@pytest.mark.parametrize("seed", range(4))
def test_a_median_ratio_holds_whatever_censored_runs_hide(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(seed)
    ratios = random.lognormal(0, 1, 15)
    order = random.permutation(15)
    censored = np.zeros((15, 2), dtype=bool)
    censored[order[:2], 1] = True  # the weights never settle: at least so large
    censored[order[2:4], 0] = True  # the patterns never settle: at most so large
    censored[order[4]] = True  # neither
    monkeypatch.setattr(measure, "run_ratios", lambda *_: (ratios, censored))
    found = measure.median_ratio([], "15 seeds")
    assert (found.n, found.over) == (15, "15 seeds")
    assert found.value is not None
    values = []
    for factors in product((1.0, 50.0), repeat=5):
        true = ratios.copy()
        true[order[:2]] *= factors[:2]
        true[order[2:4]] /= factors[2:4]
        for last in (0.0, 1e3):
            true[order[4]] = last * factors[4]
            alone = median(true, over="runs")
            values.append(alone.value)
            assert found.low is not None
            assert found.high is not None
            assert found.low <= alone.low  # type: ignore[operator]
            assert found.high >= alone.high  # type: ignore[operator]
    assert min(values) <= found.value <= max(values)


def test_a_median_ratio_without_censored_runs_is_the_median(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ratios = np.arange(1.0, 10.0)
    never = np.zeros((9, 2), dtype=bool)
    monkeypatch.setattr(measure, "run_ratios", lambda *_: (ratios, never))
    assert measure.median_ratio([], "9 seeds") == median(ratios, over="9 seeds")


def test_a_median_ratio_with_an_open_end_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = np.arange(1.0, 10.0)

    def found(censored: dict[int, tuple[bool, bool]]) -> Estimate:
        table = np.array([censored.get(run, (False, False)) for run in range(9)])
        monkeypatch.setattr(measure, "run_ratios", lambda *_: (ratios, table))
        return measure.median_ratio([], "runs")

    weights_never, patterns_never, neither = (False, True), (True, False), (True, True)
    assert found({4: neither}).known
    assert not found({4: neither, 7: weights_never}).known  # the upper end is open
    late = found({0: patterns_never, 1: patterns_never, 2: patterns_never})
    assert (late.value, late.low) == (5, 0)  # a ratio is not below zero
    assert not found(dict.fromkeys(range(9), neither)).known


def test_a_claim_about_all_settings_is_judged_by_the_worst() -> None:
    values = {"sgd": np.array([1.0, 1.1, 1.2]), "adam": np.array([0.5, 0.6, math.nan, 0.7])}
    found = measure.worst(values, measure.off_one)
    assert (found.value, found.low, found.high, found.n) == (0.6, 0.5, 0.7, 3)
    assert found.over == "3 seeds: adam, the worst of 2"
    values["sgd"] = np.array([1.0, 2.0, 3.0])
    assert measure.worst(values, measure.off_one).value == 2
    assert measure.worst(values, measure.small).value == 0.6
    values["momentum"] = np.array([math.nan, 1.0])
    assert not measure.worst(values, measure.small).known


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
    before = np.exp([1.0, 0.8, 1.2, 0.5, 0.7, 0.9, 1.1, 0.6, 0.4])
    found = measure.lead_removed(before, before**0.3)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.7, 0.7))
    shares = np.linspace(0, 0.8, 9)
    expected = median(shares, over="9 seeds")
    assert measure.lead_removed(before, before ** (1 - shares)).value == pytest.approx(0.4)
    without = before.copy()
    without[4] = 1.05  # a run without a lead: its share may be anything
    wider = measure.lead_removed(without, before ** (1 - shares))
    assert wider.low == pytest.approx(shares[0])
    assert wider.high == pytest.approx(shares[8])
    assert expected.low == pytest.approx(shares[1])
    assert not measure.lead_removed(np.full(9, 1.05), before).known


def test_medians_over_runs_leave_out_what_is_no_number() -> None:
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


def test_a_network_is_at_the_end_where_its_last_epoch_has_a_small_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epoch = len(DIGITS.train_inputs) // TINY_MLP.batch_size
    loss = np.full((100, 3), 0.5)
    loss[-epoch:] = [0.0, 0.0008, 0.0012]
    loss[-1, 0] = 0.0009 * epoch  # one batch of the epoch
    run = bare(measure.TrackedRun, accuracy=np.array([0.9, 1.0, 0.8]), loss=loss)
    monkeypatch.setattr(measure_mlp, "_runs", lambda settings: {"sgd": [run]})
    found = measure_mlp.accuracy(TINY_MLP).numbers
    assert found["fitted-sgd"] == 2
    assert found["loss-sgd"] == pytest.approx(0.0009)
    assert found["epochs"] == 100 // epoch


def test_longer_runs_that_are_cut_short_are_timed_as_if_they_had_ended() -> None:
    """The first half of a run of twice as many steps is the run itself."""
    found = measure_mlp.horizon(TINY_MLP)
    whole = measure_mlp.ratios(TINY_MLP).settled
    longer = dataclasses.replace(TINY_MLP, steps=200)
    ends = measure_mlp.ratios(longer).settled
    assert found.numbers["longer-steps"] == 200
    for steps, expected in ((100, whole), (200, ends)):
        cut = found.table[found.table["steps"] == steps].set_index("optimizer")
        for name, own in expected.items():
            assert cut.loc[name, "bound"] == own.bound
            assert cut.loc[name, "undetermined"] == own.censored.all(axis=1).mean()
            assert cut.loc[name, "ratio"] == pytest.approx(own.row["ratio"], nan_ok=True)
    fitted = measure_mlp.accuracy(longer).numbers
    assert found.numbers["longer-fitted-sgd"] == fitted["fitted-sgd"]


def test_what_the_prose_quotes_of_the_sweep_is_there() -> None:
    rows = [{"claim": "rc-ratio-mlp-adam", "value": value} for value in (2.0, 4.0, None)]
    table = pd.DataFrame(rows)
    assert measure_mlp.swept(table) == {
        "swept-range": "2.0 to 4.0",
        "swept-settings": 2,
    }


def test_only_ratios_that_are_known_are_written() -> None:
    some = median([1.0, 2.0, 3.0, 4.0, 5.0], over="5 seeds")
    found = {"sgd": no_number(), "momentum": some, "adamw": some}
    assert measure.known_ratios(found) == (
        "3.00 (1.00 to 5.00) with momentum, 3.00 (1.00 to 5.00) with AdamW"
    )
    assert "no optimiser" in measure.known_ratios({"sgd": no_number()})


def test_small_probes_miss_more() -> None:
    found = measure_cnn.small_probes(TINY_CNN)
    assert found.images.tolist() == [1, 4, 16]
    assert np.all(np.diff(found.still) <= 0)


def test_tasks_are_told_apart() -> None:
    runs = {"patches sgd": 1, "letters sgd": 2, "letters adamw": 3}
    assert measure_transformer.of("letters", runs) == {"sgd": 2, "adamw": 3}


def test_every_setting_is_trained() -> None:
    module: ModuleType = measure_transformer
    assert set(module.accuracy(TINY_TRANSFORMER).table) == {
        f"{task}, {name}"
        for task in ("patches", "letters")
        for name in ("sgd", "momentum", "adamw")
    }
    found = module.indicator(TINY_TRANSFORMER)
    middles = {name: statistics.median(own.tolist()) for name, own in found.final.items()}
    assert len(middles) == 6
    patches = [middle for name, middle in middles.items() if name.startswith("patches")]
    worst = max(patches, key=lambda middle: abs(middle - 0.7))
    assert found.claims["rc-oui-transformer"].value == pytest.approx(worst)
