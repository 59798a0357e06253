"""A run to the end of training holds every shorter run, and its looks disturb nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.late.grid import PARTS, points
from regime_lib.chapters.three_times.late.run import LateConfig, LateRun, late_run, of_point
from regime_lib.chapters.three_times.specifications import specifications
from regime_lib.chapters.three_times.tracked import tracked_run

RUN = RunConfig(
    dataset="digits", architecture="mlp", optimizer="adamw", steps=120, hidden=16, probe_size=32
)
CONFIG = LateConfig(RUN, looks=25, horizons=(60,))


@pytest.fixture(scope="module")
def run() -> LateRun:
    return late_run(CONFIG)


@pytest.fixture(scope="module")
def tables(run: LateRun) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(rows) for name, rows in run.tables().items()}


def changes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the usual reading of the definitions by change per step and from the start."""
    kept = ~rows["definition"].str.startswith("end")
    found = rows[kept].set_index(["definition", "size"])
    return found[["pattern_time", "weight_time", "ratio"]].sort_index()


def asked(tables: dict[str, pd.DataFrame], horizon: int) -> pd.DataFrame:
    rows = tables["specifications"]
    usual = (rows["skipped"] == 0) & (rows["window"] == 51)
    return changes(rows[usual & (rows["horizon"] == horizon)])


@pytest.mark.parametrize("horizon", [60, 120])
def test_a_run_that_is_cut_off_is_a_shorter_run(
    tables: dict[str, pd.DataFrame], horizon: int
) -> None:
    """The tracker alone, on a run of that length, says the same under every definition."""
    shorter = specifications(
        tracked_run(replace(RUN, steps=horizon), ["iterate"]), networks=["iterate"]
    )
    pd.testing.assert_frame_equal(asked(tables, horizon), changes(shorter))


def test_distances_to_a_horizon_are_to_the_state_there(run: LateRun) -> None:
    found = run.from_end(60)
    steps, distances = found["weight_from_end"]
    states = {look.step: look.state for look in run.looks}
    assert steps[-1] == 60
    assert distances[-1] == 0
    expected = np.sqrt(((states[0].parameters - states[60].parameters).astype(float) ** 2).sum())
    assert distances[0] == pytest.approx(expected, rel=1e-6)
    shorter = tracked_run(replace(RUN, steps=60), ["iterate"]).series["iterate", "pattern_from_end"]
    same = dict(zip(shorter.steps.tolist(), shorter.values.tolist(), strict=True))
    steps, distances = found["pattern_from_end"]
    shared = [step for step in steps.tolist() if step in same]
    assert len(shared) > 10
    assert [distances[list(steps).index(s)] for s in shared] == pytest.approx(
        [same[s] for s in shared]
    )


def test_the_flips_of_a_look_are_those_of_the_tracker(
    run: LateRun, tables: dict[str, pd.DataFrame]
) -> None:
    steps, change = run.trace.array("pattern_change")
    flips = tables["flips"]
    weighted = (flips["flips"] * flips["units"]).groupby(flips["at"]).sum()
    units = flips[flips["at"] == 0]["units"].sum()
    at = dict(zip(steps.tolist(), change[:, 0].tolist(), strict=True))
    for step, flipped in (weighted / units).items():
        assert flipped == pytest.approx(at[int(str(step)) + 1])


def test_what_is_ahead_of_a_look_is_summed_from_the_series(
    run: LateRun, tables: dict[str, pd.DataFrame]
) -> None:
    _, change = run.trace.array("pattern_change")
    looks = tables["looks"].set_index("step")
    for step in looks.index[:10]:
        assert looks.loc[step, "flips_16"] == pytest.approx(change[step : step + 16, 0].sum())
        assert looks.loc[step, "net_16"] <= looks.loc[step, "flips_16"] + 1e-12
    assert looks["path"].is_monotonic_increasing
    assert looks.iloc[-1]["settled_samples"] == 1
    assert looks["settled_samples"].is_monotonic_increasing


def test_looks_leave_the_training_as_it_is(run: LateRun) -> None:
    """One look or many: the same weights at the end, bit for bit."""
    few = late_run(replace(CONFIG, looks=2, horizons=()))
    assert np.array_equal(few.looks[-1].state.parameters, run.looks[-1].state.parameters)


def test_smooth_activations_have_signs_too() -> None:
    found = late_run(LateConfig(replace(RUN, activation="gelu"), looks=20))
    assert {row["activation"] for row in found.tables()["runs"]} == {"gelu"}
    assert len(found.looks[0].state.signs) == 2


@pytest.mark.parametrize("part", PARTS)
def test_points_of_the_grid_are_distinct_and_can_be_read_back(part: str) -> None:
    found = [of_point(point) for point in points(part)]
    assert len({repr(one) for one in found}) == len(found)
    assert all(one.ends[-1] == one.run.steps for one in found)


def test_looks_leave_running_statistics_as_they_are() -> None:
    """A network with batch normalisation trains as one that is only tracked, or not at all."""
    own = replace(RUN, architecture="resnet", hidden=2, steps=40)
    found, tracked = late_run(LateConfig(own, looks=20)), tracked_run(own, ["iterate"])
    _, seen = found.trace.array("pattern_change")
    assert np.array_equal(seen[:, 0], tracked.series["iterate", "pattern_change"].values)
    assert found.looks[-1].losses["test_accuracy"] == tracked.accuracy
    assert len(found.looks[0].state.signs) == 7
