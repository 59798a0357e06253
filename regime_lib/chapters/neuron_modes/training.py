"""What all networks of chapter 60 share: data, training that resumes, rank distributions.

Networks are trained as ensembles. Each has its own split of the data, besides its own start and
order of batches; so what is measured on samples is measured one network after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.ranks import RankDistribution, rank_distributions
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.checkpoints import CheckpointedRun, train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig

_PARTS = 5  # an interruption loses at most one such part of the longest run
_MEASURED = 500  # training samples whose loss a checkpoint tells; nothing here asks for more
_CHUNK = 2048  # test samples in one forward pass


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """The data, the training and the ranking of every network of the chapter.

    Parameters
    ----------
    data : Stack
        The training and the test set of each network.
    steps : int
        Optimiser steps of the longest runs.
    batch_size : int
        Training samples per step.
    probe_size : int
        Training samples that are ranked, the first ones of each network.
    bins : int
        Of the rank density.
    folder : Path, optional
        Where training keeps its checkpoints; a later call with the same settings takes every run up
        from there. Without one nothing is kept.
    """

    data: Stack
    steps: int
    batch_size: int
    probe_size: int
    bins: int
    folder: Path | None = None

    @property
    def inputs(self) -> int:
        """Features of a sample."""
        return int(self.data.train_inputs.shape[2])

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.data.classes)

    @property
    def config(self) -> TrainingConfig:
        """Adam at a learning rate of 0.001 for all steps."""
        return TrainingConfig(
            optimizer="adam", lr=1e-3, steps=self.steps, batch_size=self.batch_size
        )

    def first(self, networks: int) -> Setup:
        """Return the setup of the first networks."""
        return replace(self, data=self.data.first(networks))

    def on(self, samples: int) -> Setup:
        """Return the setup with the first training samples only, in batches of at most as many."""
        data = self.data.subset(samples, self.data.test_labels.shape[1])
        return replace(self, data=data, batch_size=min(self.batch_size, samples))

    def trained(
        self,
        model: MLPEnsemble,
        config: TrainingConfig,
        checks: Sequence[int] | Int[np.ndarray, " checks"] = (),
    ) -> Trained:
        """Train an ensemble, each network on its own data, and keep it at some steps.

        Parameters
        ----------
        model : MLPEnsemble
            At its start; it is left as it is.
        config : TrainingConfig
            How to train.
        checks : sequence of int
            Steps at which the network is wanted, besides the last one.

        Raises
        ------
        RegimeError
            As for `train_to_checkpoints`.
        """
        wanted = np.unique([*checks, config.steps])
        marks = wanted
        if self.folder is not None:
            marks = np.union1d(wanted, np.arange(0, config.steps, -(-self.steps // _PARTS))[1:])
        run = train_to_checkpoints(
            model, self.data, config, model.seeds, marks, folder=self.folder, measured=_MEASURED
        )
        return Trained(wanted, run, np.searchsorted(run.steps, wanted))

    def alone(self, model: nn.Module, at_most: int | None = None) -> Iterator[tuple[MLP, Dataset]]:
        """Yield each network of an ensemble by itself, with its data.

        Parameters
        ----------
        model : nn.Module
            The ensemble.
        at_most : int, optional
            Training samples to leave in the data; those that are ranked by default.
        """
        assert isinstance(model, MLPEnsemble)
        for k in range(model.members):
            data = self.data.member(k)
            shown = min(at_most or self.probe_size, len(data.train_labels))
            inputs, labels = data.train_inputs[:shown], data.train_labels[:shown]
            yield model.member(k), replace(data, train_inputs=inputs, train_labels=labels)

    def ranks(self, model: nn.Module, at_most: int | None = None) -> tuple[RankDistribution, ...]:
        """Return the rank distribution of every layer, on the first training samples of each.

        Raises
        ------
        RegimeError
            As for `rank_distributions`.
        """
        found = [
            rank_distributions(net, data.train_inputs, data.train_labels, bins=self.bins)
            for net, data in self.alone(model, at_most)
        ]
        return tuple(joined(layer) for layer in zip(*found, strict=True))

    def layer_slopes(self, model: nn.Module) -> Float[np.ndarray, "layers members"]:
        """Return the rank slope of every layer, on half of the samples that are ranked."""
        return np.array([layer.slope for layer in self.ranks(model, self.probe_size // 2)])


@dataclass(frozen=True, eq=False)
class Trained:
    """A training run of an ensemble, at the steps that were asked for."""

    steps: Int[np.ndarray, " checks"]
    """Rising, up to the last one."""
    run: CheckpointedRun
    _rows: Int[np.ndarray, " checks"]

    @property
    def test_accuracy(self) -> Float[np.ndarray, "checks members"]:
        """Share of the test set that is classified correctly."""
        return self.run.test_accuracy[self._rows]

    @property
    def loss(self) -> Float[np.ndarray, "checks members"]:
        """Mean loss over the first training samples."""
        return self.run.loss[self._rows]

    def model_at(self, check: int) -> nn.Module:
        """Return a copy of the network as it was at one of the steps."""
        return self.run.model_at(int(self._rows[check]))

    @property
    def model(self) -> nn.Module:
        """The network after the last step."""
        return self.model_at(-1)


def joined(found: Sequence[RankDistribution]) -> RankDistribution:
    """Join the rank distributions of one layer of several networks."""
    return replace(
        found[0],
        density=np.concatenate([one.density for one in found]),
        class_slope=np.concatenate([one.class_slope for one in found]),
        class_stderr=np.concatenate([one.class_stderr for one in found]),
    )


def accuracy_of(model: nn.Module, data: Dataset) -> float:
    """Return the test accuracy of a network that returns logits of shape (samples, classes).

    Some samples are taken at a time: all at once fill the memory.
    """
    if not len(data.test_labels):
        raise RegimeError(f"{data.name} has no test samples; an accuracy needs at least one")
    with torch.no_grad():
        guesses = [model(some).argmax(-1) for some in data.test_inputs.split(_CHUNK)]
    return float((torch.cat(guesses) == data.test_labels).double().mean())
