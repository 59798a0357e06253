"""What a cell draws reaches the page as numbers that its axes can show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.publish.live import page


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(page, "send", lambda text: found.append(json.loads(text)))
    return found


def test_curves_are_sent_with_their_axes(sent: list[dict[str, Any]]) -> None:
    page.draw({"a": ([1, 2], [0.5, 0.25])}, x="step", y="loss", log="y", title="It falls")
    (told,) = sent
    assert told["curves"] == [{"name": "a", "x": [1.0, 2.0], "y": [0.5, 0.25]}]
    assert (told["x"], told["y"], told["log"], told["title"]) == ("step", "loss", "y", "It falls")


def test_a_file_is_given_or_there_is_none(tmp_path: Path) -> None:
    assert page.given(tmp_path / "given") is None
    (tmp_path / "mine.csv").write_text("step\n1\n")
    assert page.given(tmp_path) == tmp_path / "mine.csv"


def test_of_a_saved_trace_the_series_are_given(tmp_path: Path) -> None:
    for name in ("manifest.json", "series-0123456789ab.parquet.json"):
        (tmp_path / name).write_text("{}")
    found = page.given(tmp_path)
    assert found is not None
    assert found.name.startswith("series")


def test_rows_of_units_are_sent_and_must_fit(sent: list[dict[str, Any]]) -> None:
    page.draw_units([[0.12345, 1.0], [0.0, 0.5]], (1, 20))
    (told,) = sent
    assert (told["kind"], told["rows"], told["ends"]) == ("raster", [[0.123, 1], [0, 0.5]], [1, 20])
    with pytest.raises(ValueError, match="not all the same length"):
        page.draw_units([[1.0], [1.0, 0.0]], (1, 2))


def test_what_an_axis_cannot_show_is_left_out(sent: list[dict[str, Any]]) -> None:
    across, up = [0, 1, 2, 3], [1.0, 0.0, float("nan"), 4.0]
    for log, kept in (("", [0, 1, 3]), ("x", [1, 3]), ("y", [0, 3]), ("xy", [3])):
        page.draw({"a": (across, up)}, log=log)
        assert sent.pop()["curves"][0]["x"] == kept


def test_what_does_not_fit_is_refused_and_elsewhere_nothing_is_drawn() -> None:
    with pytest.raises(ValueError, match="'a' has 2 and 1 numbers"):
        page.draw({"a": ([1, 2], [1])})
    with pytest.raises(ValueError, match="log is 'both'"):
        page.draw({}, log="both")
    page.draw({"a": ([1], [1])})  # no page listens
