"""Figures on pages: four files per figure, and the one piece of HTML that shows the fitting one."""

from __future__ import annotations

import struct
from pathlib import Path

from markupsafe import Markup

from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.publish.markup import template
from regime_lib.storage import atomic_write

#: Where pictures lie below the folder of static files, and what that folder is seen from a page.
FOLDER = "figures"
_STATIC = "../_static"

_WIDTHS = {"wide": 720, "narrow": 390}  # what a picture takes of a page, in pixels


def write_pictures(figure: DrawnFigure, static: Path, chapter: str) -> None:
    """Write the pictures of a figure below the folder of static files."""
    for variant in figure.pictures:
        with atomic_write(static / _place(figure, variant, chapter)) as temporary:
            temporary.write_bytes(figure.png(variant))


def figure_html(figure: DrawnFigure, chapter: str) -> str:
    """Return the element that shows a figure on a page that lies one folder below the root."""
    pictures = []
    for variant in figure.pictures:
        theme, shape = variant.split("-")
        width, height = struct.unpack(">II", figure.png(variant)[16:24])  # of a PNG's header
        pictures.append(
            {
                "classes": f"rl-{theme} rl-{shape}",
                "width": _WIDTHS[shape],
                "height": round(_WIDTHS[shape] * height / width),
                "address": f"{_STATIC}/{_place(figure, variant, chapter)}",
            }
        )
    # The first "</script" in the text of a script would end it.
    scene = None if figure.scene is None else Markup(figure.scene.replace("</", r"<\/"))
    return template("figure.html.j2").render(figure=figure, pictures=pictures, scene=scene)


def _place(figure: DrawnFigure, variant: str, chapter: str) -> str:
    return f"{FOLDER}/{chapter}/{figure.name}-{variant}.png"
