"""Every definition is applied to every run, on series whose times are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.specifications import slope, specifications
from regime_lib.chapters.three_times.tracked import NETWORKS, QUANTITIES, TrackedRun, TrackedSeries
from regime_lib.instrument.settling.candidates import DEFINITIONS

CONFIG = RunConfig(dataset="digits", architecture="mlp", optimizer="sgd", steps=4000)
STEPS = np.arange(1, 4001)


def made(
    pattern_tau: float,
    weight_tau: float,
    *,
    floors: tuple[float, float] = (0.0, 0.0),
    seed: int = 0,
) -> TrackedRun:
    """Return a run whose changes decay exponentially onto floors; the average is seen rarely."""
    series = {}
    for network, stride in zip(NETWORKS, (1, 4), strict=True):
        at = STEPS[stride - 1 :: stride]
        for quantity in QUANTITIES:
            pattern = quantity.startswith("pattern")
            tau, floor = (pattern_tau, floors[0]) if pattern else (weight_tau, floors[1])
            decay = np.exp(-at / tau)
            values = 1 - decay if quantity.endswith("start") else floor + (1 - floor) * decay
            series[network, quantity] = TrackedSeries(at, values)
    return TrackedRun(replace(CONFIG, seed=seed), series, 0.9, 0.1)


def test_every_definition_finds_the_ratio_of_two_exponentials() -> None:
    table = specifications(made(100, 300))
    assert (table["censored"] == "").all()
    thresholds = table[~table["definition"].isin(["init@0.1", "auc0", "peak@0.5", "cum@0.5"])]
    assert thresholds["ratio"].to_numpy() == pytest.approx(3, rel=0.2)


def test_there_is_a_row_for_each_definition_network_and_size() -> None:
    table = specifications(made(100, 300))
    changes = sum(not text.startswith(("end", "start")) for text in DEFINITIONS)
    assert len(table) == 2 * (2 * changes + len(DEFINITIONS) - changes)
    assert not table.duplicated(["network", "size", "definition"]).any()


def test_the_window_is_as_long_in_steps_for_a_series_seen_rarely() -> None:
    table = specifications(made(100, 300), ["peak@0.1"]).set_index(["network", "size"])
    for column in ("pattern_time", "weight_time"):
        one, other = (table.loc[(network, "absolute"), column] for network in NETWORKS)
        assert one == pytest.approx(other, abs=8)


@pytest.mark.parametrize(
    ("floors", "censored"),
    [((0.0, 0.3), "weights"), ((0.3, 0.0), "patterns"), ((0.3, 0.3), "both"), ((0.0, 0.0), "")],
)
def test_censoring_names_the_series_that_never_settles(
    floors: tuple[float, float], censored: str
) -> None:
    row = specifications(made(100, 100, floors=floors), ["peak@0.1"]).iloc[0]
    assert row["censored"] == censored
    assert np.isnan(row["ratio"]) == (censored == "both")
    if censored == "weights":  # the end of the run is a lower bound of the weights' time
        assert row["weight_time"] == 4000


def test_a_power_of_the_weight_change_has_its_exponent_as_slope() -> None:
    run = made(100, 100)
    series = dict(run.series)
    weights = series["iterate", "weight_change"]
    for exponent in (0.5, 1.0, 2.0):
        series["iterate", "pattern_change"] = TrackedSeries(
            weights.steps, 3 * weights.values**exponent
        )
        assert slope(replace(run, series=series)) == pytest.approx(exponent)
    series["iterate", "pattern_change"] = TrackedSeries(weights.steps, 0 * weights.values)
    assert np.isnan(slope(replace(run, series=series)))
