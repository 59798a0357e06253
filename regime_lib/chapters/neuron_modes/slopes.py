"""Rank slopes of shallow networks while they train, and whether a small slope is a good sign.

Source: arXiv 2501.02436, version 5: the slope rises, then falls; the lower the slope of the first
layer, the better the network. The formula of the slope is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr
from torch import nn

from regime_lib.chapters.neuron_modes.training import Setup, Trained, joined
from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.preactivations import read_preactivations
from regime_lib.instrument.modes.ranks import RankDistribution, rank_distribution
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.config import TrainingConfig

_CHECKS = 14  # of a shallow network, after the start
_LOSS_CHECKS = 24  # of each learning rate, at which loss and accuracy are read

Pick = Int[np.ndarray, " picked"]


@dataclass(frozen=True, eq=False)
class SlopeTrajectory:
    """The rank distribution of the first layer over training."""

    steps: Int[np.ndarray, " checks"]
    """Optimiser steps, from 0."""
    slope: Float[np.ndarray, "checks seeds"]
    stderr: Float[np.ndarray, "checks seeds"]
    """Standard error of the slope over samples."""
    accuracy: Float[np.ndarray, "checks seeds"]
    """Share of the test set."""
    centres: Float[np.ndarray, " bins"]
    density: Float[np.ndarray, "checks seeds bins"]
    """Of the ranks, scaled to 0 to 1."""

    @property
    def moments(self) -> dict[str, int]:
        """The checks at the start, where the mean slope is largest, and at the end."""
        peak = int(self.slope.mean(axis=1).argmax())
        return {"start": 0, "peak": peak, "end": len(self.steps) - 1}

    @property
    def falls(self) -> Float[np.ndarray, " seeds"]:
        """By which share of its peak each seed's slope is lower at the end.

        Where the peak is, the mean of the other seeds says: a series always falls from its own
        largest member, so that a fall of zero, or a rise, could not come out.
        """
        falls = np.empty(self.slope.shape[1])
        for k in range(len(falls)):
            others = np.delete(self.slope, k, axis=1).mean(axis=1)
            peak = self.slope[others.argmax(), k]
            falls[k] = (peak - self.slope[-1, k]) / peak
        return falls


def train_shallow(setup: Setup, hidden: int, seeds: Sequence[int]) -> Trained:
    """Train tanh networks with one hidden layer, and keep them at some steps."""
    model = MLPEnsemble((setup.inputs, hidden, setup.classes), seeds, "tanh")
    checks = [0, *np.geomspace(1, setup.steps, _CHECKS).round().astype(int).tolist()]
    return setup.trained(model, setup.config, checks)


def slope_trajectory(setup: Setup, trained: Trained) -> SlopeTrajectory:
    """Measure the ranks of the first layer at every step that was kept.

    Raises
    ------
    RegimeError
        As for `rank_distributions`.
    """
    ranks = [setup.ranks(trained.model_at(check))[0] for check in range(len(trained.steps))]
    slope, stderr, density = (
        np.array([getattr(found, name) for found in ranks])
        for name in ("slope", "stderr", "mean_density")
    )
    return SlopeTrajectory(
        trained.steps, slope, stderr, trained.test_accuracy, ranks[0].centres, density
    )


@dataclass(frozen=True, eq=False)
class SlopeRule:
    """First-layer slope and accuracy of networks trained with several learning rates."""

    rates: tuple[float, ...]
    slope: Float[np.ndarray, "rates seeds"]
    """Of the first hidden layer, at the end."""
    accuracy: Float[np.ndarray, "rates seeds"]
    """Share of the test set, at the end."""
    equal_loss: Float[np.ndarray, " seeds"]
    """Of each seed, the training loss at which the slowest of its networks ends."""
    accuracy_there: Float[np.ndarray, "rates seeds"]
    """Share of the test set where a network first has that training loss."""

    def correlation(self, pick: Pick) -> float:
        """Return the rank correlation of slope and accuracy over all rates and some seeds.

        From each number the seed's mean over rates is taken away: splits differ in difficulty, and
        the rule compares networks on the same data.
        """
        slope, accuracy = (
            (rows - rows.mean(axis=0))[:, pick].ravel() for rows in (self.slope, self.accuracy)
        )
        return float(spearmanr(slope, accuracy).statistic)

    @property
    def gain(self) -> Float[np.ndarray, " seeds"]:
        """How many points the largest rate is ahead of the smallest one, after equal steps."""
        return 100 * (self.accuracy[-1] - self.accuracy[0])

    @property
    def gain_there(self) -> Float[np.ndarray, " seeds"]:
        """The same at equal training loss: what is left of the gain if speed is taken out."""
        return 100 * (self.accuracy_there[-1] - self.accuracy_there[0])

    @property
    def within(self) -> float:
        """The rank correlation over seeds within one rate, averaged over rates."""
        rows = zip(self.slope, self.accuracy, strict=True)
        return float(np.mean([spearmanr(x, y).statistic for x, y in rows]))


def slope_rule(
    setup: Setup, sizes: Sequence[int], rates: Sequence[float], seeds: Sequence[int]
) -> SlopeRule:
    """Train ReLU networks with SGD at several learning rates.

    Parameters
    ----------
    setup : Setup
        Data, steps, ranks.
    sizes : sequence of int
        Units of the hidden layers.
    rates : sequence of float
        Learning rates, rising.
    seeds : sequence of int
        One network each, at every rate.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints` and `rank_distributions`.
    """
    slope, loss, accuracy = [], [], []
    checks = [0, *np.geomspace(1, setup.steps, _LOSS_CHECKS).round().astype(int).tolist()]
    for rate in rates:
        config = TrainingConfig(
            optimizer="sgd", lr=rate, steps=setup.steps, batch_size=setup.batch_size
        )
        model = MLPEnsemble((setup.inputs, *sizes, setup.classes), seeds)
        trained = setup.trained(model, config, checks)
        slope.append(setup.ranks(trained.model)[0].slope)
        loss.append(trained.loss)
        accuracy.append(trained.test_accuracy)
    equal = np.max([curves[-1] for curves in loss], axis=0)
    there = [at_loss(x, y, equal) for x, y in zip(loss, accuracy, strict=True)]
    ends = np.array([curves[-1] for curves in accuracy])
    return SlopeRule(tuple(rates), np.array(slope), ends, equal, np.array(there))


def at_loss(
    loss: Float[np.ndarray, "checks seeds"],
    curves: Float[np.ndarray, "checks seeds"],
    level: Float[np.ndarray, " seeds"],
) -> Float[np.ndarray, " seeds"]:
    """Return curves where each loss first falls to a level of its own.

    Between two checks a curve is taken to be linear in the logarithm of the loss.

    Raises
    ------
    RegimeError
        If a loss never falls to its level.
    """
    found = np.empty(loss.shape[1])
    for k, (own, curve, goal) in enumerate(zip(loss.T, curves.T, level, strict=True)):
        below = np.flatnonzero(own <= goal)
        if not len(below):
            raise RegimeError(f"the loss of network {k} never falls to {goal:g}; train it longer")
        last = int(below[0])
        if last == 0:
            found[k] = curve[0]
            continue
        upper, lower = np.log(own[[last - 1, last]])
        share = (upper - np.log(goal)) / (upper - lower)
        found[k] = curve[last - 1] + share * (curve[last] - curve[last - 1])
    return found


def random_sign_ranks(setup: Setup, model: nn.Module, seed: int) -> RankDistribution:
    """Return the ranks of a network's first layer if its signs were random: the control.

    Parameters
    ----------
    setup : Setup
        The samples and the bins.
    model : nn.Module
        An ensemble.
    seed : int
        Of the signs: the stream ``"signs"`` of `generator`.

    Raises
    ------
    RegimeError
        As for `read_preactivations` and `rank_distribution`.
    """
    random, found = generator(seed, "signs"), []
    for net, data in setup.alone(model):
        before = read_preactivations(net, data.train_inputs).before[0]
        signs = torch.from_numpy(random.standard_normal((1, setup.classes, before.shape[-1])))
        found.append(rank_distribution(before, signs, data.train_labels, bins=setup.bins))
    return joined(found)
