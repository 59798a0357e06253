"""What shorter runs would have said, on made-up tables."""

from __future__ import annotations

import pytest

from regime_lib.chapters.three_times.late.horizons import horizons
from regime_lib.chapters.three_times.late.tables import WHOLE, Tables

END = 1000  # of the made-up runs


def test_horizons_tell_shorter_runs_from_longer_ones(tables: Tables) -> None:
    found = horizons(tables)
    medians = found.counts.set_index(["schedule", "horizon"])["median"]
    assert medians["cosine", 100] == pytest.approx(5)
    assert medians["cosine", END] == pytest.approx(2)
    assert found.counts["open"].max() == 0
    assert found.numbers[f"{WHOLE}-horizon-cosine"] == "100"
    bounds = found.counts.set_index(["schedule", "horizon"])["bounded"]
    assert bounds["constant", END] == pytest.approx(1 / 3)
