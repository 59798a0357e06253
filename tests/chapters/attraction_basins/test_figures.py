"""The figures of attraction basins show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.attraction_basins import figures as draw
from regime_lib.chapters.attraction_basins.measure import Classes, Depth, Plane, TradeOff
from regime_lib.chapters.attraction_basins.scans import BasinScan, ClassBasins, Scan
from regime_lib.companion.figures.theme import Theme

RANDOM = np.random.default_rng(0)
VALUES = 1 + RANDOM.random((3, 5))
DEPTHS = (1, 2, 4)
FOUND = BasinScan("depth", DEPTHS, VALUES / 3, VALUES, VALUES[::-1] / 2)
SCANS = {width: Scan("depth", DEPTHS, VALUES / width) for width in (16, 32, 64)}
DEPTH = Depth({}, {}, SCANS, FOUND)
CLASSES = Classes(
    {},
    {},
    tuple(map(str, range(10))),
    ClassBasins(np.where(np.eye(5, 10), np.inf, RANDOM.random((5, 10))), RANDOM.random((5, 10))),
)
PLANE = Plane(
    {1: np.array([[0, 2], [9, 9]]), 4: np.array([[0, 2], [2, 9]])},
    2.0,
    np.array([[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]]),
    (0, 2, 9),
)


def families(names: str) -> TradeOff:
    """Return families that lie in one place of the plane."""
    ends = {name: (f"{name} 8", "", f"{name} 256") for name in names}
    return TradeOff({}, dict.fromkeys(names, FOUND), ends)


FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "against": lambda theme: draw.against_setting(theme, FOUND, "layers"),
    "log": lambda theme: draw.against_setting(theme, FOUND, "units a layer", log=True),
    "depth": lambda theme: draw.depth_and_width(theme, DEPTH),
    "trade": lambda theme: draw.trade_off(theme, families("ab")),
    "classes": lambda theme: draw.by_class(theme, CLASSES),
    "planes": lambda theme: draw.planes(theme, PLANE),
}


def test_each_panel_shows_the_median_of_its_series() -> None:
    axes = draw.against_setting(Theme(), FOUND, "layers").axes
    for ax, values in zip(axes, (VALUES / 3, VALUES, VALUES[::-1] / 2), strict=True):
        assert np.allclose(ax.lines[0].get_ydata(), np.median(values, axis=1))


def test_the_plane_of_basins_has_a_point_a_setting_and_names_its_ends() -> None:
    (ax,) = draw.trade_off(Theme(), families("a")).axes
    assert np.allclose(ax.lines[0].get_xdata(), np.median(VALUES, axis=1))
    assert [text.get_text() for text in ax.texts] == ["a 8", "a 256"]


def test_families_that_lie_together_stand_in_panels_of_one_scale_with_readable_names() -> None:
    for theme in (Theme(), Theme(narrow=True)):
        with mpl.rc_context(theme.rc()):
            figure = draw.trade_off(theme, families("abcd"))
            figure.canvas.draw()
        assert len({(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes}) == 1
        for ax, name in zip(figure.axes, "abcd", strict=True):
            assert ax.get_title("left") == name
            one, other = (text.get_window_extent() for text in ax.texts)
            assert not one.overlaps(other)
            assert len(ax.lines) == 4  # its own, and the others in grey


def test_regions_lie_with_their_rows_from_below() -> None:
    axes = draw.planes(Theme(), PLANE).axes
    assert axes[0].images[0].origin == "lower"
    places = {text.get_text(): text.xy for text in axes[0].texts[:3]}
    assert places["0"][1] < places["9"][1]


def test_words_for_the_figures_hold_their_numbers() -> None:
    middle = np.median(VALUES, axis=1)
    said = draw.against_setting_alt(FOUND, "depth", 0, -1)
    assert f"sample basin: {middle[0]:.2f} at depth 1, {middle[2]:.2f} at depth 4; " in said
    means = VALUES.mean(axis=1) / 16
    best = f"width 16: best {means.max():.3f} at {DEPTHS[means.argmax()]} layers"
    assert best in draw.depth_and_width_alt(DEPTH)
    moved = f"a from a 8 to a 256: sample basin times {middle[2] / middle[0]:.2f}, weight"
    assert moved in draw.trade_off_alt(families("a"))
    assert "0: 0." in draw.by_class_alt(CLASSES)
    assert draw.planes_alt(PLANE).endswith(
        "0, a 2 and a 9. 1 layer: 3 different digits are "
        "answered; 4 layers: 3 different digits are answered."
    )
