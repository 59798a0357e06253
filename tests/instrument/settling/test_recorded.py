"""Settling knows of a trace what it needs, and nothing of tracking."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from regime_lib.instrument import Trace
from regime_lib.instrument.settling.recorded import Recorded, of_single_steps
from tests.instrument.traces import made_trace


def test_a_trace_is_a_recorded_run() -> None:
    trace = made_trace({"pattern_change": np.ones(20)})
    assert isinstance(trace, Trace)
    assert isinstance(trace, Recorded)
    assert not isinstance([trace], Recorded)


def test_patterns_of_an_earlier_epoch_are_told_from_those_one_step_before() -> None:
    change = np.ones(20)
    for lag, single in ((None, True), (np.ones(20), True), (np.full(20, 3.0), False)):
        series = {"pattern_change": change} | ({} if lag is None else {"lag": lag})
        assert of_single_steps(made_trace(series)) is single


def test_settling_loads_without_tracking() -> None:
    code = (
        "import sys, regime_lib.instrument.settling.regime_change\n"
        "assert not [n for n in sys.modules if n.startswith('regime_lib.instrument.tracking')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
