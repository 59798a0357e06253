"""The committed runs on MNIST, as the figures of chapter 60 take them: nothing is trained here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.neuron_modes.layers import reversal
from regime_lib.chapters.neuron_modes.many_claims import (
    cut_of,
    layers_of_deep,
    removable_by_depth,
    rule_of,
    told_of,
    units_of,
)
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers
from regime_lib.chapters.neuron_modes.measure_units import SHALLOWER, ByDepth
from regime_lib.chapters.neuron_modes.slopes import SlopeRule


@dataclass(frozen=True)
class OnMnist:
    """What was measured on MNIST, part by part."""

    units: pd.DataFrame
    """As from `count_shallow`, of networks with tanh and with Gaussian units."""
    told: pd.DataFrame
    """As from `count_layers`."""
    deep: Deep
    late: LateLayers
    by_depth: ByDepth
    rule: SlopeRule


def on_mnist(rows: pd.DataFrame) -> OnMnist:
    """Put the parts together again.

    Parameters
    ----------
    rows : DataFrame
        Those of `many_runs`: the table ``many`` of the chapter's evidence.
    """
    course = layers_of_deep(rows)
    deepest = course.slope.shape[1]
    cuts = {f"{depth} layers": cut_of(rows, depth) for depth in (SHALLOWER, deepest)}
    return OnMnist(
        units_of(rows),
        told_of(rows),
        Deep({}, {}, course, reversal(np.asarray(course.slope))),
        LateLayers({}, {}, cuts),
        ByDepth({}, {}, removable_by_depth(rows)),
        rule_of(rows),
    )
