"""Units that come to read one wave: frequencies in weights over the residues of a modulus.

The picture is that of Nanda et al. 2023 and of others; the share of the strongest frequency as a
measure of it is ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.training.checkpoints import CheckpointedRun


@dataclass(frozen=True, eq=False)
class FourierFeatures:
    """One network's units over training, a row per checkpoint."""

    steps: Int[np.ndarray, " checks"]
    train: Float[np.ndarray, " checks"]
    test: Float[np.ndarray, " checks"]
    purity: Float[np.ndarray, " checks"]
    """Share of a unit's power that its strongest frequency holds, averaged over all units."""
    shares: Float[np.ndarray, "checks shown frequencies"]
    """Share of each frequency, from 1 on, in some units: those with the largest weight at the end,
    the largest first."""
    waves: Float[np.ndarray, "checks shown residues"]
    """Weights of these units, over the largest size of any at the end."""

    def nearest(self, step: float) -> int:
        """Return which check is nearest to a step, on the logarithm of the step."""
        return int(np.argmin(np.abs(np.log(self.steps / step))))


def frequency_shares(
    weights: Float[np.ndarray, "*units residues"],
) -> Float[np.ndarray, "*units frequencies"]:
    """Return how much of each unit's power is at each frequency from 1 on.

    Raises
    ------
    RegimeError
        If a unit's weights are all the same: a constant has no frequency.
    """
    power = np.abs(np.fft.rfft(weights, axis=-1))[..., 1:] ** 2
    total = power.sum(axis=-1, keepdims=True)
    if not (total > 0).all():
        raise RegimeError("a unit's weights are constant, and a constant has no frequency")
    return power / total


def fourier_over_training(
    run: CheckpointedRun,
    weights_of: Callable[[nn.Module], Tensor],
    checks: Sequence[int],
    *,
    member: int = 0,
    shown: int = 3,
) -> FourierFeatures:
    """Follow the frequencies in the weights of one network.

    Parameters
    ----------
    run : CheckpointedRun
        The run.
    weights_of : callable
        Takes the model at a checkpoint, returns the network's weights, shape (units, residues).
    checks : sequence of int
        Numbers of the checkpoints to take.
    member : int
        Whose accuracies are told.
    shown : int
        Units to keep.

    Raises
    ------
    RegimeError
        If there are no checkpoints.
    """
    if not len(checks):
        raise RegimeError("there is no checkpoint; give at least one")
    checks = [int(check) for check in checks]
    weights = np.stack([weights_of(run.model_at(check)).numpy(force=True) for check in checks])
    shares = frequency_shares(weights)
    strong = np.argsort(-np.abs(weights[-1]).max(axis=1))[:shown]
    return FourierFeatures(
        steps=run.steps[checks],
        train=run.train_accuracy[checks, member],
        test=run.test_accuracy[checks, member],
        purity=shares.max(axis=2).mean(axis=1),
        shares=shares[:, strong],
        waves=weights[:, strong] / np.abs(weights[-1, strong]).max(),
    )
