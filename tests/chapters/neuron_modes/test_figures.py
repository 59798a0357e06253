"""The figures of neuron modes show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.neuron_modes import figures as draw
from regime_lib.chapters.neuron_modes.layers import LayerTrajectory, Reversal, Truncation
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers, Slope, VeryDeep
from regime_lib.chapters.neuron_modes.slopes import SlopeRule, SlopeTrajectory
from regime_lib.chapters.neuron_modes.three_networks import ThreeNetworks
from regime_lib.companion.figures.theme import Theme

RANDOM = np.random.default_rng(0)
STEPS = np.array([0, 1, 3, 10, 30, 100])
RISING = np.linspace(0, 2, 6)[:, None] + 0.1 * RANDOM.random((6, 4))
TRAJECTORY = SlopeTrajectory(
    STEPS,
    RISING,
    RISING / 50,
    RISING / 2.2,
    np.linspace(0.05, 0.95, 10),
    1 + 0.2 * RANDOM.random((6, 4, 10)),
)
NUMBERS = {f"{what}-{at}": 0.5 for what in ("slope", "accuracy") for at in ("start", "peak", "end")}
SLOPE = Slope({}, {**NUMBERS, "slope-peak-step": 100}, TRAJECTORY)
NETS = ("tanh net", "linear map of it", "linear net")
ACCURACY = {name: 0.8 + 0.1 * RANDOM.random((4, 4)) for name in NETS}
THREE = ThreeNetworks(np.array([25, 50, 100, 200]), 1, ACCURACY, {})
LAYERS = LayerTrajectory(STEPS, RANDOM.random((6, 10, 3)), np.full(3, 0.9))
DEEP = Deep({}, {}, LAYERS, Reversal(STEPS[:3], LAYERS.slope[2], STEPS[:3] / 9, STEPS[:3] / 9))
CUTS = {
    f"{n} layers": Truncation(
        np.full(4, 1 - n / 100),
        {f"shifts {s}": RANDOM.random((n + 1, 4)) for s in ("kept", "recentred")},
    )
    for n in (4, 10)
}
LATE = LateLayers({}, {}, CUTS)
TABLES = RANDOM.random((3, 3, 4))
RULE = SlopeRule((0.03, 0.1, 0.37), TABLES[0], TABLES[1], np.ones(4), TABLES[2])

FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "slope": lambda theme: draw.slope_over_training(theme, SLOPE),
    "three": lambda theme: draw.three_networks(theme, THREE),
    "deep": lambda theme: draw.deep_layers(theme, DEEP),
    "very deep": lambda theme: draw.very_deep_layers(theme, VeryDeep({}, {}, LAYERS)),
    "truncation": lambda theme: draw.truncation(theme, LATE),
    "rule": lambda theme: draw.rule(theme, RULE),
}


def test_lines_are_medians_and_the_gap_is_in_points() -> None:
    left, right = draw.three_networks(Theme(), THREE).axes
    assert np.allclose(left.lines[0].get_ydata(), np.median(ACCURACY["tanh net"], axis=1))
    gap = 100 * (ACCURACY["tanh net"] - ACCURACY["linear map of it"])
    assert np.allclose(right.lines[0].get_ydata(), np.median(gap, axis=1))


def test_the_heat_map_has_layers_upwards_and_checks_to_the_right() -> None:
    mesh = draw.deep_layers(Theme(), DEEP).axes[0].collections[0]
    assert np.allclose(np.ma.getdata(mesh.get_array()), LAYERS.slope.mean(axis=2).T)


def test_every_truncation_ends_at_all_activations() -> None:
    axes = draw.truncation(Theme(), LATE).axes
    assert [ax.lines[0].get_xdata()[-1] for ax in axes] == [4, 10]
    assert [ax.lines[-1].get_ydata()[0] for ax in axes] == [0.96, 0.9]


def test_words_for_the_figures_hold_their_numbers() -> None:
    assert "0.50 at step 100 and is 0.50 at step 100" in draw.slope_over_training_alt(SLOPE)
    first = ACCURACY["tanh net"].mean(axis=1)
    said = f"tanh net: {first[0]:.3f} with 25 samples, {first[1]:.3f} with 50, {first[3]:.3f} with"
    assert said in draw.three_networks_alt(THREE)
    assert f"{LAYERS.slope[2, 5].mean():.2f} in layer 6" in draw.deep_layers_alt(DEEP)
    middle = LAYERS.slope[-1, 5].mean()
    assert f"{middle:.2f} in the middle" in draw.very_deep_layers_alt(VeryDeep({}, {}, LAYERS))
    assert "; whole 0.96. 10 layers" in draw.truncation_alt(LATE)
    assert f"rate 0.37: slope {RULE.slope[2].mean():.2f}" in draw.rule_alt(RULE)


def test_the_rule_is_drawn_without_the_mean_of_each_run() -> None:
    (ax,) = draw.rule(Theme(), RULE).axes
    for row, line in enumerate(ax.lines):
        x, y = RULE.slope[row] - RULE.slope.mean(0), RULE.accuracy[row] - RULE.accuracy.mean(0)
        assert np.allclose(line.get_xydata(), np.stack([x, 100 * y], axis=1))
