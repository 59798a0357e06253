"""The figures on stability show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from regime_lib.chapters.stability import figures as draw
from regime_lib.chapters.stability import scene
from regime_lib.chapters.stability.certified_steps import KINDS
from regime_lib.chapters.stability.measure import (
    AlongTraining,
    BeyondRadius,
    FlipLaw,
    Radius,
    Regions,
)
from regime_lib.chapters.stability.regions import Snapshot
from regime_lib.companion.figures.scene import Line, Points, Polygon
from regime_lib.companion.figures.theme import Theme

RANDOM = np.random.default_rng(0)
SIZES = np.array([0.5, 1.5, 10.0])
CURVE = np.array([0.0, 0.4, 1.0])
BEYOND = BeyondRadius(
    SIZES,
    {
        "MLP": {"random": CURVE**2, "gradient": CURVE},
        "CNN": {"random": 0 * CURVE, "gradient": CURVE},
    },
)
RADIUS = Radius({}, {}, {}, {"one": np.linspace(0.8, 1, 11), "other": np.full(4, 0.5)}, 0, True)
LAYERS = {"layer 1": RANDOM.random((3, 4)) + 0.5, "layer 2": RANDOM.random((3, 4)) + 0.6}
LAW = FlipLaw({}, {}, SIZES, LAYERS, {name: 0 * ratio + 1 for name, ratio in LAYERS.items()})
SHARES = {name: {kind: RANDOM.random((5, 3)) for kind in KINDS} for name in ("sgd", "adam")}
MEDIANS = {
    f"{name}-{optimizer}": 0.25
    for name in ("stable", "late-sizes", "late-size")
    for optimizer in SHARES
}
TRAINING = AlongTraining({**MEDIANS, "stable-adam": 0.75}, np.arange(1, 6), SHARES, 0)
SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
BORDER = SQUARE.reshape(2, 2, 2)
REGIONS = Regions(
    (
        Snapshot(0, SQUARE, np.array([4]), np.array([0.5]), BORDER[:0], 0.5),
        Snapshot(9, np.tile(SQUARE, (2, 1)), np.array([4, 4]), np.array([0.0, 1.0]), BORDER, 1.0),
    ),
    (SQUARE / 3, SQUARE / 4),
)
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "beyond_radius": lambda theme: draw.beyond_radius(theme, BEYOND),
    "tightness": lambda theme: draw.tightness(theme, RADIUS),
    "flip_law": lambda theme: draw.flip_law(theme, LAW),
    "along_training": lambda theme: draw.along_training(theme, TRAINING),
    "regions": lambda theme: scene.three_regions(theme, REGIONS),
}


def test_the_medians_over_seeds_are_drawn_in_the_order_of_the_legend() -> None:
    left, _ = FIGURES["along_training"](Theme()).axes
    for line, kind in zip(left.lines, draw.CERTIFICATES, strict=True):
        assert np.allclose(line.get_ydata(), np.median(SHARES["sgd"][kind], axis=1))
        assert line.get_label() == draw.CERTIFICATES[kind][0]


def test_tightness_shows_medians_from_the_top() -> None:
    (ax,) = FIGURES["tightness"](Theme()).axes
    dots = ax.collections[-1].get_offsets()
    assert np.allclose(dots, [[0.9, 0.0], [0.5, -1.0]])


def test_alternative_texts_say_the_numbers() -> None:
    assert "one 0.90, other 0.50." in draw.tightness_alt(RADIUS)
    assert draw.beyond_radius_alt(BEYOND).endswith(
        "flip 40% at 1.5 radii (MLP), 40% at 1.5 radii (CNN); random attacks reach one half at "
        "10 radii (MLP), no size shown (CNN)."
    )
    assert "Of each unit: layer 1 1.00, layer 2 1.00." in draw.flip_law_alt(LAW)
    assert ": SGD 0.25, 0.25, 0.25; Adam 0.75, 0.25, 0.25. " in draw.along_training_alt(TRAINING)
    assert scene.regions_alt(REGIONS).startswith(
        "The plane cut into 1 polygons before training, 2 at most and 2 after 9 steps"
    )


def test_a_still_holds_every_polygon_and_piece_of_the_border() -> None:
    *_, right = FIGURES["regions"](Theme()).axes
    (polygons,) = [c for c in right.collections if isinstance(c, PolyCollection)]
    assert len(polygons.get_paths()) == 2
    assert len(right.lines) == 2 + len(REGIONS.classes)
    assert "2 regions" in right.get_title()


def test_a_scene_has_a_frame_per_snapshot_with_its_state_in_words() -> None:
    moving = scene.moving_regions(REGIONS)
    assert moving.sliders[0].labels == ("0", "9")
    (marks,) = moving.frames[(1,)].marks
    polygons = [mark for mark in marks if isinstance(mark, Polygon)]
    assert [mark.colour for mark in polygons] == [
        ("pattern", 0.95),
        ("pattern", pytest.approx(0.05)),
    ]
    (border,) = [mark for mark in marks if isinstance(mark, Line)]
    assert np.isnan(np.asarray(border.x)).sum() == 2  # a gap after each piece
    assert np.asarray(border.y)[:2].tolist() == BORDER[0, :, 1].tolist()
    assert sum(isinstance(mark, Points) for mark in marks) == 2
    assert moving.frames[(1,)].readout == (
        "step 9: 2 linear regions, 100% of the points classified correctly"
    )
