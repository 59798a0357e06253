"""A run that a reader brings is read alike from each kind of file; what is none is told why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import manual_seed, nn, optim, rand

from regime_lib import RegimeTracker
from regime_lib.companion.publish.live import traces
from regime_lib.companion.publish.live.traces import book_run, over_peak, read_trace

WIDE = pd.DataFrame(
    {"step": [1, 2, 5], "pattern_change": [0.5, 0.25, 0.0], "weight_change": [1.0, 0.5, 0.125]}
)


@pytest.fixture
def tracked() -> RegimeTracker:
    manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    step = optim.SGD(model.parameters(), lr=0.5)
    with RegimeTracker(model, rand(8, 3)) as tracker:
        for _ in range(5):
            model(rand(6, 3)).pow(2).mean().backward()
            step.step()
            tracker.update()
    return tracker


@pytest.mark.parametrize(
    "form", ["csv", "records", "split", "columns", "list"], ids=lambda form: str(form)
)
def test_a_table_of_columns_is_read_in_every_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{'csv' if form == 'csv' else 'json'}"
    match form:
        case "csv":
            WIDE.to_csv(path, index=False)
        case "list":  # what the page makes of Parquet
            path.write_text(json.dumps(WIDE.to_dict(orient="list")))
        case _:
            WIDE.to_json(path, orient=form)  # type: ignore[call-overload]
    found = read_trace(path)
    assert list(found) == ["pattern_change", "weight_change"]
    for name, (steps, values) in found.items():
        assert steps.tolist() == [1, 2, 5]
        assert values.tolist() == WIDE[name].tolist()


def test_what_a_tracker_saves_has_the_same_series_as_the_tracker(
    tracked: RegimeTracker, tmp_path: Path
) -> None:
    trace = tracked.trace
    folder = trace.save(tmp_path / "trace")
    (packed,) = folder.glob("series-*.parquet")
    as_the_page = tmp_path / "series.json"
    as_the_page.write_text(json.dumps(pd.read_parquet(packed).to_dict(orient="list")))
    trace.frame.to_json(tmp_path / "frame.json", orient="split", double_precision=15)
    trace.frame.to_csv(tmp_path / "frame.csv", index=False)
    for path in (as_the_page, tmp_path / "frame.json", tmp_path / "frame.csv"):
        found = read_trace(path)
        assert set(found) == set(trace.quantities)
        for name, (steps, values) in found.items():
            own_steps, own = trace.array(name)
            assert steps.tolist() == own_steps.tolist()
            np.testing.assert_allclose(values, own[:, 0], rtol=1e-9)


def test_a_member_of_an_ensemble_is_chosen(tmp_path: Path) -> None:
    rows = [(s, "all", q, m, s + 10 * m) for s in (1, 2) for q in ("a", "b") for m in (0, 1)]
    table = pd.DataFrame(rows, columns=["step", "layer", "quantity", "member", "value"])
    table.to_csv(tmp_path / "t.csv", index=False)
    assert read_trace(tmp_path / "t.csv", member=1)["b"][1].tolist() == [11.0, 12.0]
    with pytest.raises(ValueError, match="no member 2; they are 0 to 1"):
        read_trace(tmp_path / "t.csv", member=2)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", "{", "a.json is no JSON"),
        ("a.json", "3", "a.json holds no table"),
        ("a.csv", "time,loss\n1,2\n", "a.csv has the columns time, loss; a run has 'step'"),
        ("a.csv", "", "columns none"),
        ("a.csv", "step,b\n1\n", "have not all as many entries"),
    ],
)
def test_what_is_no_run_is_told(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=told):
        read_trace(tmp_path / name)


def test_a_run_of_the_book_lies_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"sgd": {"pattern_change": {"steps": [1, 2], "values": [0.5, 0.1]}}}
    (tmp_path / traces.BOOK).write_text(json.dumps(told))
    monkeypatch.setattr(traces, "__file__", str(tmp_path / "traces.py"))
    assert book_run()["pattern_change"][1].tolist() == [0.5, 0.1]
    with pytest.raises(ValueError, match="no run with 'lion'; take sgd"):
        book_run("lion")


def test_means_are_trailing_and_over_their_peak() -> None:
    steps, values = over_peak((np.array([1, 2, 3]), np.array([2.0, 4.0, 0.0])), window=2)
    assert steps == [1, 2, 3]
    assert values == pytest.approx([2 / 3, 1.0, 2 / 3])
