"""What a sweep has finished so far is read with why the rest is missing."""

from __future__ import annotations

from pathlib import Path

from regime_lib.sweeps.gathering import Finished, Gathered, gather, gather_some
from regime_lib.sweeps.store import Store, point_key
from tests.companion.refusals import refused

POINTS = [{"x": number} for number in range(4)]


def test_nothing_is_finished_where_there_is_no_folder(tmp_path: Path) -> None:
    assert gather(tmp_path / "none") == Gathered((), 0, ())
    with refused("none holds no finished run", "compute some first"):
        gather_some(tmp_path / "none")


def test_finished_failed_and_waiting_points_are_told_apart(tmp_path: Path) -> None:
    store, keys = Store(tmp_path), [point_key(point, {}) for point in POINTS]
    store.save_plan(dict(zip(keys, POINTS, strict=True)), "1")
    store.save_failure(keys[1], POINTS[1], "ValueError: no")
    with refused("holds no finished run"):
        gather_some(tmp_path)
    store.save_result(keys[0], POINTS[0], [{"value": 1}, {"value": 2}], 1.5)
    store.save_result(keys[2], POINTS[2], [{"value": 3}], 2.0)
    found = gather_some(tmp_path)
    assert found.finished == (
        Finished(POINTS[0], [{"value": 1}, {"value": 2}], 1.5),
        Finished(POINTS[2], [{"value": 3}], 2.0),
    )
    assert (found.asked, found.failed, found.seconds) == (4, ("ValueError: no",), 3.5)
