"""One test for all modules of figures: each can be drawn in every variant, at its width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme
from regime_lib.companion.figures.render import VARIANTS


def drawn_in_every_variant(figures: Mapping[str, Callable[[Theme], Figure]]) -> Any:
    """Return the test that draws these figures."""

    @pytest.mark.parametrize("theme", VARIANTS, ids=str)
    @pytest.mark.parametrize("name", figures)
    def test(name: str, theme: Theme) -> None:
        with mpl.rc_context(theme.rc()):
            figure = figures[name](theme)
            figure.canvas.draw()
        assert figure.get_figwidth() == WIDTH_INCHES[theme.narrow]

    return test
