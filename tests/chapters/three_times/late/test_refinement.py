"""What is left when patterns have settled, on made-up tables."""

from __future__ import annotations

import pytest

from regime_lib.chapters.three_times.late.figures import what_is_left_alt
from regime_lib.chapters.three_times.late.headlines import what_is_left
from regime_lib.chapters.three_times.late.refinement import refinement
from regime_lib.chapters.three_times.late.tables import WHOLE, Tables
from regime_lib.instrument.settling.candidates import DEFINITIONS


def test_what_is_left_is_counted_from_the_settling_time(tables: Tables) -> None:
    found = refinement(tables)
    for name in ("sgd", "momentum", "adamw"):
        assert found.claims[f"rc-late-path-{name}"].value == pytest.approx(0.6)
        assert found.claims[f"rc-late-displacement-{name}"].value == pytest.approx(0.6)
        assert found.claims[f"rc-late-loss-{name}"].value == pytest.approx(0.6)
        left = found.claims[f"rc-late-test-loss-{name}"].value  # it has been lower than at the end
        assert left == pytest.approx((0.2 + 0.04 - 0.25) / (1 - 0.25))
    assert found.claims["rc-late-inputs"].value == pytest.approx(0.25)
    assert found.claims["rc-early-change"].value == pytest.approx(0.75)
    assert found.numbers["settled-runs"] == "9 of 9"
    assert found.by_part["accuracy_gain"].to_numpy() == pytest.approx(60)


def test_patterns_that_never_settle_leave_no_path_and_an_open_loss(tables: Tables) -> None:
    rows = tables["specifications"]
    rows.loc[rows["optimizer"] == "sgd", "censored"] = "both"
    found = refinement(tables)
    assert found.claims["rc-late-path-sgd"].value == 0
    assert found.claims["rc-late-displacement-sgd"].value == 0
    loss = found.claims["rc-late-loss-sgd"]
    assert (loss.low, loss.high) == (0, 1)
    assert not found.claims["rc-late-test-loss-sgd"].known
    assert found.claims["rc-late-test-loss-adamw"].known
    assert found.numbers["settled-runs"] == "6 of 9"
    shown = ["path_after", "loss_after", "test_loss_after", "loss_factor", "accuracy_gain"]
    for table in (found.by_part, found.table):
        unsettled = table["optimizer"] == "sgd"
        assert table.loc[unsettled, shown].isna().all(axis=None)
        assert table.loc[~unsettled, shown].notna().all(axis=None)
        assert table["final_inputs"].to_numpy() == pytest.approx(0.25)
    assert list(dict.fromkeys(found.table["definition"])) == list(DEFINITIONS)
    assert "SGD" not in what_is_left(found, WHOLE)
    assert "0% (SGD)" in what_is_left_alt(found)
