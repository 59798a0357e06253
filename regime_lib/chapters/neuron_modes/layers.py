"""Deep networks, layer by layer: rank slopes over training, and late activations made linear.

Source: arXiv 2501.02436, version 5, through our notes: definition 7 and claims 4, 6 and 7. In phase
I early layers have the larger slope, in phase II deep ones, in phase III all are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import nn

from regime_lib.chapters.neuron_modes.training import ModeStudy, Trained, accuracy_of, members_of
from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.substitution import LinearSubstitute
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLP
from regime_lib.lab.models.mlp import MLPEnsemble


@dataclass(frozen=True, eq=False)
class LayerTrajectory:
    """The slope of every layer over training."""

    steps: Int[np.ndarray, " checks"]
    """Optimiser steps, from 0."""
    slope: Float[np.ndarray, "checks layers seeds"]
    accuracy: Float[np.ndarray, " seeds"]
    """Share of the test set, at the end."""
    trained: tuple[Trained, ...]
    """The run of all seeds, or one a seed."""

    @property
    def spread(self) -> Float[np.ndarray, "checks seeds"]:
        """Standard deviation of the slope over layers, over its mean."""
        return self.slope.std(axis=1) / self.slope.mean(axis=1)


@dataclass(frozen=True, eq=False)
class Turning:
    """Whether the half of layers with the larger slope changes in training.

    The lean is the mean slope of the first half of layers minus that of the second. *Early* is the
    first check at which the mean over all layers passes half of its largest value, *late* the last.
    """

    early: Int[np.ndarray, " seeds"]
    """The check that is early."""
    early_slope: Float[np.ndarray, "layers seeds"]
    early_lean: Float[np.ndarray, " seeds"]
    late_lean: Float[np.ndarray, " seeds"]

    @property
    def turned(self) -> Bool[np.ndarray, " seeds"]:
        """Where first the early layers lead, and at the end the deep ones."""
        return (self.early_lean > 0) & (self.late_lean < 0)


def turning(slope: Float[np.ndarray, "checks layers seeds"]) -> Turning:
    """Find the two leans of every seed.

    Raises
    ------
    RegimeError
        If there is only one layer.
    """
    half = slope.shape[1] // 2
    if half < 1:
        raise RegimeError("a network of one layer has no halves; expected slopes of at least 2")
    mean = slope.mean(axis=1)
    early = (mean > mean.max(axis=0) / 2).argmax(axis=0)
    lean = slope[:, :half].mean(1) - slope[:, -half:].mean(1)
    seeds = np.arange(slope.shape[2])
    return Turning(early, slope[early, :, seeds].T, lean[early, seeds], lean[-1])


def deep_course(study: ModeStudy, depth: int, width: int, seeds: Sequence[int]) -> LayerTrajectory:
    """Train deep ReLU networks without normalisation, and measure every layer along the way.

    Parameters
    ----------
    study : ModeStudy
        Data, training, ranks.
    depth, width : int
        Hidden layers, and units of each.
    seeds : sequence of int
        One network each.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints` and `rank_distributions`.
    """
    model = MLPEnsemble((study.inputs, *[width] * depth, study.classes), seeds)
    checks = [0, *np.geomspace(study.steps / 40, study.steps, 8).round().astype(int).tolist()]
    trained = study.trained(model, study.recipe, checks)
    return LayerTrajectory(
        trained.steps, _over_checks(study, trained), trained.test_accuracy[-1], (trained,)
    )


def very_deep_course(
    study: ModeStudy, depth: int, width: int, seeds: Sequence[int], batch_size: int
) -> LayerTrajectory:
    """Train deep ReLU networks with batch normalisation, one after the other, a sixth of the steps.

    Parameters
    ----------
    study : ModeStudy
        Data, training, ranks.
    depth, width : int
        Hidden layers, and units of each.
    seeds : sequence of int
        One network each.
    batch_size : int
        Training samples a step, instead of the study's.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints` and `rank_distributions`.
    """
    recipe = replace(study.recipe, steps=max(20, study.steps // 6), batch_size=batch_size)
    checks = [0, *np.geomspace(5, recipe.steps, 5).round().astype(int).tolist()]
    runs = [
        study.trained(
            BatchNormMLP((study.inputs, *[width] * depth, study.classes), seed), recipe, checks
        )
        for seed in seeds
    ]
    slope = np.concatenate([_over_checks(study, run) for run in runs], axis=-1)
    accuracy = np.concatenate([run.test_accuracy[-1] for run in runs])
    return LayerTrajectory(runs[0].steps, slope, accuracy, tuple(runs))


def plain_deep(study: ModeStudy, depth: int, width: int, seeds: Sequence[int]) -> nn.Module:
    """Return deep ReLU networks after training; parameters as for `deep_course`."""
    model = MLPEnsemble((study.inputs, *[width] * depth, study.classes), seeds)
    return study.trained(model, study.recipe).model


@dataclass(frozen=True, eq=False)
class Truncation:
    """Test accuracy with the upper activations made linear."""

    whole: Float[np.ndarray, " seeds"]
    """Of the network as trained."""
    cut: Mapping[str, Float[np.ndarray, "kept seeds"]]
    """By number of activations kept, from none to all: ``shifts kept`` has all shifts as trained,
    ``shifts recentred`` the mean logits of the whole network on training samples."""

    def loss(self, kept: int, shifts: str = "shifts kept") -> Float[np.ndarray, " seeds"]:
        """Return how many points are lost if only the first `kept` activations stay."""
        return 100 * (self.whole - self.cut[shifts][kept])


def truncation(study: ModeStudy, model: nn.Module, layers: int) -> Truncation:
    """Make all activations above each layer linear, and measure what is left.

    Parameters
    ----------
    study : ModeStudy
        The test set, and the training samples that set the mean logits.
    model : nn.Module
        A trained stack.
    layers : int
        Its activations.

    Raises
    ------
    RegimeError
        As for `LinearSubstitute`.
    """
    inputs = study.data.train_inputs[: study.probe_size]
    cut = {}
    for shifts in ("kept", "recentred"):
        bent = [
            LinearSubstitute(model, inputs, keep, shifts=shifts, members=members_of(model))
            for keep in range(layers + 1)
        ]
        cut[f"shifts {shifts}"] = np.array([accuracy_of(net, study.data) for net in bent])
    return Truncation(accuracy_of(model, study.data), cut)


def _over_checks(study: ModeStudy, trained: Trained) -> Float[np.ndarray, "checks layers members"]:
    checks = range(len(trained.steps))
    return np.array([study.layer_slopes(trained.model_at(check)) for check in checks])
