"""What each figure of the chapter on neuron modes found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from regime_lib.chapters.neuron_modes.counts import KINDS, column
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers, VeryDeep
from regime_lib.chapters.neuron_modes.measure_units import ByDepth
from regime_lib.chapters.neuron_modes.slopes import SlopeRule
from regime_lib.chapters.neuron_modes.three_networks import ThreeNetworks
from regime_lib.chapters.wording import each, listed, written


def slope_over_training(shown: Mapping[str, Any], data: str = "digits", run: str = "") -> str:
    """State where the slope peaks and ends, and the accuracy at the end.

    Parameters
    ----------
    shown : mapping
        What was glued, by name.
    data : str
        Which images the networks learn.
    run : str
        Of which run, as the end of a name: ``-long`` for the committed long run, whose own numbers
        stand beside those of the short runs.
    """
    peak, step, end, accuracy = (
        shown[f"{name}{run}"]
        for name in ("slope-peak", "slope-peak-step", "slope-end", "accuracy-end")
    )
    return (
        f"On {data} the slope peaks at {peak:.2f} at step {step:.0f} and ends at {end:.2f}, where "
        f"test accuracy is {accuracy:.2f}."
    )


def units(rows: pd.DataFrame, data: str = "digits") -> str:
    """State how many units fold, by themselves and with a partner."""
    alone = column(rows, "alone", kind="Gaussian", moment="end").mean()
    kinds = [kind for kind in KINDS if (rows["kind"] == kind).any()]
    pair = {kind: column(rows, "pair", kind=kind, moment="end").mean() for kind in kinds}
    return (
        f"On {data} {each(pair, '.0%')} of the units fold with a partner after training; "
        f"{alone:.0%} of the Gaussian ones fold by themselves."
    )


def readable(rows: pd.DataFrame, data: str = "digits") -> str:
    """State what is read from inputs and from the first layer, and how many units fold there."""
    inputs = column(rows, "readable", kind="tanh", layer=0).mean()
    first, fold = (
        {kind: column(rows, name, kind=kind, layer=1).mean() for kind in KINDS}
        for name in ("readable", "any")
    )
    return (
        f"On {data} a linear readout has an accuracy of {inputs:.3f} on the inputs and of "
        f"{each(first, '.3f')} on the first layer, where {each(fold, '.0%')} of the units fold."
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


def deep_layers(deep: Deep, data: str = "digits") -> str:
    """State in how many runs the order of the layers reverses."""
    turned = deep.reversal.reversed
    return (
        f"On {data} early layers lead first and late ones at the end in {turned.sum()} of "
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


def by_depth(found: ByDepth, data: str = "digits") -> str:
    """State how many late activations can go, by depth."""
    said = [f"{values.mean():.1f} of {depth}" for depth, values in found.removable.items()]
    return (
        f"On {data} {listed(said)} activations, from the top, can be made linear for at most a "
        "point of accuracy."
    )


def rule(found: SlopeRule, data: str = "digits") -> str:
    """State the rank correlation of slope and accuracy."""
    everyone = np.arange(found.slope.shape[1])
    return (
        f"On {data} slope and accuracy have a rank correlation of "
        f"{written(found.correlation(everyone), '.2f')} over learning rates and runs."
    )
