"""A figure is four pictures: true colours, small files, real alt text."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.colors as mcolors
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from regime_lib.companion.figures import drawn, render
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.render import VARIANTS, render_figure
from regime_lib.companion.figures.theme import COLOURS, Theme
from tests.companion.refusals import refused

NAME, CAPTION = "fig-decay", "How fast both settle. Bands are over `seeds`."
ALT = 'Pattern change falls tenfold in 40 steps; weight change needs 90 & is "later".'


_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


def draw(theme: Theme) -> Figure:
    figure, (left, right) = theme.panels(2)
    x = np.arange(1, 200)
    for ax, quantity, rate in ((left, "pattern", 40), (right, "weight", 90)):
        y = np.exp(-x / rate) + 0.01 * np.sin(x)
        theme.band(ax, x, 0.8 * y, y, 1.2 * y, quantity)
        ax.set(xlabel="step", ylabel="change per step", title=quantity)
        ax.legend()
    return figure


@pytest.fixture(scope="module")
def figure() -> DrawnFigure:
    return render_figure(draw, NAME, CAPTION, ALT)


def test_there_is_one_picture_per_variant(figure: DrawnFigure) -> None:
    assert (figure.name, figure.caption, figure.alt) == (NAME, CAPTION, ALT)
    assert tuple(figure.pictures) == drawn.VARIANTS
    sizes = []
    for variant in figure.pictures:
        with Image.open(io.BytesIO(figure.picture(variant))) as opened:
            sizes.append(opened.size)
    assert sizes[0] == sizes[1] != sizes[2] == sizes[3]


def test_a_draft_has_both_shapes_and_what_a_notebook_says(
    figure: DrawnFigure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(drawn.VARIABLE, "draft")
    draft = render_figure(draw, NAME, CAPTION, ALT)
    light = ("light-wide", "light-narrow")
    assert draft.pictures == {variant: figure.pictures[variant] for variant in light}
    assert not draft.drawing
    assert draft.bundle()["text/plain"] == figure.bundle()["text/plain"]


@pytest.mark.parametrize("variant", drawn.VARIANTS)
def test_pictures_are_small_and_without_metadata(figure: DrawnFigure, variant: str) -> None:
    data = figure.picture(variant)
    assert len(data) < 40_000
    with Image.open(io.BytesIO(data)) as opened:
        narrow = variant.endswith("narrow")
        assert opened.format == ("WEBP" if narrow else "PNG")
        assert figure.suffix(variant) == ("webp" if narrow else "png")
        assert opened.mode == ("RGB" if narrow else "P")
        assert opened.info.keys() <= ({"loop", "background"} if narrow else {"dpi"})


@pytest.mark.parametrize("position", range(4))
def test_ground_and_lines_keep_their_exact_colours(figure: DrawnFigure, position: int) -> None:
    theme, variant = VARIANTS[position], drawn.VARIANTS[position]
    with Image.open(io.BytesIO(figure.picture(variant))) as opened:
        pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3)
    assert tuple(pixels[0]) == rgb(theme.background)
    found = {tuple(pixel) for pixel in pixels.tolist()}
    assert {rgb(theme.colour("pattern")), rgb(theme.colour("weight"))} <= found


def test_the_same_data_give_the_same_bytes_whatever_the_users_settings() -> None:
    first = render_figure(draw, NAME, CAPTION, ALT)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "savefig.dpi": 300}):
        second = render_figure(draw, NAME, CAPTION, ALT)
    assert first == second


def test_the_vector_drawing_has_lines_and_letters_and_no_image(figure: DrawnFigure) -> None:
    root = ElementTree.fromstring(figure.svg())
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "path" in tags
    assert not tags & {"image", "text"}  # letters are outlines: they look alike everywhere
    assert COLOURS["pattern"][0] in figure.svg().decode().lower()
    assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(7.2 * 72, abs=1)


def test_a_large_cloud_of_points_is_an_image_in_the_drawing() -> None:
    def cloud(theme: Theme) -> Figure:
        figure, (ax,) = theme.panels()
        points = np.random.default_rng(0).normal(size=(2, 20_000))
        ax.scatter(*points, s=2, color=theme.colour("pattern"))
        return figure

    drawing = render_figure(cloud, "fig-cloud", CAPTION, ALT).svg()
    assert b"<image" in drawing
    assert len(drawing) < 600_000


def test_paths_are_where_matplotlib_puts_them_to_half_a_hundredth_of_a_point(
    figure: DrawnFigure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "_PATH", re.compile(rb"(?!)"))
    exact = render_figure(draw, figure.name, CAPTION, ALT).svg()
    numbers = [
        np.array([float(n) for d in re.findall(rb' d="([^"]*)"', svg) for n in _NUMBER.findall(d)])
        for svg in (exact, figure.svg())
    ]
    assert len(numbers[0]) == len(numbers[1]) > 100
    assert 0 < np.abs(numbers[0] - numbers[1]).max() <= 0.005 + 1e-9
    attributes = [re.sub(rb' d="[^"]*"', b"", svg) for svg in (exact, figure.svg())]
    assert attributes[0] == attributes[1]
    assert len(figure.svg()) < len(exact)


def test_drawing_leaves_the_users_settings_as_they_were() -> None:
    before = dict(mpl.rcParams)
    render_figure(draw, NAME, CAPTION, ALT)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("name", "caption", "alt", "words"),
    [
        ("decay", CAPTION, ALT, ["fig-decay", "'decay'"]),
        ("fig-Decay", CAPTION, ALT, ["kebab"]),
        ("fig-x", " ", ALT, ["no caption"]),
        ("fig-x", "How $D$ decays.", ALT, ["plain", "fig-x"]),
        ("fig-x", CAPTION, "A plot of decay", ["alt text", "15 characters", "40"]),
        ("fig-x", CAPTION, "", ["alt text", "0 characters"]),
        ("fig-x", ALT, ALT, ["repeats its caption"]),
    ],
)
def test_unfit_names_and_texts_are_refused(
    name: str, caption: str, alt: str, words: list[str]
) -> None:
    with refused(*words):
        render_figure(draw, name, caption, alt)


def test_a_short_alt_text_will_do_if_it_says_more_than_the_title() -> None:
    alt = "Falls tenfold in 40 steps"
    assert render_figure(draw, "fig-x", "Decay. A longer remark.", alt).alt == alt


def test_text_that_is_too_small_to_read_is_refused() -> None:
    def tiny(theme: Theme) -> Figure:
        figure, (ax,) = theme.panels()
        ax.text(0.5, 0.5, "a remark", fontsize=5)
        return figure

    with refused("'a remark'", "wide figure fig-x", "5 pt", "at least 8.1 pt"):
        render_figure(tiny, "fig-x", CAPTION, ALT)


def test_a_figure_of_another_width_is_refused() -> None:
    with refused("5 in wide", "theme.panels"):
        render_figure(lambda theme: Figure(figsize=(5, 3)), "fig-x", CAPTION, ALT)


def test_a_drawing_function_that_returns_no_figure_is_refused() -> None:
    def forgetful(theme: Theme) -> Any:
        draw(theme)

    with refused("fig-x", "must return", "NoneType"):
        render_figure(forgetful, "fig-x", CAPTION, ALT)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in mcolors.to_rgb(colour))
