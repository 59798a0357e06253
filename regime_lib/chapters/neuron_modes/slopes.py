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

from regime_lib.chapters.neuron_modes.training import ModeStudy, Trained, members_of
from regime_lib.instrument.modes.preactivations import read_preactivations
from regime_lib.instrument.modes.ranks import RankDistribution, rank_distribution
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.recipe import TrainingConfig
from regime_lib.lab.training.seeding import generator

Pick = Int[np.ndarray, " picked"]


@dataclass(frozen=True, eq=False)
class SlopeTrajectory:
    """The first layer of a network over training."""

    trained: Trained
    ranks: tuple[RankDistribution, ...]
    """Of the first layer, one a check."""

    @property
    def steps(self) -> Int[np.ndarray, " checks"]:
        """Optimiser steps, from 0."""
        return self.trained.steps

    @property
    def slope(self) -> Float[np.ndarray, "checks seeds"]:
        """The slope of the rank density."""
        return np.array([found.slope for found in self.ranks])

    @property
    def accuracy(self) -> Float[np.ndarray, "checks seeds"]:
        """Share of the test set."""
        return self.trained.test_accuracy

    @property
    def peak(self) -> int:
        """The check at which the mean slope is largest."""
        return int(self.slope.mean(axis=1).argmax())

    @property
    def flatness(self) -> Float[np.ndarray, " seeds"]:
        """The size of the slope before training, over its largest value."""
        slope = self.slope
        return np.abs(slope[0]) / slope.max(axis=0)

    @property
    def falls(self) -> Float[np.ndarray, " seeds"]:
        """By which share of its peak the slope is lower at the end."""
        return falls_from_peak(self.slope)


def falls_from_peak(slope: Float[np.ndarray, "checks seeds"]) -> Float[np.ndarray, " seeds"]:
    """Return by which share of its peak each seed's slope is lower at the end.

    Where the peak is, the mean of the other seeds says: a series always falls from its own largest
    member, so that a fall of zero, or a rise, could not come out.
    """
    falls = np.empty(slope.shape[1])
    for k in range(slope.shape[1]):
        others = np.delete(slope, k, axis=1).mean(axis=1)
        peak = slope[others.argmax(), k]
        falls[k] = (peak - slope[-1, k]) / peak
    return falls


def slope_over_training(study: ModeStudy, hidden: int, seeds: Sequence[int]) -> SlopeTrajectory:
    """Train tanh networks with one hidden layer and measure its ranks along the way.

    Parameters
    ----------
    study : ModeStudy
        Data, training, ranks.
    hidden : int
        Hidden units.
    seeds : sequence of int
        One network each.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints` and `rank_distributions`.
    """
    model = MLPEnsemble((study.inputs, hidden, study.classes), seeds, "tanh")
    checks = [0, *np.geomspace(1, study.steps, 20).round().astype(int).tolist()]
    trained = study.trained(model, study.recipe, checks)
    ranks = [study.ranks(trained.model_at(check))[0] for check in range(len(trained.steps))]
    return SlopeTrajectory(trained, tuple(ranks))


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

    def gain(self, pick: Pick) -> float:
        """Return how many points the largest rate is ahead of the smallest one."""
        return float(100 * (self.accuracy[-1, pick] - self.accuracy[0, pick]).mean())

    @property
    def within(self) -> float:
        """The rank correlation over seeds within one rate, averaged over rates."""
        rows = zip(self.slope, self.accuracy, strict=True)
        return float(np.mean([spearmanr(x, y).statistic for x, y in rows]))


def slope_rule(
    study: ModeStudy, sizes: Sequence[int], rates: Sequence[float], seeds: Sequence[int]
) -> SlopeRule:
    """Train ReLU networks with SGD at several learning rates.

    Parameters
    ----------
    study : ModeStudy
        Data, steps, ranks.
    sizes : sequence of int
        Units of the hidden layers.
    rates : sequence of float
        Learning rates, rising.
    seeds : sequence of int
        One network a rate each.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints` and `rank_distributions`.
    """
    slope, accuracy = [], []
    for rate in rates:
        net = MLPEnsemble((study.inputs, *sizes, study.classes), seeds)
        plan = TrainingConfig(
            optimizer="sgd", lr=rate, steps=study.steps, batch_size=study.batch_size
        )
        trained = study.trained(net, plan)
        slope.append(study.ranks(trained.model)[0].slope)
        accuracy.append(trained.test_accuracy[-1])
    return SlopeRule(tuple(rates), np.array(slope), np.array(accuracy))


def random_sign_ranks(study: ModeStudy, model: nn.Module, seed: int) -> RankDistribution:
    """Return the ranks of a network's first layer if its signs were random: the control.

    Parameters
    ----------
    study : ModeStudy
        The samples and the bins.
    model : nn.Module
        A network or a stack.
    seed : int
        Of the signs: the stream ``"signs"`` of `generator`.

    Raises
    ------
    RegimeError
        As for `read_preactivations` and `rank_distribution`.
    """
    inputs = study.data.train_inputs[: study.probe_size]
    fields = read_preactivations(model, inputs, members=members_of(model)).before[0]
    shape = (len(fields), study.classes, fields.shape[-1])
    signs = torch.from_numpy(generator(seed, "signs").standard_normal(shape))
    labels = study.data.train_labels[: study.probe_size]
    return rank_distribution(fields, signs, labels, bins=study.bins)
