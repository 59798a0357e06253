"""Deep networks, layer by layer: rank slopes over training, and late activations made linear.

Source: arXiv 2501.02436, version 5: the linear map above a layer, and what it says of layers. In
phase I early layers have the larger slope, in phase II deep ones, in phase III all are alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import nn

from regime_lib.chapters.neuron_modes.training import Setup, Trained, accuracy_of
from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.substitution import LinearSubstitute
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.models.mlp import MLPEnsemble


@dataclass(frozen=True, eq=False)
class LayerTrajectory:
    """The slope of every layer over training."""

    steps: Int[np.ndarray, " checks"]
    """Optimiser steps, from 0."""
    slope: Float[np.ndarray, "checks layers seeds"]
    accuracy: Float[np.ndarray, " seeds"]
    """Share of the test set, at the end."""

    @property
    def spread(self) -> Float[np.ndarray, "checks seeds"]:
        """Standard deviation of the slope over layers, over its mean."""
        return self.slope.std(axis=1) / self.slope.mean(axis=1)


@dataclass(frozen=True, eq=False)
class Reversal:
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
    def reversed(self) -> Bool[np.ndarray, " seeds"]:
        """Where first the early layers lead, and at the end the deep ones."""
        return (self.early_lean > 0) & (self.late_lean < 0)


def reversal(slope: Float[np.ndarray, "checks layers seeds"]) -> Reversal:
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
    return Reversal(early, slope[early, :, seeds].T, lean[early, seeds], lean[-1])


def train_deep(
    setup: Setup, depth: int, width: int, seeds: Sequence[int], *, checks: Sequence[int] = ()
) -> Trained:
    """Train deep ReLU networks without normalisation.

    Parameters
    ----------
    setup : Setup
        Data and training.
    depth, width : int
        Hidden layers, and units of each.
    seeds : sequence of int
        One network each.
    checks : sequence of int
        Steps at which to keep them, besides the last.
    """
    model = MLPEnsemble((setup.inputs, *[width] * depth, setup.classes), seeds)
    return setup.trained(model, setup.config, checks)


def train_very_deep(
    setup: Setup, depth: int, width: int, seeds: Sequence[int], batch_size: int
) -> Trained:
    """Train deep ReLU networks with batch normalisation, a sixth of the steps.

    Parameters as for `train_deep`; `batch_size` replaces that of the setup.
    """
    config = replace(setup.config, steps=max(20, setup.steps // 6), batch_size=batch_size)
    checks = [0, *np.geomspace(5, config.steps, 4).round().astype(int).tolist()]
    model = BatchNormMLPEnsemble((setup.inputs, *[width] * depth, setup.classes), seeds)
    return setup.trained(model, config, checks)


def layer_trajectory(setup: Setup, run: Trained) -> LayerTrajectory:
    """Measure every layer at every step that was kept.

    Raises
    ------
    RegimeError
        As for `rank_distributions`.
    """
    slope = [setup.layer_slopes(run.model_at(check)) for check in range(len(run.steps))]
    return LayerTrajectory(run.steps, np.array(slope), run.test_accuracy[-1])


@dataclass(frozen=True, eq=False)
class Truncation:
    """Test accuracy with the upper activations made linear."""

    whole: Float[np.ndarray, " seeds"]
    """Of the network as trained."""
    cut: dict[str, Float[np.ndarray, "kept seeds"]]
    """By number of activations kept, from none to all: ``shifts kept`` has all shifts as trained,
    ``shifts recentred`` the mean logits of the whole network on training samples."""

    def loss(self, kept: int, shifts: str = "shifts kept") -> Float[np.ndarray, " seeds"]:
        """Return how many points are lost if only the first `kept` activations stay."""
        return 100 * (self.whole - self.cut[shifts][kept])

    def removable(
        self, shifts: str = "shifts kept", *, points: float = 1.0
    ) -> Int[np.ndarray, " seeds"]:
        """Return how many activations, from the top, can be made linear.

        All those above some layer, such that this and every smaller cut costs each network at most
        some points of accuracy.
        """
        lost = 100 * (self.whole - self.cut[shifts][-2::-1])  # one made linear, then two
        kept = np.logical_and.accumulate(lost <= points + 1e-9, axis=0)
        return kept.sum(axis=0)


def truncation(
    setup: Setup, model: nn.Module, layers: int, *, shifts: Sequence[str] = ("kept", "recentred")
) -> Truncation:
    """Make all activations above each layer linear, and measure what is left.

    Parameters
    ----------
    setup : Setup
        The test sets, and the training samples that set the mean logits.
    model : nn.Module
        A trained ensemble.
    layers : int
        Its activations.
    shifts : sequence of str
        What is done to the shifts of linear layers: kept as trained, recentred, or both in turn.

    Raises
    ------
    RegimeError
        As for `LinearSubstitute`.
    """
    whole: list[float] = []
    cut: dict[str, list[list[float]]] = {name: [] for name in shifts}
    for net, data in setup.alone(model):
        whole.append(accuracy_of(net, data))
        for name, rows in cut.items():
            bent = (
                LinearSubstitute(net, data.train_inputs, keep, shifts=name)
                for keep in range(layers + 1)
            )
            rows.append([accuracy_of(one, data) for one in bent])
    return Truncation(
        np.array(whole), {f"shifts {name}": np.array(rows).T for name, rows in cut.items()}
    )


def removable_from_top(
    setup: Setup, model: nn.Module, layers: int, *, points: float = 1.0
) -> Int[np.ndarray, " seeds"]:
    """Count activations as `Truncation.removable` does, and stop at the first that is needed.

    Parameters as for `truncation`; `points` of accuracy may be lost.

    Raises
    ------
    RegimeError
        As for `LinearSubstitute`.
    """
    found = []
    for net, data in setup.alone(model):
        least, gone = accuracy_of(net, data) - points / 100 - 1e-11, 0
        while gone < layers:
            bent = LinearSubstitute(net, data.train_inputs, layers - gone - 1)
            if accuracy_of(bent, data) < least:
                break
            gone += 1
        found.append(gone)
    return np.array(found)
