"""The figures of attraction basins show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.attraction_basins import figures as draw
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_html import VARIANTS

RANDOM = np.random.default_rng(0)
DEPTHS = np.array([1.0, 2, 4])
VALUES = 1 + RANDOM.random((3, 5))
BASINS = {"sample basin": VALUES, "weight basin": VALUES[::-1] / 2}
FAMILY = (VALUES, VALUES[::-1], ["1 layer", "2 layers", "4 layers"])
DIGITS = tuple(map(str, range(10)))
REGIONS = {"1 layer": np.array([[0, 2], [9, 9]]), "4 layers": np.array([[0, 2], [2, 9]])}
CORNERS = np.array([[0.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "against": lambda theme: draw.against_setting(theme, DEPTHS, VALUES / 3, BASINS, "layers"),
    "log": lambda theme: draw.against_setting(
        theme, DEPTHS, VALUES / 3, BASINS, "units a layer", log=True
    ),
    "depth": lambda theme: draw.depth_and_width(theme, DEPTHS, {16: VALUES / 3, 32: VALUES / 3}),
    "trade": lambda theme: draw.trade_off(theme, {"depth": FAMILY, "width": FAMILY}),
    "classes": lambda theme: draw.by_class(
        theme, DIGITS, RANDOM.random((5, 10)), RANDOM.random((5, 10))
    ),
    "planes": lambda theme: draw.planes(theme, REGIONS, 2.0, CORNERS, ("0", "2", "9")),
}


@pytest.mark.parametrize("theme", VARIANTS, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_in_every_variant(name: str, theme: Theme) -> None:
    with mpl.rc_context(theme.rc()):
        figure = FIGURES[name](theme)
        figure.canvas.draw()
    assert figure.get_figwidth() == {True: 3.9, False: 7.2}[theme.narrow]


def test_each_panel_shows_the_median_of_its_series() -> None:
    axes = draw.against_setting(Theme(), DEPTHS, VALUES / 3, BASINS, "layers").axes
    for ax, values in zip(axes, (VALUES / 3, VALUES, VALUES[::-1] / 2), strict=True):
        assert np.allclose(ax.lines[0].get_ydata(), np.median(values, axis=1))


def test_the_plane_of_basins_has_a_point_a_setting_and_names_its_ends() -> None:
    (ax,) = draw.trade_off(Theme(), {"depth": FAMILY}).axes
    assert np.allclose(ax.lines[0].get_xdata(), np.median(VALUES, axis=1))
    assert [text.get_text() for text in ax.texts] == ["1 layer", "4 layers"]


def test_families_that_lie_together_stand_in_panels_of_one_scale_with_readable_names() -> None:
    near = {name: (VALUES, VALUES[::-1], [f"{name} 8", "", f"{name} 256"]) for name in "abcd"}
    for theme in (Theme(), Theme(narrow=True)):
        with mpl.rc_context(theme.rc()):
            figure = draw.trade_off(theme, near)
            figure.canvas.draw()
        assert len({(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes}) == 1
        for ax, name in zip(figure.axes, near, strict=True):
            assert ax.get_title("left") == name
            one, other = (text.get_window_extent() for text in ax.texts)
            assert not one.overlaps(other)
            assert len(ax.lines) == 4  # its own, and the others in grey


def test_regions_lie_with_their_rows_from_below() -> None:
    axes = draw.planes(Theme(), REGIONS, 2.0, CORNERS, ("0", "2", "9")).axes
    assert axes[0].images[0].origin == "lower"
    places = {text.get_text(): text.xy for text in axes[0].texts[:3]}
    assert places["0"][1] < places["9"][1]
