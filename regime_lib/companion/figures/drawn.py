"""A figure as it travels: its pictures and words as data, in notebooks and in files."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regime_lib.companion.book.notebooks import Node, outputs_of, text_of

#: Under which type a figure lies in the output of the cell that showed it.
FIGURE_MIME = "application/vnd.regime.figure+json"

#: Its pictures, in the order of a page; every viewer of notebooks can show the first.
VARIANTS = ("light-wide", "dark-wide", "light-narrow", "dark-narrow")

#: Set to "draft" where nobody will look at figures: dark variants and vector drawings, which are
#: three fifths of the work, are then left out.
VARIABLE = "REGIME_FIGURES"

_PNG = "image/png"
_COMPUTED = '{"program":'  # how the scene of a picture begins that the page computes


@dataclass(frozen=True)
class DrawnFigure:
    """A figure in its four variants."""

    name: str  # its anchor, such as fig-decay
    caption: str
    alt: str  # what a reader who cannot see it must know
    pictures: dict[str, str]  # one per variant, PNG or WebP, in base64
    # What a page's script draws in place of the picture, where the reader can move it: JSON, in one
    # text, since a notebook would give every number of it a line.
    scene: str | None = None
    note: str = ""  # what stands before the caption
    # The light, wide variant as SVG, compressed, in base64; figures of older long runs have none.
    drawing: str = ""

    def bundle(self) -> dict[str, Any]:
        """Return the figure as a notebook displays it; each picture is there once."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        others = {name: data for name, data in self.pictures.items() if name != VARIANTS[0]}
        return {
            _PNG: self.pictures[VARIANTS[0]],
            "text/plain": f"Figure {self.name}: {self.alt}",
            FIGURE_MIME: {**fields, "pictures": others},
        }

    @classmethod
    def of_bundle(cls, data: Mapping[str, Any]) -> DrawnFigure:
        """Return the figure that a notebook's output displays."""
        fields = data[FIGURE_MIME]
        first = text_of(data[_PNG]).strip()
        pictures = {VARIANTS[0]: first, **fields["pictures"]}
        return cls(**{**fields, "pictures": {name: pictures[name] for name in VARIANTS}})

    @property
    def computed(self) -> bool:
        """Whether the page computes it while a reader moves it, rather than replay frames."""
        return (self.scene or "").startswith(_COMPUTED)

    def picture(self, variant: str) -> bytes:
        """Return the picture of a variant as the content of a file."""
        return base64.b64decode(self.pictures[variant])

    def suffix(self, variant: str) -> str:
        """Return how the name of that file ends; narrow pictures of older long runs are PNGs."""
        return "webp" if self.picture(variant).startswith(b"RIFF") else "png"

    def svg(self) -> bytes:
        """Return the vector drawing as the content of a file; empty where there is none."""
        return gzip.decompress(base64.b64decode(self.drawing)) if self.drawing else b""


def figures_in(notebook: Node) -> Iterator[DrawnFigure]:
    """Yield the figures that an executed notebook shows, in order."""
    for _, output in outputs_of(notebook):
        if FIGURE_MIME in (data := output.get("data", {})):
            yield DrawnFigure.of_bundle(data)
