"""The overfitting-underfitting indicator (OUI): how differently two samples switch the units.

arXiv 2504.17160 and the authors' code (github.com/AlbertoFdezHdez/OUI, `on_batch_OUI`), as our
notes read them (definition 9): for random pairs of samples and every activation layer of n bits,
the Hamming distance of the two patterns, cut off at n // 2 and divided by it, averaged over pairs
and then over layers. Training that goes well is said to keep it between 0.6 and 0.8.

It compares *two samples at one time*; pattern change compares *one sample at two times*.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Layer
from regime_lib.instrument.capture.operators import Kind


def draw_pairs(samples: int, number: int, seed: int) -> Int[np.ndarray, "2 pairs"]:
    """Draw pairs of different samples, no pair twice.

    Parameters
    ----------
    samples : int
        Of the probe.
    number : int
        Pairs to draw; all pairs there are if there are fewer.
    seed : int
        The same seed draws the same pairs.

    Raises
    ------
    RegimeError
        If there are fewer than two samples.
    """
    if samples < 2:
        raise RegimeError(
            f"OUI compares two samples, but the probe holds {samples}; pass at least two"
        )
    there = samples * (samples - 1) // 2
    codes = np.random.default_rng(seed).choice(there, min(number, there), replace=False)
    # pair number c is (j, i) with j < i and c = i (i - 1) / 2 + j
    larger = ((1 + np.sqrt(1 + 8 * codes)) // 2).astype(np.int64)
    larger -= larger * (larger - 1) // 2 > codes  # where the root was rounded up
    return np.stack([codes - larger * (larger - 1) // 2, larger])


def layer_oui(
    differing: Int[np.ndarray, "looks members pairs"], layer: Layer
) -> Float[np.ndarray, "looks members"]:
    """Return the OUI of one layer.

    Parameters
    ----------
    differing : array of int
        Units that differ between the samples of each pair.
    layer : Layer
        The layer; max-pools, which are no activations, and single units have no OUI: NaN.
    """
    half = layer.units // 2
    if half == 0 or layer.kind is Kind.WINNER:
        return np.full(differing.shape[:2], np.nan)
    return np.minimum(differing, half).mean(axis=2) / half


def mean_oui(
    layers: Float[np.ndarray, "looks layers members"],
) -> Float[np.ndarray, "looks members"]:
    """Return the mean over the layers that have an OUI, each counted once; NaN if none has."""
    has = ~np.isnan(layers)
    count = has.sum(axis=1)
    total = np.where(has, layers, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
