"""Rank slopes of shallow networks while they train, and whether a small slope is a good sign.

Source: arXiv 2501.02436, version 5, through our notes: claims 3 (the slope rises, then falls), 5
(the lower the slope of the first layer, the better the network) and definition 4 (the slope).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.stats import spearmanr
from torch import nn

from regime_lib.chapters.neuron_modes.training import Setup, Trained, members_of
from regime_lib.instrument.modes.preactivations import read_preactivations
from regime_lib.instrument.modes.ranks import RankDistribution, rank_distribution
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.config import TrainingConfig

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
    def flatness(self) -> Float[np.ndarray, " seeds"]:
        """The size of the slope before training, over its largest value."""
        return np.abs(self.slope[0]) / self.slope.max(axis=0)

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
    """Train tanh networks with one hidden layer, and keep them at some twenty steps."""
    model = MLPEnsemble((setup.inputs, hidden, setup.classes), seeds, "tanh")
    checks = [0, *np.geomspace(1, setup.steps, 20).round().astype(int).tolist()]
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

    def correlation(self, pick: Pick) -> float:
        """Return the rank correlation of slope and accuracy over all rates and some seeds."""
        return float(
            spearmanr(self.slope[:, pick].ravel(), self.accuracy[:, pick].ravel()).statistic
        )

    @property
    def gain(self) -> Float[np.ndarray, " seeds"]:
        """How many points the largest rate is ahead of the smallest one."""
        return 100 * (self.accuracy[-1] - self.accuracy[0])

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
    slope, accuracy = [], []
    for rate in rates:
        config = TrainingConfig(
            optimizer="sgd", lr=rate, steps=setup.steps, batch_size=setup.batch_size
        )
        model = MLPEnsemble((setup.inputs, *sizes, setup.classes), seeds)
        trained = setup.trained(model, config)
        slope.append(setup.ranks(trained.model)[0].slope)
        accuracy.append(trained.test_accuracy[-1])
    return SlopeRule(tuple(rates), np.array(slope), np.array(accuracy))


def random_sign_ranks(setup: Setup, model: nn.Module, seed: int) -> RankDistribution:
    """Return the ranks of a network's first layer if its signs were random: the control.

    Parameters
    ----------
    setup : Setup
        The samples and the bins.
    model : nn.Module
        A network or an ensemble.
    seed : int
        Of the signs: the stream ``"signs"`` of `generator`.

    Raises
    ------
    RegimeError
        As for `read_preactivations` and `rank_distribution`.
    """
    inputs = setup.data.train_inputs[: setup.probe_size]
    preactivations = read_preactivations(model, inputs, members=members_of(model)).before[0]
    shape = (len(preactivations), setup.classes, preactivations.shape[-1])
    signs = torch.from_numpy(generator(seed, "signs").standard_normal(shape))
    labels = setup.data.train_labels[: setup.probe_size]
    return rank_distribution(preactivations, signs, labels, bins=setup.bins)
