"""The figures on stability show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from regime_lib.chapters.stability import figures as draw
from regime_lib.companion.figures.scene import Line, Points, Polygon
from regime_lib.companion.figures.theme import Theme
from tests.chapters.drawing import drawn_in_every_variant

RANDOM = np.random.default_rng(0)
SIZES = np.array([0.5, 1.1, 10.0])
CURVE = np.array([0.0, 0.5, 1.0])
FLIPPED = {name: {"random": CURVE**2, "gradient": CURVE} for name in ("MLP", "CNN")}
TABLE = pd.DataFrame(
    {"network": ["one", "other"], "low": [0.8, 0.1], "median": [0.9, 0.5], "high": [1.0, 0.7]}
)
LAYERS = {"layer 1": RANDOM.random((3, 4)) + 0.5, "layer 2": RANDOM.random((3, 4)) + 0.6}
SHARES = {
    name: {kind: RANDOM.random((5, 3)) for kind in draw.CERTIFICATES} for name in ("sgd", "adam")
}
SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
SNAPSHOTS = [
    draw.Snapshot(0, [SQUARE], np.array([0.5]), [], 0.5),
    draw.Snapshot(9, [SQUARE, SQUARE / 2], np.array([0.0, 1.0]), [SQUARE[:2], SQUARE[2:]], 1.0),
]
CLASSES = [SQUARE / 3, SQUARE / 4]
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "cliff": lambda theme: draw.cliff(theme, SIZES, FLIPPED),
    "tightness": lambda theme: draw.tightness(theme, TABLE),
    "flip_law": lambda theme: draw.flip_law(theme, SIZES, LAYERS, LAYERS),
    "along_training": lambda theme: draw.along_training(theme, np.arange(1.0, 6.0), SHARES),
    "regions": lambda theme: draw.regions_still(theme, SNAPSHOTS, CLASSES, 2.0),
}


test_every_figure_can_be_drawn_in_every_variant = drawn_in_every_variant(FIGURES)


def test_the_medians_over_seeds_are_drawn_in_the_order_of_the_legend() -> None:
    left, _ = FIGURES["along_training"](Theme()).axes
    for line, kind in zip(left.lines, draw.CERTIFICATES, strict=True):
        assert np.allclose(line.get_ydata(), np.median(SHARES["sgd"][kind], axis=1))
        assert line.get_label() == draw.CERTIFICATES[kind][0]


def test_tightness_shows_medians_from_the_top() -> None:
    (ax,) = FIGURES["tightness"](Theme()).axes
    dots = [c.get_offsets() for c in ax.collections if len(c.get_offsets()) == 2][-1]
    assert np.allclose(dots, [[0.9, 0.0], [0.5, -1.0]])


def test_a_still_holds_every_polygon_and_piece_of_the_border() -> None:
    _, right = FIGURES["regions"](Theme()).axes
    (polygons,) = [c for c in right.collections if isinstance(c, PolyCollection)]
    assert len(polygons.get_paths()) == 2
    assert len(right.lines) == 2 + len(CLASSES)
    assert "2 regions" in right.get_title()


def test_a_scene_has_a_frame_a_snapshot_with_its_state_in_words() -> None:
    scene = draw.regions_scene(SNAPSHOTS, CLASSES, 2.0)
    assert scene.sliders[0].labels == ("0", "9")
    (marks,) = scene.frames[(1,)].marks
    polygons = [mark for mark in marks if isinstance(mark, Polygon)]
    assert [mark.colour for mark in polygons] == [
        ("pattern", 0.95),
        ("pattern", pytest.approx(0.05)),
    ]
    (border,) = [mark for mark in marks if isinstance(mark, Line)]
    assert np.isnan(np.asarray(border.x)).sum() == 2  # a gap after each piece
    assert sum(isinstance(mark, Points) for mark in marks) == 2
    assert scene.frames[(1,)].readout == (
        "step 9: 2 linear regions, 100% of the points classified rightly"
    )
