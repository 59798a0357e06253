"""The median of runs within bounds holds whatever the runs really were."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.bounded import median_between
from regime_lib.estimate import median

TIMES = st.lists(st.integers(1, 500), min_size=9, max_size=21)


@given(TIMES, st.integers(100, 500))
def test_it_holds_the_median_of_the_times_behind_a_censoring(times: list[int], end: int) -> None:
    true = np.array(times, dtype=float)
    least = np.minimum(true, end)
    upper = np.where(true <= end, true, np.inf)
    found, known = median_between(least, upper, "runs", "steps"), median(true, over="runs")
    if found.value is None:
        assert known.high is not None
        assert known.high > end  # nothing of what lies beyond the end is known
        return
    assert found.unit == "steps"
    assert found.low is not None
    assert found.high is not None
    assert found.low <= float(np.median(true)) <= found.high or np.median(true) > end


@given(TIMES)
def test_without_bounds_it_is_the_median(times: list[int]) -> None:
    values = np.array(times, dtype=float)
    assert median_between(values, values, "9 runs") == median(values, over="9 runs")
