"""What each figure of the chapter on neuron modes found on digits, in one sentence of numbers."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from regime_lib.chapters.neuron_modes.counts import KINDS, column
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers, Slope, VeryDeep
from regime_lib.chapters.neuron_modes.measure_units import ByDepth
from regime_lib.chapters.neuron_modes.slopes import SlopeRule
from regime_lib.chapters.neuron_modes.three_networks import ThreeNetworks
from regime_lib.chapters.wording import each, listed


def slope_over_training(slope: Slope) -> str:
    """State where the slope peaks and ends, and the accuracy at the end."""
    shown = slope.numbers
    return (
        f"On digits the slope peaks at {shown['slope-peak']:.2f} at step "
        f"{shown['slope-peak-step']} and ends at {shown['slope-end']:.2f}, where test accuracy is "
        f"{shown['accuracy-end']:.2f}."
    )


def slope_of_long_run(glued: pd.DataFrame) -> str:
    """State the same of the committed long run on MNIST, from the numbers that it glued."""
    known = dict(zip(glued["name"], glued["value"].map(json.loads), strict=True))
    return (
        f"On MNIST the slope peaks at {known['slope-peak']:.2f} at step "
        f"{known['slope-peak-step']:.0f} and ends at {known['slope-end']:.2f}."
    )


def units(rows: pd.DataFrame) -> str:
    """State how many units fold, by themselves and with a partner."""
    alone = column(rows, "alone", kind="Gaussian", moment="end").mean()
    pair = {kind: column(rows, "pair", kind=kind, moment="end").mean() for kind in KINDS}
    return (
        f"On digits {each(pair, '.0%')} of the units fold with a partner after training; "
        f"{alone:.0%} of the Gaussian ones fold by themselves."
    )


def readable(rows: pd.DataFrame) -> str:
    """State what is read from the inputs and from the first layer."""
    inputs = column(rows, "readable", kind="tanh", layer=0).mean()
    first = {kind: column(rows, "readable", kind=kind, layer=1).mean() for kind in KINDS}
    return (
        f"On digits a linear readout has an accuracy of {inputs:.3f} on the inputs and of "
        f"{each(first, '.3f')} on the first layer."
    )


def three_networks(found: ThreeNetworks) -> str:
    """State how far the linear predictors are behind with few and with all samples."""
    whole = found.accuracy["tanh net"]
    words = []
    for place in (0, -1):
        behind = {
            name: 100 * float((whole[place] - values[place]).mean())
            for name, values in found.accuracy.items()
            if name != "tanh net"
        }
        words.append(f"{each(behind, '.1f')} points behind with {found.sizes[place]} samples")
    return f"Beside the tanh network, linear ones are {listed(words)}."


def deep_layers(deep: Deep) -> str:
    """State in how many runs the order of the layers reverses."""
    turned = deep.reversal.reversed
    return (
        f"On digits early layers lead first and late ones at the end in {turned.sum()} of "
        f"{len(turned)} runs."
    )


def very_deep_layers(very: VeryDeep) -> str:
    """State how much the slopes differ between layers at the end."""
    return (
        "At the end the slopes of the layers differ by "
        f"{very.trajectory.spread[-1].mean():.2f} of their mean."
    )


def truncation(late: LateLayers) -> str:
    """State what is left of the accuracy without the upper half of the activations."""
    words = []
    for title, net in late.truncations.items():
        kept = net.cut["shifts kept"].mean(axis=1)
        words.append(
            f"{kept[(len(kept) - 1) // 2]:.2f} instead of {net.whole.mean():.2f} ({title})"
        )
    return (
        "On digits, with the upper half of the activations made linear, test accuracy is "
        f"{listed(words)}."
    )


def by_depth(found: ByDepth) -> str:
    """State how many late activations can go, by depth."""
    said = [f"{values.mean():.1f} of {depth}" for depth, values in found.removable.items()]
    return (
        f"On digits {listed(said)} activations, from the top, can be made linear for at most a "
        "point of accuracy."
    )


def rule(found: SlopeRule) -> str:
    """State the rank correlation of slope and accuracy."""
    everyone = np.arange(found.slope.shape[1])
    return (
        "On digits slope and accuracy have a rank correlation of "
        f"{found.correlation(everyone):.2f} over learning rates and runs."
    )
