"""What all networks of chapter 60 share: data, training that resumes, rank distributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.ranks import RankDistribution, rank_distributions
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLP
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.checkpoints import CheckpointedRun, train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig

Network = MLP | BatchNormMLP | MLPEnsemble

_PARTS = 5  # an interruption loses at most one such part of the longest run
_MEASURED = 500  # training samples whose loss a checkpoint tells; nothing here asks for more
_CHUNK = 2048  # test samples in one forward pass


@dataclass(frozen=True, kw_only=True, eq=False)
class Setup:
    """The data, the training and the ranking of every network of the chapter.

    Parameters
    ----------
    data : Dataset
        The training and the test set.
    steps : int
        Optimiser steps of the longest runs.
    batch_size : int
        Training samples per step.
    probe_size : int
        Training samples that are ranked, the first ones.
    bins : int
        Of the rank density.
    folder : Path, optional
        Where training keeps its checkpoints; a later call with the same settings takes every run up
        from there. Without one nothing is kept.
    """

    data: Dataset
    steps: int
    batch_size: int
    probe_size: int
    bins: int
    folder: Path | None = None

    @property
    def inputs(self) -> int:
        """Features of a sample."""
        return int(self.data.train_inputs.shape[1])

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

    def on(self, samples: int) -> Setup:
        """Return the setup with the first training samples only, in batches of at most as many."""
        data = self.data.subset(samples, len(self.data.test_labels))
        return replace(self, data=data, batch_size=min(self.batch_size, samples))

    def trained(
        self,
        model: Network,
        config: TrainingConfig,
        checks: Sequence[int] | Int[np.ndarray, " checks"] = (),
    ) -> Trained:
        """Train a network, or an ensemble, with its own seeds, and keep it at some steps.

        Parameters
        ----------
        model : MLP, BatchNormMLP or MLPEnsemble
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
            model, self.data, config, _seeds(model), marks, folder=self.folder, measured=_MEASURED
        )
        return Trained(wanted, run, np.searchsorted(run.steps, wanted))

    def ranks(self, model: nn.Module, at_most: int | None = None) -> tuple[RankDistribution, ...]:
        """Return the rank distribution of every layer, on the first training samples.

        Raises
        ------
        RegimeError
            As for `rank_distributions`.
        """
        shown = slice(self.probe_size if at_most is None else at_most)
        return rank_distributions(
            model,
            self.data.train_inputs[shown],
            self.data.train_labels[shown],
            bins=self.bins,
            members=members_of(model),
        )

    def layer_slopes(self, model: nn.Module) -> Float[np.ndarray, "layers members"]:
        """Return the rank slope of every layer, on half of the samples that are ranked."""
        return np.array([layer.slope for layer in self.ranks(model, self.probe_size // 2)])


@dataclass(frozen=True, eq=False)
class Trained:
    """A training run, at the steps that were asked for."""

    steps: Int[np.ndarray, " checks"]
    """Rising, up to the last one."""
    run: CheckpointedRun
    _rows: Int[np.ndarray, " checks"]

    @property
    def test_accuracy(self) -> Float[np.ndarray, "checks members"]:
        """Share of the test set that is classified rightly, in single precision."""
        return self.run.test_accuracy[self._rows].astype(np.float32)

    def model_at(self, check: int) -> nn.Module:
        """Return a copy of the network as it was at one of the steps."""
        return self.run.model_at(int(self._rows[check]))

    @property
    def model(self) -> nn.Module:
        """The network after the last step."""
        return self.model_at(-1)


def members_of(model: nn.Module) -> int | None:
    """Return the number of networks in an ensemble; None for a single network."""
    return model.members if isinstance(model, MLPEnsemble) else None


def accuracy_of(model: nn.Module, data: Dataset) -> Float[np.ndarray, "*members"]:
    """Return the test accuracy of every member; one number of a single network.

    Parameters
    ----------
    model : nn.Module
        Returns logits of shape (samples, classes), or (members, samples, classes).
    data : Dataset
        Whose test set is taken, some samples at a time: all at once fill the memory.
    """
    if not len(data.test_labels):
        raise RegimeError(f"{data.name} has no test samples; an accuracy needs at least one")
    with torch.no_grad():
        guesses = [model(some).argmax(-1) for some in data.test_inputs.split(_CHUNK)]
    right = torch.cat(guesses, dim=-1) == data.test_labels
    return np.asarray(right.float().mean(-1).numpy(force=True))


def _seeds(model: Network) -> tuple[int, ...]:
    return model.seeds if isinstance(model, MLPEnsemble) else (model.seed,)
