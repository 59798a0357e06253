"""The figures on the edge of stability show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.edge_of_stability import figures as draw
from regime_lib.chapters.edge_of_stability import scene
from regime_lib.chapters.edge_of_stability.quadratic import Quadratic
from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.companion.figures.theme import Theme
from regime_lib.estimate import no_number
from regime_lib.instrument.tracking.edge_of_stability import EdgeOfStability

RANDOM = np.random.default_rng(0)
STOPS = np.array([50, 100, 150])
RATIO = np.array([[1.0, 2.0, np.nan], [5.0, np.inf, 3.0], [30.0, 200.0, 7.0]])


def made(level: float) -> Watched:
    signs = EdgeOfStability(STOPS - 50, STOPS, RATIO, 4.0, no_number())
    sharpness = level * (1 + 0.1 * RANDOM.random((3, 3)))
    by_layer = {"relu1": np.array([1.0, 2.0, 8.0]), "relu2": np.array([1.0, 3.0, np.nan])}
    return Watched(STOPS, sharpness, signs, by_layer, np.ones(3))


RUNS = {"rate 0.5": made(0.5), "rate 1": made(1.0)}
GROUPS = {"full batch": RUNS, "others": {"momentum": made(0.9)}}
QUADRATIC = Quadratic({}, {}, np.array([1.2, 1.5, 1.8]), np.array([[1.5], [3.0], [9.0]]))

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "steps": lambda theme: draw.over_steps(theme, RUNS),
    "windows": lambda theme: draw.by_window(theme, GROUPS),
    "law": lambda theme: draw.law(theme, QUADRATIC),
    "layers": lambda theme: draw.layers(theme, RUNS),
    "margin": lambda theme: scene.still(theme, RUNS),
}


def test_ratios_without_bound_are_drawn_at_the_top() -> None:
    values = draw.ratios(RUNS["rate 1"]).values
    assert np.nanmax(values) == draw.MOST
    assert np.isnan(values[0, 2])


def test_the_words_say_what_is_drawn() -> None:
    assert "rate 1: the sharpness ends at 1.0" in draw.over_steps_alt(RUNS)
    assert "3.0 at 0.75" in draw.law_alt(QUADRATIC)
    assert "from the first layer up: rate 0.5: 8.0, " in draw.layers_alt(RUNS)
    said = draw.by_window_alt({"low": {"a": made(0.5)}, "high": {"b": made(1.5)}})
    assert "low: 6.0 below four fifths of the threshold, none above" in said
    assert "high: none below" in said


def test_a_scene_without_the_usual_rate_begins_with_its_first_setting() -> None:
    found = scene.margins({"a": made(0.5), "b": made(1.5)})
    assert found.start[0] == 0
    assert found.frames[found.start].readout.startswith("a, margin 4")
