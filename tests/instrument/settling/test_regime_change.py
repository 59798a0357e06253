"""The ratio of two time scales on traces whose ratio is known."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.estimate import Method, over_runs
from regime_lib.instrument import Definition, RegimeChange, regime_change, run_ratios
from tests.instrument.traces import decaying, made_trace
from tests.sentences import refusal

CHANGES = ("peak@0.1", "first@0.1", "floor@0.1", "cum@0.9", "auc", "fit")
T = np.arange(2000)


@pytest.mark.parametrize("definition", CHANGES)
@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_exponential_decays_give_the_ratio_of_their_time_constants(
    definition: str, ratio: float
) -> None:
    found = regime_change(decaying(60.0, ratio * 60.0), Definition.parse(definition, window=1))
    assert found.bound == "exact"
    assert found.censored == (0, 0, 0)
    assert found.ratio == pytest.approx(ratio, rel=0.02)
    assert found.ratio == pytest.approx(found.weight_time / found.pattern_time)


@pytest.mark.parametrize("definition", ["end@0.1", "start@0.9"])
def test_approaches_give_the_ratio_of_their_time_constants(definition: str) -> None:
    series = {}
    for name, tau in (("pattern", 40), ("weight", 120)):
        approach = np.exp(-T / tau)
        series[f"{name}_from_end"], series[f"{name}_from_start"] = approach, 1 - approach
    assert regime_change(made_trace(series), definition).ratio == pytest.approx(3, rel=0.02)


def test_runs_members_and_traces_are_the_same_thing() -> None:
    taus = np.array([50.0, 60.0, 70.0, 80.0])
    together = regime_change(decaying(taus, 2 * taus))
    apart = regime_change([decaying(tau, 2 * tau) for tau in taus])
    mixed = regime_change([decaying(taus[:3], 2 * taus[:3]), decaying(taus[3], 2 * taus[3])])
    assert together == apart == mixed
    assert together.runs == 4
    assert decaying(taus, 2 * taus).regime_change() == together


def test_ratio_and_times_are_medians_over_runs() -> None:
    pattern, weight = np.array([50.0, 60.0, 90.0]), np.array([100.0, 240.0, 99.0])
    found = regime_change(decaying(pattern, weight), "fit")
    ratios, censored = run_ratios(decaying(pattern, weight), "fit")
    assert not censored.any()
    assert found.ratio == pytest.approx(np.median(ratios))
    assert ratios == pytest.approx(weight / pattern, rel=0.2)
    assert found.pattern_time == pytest.approx(60, rel=0.3)


def test_the_relative_update_is_used_on_request() -> None:
    trace = made_trace(
        {
            "pattern_change": np.exp(-T / 50),
            "weight_change": np.exp(-T / 50),
            "weight_change_rel": np.exp(-T / 150),
        }
    )
    definition = Definition.parse("peak@0.1", window=1)
    assert regime_change(trace, definition).ratio == pytest.approx(1, rel=0.02)
    assert regime_change(trace, definition, relative=True).ratio == pytest.approx(3, rel=0.02)


# --- intervals ----------------------------------------------------------------------------------


def test_the_interval_over_runs_is_that_of_the_one_place_for_intervals() -> None:
    random = np.random.default_rng(0)
    for runs, method in ((3, Method.RANGE), (15, Method.BCA)):
        pattern = 40 * np.exp(0.2 * random.normal(size=runs))
        trace = decaying(pattern, 3 * pattern * np.exp(0.3 * random.normal(size=runs)), 1500)
        found, (ratios, _) = regime_change(trace, "cum@0.9", seed=5), run_ratios(trace, "cum@0.9")
        expected = over_runs(lambda i, r=ratios: np.median(r[i]), runs, over="runs", seed=5)
        assert found.ratio == np.median(ratios) == expected.value
        assert (found.ci_low, found.ci_high) == (expected.low, expected.high)
        assert found.ci_low < found.ratio < found.ci_high
        assert (found.estimate.method, found.estimate.over) == (method, f"{runs} runs")


def test_one_seed_gives_one_interval() -> None:
    random = np.random.default_rng(0)
    trace = decaying(50 * np.exp(0.2 * random.normal(size=12)), np.full(12, 150.0))
    assert regime_change(trace, seed=3) == regime_change(trace, seed=3)
    assert regime_change(trace, seed=3) != regime_change(trace, seed=4)


def test_one_run_has_an_interval_over_its_probe() -> None:
    random = np.random.default_rng(0)
    shape = np.exp(-T / 60)
    parts = np.exp(-T[:, None] / (60 * np.exp(0.5 * random.normal(size=32))))
    trace = made_trace(
        {"pattern_change": parts.mean(axis=1), "weight_change": shape}, groups=parts[:, None, :]
    )
    found = regime_change(trace)
    assert found.estimate.over == "32 parts of the probe"
    assert found.estimate.method is Method.BCA
    assert found.ci_low < found.ratio < found.ci_high


def test_the_interval_over_the_probe_is_about_the_layer_that_was_asked_for() -> None:
    """Parts of the probe are kept for all layers together: they say nothing about one of them."""
    from regime_lib.instrument import Trace
    from regime_lib.instrument.tracking.trace import Series

    values = np.stack([np.exp(-T / 60), np.exp(-T / 200)], axis=1)[:, :, None]
    weights = np.exp(-T / 200)[:, None, None]
    parts = np.exp(-T / 60)[:, None, None] * np.linspace(0.9, 1.1, 32)
    trace = Trace(
        made_trace({"weight_change": weights[:, 0, 0]}).coverage,
        (
            Series("pattern_change", ("all", "one"), T, values),
            Series("weight_change", ("all",), T, weights),
        ),
        parts,
    )
    found = regime_change(trace, layer=("one", "all"))
    assert found.ratio == pytest.approx(1, rel=0.02)
    assert np.isnan(found.ci_low) or found.ci_low <= found.ratio <= found.ci_high


@pytest.mark.parametrize("definition", ["end@0.1", "start@0.9", "peak@0.1"])
def test_one_run_without_parts_of_the_probe_has_no_interval(definition: str) -> None:
    """A single number has no spread: an interval of width zero would claim certainty."""
    series = {}
    for name, tau in (("pattern", 40), ("weight", 120)):
        series[f"{name}_change"] = series[f"{name}_from_end"] = np.exp(-T / tau)
        series[f"{name}_from_start"] = 1 - np.exp(-T / tau)
    found = regime_change(made_trace(series), definition)
    assert found.ratio == pytest.approx(3, rel=0.2)
    assert np.isnan(found.ci_low)
    assert np.isnan(found.ci_high)
    assert "nan" not in str(found)


# --- censored runs ------------------------------------------------------------------------------

SETTLES, NEVER = 40.0, 1e6


@pytest.mark.parametrize(
    ("pattern", "weight", "bound"),
    [
        ([SETTLES] * 5, [SETTLES] * 5, "exact"),
        ([SETTLES] * 5, [SETTLES] * 4 + [NEVER], "lower"),
        ([SETTLES] * 4 + [NEVER], [SETTLES] * 5, "upper"),
        ([NEVER] + [SETTLES] * 4, [SETTLES] * 4 + [NEVER], "mixed"),
        ([NEVER] * 3 + [SETTLES] * 2, [NEVER] * 3 + [SETTLES] * 2, "undetermined"),
        ([NEVER], [NEVER], "undetermined"),
        ([SETTLES], [NEVER], "lower"),
        ([NEVER], [SETTLES], "upper"),
    ],
)
def test_censored_runs_make_the_ratio_a_bound(
    pattern: list[float], weight: list[float], bound: str
) -> None:
    found = regime_change(decaying(np.array(pattern), np.array(weight)))
    both = sum(p == w == NEVER for p, w in zip(pattern, weight, strict=True))
    assert found.bound == bound
    assert found.censored == (pattern.count(NEVER) - both, weight.count(NEVER) - both, both)
    assert np.isnan(found.ratio) == (bound == "undetermined")
    assert np.isnan(found.ci_low) or found.ci_low <= found.ci_high


@pytest.mark.parametrize("never", ["pattern", "weight"])
def test_a_bound_bounds_what_a_longer_run_shows(never: str) -> None:
    taus = {"pattern": 50.0, "weight": 50.0} | {never: 900.0}
    short = regime_change(decaying(taus["pattern"], taus["weight"], 1200))
    long = regime_change(decaying(taus["pattern"], taus["weight"], 20000))
    assert long.bound == "exact"
    if never == "weight":
        assert short.bound == "lower"
        assert short.ratio <= long.ratio
    else:
        assert short.bound == "upper"
        assert short.ratio >= long.ratio


# --- sentences ----------------------------------------------------------------------------------


def test_a_result_prints_as_one_sentence() -> None:
    found = regime_change(decaying(np.array([50.0, 60.0, 70.0]), np.array([150.0, 180.0, 210.0])))
    text = str(found)
    assert "\n" not in text
    for part in (f"{found.ratio:.2f}", f"[{found.ci_low:.2f}, ", "peak@0.1", "range", "3 runs"):
        assert part in text
    assert "censored" not in text


@pytest.mark.parametrize(
    ("pattern", "weight", "names", "never"),
    [
        (SETTLES, NEVER, "at least", "weights"),
        (NEVER, SETTLES, "at most", "patterns"),
        (NEVER, NEVER, "undetermined", ""),
    ],
)
def test_a_censored_result_says_so_and_names_no_step_for_what_never_settles(
    pattern: float, weight: float, names: str, never: str
) -> None:
    text = str(regime_change(decaying(pattern, weight)))
    assert names in text
    assert "censored" in text
    assert "step 2000" not in text.replace("not before step 2000", "").replace(
        "after step 2000", ""
    )


def test_a_result_is_frozen_and_compares_by_value() -> None:
    found = regime_change(decaying(50.0, 150.0))
    with pytest.raises(AttributeError):
        found.ratio = 3.0  # type: ignore[misc]
    assert isinstance(found, RegimeChange)


# --- mistakes -----------------------------------------------------------------------------------


def test_a_run_too_short_for_a_time_scale_is_refused() -> None:
    refusal("at least 10", lambda: regime_change(decaying(5.0, 5.0, 9)))


def test_no_runs_and_a_wrong_definition_are_refused() -> None:
    trace = decaying(50.0, 60.0)
    refusal("no trace", lambda: regime_change([]))
    refusal("no time scale", lambda: regime_change(trace, "threshold"))
    refusal("'three'", lambda: regime_change(trace, layer=("three", "all")))
    refusal("from_end", lambda: regime_change(trace, "end@0.1"))
    refusal("weight_change_rel", lambda: regime_change(trace, relative=True))


@pytest.mark.parametrize("traces", ["run", [1, 2], None])
def test_what_is_no_trace_is_refused(traces: object) -> None:
    refusal("race", lambda: regime_change(traces))  # type: ignore[arg-type]


def test_changes_over_several_steps_are_not_compared_with_changes_over_one() -> None:
    values = np.exp(-T / 50)
    trace = made_trace(
        {"pattern_change": values, "weight_change": values, "lag": np.full(2000, 3.0)}
    )
    refusal("last visit", lambda: regime_change(trace))
    each_step = made_trace(
        {"pattern_change": values, "weight_change": values, "lag": np.ones(2000)}
    )
    assert regime_change(each_step).ratio == 1


def test_a_distance_is_no_change_and_may_be_compared_at_any_lag() -> None:
    """The lag is that of changes; distances to the start have none."""
    approach = 1 - np.exp(-T / 50)
    trace = made_trace(
        {"pattern_from_start": approach, "weight_from_start": approach, "lag": np.full(2000, 3.0)}
    )
    assert regime_change(trace, "start@0.9").ratio == 1
