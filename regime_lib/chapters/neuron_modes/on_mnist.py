"""The committed runs on MNIST, as the figures of chapter 60 take them: nothing is trained here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.neuron_modes.counts import KINDS
from regime_lib.chapters.neuron_modes.layers import reversal
from regime_lib.chapters.neuron_modes.many_claims import (
    STEPS,
    cut_of,
    layers_of_deep,
    removable_by_depth,
    rule_of,
    told_of,
    units_of,
)
from regime_lib.chapters.neuron_modes.many_runs import SIZES
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers
from regime_lib.chapters.neuron_modes.measure_units import SHALLOWER, ByDepth
from regime_lib.chapters.neuron_modes.slopes import SlopeRule

Numbers = dict[str, float | int | str]

#: What this page and the committed runs both glue, and the text quotes of the latter.
BESIDE = (
    "slope-start",
    "together-start",
    "together-peak",
    "together-end",
    "parting",
    "lean-early",
    "lean-late",
    "truncation-half",
    "alone-gaussian",
    "bound-tanh-start",
    "pair-looser",
    "pair-stricter",
    "readable-inputs",
    "extraction-within",
    "depths-said",
    "removable-said",
    "first-linear-said",
    "slope-peak",
    "slope-peak-step",
    "slope-end",
    "deep-share",
    "rule-within",
    "very-accuracy",
    "pair-tanh",
    "pair-tanh-peak",
    "bound-tanh",
    "bound-tanh-peak",
    "shuffled-tanh",
    "alone-gaussian-start",
    *(f"readable-{kind.lower()}-{layer}" for kind in KINDS for layer in (1, SHALLOWER)),
)


@dataclass(frozen=True)
class OnMnist:
    """What was measured on MNIST, part by part."""

    numbers: Numbers
    """How many runs each part has, and how long they are."""
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
    runs = rows.groupby("part")["seed"].nunique()
    course = layers_of_deep(rows)
    deepest = course.slope.shape[1]
    cuts = {f"{depth} layers": cut_of(rows, depth) for depth in (SHALLOWER, deepest)}
    numbers: Numbers = {f"mnist-runs-{part}": int(count) for part, count in runs.items()}
    numbers["mnist-probe"] = SIZES["probe_size"]
    return OnMnist(
        numbers | {f"mnist-steps-{part}": STEPS[str(part)] for part in runs.index},
        units_of(rows),
        told_of(rows),
        Deep({}, {}, course, reversal(np.asarray(course.slope))),
        LateLayers({}, {}, cuts),
        ByDepth({}, {}, removable_by_depth(rows)),
        rule_of(rows),
    )
