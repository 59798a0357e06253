"""Time scales against closed forms, a naive second version, and runs that never settle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from regime_lib.instrument import Definition, TimeScale, time_scale
from regime_lib.instrument.settling.timescales import smooth, time_scales
from tests.sentences import refusal

CHANGES = (
    "peak@0.1",
    "first@0.1",
    "init@0.1",
    "range@0.1",
    "floor@0.1",
    "cum@0.9",
    "auc",
    "auc0",
    "fit",
)
EVERY = (*CHANGES, "end@0.1", "start@0.9")
T = np.arange(4000)


def settled(values: NDArray, text: str, window: int = 1, steps: NDArray | None = None) -> TimeScale:
    steps = np.arange(len(values)) if steps is None else steps
    return time_scale(steps, values, Definition.parse(text, window))


# --- closed forms -------------------------------------------------------------------------------


@pytest.mark.parametrize("tau", [50.0, 200.0])
@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("peak@0.1", np.log(10)),
        ("peak@0.01", np.log(100)),
        ("first@0.1", np.log(10)),
        ("floor@0.2", np.log(5)),
        ("range@0.2", np.log(5)),
        ("cum@0.9", np.log(10)),
        ("cum@0.5", np.log(2)),
        ("auc", 1.0),
        ("fit", 1.0),
    ],
)
def test_an_exponential_decay_settles_as_its_formula_says(
    text: str, formula: float, tau: float
) -> None:
    found = settled(np.exp(-T / tau), text)
    assert not found.censored
    assert found.time == found.at_least
    assert found.time == pytest.approx(tau * formula, abs=1.0, rel=1e-3)


@pytest.mark.parametrize("text", ["peak@0.1", "first@0.1", "floor@0.1", "cum@0.9", "auc", "fit"])
def test_the_usual_window_moves_an_exponential_by_half_a_window_at_most(text: str) -> None:
    exact = settled(np.exp(-T / 300), text).time
    assert settled(np.exp(-T / 300), text, window=51).time == pytest.approx(exact, abs=26)


@pytest.mark.parametrize("power", [2.0, 3.0])
def test_a_power_law_reaches_a_share_of_its_peak_as_its_formula_says(power: float) -> None:
    values = (1 + T / 50) ** -power
    for text in ("peak@0.1", "first@0.1"):
        assert settled(values, text).time == pytest.approx(50 * (10 ** (1 / power) - 1), abs=1)


def test_the_area_of_a_power_law_is_that_of_its_integral() -> None:
    # integral of (1 + t/50)^-3 is 25 (1 - (1 + t/50)^-2)
    assert settled((1 + T / 50) ** -3.0, "auc").time == pytest.approx(25, rel=0.01)
    half = 50 * (np.sqrt(2) - 1)
    assert settled((1 + T / 50) ** -3.0, "cum@0.5").time == pytest.approx(half, abs=1)


@pytest.mark.parametrize(
    ("text", "time"),
    [("peak@0.1", 700), ("first@0.5", 700), ("floor@0.1", 700), ("cum@0.9", 630), ("auc", 700)],
)
def test_a_step_settles_where_it_falls(text: str, time: int) -> None:
    assert settled((T < 700).astype(float), text).time == pytest.approx(time, abs=1)


def test_a_decay_to_a_floor_has_the_time_of_its_decay() -> None:
    values = 0.3 + 0.7 * np.exp(-T / 100)
    assert settled(values, "floor@0.1").time == pytest.approx(100 * np.log(10), abs=1)
    assert settled(values, "fit").time == pytest.approx(100, rel=1e-3)


def test_distances_of_an_exponential_approach_have_their_formula() -> None:
    approach = np.exp(-T / 100)
    assert settled(approach, "end@0.1").time == pytest.approx(100 * np.log(10), abs=1)
    assert settled(1 - approach, "start@0.9").time == pytest.approx(100 * np.log(10), abs=1)


@pytest.mark.parametrize("tau", [50.0, 200.0])
def test_times_against_the_start_take_the_mean_of_the_first_steps(tau: float) -> None:
    values = np.exp(-T / tau)
    early = (1 - np.exp(-20 / tau)) / (1 - np.exp(-1 / tau)) / 20  # a geometric sum over 20
    assert settled(values, "init@0.1").time == pytest.approx(tau * np.log(10 / early), abs=1)
    assert settled(values, "auc0").time == pytest.approx(tau / early, abs=1)


def test_a_peak_after_the_start_tells_the_start_from_the_peak() -> None:
    values = np.concatenate([np.linspace(0.2, 1, 500, endpoint=False), np.exp(-T / 50)])
    early = values[:20].mean()
    late = settled(values, "init@0.5").time
    assert late == pytest.approx(500 + 50 * np.log(2 / early), abs=1)
    assert late > settled(values, "peak@0.5").time
    assert settled(values * (np.arange(values.size) > 20), "init@0.1").censored
    assert settled(np.r_[np.zeros(30), values], "auc0").censored


def test_a_burst_after_settling_unsettles_peak_but_not_first() -> None:
    values = np.exp(-T / 50)
    values[1000] = 0.5
    assert settled(values, "peak@0.1").time == 1001
    assert settled(values, "first@0.1").time == pytest.approx(50 * np.log(10), abs=1)


def test_a_rise_before_the_decay_does_not_count_as_settled() -> None:
    values = np.concatenate([np.linspace(0, 1, 500, endpoint=False), np.exp(-T / 50)])
    for text in ("peak@0.1", "first@0.1"):
        assert settled(values, text).time == pytest.approx(500 + 50 * np.log(10), abs=1)


@pytest.mark.parametrize("text", EVERY)
def test_times_are_in_steps_not_in_observations(text: str) -> None:
    values = 1 - np.exp(-T / 300) if text.startswith("start") else np.exp(-T / 300)
    sparse = settled(values[::10], text, steps=T[::10])
    assert sparse.time == pytest.approx(settled(values, text).time, abs=10)


# --- censored runs ------------------------------------------------------------------------------


def walks(dimensions: int, length: int, runs: int) -> NDArray:
    random = np.random.default_rng(0)
    return np.cumsum(random.normal(size=(runs, length, dimensions)), axis=1)


NEVER_SETTLED: dict[str, Callable[[], NDArray]] = {
    "constant": lambda: np.full(4000, 0.3),
    "rising": lambda: np.linspace(0.1, 1.0, 4000),
    "halved": lambda: np.linspace(1.0, 0.5, 4000),
    "slow decay": lambda: np.exp(-T / 8000),
    "slow power law": lambda: (1 + T) ** -0.1,
    "noise": lambda: np.random.default_rng(0).uniform(0.5, 1.5, 4000),
}


@pytest.mark.parametrize("series", NEVER_SETTLED)
@pytest.mark.parametrize("text", ["peak@0.1", "first@0.1", "init@0.1", "cum@0.9", "auc", "auc0"])
def test_a_series_that_never_settles_is_censored(series: str, text: str) -> None:
    found = settled(NEVER_SETTLED[series](), text, window=51)
    assert found.censored
    assert found.reason
    assert np.isnan(found.time)
    assert 0 < found.at_least <= 4000


@pytest.mark.parametrize("series", ["rising", "halved", "slow decay"])
def test_a_series_still_moving_at_the_end_has_no_floor(series: str) -> None:
    for text in ("floor@0.1", "range@0.1"):
        assert settled(NEVER_SETTLED[series](), text, window=51).censored


def test_a_noise_floor_above_the_threshold_is_named() -> None:
    found = settled(0.3 + np.exp(-T / 50), "peak@0.1")
    assert found.censored
    assert "noise floor" in found.reason
    assert found.at_least == 3999


def test_settling_in_the_last_window_is_not_settling() -> None:
    values = np.ones(1000)
    values[-20:] = 0.0
    assert settled(values, "peak@0.1", window=1).time == 980
    assert settled(values, "peak@0.5", window=30).censored


@pytest.mark.parametrize("text", ["end@0.1", "end@0.5", "start@0.9", "start@0.5"])
def test_a_random_walk_never_settles(text: str) -> None:
    censored = 0
    for walk in walks(dimensions=2000, length=400, runs=20):
        target = walk[-1] if text.startswith("end") else walk[0]
        censored += settled(np.linalg.norm(walk - target, axis=1), text).censored
    assert censored >= 19


@pytest.mark.parametrize("text", ["end@0.1", "end@0.5", "start@0.9", "start@0.5"])
def test_motion_at_constant_speed_never_settles(text: str) -> None:
    drift = np.linspace(0, 1, 1000)
    assert settled(1 - drift if text.startswith("end") else drift, text).censored


@pytest.mark.parametrize("text", ["end@0.1", "start@0.9"])
def test_an_approach_to_a_target_is_no_random_walk(text: str) -> None:
    """Exponential approach with noise, tau a tenth of the run: settled in every run."""
    random = np.random.default_rng(0)
    for _ in range(20):
        position = np.exp(-np.arange(1000) / 100)[:, None] * np.ones(500)
        position = position + 0.001 * np.cumsum(random.normal(size=position.shape), axis=0)
        target = position[-1] if text.startswith("end") else position[0]
        assert not settled(np.linalg.norm(position - target, axis=1), text).censored


def test_more_training_leaves_an_uncensored_time_where_it_is() -> None:
    """What makes a time a time: it does not depend on when the run was stopped."""
    for text in CHANGES:
        short, long = settled(np.exp(-T / 100), text), settled(np.exp(-np.arange(9000) / 100), text)
        assert short.time == pytest.approx(long.time, rel=0.01, abs=1)


@pytest.mark.parametrize(
    "text", ["peak@0.1", "first@0.1", "init@0.1", "range@0.1", "cum@0.9", "auc"]
)
def test_a_run_of_one_and_a_half_time_constants_is_censored_below_the_truth(text: str) -> None:
    values = np.exp(-np.arange(20000) / 1000)
    short, long = settled(values[:1500], text), settled(values, text)
    assert short.censored
    assert short.at_least <= long.time + 1


# --- the fit ------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 51])
def test_the_standard_error_of_a_fit_is_that_of_repeated_runs(window: int) -> None:
    random = np.random.default_rng(0)
    t = np.arange(1500)
    found = [
        settled(
            np.exp(-t / 100) + 0.2 + 0.05 * random.normal(size=t.size).clip(-3, 3), "fit", window
        )
        for _ in range(60)
    ]
    times, errors = np.array([(x.time, x.stderr) for x in found]).T
    assert abs(times.mean() - 100) < 6
    assert 0.6 < errors.mean() / times.std() < 1.7


@pytest.mark.parametrize("tau", [20.0, 50.0, 100.0])
def test_smoothing_does_not_lengthen_a_fitted_decay(tau: float) -> None:
    assert settled(np.exp(-T / tau), "fit", window=51).time == pytest.approx(tau, rel=0.02)


@pytest.mark.parametrize("window", [1, 51])
@pytest.mark.parametrize("series", ["constant", "rising", "halved", "slow decay", "noise"])
def test_a_fit_of_a_series_that_does_not_decay_is_censored(series: str, window: int) -> None:
    assert settled(NEVER_SETTLED[series](), "fit", window).censored


def spike_on_a_plateau() -> NDArray:
    """Fall within some steps onto a plateau that wanders: as weights do under Adam."""
    wander = smooth(np.random.default_rng(0).normal(size=(T.size, 1)), 200)[:, 0]
    return 0.27 * np.exp(-T / 20) + 0.3 + 0.1 * wander


NO_EXPONENTIALS: dict[str, Callable[[], NDArray]] = {
    "spike on a plateau": spike_on_a_plateau,
    "waves": lambda: 1 + np.cos(T / 300) + np.exp(-T / 300),
    "two steps": lambda: np.where(T < 1500, 1.0, 0.5) - np.where(T < 3200, 0.0, 0.45),
    "bump": lambda: np.exp(-T / 60) + 0.8 * np.exp(-(((T - 2500) / 300) ** 2)),
}


@pytest.mark.parametrize("name", NO_EXPONENTIALS)
def test_a_fit_of_what_is_no_exponential_is_refused_with_its_reason(name: str) -> None:
    found = settled(NO_EXPONENTIALS[name](), "fit", 51)
    assert found.censored
    assert found.reason == "the fit explains less than 0.9 of the smoothed series"
    assert (np.isnan(found.time), found.at_least) == (True, 0)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_noise_that_smoothing_takes_away_does_not_refuse_a_decay(noise: float) -> None:
    random = np.random.default_rng(1)
    values = np.exp(-T / 400) * (1 + noise * random.normal(size=T.size)).clip(0)
    assert settled(values, "fit", 51).time == pytest.approx(400, rel=0.03)


def test_a_fit_of_nothing_is_censored() -> None:
    assert settled(np.zeros(200), "fit").censored


# --- a naive second version ---------------------------------------------------------------------


def naive_smooth(values: NDArray, window: int) -> NDArray:
    return pd.Series(values).rolling(window, min_periods=1).mean().to_numpy()


@given(
    arrays(float, st.integers(1, 80), elements=st.floats(0, 1e3)),
    st.integers(1, 100),
)
def test_smoothing_is_the_rolling_mean_of_pandas(values: NDArray, window: int) -> None:
    found = smooth(values[:, None], window)[:, 0]
    assert np.allclose(found, naive_smooth(values, window), rtol=1e-9, atol=1e-9)


def naive_time(steps: NDArray, values: NDArray, kind: str, q: float, window: int) -> float | None:
    """Return the time of a definition by plain loops; None if the threshold is not reached."""
    n = len(values)
    smoothed = naive_smooth(values, max(1, min(window, n // 10)))
    if kind in ("end", "start"):
        inside = [v <= q * values[0] if kind == "end" else v >= q * values[-1] for v in values]
    elif kind == "cum":
        for i in range(n):
            if values[: i + 1].sum() >= q * values.sum():
                return steps[i]
        return None
    elif kind == "first":
        peak = int(np.argmax(smoothed))
        for i in range(peak, n):
            if smoothed[i] <= q * smoothed[peak]:
                return steps[i]
        return None
    else:
        floor = {"floor": values[-max(1, n // 10) :].mean(), "range": smoothed.min()}.get(kind, 0.0)
        top = values[steps < steps[0] + 20].mean() if kind == "init" else smoothed.max()
        inside = [v <= floor + q * (top - floor) for v in smoothed]
    for i in range(n):
        if all(inside[i:]):
            return steps[i]
    return None


@pytest.mark.parametrize(
    "text",
    [
        "peak@0.3",
        "first@0.3",
        "init@0.3",
        "range@0.3",
        "floor@0.3",
        "cum@0.7",
        "end@0.3",
        "start@0.6",
    ],
)
def test_every_definition_equals_its_plain_loop(text: str) -> None:
    random = np.random.default_rng(0)
    definition = Definition.parse(text, window=7)
    compared = 0
    for _ in range(60):
        n = int(random.integers(10, 120))
        steps = np.cumsum(random.integers(1, 5, size=n))
        noise = random.uniform(0, 0.2, size=n) if text[0] in "es" else random.gamma(0.3, size=n)
        values = (1 + noise) * np.exp(-np.arange(n) / random.uniform(5, 50))
        if text.startswith("start"):
            values = values[0] - values + noise.max()
        found = time_scale(steps, values, definition)
        expected = naive_time(steps, values, definition.kind, definition.q, 7)
        if not found.censored:
            assert found.time == expected
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("text", EVERY)
def test_many_series_at_once_equal_one_after_the_other(text: str) -> None:
    random = np.random.default_rng(0)
    definition = Definition.parse(text)
    steps = np.arange(0, 1200, 3)
    decays = np.exp(-steps[:, None] / random.uniform(20, 900, size=12))
    table = decays + random.uniform(0, 0.3, size=12) * random.uniform(size=decays.shape)
    if text.startswith("start"):
        table = 1.3 - table
    bounds, censored = time_scales(steps, table, definition)
    for column in range(12):
        alone = time_scale(steps, table[:, column], definition)
        assert alone.censored == censored[column]
        assert alone.at_least == pytest.approx(bounds[column], rel=1e-12)
    assert 0 < censored.sum() < 12 or text == "fit"


# --- properties ---------------------------------------------------------------------------------

SERIES = arrays(float, st.integers(20, 60), elements=st.floats(0, 1).map(lambda x: round(x, 3)))


@pytest.mark.parametrize("text", [text for text in EVERY if text != "fit"])
@given(values=SERIES, unit=st.sampled_from([0.125, 0.5, 4.0, 1024.0]))
def test_the_unit_of_the_series_does_not_matter(text: str, values: NDArray, unit: float) -> None:
    one, other = settled(values, text), settled(unit * values, text)
    assert one.censored == other.censored
    assert one.at_least == other.at_least


@pytest.mark.parametrize("text", ["peak@0.1", "first@0.1", "floor@0.1", "cum@0.9"])
@pytest.mark.parametrize("unit", [0.1, 0.3, 1 / 3, 0.7, 1.1])
def test_rounding_does_not_decide_whether_a_constant_series_settles(text: str, unit: float) -> None:
    ones, scaled = settled(np.ones(600), text, 51), settled(np.full(600, unit), text, 51)
    assert ones.censored == scaled.censored
    assert ones.at_least == pytest.approx(scaled.at_least, abs=1)


@given(values=SERIES)
def test_a_time_is_within_the_run_and_a_bound_never_beyond_it(values: NDArray) -> None:
    for text in EVERY:
        found = settled(values, text)
        assert found.censored == bool(found.reason) == np.isnan(found.time)
        assert 0 <= found.at_least <= len(values)


@pytest.mark.parametrize("kind", ["peak", "first", "floor", "end"])
def test_a_lower_level_is_reached_later(kind: str) -> None:
    values = np.exp(-T / 150) + 0.001 * np.sin(T) ** 2
    times = [settled(values, f"{kind}@{q}").at_least for q in (0.5, 0.2, 0.1, 0.05)]
    assert times == sorted(times)


# --- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "values", "names"),
    [
        (np.arange(9), np.ones(9), "at least 10"),
        (np.arange(0), np.ones(0), "at least 10"),
        (np.arange(20)[::-1], np.ones(20), "increasing"),
        (np.zeros(20), np.ones(20), "increasing"),
        (np.arange(19), np.ones(20), "as many"),
        (np.arange(20), -np.ones(20), "negative"),
        (np.arange(20), np.full(20, np.nan), "non-finite"),
        (np.arange(20), np.full(20, np.inf), "non-finite"),
    ],
)
def test_a_series_without_a_time_scale_is_refused(
    steps: NDArray, values: NDArray, names: str
) -> None:
    refusal(names, lambda: time_scale(steps, values, Definition.parse("peak@0.1")))
