"""How many features a trained network uses, under several definitions.

The definition behind "feature space" in arXiv 2405.04074 is not known to us; these are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.simulators.training_response.networks import Networks, with_one


@dataclass(frozen=True)
class FeatureSpace:
    """Sizes of the feature space, one number per network."""

    # how many features carry the output: N_eff = 1 / Σ_j c_j², with c_j the share of feature j in
    # |v_j| times the standard deviation of φ(h_j) over the samples
    effective: Float[np.ndarray, " seeds"]
    participation: Float[np.ndarray, " seeds"]  # ratio (Σλ)² / Σλ² of the features' covariance
    active: Float[np.ndarray, " seeds"]  # share of pairs of feature and sample that are on (h > 0)
    dead: Float[np.ndarray, " seeds"]  # share of features that are on for no sample


def feature_space(
    networks: Networks, inputs: Float[np.ndarray, "seeds samples bits"]
) -> FeatureSpace:
    """Measure the feature space of each network on its own samples."""
    h = with_one(inputs) @ networks.weights.transpose(1, 0, 2)  # (seeds, samples, features)
    phi, _ = networks.setup.activate(h)
    weight = np.abs(networks.readout) * phi.std(axis=1)
    share = weight / weight.sum(axis=1, keepdims=True)
    centred = phi - phi.mean(axis=1, keepdims=True)
    gram = centred @ centred.transpose(0, 2, 1)  # the same eigenvalues as the covariance
    participation = np.trace(gram, axis1=1, axis2=2) ** 2 / (gram**2).sum(axis=(1, 2))
    on = h > 0
    return FeatureSpace(
        effective=1 / (share**2).sum(axis=1),
        participation=participation,
        active=on.mean(axis=(1, 2)),
        dead=(~on.any(axis=1)).mean(axis=1),
    )
