"""Results are written whole, found again, and never trusted when damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.sweeps.store import Status, Store, point_key
from tests.companion.refusals import refused

POINT = {"x": 1, "name": "a"}
KEY = point_key(POINT, {"code": "1"})
ROWS = [{"value": 0.1, "word": "é", "none": None}]


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store in a folder, and one that stands for a bucket."""
    if request.param == "folder":
        return Store(tmp_path / "sweep")
    return Store(f"memory://{tmp_path.name}")


json_values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_a_key_depends_on_content_and_not_on_order(point: dict[str, object]) -> None:
    backwards = dict(reversed(point.items()))
    assert point_key(point, {}) == point_key(backwards, {})
    assert point_key(point, {}) != point_key({**point, "further": 1}, {})
    assert point_key(point, {}) != point_key(point, {"code": "2"})


def test_what_json_cannot_hold_is_no_point() -> None:
    with refused("JSON", "object"):
        point_key({"x": object()}, {})
    for number in (float("nan"), float("inf")):
        with refused("JSON", str(number)):
            point_key({"x": number}, {})


def test_rows_are_found_again_as_they_were(store: Store) -> None:
    assert store.result(KEY) is None
    store.save_result(KEY, POINT, ROWS, 1.5)
    assert store.result(KEY) == ROWS
    assert store.seconds(KEY) == 1.5


def test_a_success_clears_the_failure_before(store: Store) -> None:
    store.save_failure(KEY, POINT, "ValueError: no")
    assert store.failure(KEY) == "ValueError: no"
    store.save_result(KEY, POINT, ROWS, 0)
    assert store.failure(KEY) is None


def test_status_counts_what_was_asked_for(store: Store) -> None:
    points = {point_key({"x": x}, {}): {"x": x} for x in range(4)}
    first, second, *_ = points
    store.save_plan(points, "1")
    store.save_result(first, points[first], ROWS, 0)
    store.save_failure(second, points[second], "ValueError: no")
    status = store.status()
    assert status == Status(1, 1, 2, ((points[second], "ValueError: no"),))
    assert str(status) == "1 done, 1 failed, 2 missing"


def test_plans_grow_and_another_version_starts_afresh(store: Store) -> None:
    store.save_plan({"a": {"x": 1}}, "1")
    store.save_plan({"b": {"x": 2}}, "1")
    assert store.plan() == {"a": {"x": 1}, "b": {"x": 2}}
    store.save_plan({"c": {"x": 1}}, "2")
    assert store.plan() == {"c": {"x": 1}}


def test_a_place_without_a_sweep_has_no_status(store: Store) -> None:
    with refused("no sweep", "regime sweep"):
        store.status()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"rows": [{"value": 0.2}], "digest": "0"}'])
def test_a_damaged_result_counts_as_missing(tmp_path: Path, damage: str) -> None:
    store = Store(tmp_path)
    store.save_result(KEY, POINT, ROWS, 0)
    (path,) = (tmp_path / "results").iterdir()
    path.write_text(damage)
    assert store.result(KEY) is None


def test_one_flipped_digit_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_result(KEY, POINT, ROWS, 0)
    (path,) = (tmp_path / "results").iterdir()
    path.write_text(path.read_text().replace("0.1", "0.2"))
    assert store.result(KEY) is None


def test_a_place_that_is_a_file_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused("file/sweep", "cannot be written to", "another folder"):
        Store(tmp_path / "file" / "sweep").require_writable()


def test_an_unknown_kind_of_address_is_refused() -> None:
    with refused("nosuch://here", "driver"):
        Store("nosuch://here")
