"""When single units flip for the last time, against masks that are kept and compared by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import ARCHITECTURES, PIECEWISE, POOLS, RECTIFIERS, Case
from tests.instrument.runs import doubled, small_run, trainer
from tests.sentences import refusal

STEPS = 9


def last_flips(masks: list[NDArray]) -> NDArray:
    """Return the last step at which each unit differs from the step before; 0 if none."""
    times = np.zeros(masks[0].shape[-1], int)
    for step in range(1, len(masks)):
        differs = (masks[step] != masks[step - 1]).any(axis=(0, 1))
        times[differs] = step
    return times


@pytest.mark.parametrize(
    "case", [RECTIFIERS[0], PIECEWISE[4], POOLS[0], ARCHITECTURES[0], ARCHITECTURES[1]], ids=str
)
def test_the_last_flip_of_every_unit_is_that_of_brute_force(case: Case) -> None:
    model, probe = case.model().double(), doubled(case.batch(99))
    step = trainer(model, [doubled(case.batch(number)) for number in range(STEPS)].__getitem__)
    seen: list[list[NDArray]] = []

    def look() -> None:
        was = {module: module.training for module in model.modules()}
        model.eval()
        with torch.no_grad():
            truths = case.truth(model, probe)
        for module, flag in was.items():
            module.training = flag
        seen.append(
            [
                np.stack([(t.values > at).flatten(1).numpy() for at in t.thresholds])
                if t.thresholds
                else t.values.flatten(1).numpy()[None]
                for t in truths
            ]
        )

    look()
    with RegimeTracker(model, probe, unit_times=True, **case.options) as tracker:
        for number in range(STEPS):
            step(number)
            tracker.update()
            look()
    trace = tracker.trace
    expected = [last_flips([masks[n] for masks in seen]) for n in range(len(seen[0]))]
    assert trace.unit_times is not None
    for found, times in zip(trace.unit_times, expected, strict=True):
        assert np.array_equal(found[0], times)
    counted = np.concatenate(
        [times for times, c in zip(expected, trace.coverage.counted, strict=True) if c]
    )
    assert 0 < counted.max() <= STEPS
    steps, shares = trace.array("units_settled")
    assert np.allclose(shares[:, 0], [(counted <= step).mean() for step in steps])
    assert shares[-1, 0] == 1


def test_a_unit_that_flips_and_returns_settles_at_its_return() -> None:
    trace = small_run(30, unit_times=True)
    assert trace.unit_times is not None
    for times in trace.unit_times:
        assert times.min() >= 0
        assert times.max() <= 30
    steps, flips = trace.array("pattern_change")
    last = max(int(times.max()) for times in trace.unit_times)
    assert steps[flips[:, 0] > 0].max() == last


def test_they_are_kept_with_the_trace(tmp_path: Path) -> None:
    trace = small_run(6, unit_times=True)
    again = Trace.load(trace.save(tmp_path / "run"))
    assert trace.unit_times is not None
    assert again.unit_times is not None
    for one, other in zip(trace.unit_times, again.unit_times, strict=True):
        assert np.array_equal(one, other)
    assert again.until(3).unit_times is None
    assert "units_settled" not in again.until(3).quantities
    assert Trace.load(small_run(6).save(tmp_path / "run")).unit_times is None
    assert len(list((tmp_path / "run").glob("units-*"))) == 0


def test_members_are_kept_apart() -> None:
    from tests.instrument.cases import Stacked

    model, probe = Stacked(3), torch.randn(9, 6)
    with RegimeTracker(model, probe, members=3, unit_times=True) as tracker:
        for member in (1, 2):
            with torch.no_grad():
                model.bias[member] += 100.0
            tracker.update()
    times: Any = tracker.trace.unit_times
    assert times[0][0].max() == 0
    assert set(times[0][1]) <= {0, 1}
    assert set(times[0][2]) <= {0, 2}
    assert times[0][1].any()
    assert times[0][2].any()


def test_they_need_a_probe() -> None:
    model = RECTIFIERS[0].model()
    refusal(
        "unit_times is for a probe",
        lambda: RegimeTracker(model, RECTIFIERS[0].batch(0), unit_times=True, batches=4),
    )
