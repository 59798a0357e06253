"""A trace is tidy, is saved whole or not at all, and comes back as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import ConvNet, Stacked, TwoLayers, images, vectors
from tests.instrument.traces import decaying, made_trace
from tests.sentences import refusal


def tracked(kind: str = "plain") -> Trace:
    """Track a network for a few random steps."""
    torch.manual_seed(0)
    model: nn.Module
    model, probe, options = {
        "plain": lambda: (TwoLayers(nn.ReLU()), vectors(), {}),
        "pool": lambda: (ConvNet(), images(), {"snapshots": 3}),
        "members": lambda: (Stacked(3), torch.randn(9, 6), {"members": 3}),
        "law": lambda: (TwoLayers(nn.Hardtanh()), vectors(), {"preactivations": True}),
        "smooth and unseen": lambda: (
            nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.GELU()),
            vectors(),
            {},
        ),
        "scheduled": lambda: (TwoLayers(nn.ReLU()), vectors(), {"schedule": lambda s: s == 3}),
        "start only": lambda: (TwoLayers(nn.ReLU()), vectors(), {"schedule": lambda s: False}),
    }[kind]()
    with RegimeTracker(model, probe, **options) as tracker:
        for _ in range(6):
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(0.3 * torch.randn_like(p))
            tracker.update()
    return tracker.trace


def equal(one: Trace, other: Trace) -> bool:
    same_groups = (one.groups is None) == (other.groups is None) and (
        one.groups is None or np.array_equal(one.groups, other.groups)
    )
    return same_groups and one.coverage == other.coverage and one.frame.equals(other.frame)


# --- the frame ----------------------------------------------------------------------------------


def test_the_frame_has_a_row_per_step_layer_and_quantity() -> None:
    frame = tracked().frame
    assert list(frame.columns) == ["step", "layer", "quantity", "value"]
    assert not frame.duplicated(["step", "layer", "quantity"]).any()
    steps = frame.groupby(["quantity", "layer"], observed=True)["step"].apply(list)
    assert steps["pattern_from_start", "all"] == steps["weight_norm", "first"] == list(range(7))
    assert (
        steps["pattern_change", "activation"] == steps["weight_change", "all"] == [1, 2, 3, 4, 5, 6]
    )


def test_the_frame_of_several_members_tells_them_apart() -> None:
    frame = tracked("members").frame
    assert list(frame.columns) == ["step", "layer", "quantity", "member", "value"]
    assert not frame.duplicated(["step", "layer", "quantity", "member"]).any()
    assert set(frame["member"]) == {0, 1, 2}


def test_array_series_and_frame_hold_the_same_numbers() -> None:
    trace = tracked("members")
    for series in trace.all_series:
        for layer in series.layers:
            steps, values = trace.array(series.quantity, layer)
            rows = trace.frame.query("quantity == @series.quantity and layer == @layer")
            for member in range(3):
                column = trace.series(series.quantity, layer, member)
                own = rows[rows["member"] == member]
                assert column.index.tolist() == steps.tolist() == own["step"].tolist()
                assert np.array_equal(column, values[:, member], equal_nan=True)
                assert np.array_equal(column, own["value"], equal_nan=True)


def test_asking_for_what_was_not_measured_is_refused_with_what_was() -> None:
    trace = tracked()
    message = refusal("'speed'", lambda: trace.array("speed"))
    assert "pattern_change" in message
    message = refusal("'nine'", lambda: trace.series("pattern_change", "nine"))
    assert "activation" in message
    for member in (1, -1):
        refusal(f"member {member}", lambda m=member: trace.series("dead", member=m))


# --- save and load ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["plain", "pool", "members", "law", "smooth and unseen", "scheduled", "start only"]
)
def test_a_trace_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    trace = tracked(kind)
    assert trace.save(tmp_path / "deep" / "trace") == tmp_path / "deep" / "trace"
    loaded = Trace.load(tmp_path / "deep" / "trace")
    assert equal(trace, loaded)
    assert loaded.quantities == trace.quantities
    for one, other in zip(trace.all_series, loaded.all_series, strict=True):
        assert one.layers == other.layers
        assert one.steps.dtype == other.steps.dtype
        assert np.array_equal(one.values, other.values, equal_nan=True)


def test_a_loaded_trace_gives_the_same_result(tmp_path: Path) -> None:
    trace = decaying(np.array([50.0, 70.0]), np.array([150.0, 140.0]))
    trace.save(tmp_path / "trace")
    assert Trace.load(str(tmp_path / "trace")).regime_change() == trace.regime_change()


def test_saving_again_replaces_the_trace_and_leaves_nothing_of_the_old(tmp_path: Path) -> None:
    tracked("pool").save(tmp_path)
    other = tracked("members")
    other.save(str(tmp_path))
    assert equal(Trace.load(tmp_path), other)
    files = json.loads((tmp_path / "manifest.json").read_text())["files"]
    names = {entry["name"] for entry in files.values()}
    assert {path.name for path in tmp_path.iterdir()} == names | {"manifest.json"}


def test_saving_touches_no_file_of_the_user(tmp_path: Path) -> None:
    names = ("notes.txt", "mine.parquet", "series.parquet", "groups.parquet", "series-old.parquet")
    for name in names:
        (tmp_path / name).write_text(name)
    for kind in ("plain", "pool"):
        tracked(kind).save(tmp_path)
    for name in names:
        assert (tmp_path / name).read_text() == name


def test_equal_traces_are_saved_as_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        tracked().save(tmp_path / name)
    one, other = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab"
    )
    assert one == other


def test_an_empty_trace_is_not_saved(tmp_path: Path) -> None:
    empty = made_trace({})
    assert list(empty.frame.columns) == ["step", "layer", "quantity", "value"]
    refusal("empty", lambda: empty.save(tmp_path / "trace"))
    assert not list(tmp_path.glob("**/*.parquet"))


def test_a_file_is_no_place_for_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    path.write_text("mine")
    refusal("is a file", lambda: decaying(5.0, 5.0).save(path))
    assert path.read_text() == "mine"


# --- interrupted saves --------------------------------------------------------------------------

OPERATIONS: list[tuple[Any, str]] = [
    (Path, "mkdir"),
    (Path, "replace"),
    (Path, "rename"),
    (Path, "unlink"),
    (Path, "chmod"),
    (Path, "write_text"),
    (Path, "glob"),
    (pd.DataFrame, "to_parquet"),
    (os, "close"),
    (os, "replace"),
    (os, "rename"),
    (json, "dumps"),
]


class Stop(BaseException):
    """Stands for a signal at any moment."""


def save_stopped_at(
    number: int, trace: Trace, folder: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> bool:
    """Save, stopping before or after the numbered file operation; return whether it was reached."""
    count = 0

    def stopping(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            mine = count
            if mine == number and not after:
                raise Stop
            result = function(*args, **kwargs)
            if mine == number:
                raise Stop
            return result

        return wrapped

    with monkeypatch.context() as patch:
        for owner, name in OPERATIONS:
            patch.setattr(owner, name, stopping(getattr(owner, name)))
        try:
            trace.save(folder)
        except Stop:
            return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_save_stopped_at_any_operation_leaves_the_old_trace_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    old, new = tracked("plain"), tracked("pool")
    seen = set()
    for number in range(1, 60):
        folder = tmp_path / str(number)
        old.save(folder)
        if not save_stopped_at(number, new, folder, monkeypatch, after):
            break
        loaded = Trace.load(folder)
        assert equal(loaded, old) or equal(loaded, new)
        seen.add(equal(loaded, new))
        new.save(folder)  # nothing stands in the way of the next attempt
        assert equal(Trace.load(folder), new)
        assert len([path for path in folder.iterdir() if path.name[0] != "."]) == 3
    assert number > 8
    assert seen == {False, True}


def test_a_first_save_stopped_at_any_operation_leaves_a_trace_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tracked()
    for number in range(1, 60):
        folder = tmp_path / str(number)
        if not save_stopped_at(number, trace, folder, monkeypatch, after=False):
            break
        if (folder / "manifest.json").exists():
            assert equal(Trace.load(folder), trace)
        else:
            refusal("holds no trace", lambda folder=folder: Trace.load(folder))


KILLED_AT_EVERY_OPERATION = """
import os, signal, sys
import json
from pathlib import Path
import pandas as pd
import pyarrow.parquet
from tests.instrument.tracking.test_trace import OPERATIONS, equal, tracked
from regime_lib.instrument import Trace

root = Path(sys.argv[1])
old, new = tracked("plain"), tracked("scheduled")
for number in range(1, 60):
    folder = root / str(number)
    child = os.fork()
    if child == 0:
        old.save(folder)
        count = 0
        def killing(function):
            def wrapped(*args, **kwargs):
                global count
                count += 1
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)
            return wrapped
        for owner, name in OPERATIONS:
            setattr(owner, name, killing(getattr(owner, name)))
        new.save(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    child = os.fork()
    if child == 0:
        loaded = Trace.load(folder)
        os._exit(0 if equal(loaded, old) or equal(loaded, new) else 1)
    _, verdict = os.waitpid(child, 0)
    if verdict:
        sys.exit(f"killed at operation {number}: the folder holds neither trace")
    if os.WIFEXITED(status):
        print(number)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_save_killed_at_any_operation_leaves_the_old_trace_or_the_new(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_OPERATION, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=Path(__file__).parents[3],
    )
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 8


# --- damaged traces -----------------------------------------------------------------------------


def test_a_folder_without_a_trace_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        refusal("holds no trace", lambda path=path: Trace.load(path))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", '"text"', "null", "{}", '{"format": 1}', '{"format": 1, "files": {}}',
     "[" * 100_000],
    ids=range(10),
)  # fmt: skip
def test_a_damaged_manifest_is_refused(tmp_path: Path, text: str) -> None:
    tracked().save(tmp_path)
    (tmp_path / "manifest.json").write_text(text)
    refusal(str(tmp_path), lambda: Trace.load(tmp_path))


@pytest.mark.parametrize("key", ["format", "files", "samples", "members", "layers", "unseen"])
def test_a_manifest_without_one_of_its_parts_is_refused(tmp_path: Path, key: str) -> None:
    tracked().save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    del manifest[key]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    refusal(str(tmp_path), lambda: Trace.load(tmp_path))


def test_a_manifest_that_is_no_text_is_refused(tmp_path: Path) -> None:
    tracked().save(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe\x00")
    refusal("holds no trace", lambda: Trace.load(tmp_path))


@pytest.mark.parametrize("format_", [0, 2, "1", None])
def test_another_format_is_refused_with_its_number(tmp_path: Path, format_: Any) -> None:
    tracked().save(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text()) | {"format": format_}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    refusal(f"format {format_}", lambda: Trace.load(tmp_path))


@pytest.mark.parametrize("damage", ["missing", "a folder", "cut", "one byte", "swapped"])
@pytest.mark.parametrize("stem", ["series", "groups"])
def test_a_damaged_table_is_refused_by_name(tmp_path: Path, stem: str, damage: str) -> None:
    tracked().save(tmp_path)
    (path,) = tmp_path.glob(f"{stem}-*.parquet")
    data = path.read_bytes()
    if damage in ("missing", "a folder"):
        path.unlink()
        if damage == "a folder":
            path.mkdir()
    elif damage == "cut":
        path.write_bytes(data[:-100])
    elif damage == "one byte":
        path.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    else:
        (other,) = (p for p in tmp_path.glob("*.parquet") if p != path)
        path.write_bytes(other.read_bytes())
    refusal(path.name, lambda: Trace.load(tmp_path))


def test_a_trace_is_frozen() -> None:
    trace = tracked()
    with pytest.raises(AttributeError):
        trace.groups = None  # type: ignore[misc]
    assert issubclass(RegimeError, ValueError)
