"""Colours are readable on their ground and stay apart for every kind of colour vision."""

from __future__ import annotations

import itertools

import matplotlib.colors as mcolors
import numpy as np
import numpy.typing as npt
import pytest
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import BACKGROUND, COLOURS, GRID, TEXT, TOGETHER, Theme
from tests.companion.refusals import refused

Colour = npt.NDArray[np.float64]

# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB.
VISION: dict[str, Colour] = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colour: str) -> Colour:
    rgb = np.array(mcolors.to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2.1."""
    lights = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (first, second))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def lab(colour: str, vision: Colour) -> Colour:
    xyz = TO_XYZ @ np.clip(vision @ linear(colour), 0, 1) / TO_XYZ.sum(axis=1)
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(first: str, second: str, vision: Colour) -> float:
    """The plain Euclidean distance in CIELAB; about 2.3 is just noticeable."""
    return float(np.linalg.norm(lab(first, vision) - lab(second, vision)))


def test_contrast_agrees_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("quantity", list(COLOURS))
def test_every_line_has_a_contrast_of_three_on_its_ground(dark: bool, quantity: str) -> None:
    theme = Theme(dark=dark)
    assert contrast(theme.colour(quantity), theme.background) >= 3
    for shade in theme.shades(quantity, 5):
        assert contrast(shade, theme.background) >= 3


@pytest.mark.parametrize("dark", [False, True])
def test_text_meets_aa_and_the_grid_stays_behind_it(dark: bool) -> None:
    assert contrast(TEXT[dark], BACKGROUND[dark]) >= 7
    assert contrast(GRID[dark], BACKGROUND[dark]) < 2


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", list(VISION))
def test_quantities_that_meet_in_a_figure_stay_apart_in_every_vision(
    dark: bool, vision: str
) -> None:
    theme = Theme(dark=dark)
    for group in TOGETHER:
        for first, second in itertools.combinations(group, 2):
            apart = distance(theme.colour(first), theme.colour(second), VISION[vision])
            assert apart >= 17, (first, second, apart)


def test_quantities_that_meet_also_differ_without_any_colour() -> None:
    theme = Theme()
    assert len({str(theme.line(q)) for q in ("pattern", "weight", "theory")}) == 3
    assert len({str(theme.line(q)) for q in ("sgd", "momentum", "adam")}) == 3
    assert theme.line("loss") != theme.line("accuracy")


def test_light_and_dark_have_the_same_quantities_in_different_colours() -> None:
    assert all(light != dark for light, dark in COLOURS.values())


def test_shades_are_distinct_and_begin_with_the_plain_colour() -> None:
    shades = Theme().shades("pattern", 4)
    assert shades[0] == Theme().colour("pattern")
    assert len(set(shades)) == 4
    assert Theme().shades("pattern", 1) == [Theme().colour("pattern")]


def test_a_stroke_is_colour_and_line_of_its_quantity() -> None:
    for theme in (Theme(), Theme(dark=True)):
        _, (ax,) = theme.panels(1)
        (drawn,) = ax.plot([0, 1], **theme.stroke("theory"))
        (meant,) = ax.plot([0, 1], color=theme.colour("theory"), linestyle=theme.line("theory"))
        assert drawn.get_color() == meant.get_color()
        assert drawn._dash_pattern == meant._dash_pattern


def test_an_unknown_quantity_is_refused() -> None:
    with refused("'momentumm'", "pattern, weight"):
        Theme().colour("momentumm")


@pytest.mark.parametrize(
    ("narrow", "n", "shape"), [(False, 2, (1, 2)), (True, 2, (2, 1)), (False, 5, (2, 3))]
)
def test_panels_stand_in_rows_when_wide_and_in_a_column_when_narrow(
    narrow: bool, n: int, shape: tuple[int, int]
) -> None:
    figure, axes = Theme(narrow=narrow).panels(n, height=2)
    assert isinstance(figure, Figure)
    assert len(axes) == n == len(figure.axes)
    grid = axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == shape
    assert figure.get_figheight() == 2 * shape[0]
    assert figure.get_figwidth() == (3.9 if narrow else 7.2)


def test_a_band_is_drawn_in_the_quantitys_colour_and_named_after_it() -> None:
    theme = Theme()
    _, (ax,) = theme.panels()
    theme.band(ax, [0, 1], [1, 1], [2, 2], [3, 3], "weight")
    theme.band(ax, [0, 1], [1, 1], [2, 2], [3, 3], "weight", label="layer 2", colour="#123456")
    first, second = ax.get_lines()
    assert (first.get_color(), first.get_label()) == (theme.colour("weight"), "weight")
    assert (second.get_color(), second.get_label()) == ("#123456", "layer 2")
    assert first.get_linestyle() == "--"
    lows, highs = (
        ax.collections[0].get_paths()[0].vertices[:, 1].min(),
        ax.collections[0].get_paths()[0].vertices[:, 1].max(),
    )
    assert (lows, highs) == (1, 3)
