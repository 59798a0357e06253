"""Every figure of the chapters can be drawn in every variant, at its width."""

from __future__ import annotations

import matplotlib as mpl
import pytest

from regime_lib.companion.figures.render import VARIANTS
from regime_lib.companion.figures.theme import WIDTH_INCHES
from tests.chapters.attraction_basins.test_figures import FIGURES as ATTRACTION_BASINS
from tests.chapters.deep_linear.test_figures import FIGURES as DEEP_LINEAR
from tests.chapters.edge_of_stability.test_figures import FIGURES as EDGE_OF_STABILITY
from tests.chapters.grokking.test_figures import FIGURES as GROKKING
from tests.chapters.multi_phase.test_figures import FIGURES as MULTI_PHASE
from tests.chapters.neuron_modes.test_figures import FIGURES as NEURON_MODES
from tests.chapters.stability.test_figures import FIGURES as STABILITY
from tests.chapters.three_times.late.test_networks import FIGURES as LATE_NETWORKS
from tests.chapters.three_times.test_figures import FIGURES as THREE_TIMES
from tests.chapters.tracking.test_figures import FIGURES as TRACKING
from tests.chapters.training_response.test_figures import FIGURES as TRAINING_RESPONSE

#: By chapter and name, what draws a figure of made-up numbers in a theme.
FIGURES = {
    f"{chapter}-{name}": draw
    for chapter, figures in (
        ("attraction_basins", ATTRACTION_BASINS),
        ("deep_linear", DEEP_LINEAR),
        ("edge_of_stability", EDGE_OF_STABILITY),
        ("grokking", GROKKING),
        ("multi_phase", MULTI_PHASE),
        ("neuron_modes", NEURON_MODES),
        ("stability", STABILITY),
        ("three_times", THREE_TIMES),
        ("three_times", LATE_NETWORKS),
        ("tracking", TRACKING),
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
