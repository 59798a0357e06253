"""The figures of neuron modes show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

from regime_lib.chapters.neuron_modes import figures as draw
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_html import VARIANTS

RANDOM = np.random.default_rng(0)
STEPS = np.array([0.0, 1, 3, 10, 30, 100])
RISING = np.linspace(0, 2, 6)[:, None] + 0.1 * RANDOM.random((6, 4))
DENSITY = {name: 1 + 0.2 * RANDOM.random((4, 10)) for name in ("start", "peak", "end")}
SIZES = np.array([25.0, 50, 100])
NETS = ("tanh net", "linear map of it", "linear net")
ACCURACY = {name: 0.8 + 0.1 * RANDOM.random((3, 4)) for name in NETS}
CURVES = {
    "4 layers": {f"shifts {s}": RANDOM.random((5, 4)) for s in ("kept", "recentred")},
    "10 layers": {f"shifts {s}": RANDOM.random((11, 4)) for s in ("kept", "recentred")},
}
WHOLE = {"4 layers": np.full(4, 0.97), "10 layers": np.full(4, 0.9)}
RATES = {f"rate {r}": RANDOM.random(4) for r in (0.03, 0.1, 0.37)}
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "slope": lambda theme: draw.slope_over_training(
        theme, STEPS, RISING, RISING / 2.2, np.linspace(0.05, 0.95, 10), DENSITY
    ),
    "three": lambda theme: draw.three_networks(theme, SIZES, ACCURACY),
    "layers": lambda theme: draw.layer_slopes(
        theme, STEPS, RISING, {"early": RISING[:4], "end": RISING[:4]}
    ),
    "truncation": lambda theme: draw.truncation(theme, CURVES, WHOLE),
    "rule": lambda theme: draw.rule(theme, RATES, RATES, "slope"),
}


@pytest.mark.parametrize("theme", VARIANTS, ids=str)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_drawn_in_every_variant(name: str, theme: Theme) -> None:
    with mpl.rc_context(theme.rc()):
        figure = FIGURES[name](theme)
        figure.canvas.draw()
    assert figure.get_figwidth() == {True: 3.9, False: 7.2}[theme.narrow]


def test_lines_are_medians_and_the_gap_is_in_points() -> None:
    left, right = draw.three_networks(Theme(), SIZES, ACCURACY).axes
    assert np.allclose(left.lines[0].get_ydata(), np.median(ACCURACY["tanh net"], axis=1))
    gap = 100 * (ACCURACY["tanh net"] - ACCURACY["linear map of it"])
    assert np.allclose(right.lines[0].get_ydata(), np.median(gap, axis=1))


def test_the_heat_map_has_layers_upwards_and_checks_to_the_right() -> None:
    figure = draw.layer_slopes(Theme(), STEPS, RISING, {"end": RISING[:4]})
    mesh = figure.axes[0].collections[0]
    assert np.allclose(np.ma.getdata(mesh.get_array()), RISING.T)


def test_every_truncation_ends_at_all_activations() -> None:
    axes = draw.truncation(Theme(), CURVES, WHOLE).axes
    assert [ax.lines[0].get_xdata()[-1] for ax in axes] == [4, 10]
    assert [ax.lines[-1].get_ydata()[0] for ax in axes] == [0.97, 0.9]
