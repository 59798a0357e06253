"""Figures on pages: their files, and the one piece of HTML that shows the fitting one."""

from __future__ import annotations

import io
import re
from pathlib import Path

from markupsafe import Markup
from PIL import Image

from regime_lib.companion.figures.drawn import VARIANTS, DrawnFigure
from regime_lib.companion.publish.markup import template
from regime_lib.storage import atomic_write

#: Where pictures lie below the folder of static files, and what that folder is seen from a page.
FOLDER = "figures"
_STATIC = "../_static"

_WIDTHS = {"wide": 720, "narrow": 390}  # what a picture takes of a page, in pixels
_SENTENCE = re.compile(r"(?<=[.!?:])\s+(?=[A-Z0-9*`(„“])")


def write_pictures(figure: DrawnFigure, static: Path, chapter: str) -> None:
    """Write the pictures of a figure, and its vector drawing, below the folder of static files."""
    for variant in figure.pictures:
        with atomic_write(static / _place(figure, variant, chapter)) as temporary:
            temporary.write_bytes(figure.picture(variant))
    if figure.drawing:
        with atomic_write(static / _place(figure, "", chapter)) as temporary:
            temporary.write_bytes(figure.svg())


def figure_html(figure: DrawnFigure, chapter: str, *, number: str = "", leads_to: str = "") -> str:
    """Return the element that shows a figure on a page that lies one folder below the root.

    Parameters
    ----------
    figure : DrawnFigure
        The figure; the first sentence of its caption is its headline.
    chapter : str
        The chapter whose figure it is.
    number : str
        Such as 10.2, where it has one.
    leads_to : str
        Where it is shown once more: the address of the figure in its place. Then it is a still.
    """
    themes = {
        theme: {shape: _picture(figure, f"{theme}-{shape}", chapter) for shape in _WIDTHS}
        for theme in ("light", "dark")
    }
    # The first "</script" in the text of a script would end it.
    moving = figure.scene is not None and not leads_to
    scene = Markup((figure.scene or "").replace("</", r"<\/")) if moving else None
    headline, rest = headline_and_rest(figure.caption)
    return template("figure.html.j2").render(
        figure=figure,
        themes=themes,
        scene=scene,
        computed=moving and figure.computed,
        number=number,
        leads_to=leads_to,
        headline=headline,
        rest=rest,
        png=f"{_STATIC}/{_place(figure, VARIANTS[0], chapter)}",
        svg=f"{_STATIC}/{_place(figure, '', chapter)}" if figure.drawing else "",
    )


def headline_and_rest(caption: str) -> tuple[str, str]:
    """Split a caption into its first sentence, which a page sets in bold, and the others."""
    headline, *rest = _SENTENCE.split(caption.strip(), maxsplit=1)
    return headline, "".join(rest)


def _picture(figure: DrawnFigure, variant: str, chapter: str) -> dict[str, object]:
    shape = variant.partition("-")[2]
    with Image.open(io.BytesIO(figure.picture(variant))) as picture:
        width, height = picture.size
    return {
        "width": _WIDTHS[shape],
        "height": round(_WIDTHS[shape] * height / width),
        "address": f"{_STATIC}/{_place(figure, variant, chapter)}",
    }


def _place(figure: DrawnFigure, variant: str, chapter: str) -> str:
    name = f"{figure.name}-{variant}.{figure.suffix(variant)}" if variant else f"{figure.name}.svg"
    return f"{FOLDER}/{chapter}/{name}"
