"""A scene that a cell draws lies where the book's own encoder puts it, in the book's colours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from regime_lib.companion.figures import scene as chapters
from regime_lib.companion.figures.scene_data import encode
from regime_lib.companion.figures.theme import COLOURS
from regime_lib.companion.publish.live import page, scenes
from regime_lib.companion.publish.live.moons import REACH, half_moons, show_regions
from regime_lib.companion.publish.live.scenes import Scene, ticks
from regime_lib.companion.publish.live.shipped import palette_file
from regime_lib.companion.publish.live.train_one import train
from regime_lib.simulators.exact.regions import linear_regions


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    (tmp_path / scenes.PALETTE).write_bytes(palette_file())
    monkeypatch.setattr(scenes, "__file__", str(tmp_path / "scenes.py"))
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(page, "send", lambda text: found.append(json.loads(text)))
    return found


def test_it_encodes_as_the_chapters_scenes_do(sent: list[dict[str, Any]]) -> None:
    limits = (-2.4, 2.4)
    square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 9.0]])
    broken = np.array([[0.0, 1.0], [np.nan, np.nan], [1.0, 1.0]])
    scene = Scene("u", "v", limits, limits, "T")
    scene.area(square, "pattern", 0.25)
    scene.line(broken, "theory")
    scene.dots(square, "one class")
    scene.show("said")
    marks = (
        chapters.Polygon(square[:, 0], square[:, 1], ("pattern", 0.25), opacity=0.55),
        chapters.Line(broken[:, 0], broken[:, 1], "theory", width=2.6),
        chapters.Points(square[:, 0], square[:, 1], "one class", size=2.4),
    )
    panel = chapters.Panel("T", "u", "v", limits, limits, equal=True)
    frames = {(n,): chapters.Frame((marks,), "said") for n in range(2)}
    theirs = encode(chapters.Scene((panel,), (chapters.Slider("s", ("a", "b")),), frames))
    (ours,) = sent
    assert ours["backdrop"] == theirs["frames"]["0"]["m"]
    assert [tuple(pair) for pair in ours["colours"]] == theirs["colours"]
    assert ours["grid"] == theirs["grid"]
    assert (ours["kind"], ours["alt"], ours["says"]) == ("scene", "said", "said")
    told = [{**one, "xt": None, "yt": None} for one in (ours["panels"][0], theirs["panels"][0])]
    assert told[0] == told[1]


def test_every_colour_of_the_book_is_there(sent: list[dict[str, Any]]) -> None:
    assert {name: scenes.mixed(name, 0.0) for name in COLOURS} == COLOURS


@given(some.floats(-1e3, 1e3), some.floats(1e-3, 1e4))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    found = ticks(low, low + width)
    assert 2 <= len(found) <= 7
    assert low - width / 1e6 <= found[0] <= found[-1] <= low + width * (1 + 1e-6)
    steps = np.diff(found)
    assert np.allclose(steps, steps[0], rtol=1e-6)


def test_regions_cover_the_square_and_the_points_are_learnt(sent: list[dict[str, Any]]) -> None:
    data = half_moons(seed=0)
    assert data.inputs.shape == (160, 2)
    np.testing.assert_allclose(data.inputs.std(axis=0), 0.95)
    run = train(8, 2, "adam", 0.01, 160, 300, seed=1, data=data)
    assert run.accuracy > 0.9
    show_regions(run, data, linear_regions)
    (told,) = sent
    areas = [mark["p"] for mark in told["backdrop"][0] if mark["k"] == "a"]
    corners = [np.array(places, float).reshape(-1, 2) for places in areas]
    covered = sum(area(one) for one in corners)
    assert covered == pytest.approx(told["grid"] ** 2, rel=1e-3)
    assert f"{len(areas)} linear regions" in told["says"]
    assert np.abs(data.inputs).max() < REACH


def area(corners: np.ndarray) -> float:
    """Return the area of a polygon by the shoelace formula."""
    across, up = corners.T
    return float(abs(across @ np.roll(up, 1) - up @ np.roll(across, 1)) / 2)
