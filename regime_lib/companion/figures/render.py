"""Drawing a figure four times, as small pictures, and once as a vector drawing for paper."""

from __future__ import annotations

import base64
import gzip
import io
import os
import re
import sys
from collections.abc import Callable

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from regime_lib.companion.figures import drawn
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.theme import SMALLEST_TEXT, WIDTH_INCHES, WIDTH_PIXELS, Theme
from regime_lib.errors import RegimeError

#: The variants in the order of the page: the first is the one that every viewer can show.
VARIANTS = (Theme(), Theme(dark=True), Theme(narrow=True), Theme(dark=True, narrow=True))

#: Alt text that is shorter than this must at least say more than the caption's title.
ENOUGH_ALT = 40

_NAME = re.compile(r"fig(?:-[a-z0-9]+)+")
_PIXELS_ACROSS = {False: 1080, True: 684}
_COLOURS = 160  # enough for every line to keep its exact colour
# Shared by all canvases: each would parse labels such as 10⁻³, which all figures have, once more.
_LABELS = FigureCanvasAgg(Figure()).get_renderer().mathtext_parser
# In the vector drawing: marks of one cloud beyond which it becomes an image, and its dots per inch.
_MOST_MARKS = 1500
_CLOUD_DPI = 200
# A path's numbers beyond a hundredth of a point, which nobody sees, are a quarter of a drawing.
_PATH = re.compile(rb' d="[^"]*"')
_FINE = re.compile(rb"-?\d+\.\d{3,}")


def render_figure(
    draw: Callable[[Theme], Figure], name: str, caption: str, alt: str
) -> DrawnFigure:
    """Draw a figure in its four variants; refuse texts that are unfit or too small."""
    check_texts(name, caption, alt)
    pictures: dict[str, str] = {}
    places: dict[bool, list[Bbox]] = {}
    draft, drawing = os.environ.get(drawn.VARIABLE) == "draft", ""
    for variant, theme in zip(drawn.VARIANTS, VARIANTS, strict=True):
        if draft and theme.dark:
            continue
        with matplotlib.style.context(["default", theme.rc()]):
            # "default" first: a reader's own matplotlibrc must not change the book.
            canvas = _drawn(draw, theme, name, places.get(theme.narrow))
            small = _small(canvas, narrow=theme.narrow)
            pictures[variant] = base64.b64encode(small).decode("ascii")
            places[theme.narrow] = [ax.get_position(original=True) for ax in canvas.figure.axes]
            drawing = drawing or ("" if draft else _vectors(canvas.figure, name))
    return DrawnFigure(name, caption, alt, pictures, drawing=drawing)


def check_texts(name: str, caption: str, alt: str) -> None:
    """Refuse a figure whose name is no anchor or whose alt text says too little."""
    if not _NAME.fullmatch(name):
        raise RegimeError(f"a figure's name is like fig-decay, in kebab case, not '{name}'")
    if not caption.strip():
        raise RegimeError(f"figure {name} has no caption; say in a sentence what it shows")
    if "$" in caption + alt:
        raise RegimeError(f"captions and alt texts are plain, so in {name} write σ instead of $…$")
    title = re.split(r"(?<=[.!?:])\s", caption.strip(), maxsplit=1)[0]
    if len(alt.strip()) <= len(title) and len(alt.strip()) < ENOUGH_ALT:
        raise RegimeError(
            f"the alt text of figure {name} has {len(alt.strip())} characters; say what the data "
            f"show, in at least {ENOUGH_ALT} or more than the caption's title"
        )
    if alt.strip() == caption.strip():
        raise RegimeError(f"the alt text of figure {name} repeats its caption; say what is seen")


def _drawn(
    draw: Callable[[Theme], Figure], theme: Theme, name: str, places: list[Bbox] | None
) -> FigureCanvasAgg:
    """Draw one variant, within the settings of its theme, and return the canvas that holds it.

    Laying a figure out takes longer than drawing it, and colours do not change the layout: so the
    dark variant takes the places of the light one.
    """
    figure = draw(theme)
    if not isinstance(figure, Figure):
        raise RegimeError(
            f"the function that draws {name} must return its matplotlib figure, "
            f"not {type(figure).__name__}"
        )
    if places is not None and len(places) == len(figure.axes):
        figure.set_layout_engine("none")
        for ax, place in zip(figure.axes, places, strict=True):
            ax.set_position(place)
    figure.set_dpi(_PIXELS_ACROSS[theme.narrow] / figure.get_figwidth())
    canvas = FigureCanvasAgg(figure)  # drawn once: saving as a PNG would draw twice
    canvas.get_renderer().mathtext_parser = _LABELS
    canvas.draw()
    _require_readable(figure, theme, name)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)  # else the notebook shows it once more
    return canvas


def _vectors(figure: Figure, name: str) -> str:
    """Return a figure that was laid out as SVG, compressed, in base64; the same for the same data.

    Letters become outlines, so that it looks alike everywhere; large clouds of points, images.
    """
    figure.set_layout_engine("none")
    for cloud in figure.findobj(_is_large_cloud):
        cloud.set_rasterized(True)
    figure.set_dpi(_CLOUD_DPI)
    drawing = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        FigureCanvasSVG(figure).print_svg(drawing, metadata={"Date": None, "Creator": None})
    rounded = _PATH.sub(_rounded, drawing.getvalue())
    packed = gzip.compress(rounded, mtime=0)
    return base64.b64encode(packed).decode("ascii")


def _rounded(path: re.Match[bytes]) -> bytes:
    return _FINE.sub(lambda number: b"%.2f" % float(number[0]), path[0])


def _is_large_cloud(artist: Artist) -> bool:
    return isinstance(artist, Collection) and np.size(artist.get_offsets()) // 2 > _MOST_MARKS


def _require_readable(figure: Figure, theme: Theme, name: str) -> None:
    if abs(figure.get_figwidth() - WIDTH_INCHES[theme.narrow]) > 0.01:
        raise RegimeError(
            f"figure {name} is {figure.get_figwidth():g} in wide where "
            f"{WIDTH_INCHES[theme.narrow]:g} in are needed; make it with theme.panels(n)"
        )
    pixels_per_point = WIDTH_PIXELS[theme.narrow] / WIDTH_INCHES[theme.narrow] / 72
    least = SMALLEST_TEXT[theme.narrow] / pixels_per_point
    for text in figure.findobj(Text):
        if not isinstance(text, Text) or not text.get_visible():
            continue
        words, points = text.get_text().strip(), float(text.get_fontsize())
        if words and points < least:
            shape = "narrow" if theme.narrow else "wide"
            raise RegimeError(
                f"'{words}' in the {shape} figure {name} is set in {points:g} pt, too small to "
                f"read; use at least {least:.1f} pt"
            )


def _small(canvas: FigureCanvasAgg, *, narrow: bool) -> bytes:
    """Return a picture as a PNG, or, if only browsers show it, as a WebP, a quarter smaller."""
    picture = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba())
    palette = picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    small = io.BytesIO()
    if narrow:
        palette.convert("RGB").save(small, format="WEBP", lossless=True, quality=100)
    else:
        palette.save(small, format="PNG", optimize=True)
    return small.getvalue()
