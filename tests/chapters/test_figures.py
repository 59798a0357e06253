"""Every figure of these chapters can be drawn in every variant, at its width."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from regime_lib.companion.figures.render import VARIANTS
from regime_lib.companion.figures.theme import WIDTH_INCHES
from tests.chapters.deep_linear.test_figures import FIGURES as DEEP_LINEAR
from tests.chapters.stability.test_figures import FIGURES as STABILITY
from tests.chapters.three_times.test_figures import FIGURES as THREE_TIMES
from tests.chapters.training_response.test_figures import FIGURES as TRAINING_RESPONSE

#: By chapter and name, what draws a figure of made-up numbers in a theme.
FIGURES = {
    f"{chapter}-{name}": draw
    for chapter, figures in (
        ("deep_linear", DEEP_LINEAR),
        ("stability", STABILITY),
        ("three_times", THREE_TIMES),
        ("training_response", TRAINING_RESPONSE),
    )
    for name, draw in figures.items()
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_in_every_variant(name: str) -> None:
    for theme in VARIANTS:
        with mpl.rc_context(theme.rc()):
            figure = FIGURES[name](theme)
            figure.canvas.draw()
        assert figure.get_figwidth() == WIDTH_INCHES[theme.narrow]
