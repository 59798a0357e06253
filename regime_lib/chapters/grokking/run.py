"""One checkpointed run measured over training: accuracies, norm, flips, slopes and basins.

At each checkpoint the training is replayed for some steps with the tracker attached, so that flips
and weight steps are those of the run itself. Slopes and basins are those of arXiv 2501.02436,
version 5, in the form that this library gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.grokking.first_passage import Moments, median_at, moments, value_at
from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.basins import sample_basins, weight_basins
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.checkpoints import CheckpointedRun

_BINS = 10
_BASIN_SAMPLES = 150
BASINS: dict[str, Any] = {"precision": 0.05, "bracket": (1e-3, 10.0), "intervals": False}
SAMPLE_DRAWS, WEIGHT_DRAWS = 4, 8

Curves = Float[np.ndarray, "checks members"]


@dataclass(frozen=True, eq=False)
class ChangeRates:
    """How fast patterns and weights change at a checkpoint, averaged over some steps."""

    flips: Float[np.ndarray, " members"]
    """Share of units and inputs that switch per step."""
    update: Float[np.ndarray, " members"]
    """Size of the weight step over that of the weights after it."""


@dataclass(frozen=True, eq=False)
class State:
    """What the network at a checkpoint is like."""

    slopes: Float[np.ndarray, "layers members"]
    """Of the rank distributions over the training set."""
    sample_basin: Float[np.ndarray, " members"]
    """Noise on inputs at which half of the training answers are wrong."""
    weight_basin: Float[np.ndarray, " members"]
    """The same for noise on weights, in standard deviations of a layer's weights."""


@dataclass(frozen=True, eq=False)
class MeasuredRun:
    """A run at its checkpoints. NaN: not measured there."""

    steps: Int[np.ndarray, " checks"]
    train: Curves
    test: Curves
    norm: Curves
    flips: Curves
    update: Curves
    slopes: Float[np.ndarray, "layers checks members"]
    sample_basin: Curves
    weight_basin: Curves

    @property
    def excess(self) -> Curves:
        """Flips per relative weight step."""
        return self.flips / self.update

    @property
    def moments(self) -> Moments:
        """When each network has memorised, and when it generalises."""
        return moments(self.steps, self.train, self.test)

    def at(self, step: float) -> dict[str, float]:
        """Return the median over the networks of what was measured, in words, at a step."""
        named = {
            "norm of the weights": self.norm,
            "sample basin": self.sample_basin,
            "weight basin": self.weight_basin,
            "slope of the first layer": self.slopes[0],
            "share of units switching per step": self.flips,
        }
        return {words: median_at(self.steps, curves, step) for words, curves in named.items()}

    @property
    def basin_growth(self) -> Float[np.ndarray, " members"]:
        """Basin in sample space at the end of the run over that at memorisation."""
        ends = np.full(self.train.shape[1], float(self.steps[-1]))
        at_end, before = (
            value_at(self.steps, self.sample_basin, times)
            for times in (ends, self.moments.memorised)
        )
        return at_end / before


def measure_run(
    run: CheckpointedRun,
    data: Dataset | Stack,
    *,
    probe: Float[Tensor, "*members probe features"],
    replayed: int,
    states: bool = True,
) -> MeasuredRun:
    """Measure a run at all of its checkpoints.

    Parameters
    ----------
    run : CheckpointedRun
        Of an ensemble, or of a single network.
    data : Dataset or Stack
        What it was trained on; one for each member of an ensemble.
    probe : tensor, shape (probe, features) or (members, probe, features)
        Inputs on which patterns are taken.
    replayed : int
        Steps over which flips and weight steps are averaged at a checkpoint.
    states : bool
        Whether to measure slopes and, at every other checkpoint, basins.

    Raises
    ------
    RegimeError
        If no step is to be replayed, or a measurement refuses model or data.
    """
    checks = range(len(run.steps))
    rates = [change_rates_at(run, check, probe, replayed) for check in checks]
    unknown = np.full(run.test_accuracy.shape, np.nan)
    found = (
        [state_at(run, data, check, basins=check % 2 == 0) for check in checks] if states else []
    )
    return MeasuredRun(
        steps=run.steps,
        train=run.train_accuracy,
        test=run.test_accuracy,
        norm=run.weight_norm,
        flips=np.array([each.flips for each in rates]),
        update=np.array([each.update for each in rates]),
        slopes=np.stack([s.slopes for s in found], axis=1) if found else unknown[np.newaxis][:0],
        sample_basin=np.array([s.sample_basin for s in found]) if found else unknown,
        weight_basin=np.array([s.weight_basin for s in found]) if found else unknown,
    )


def change_rates_at(
    run: CheckpointedRun,
    check: int,
    probe: Float[Tensor, "*members probe features"],
    steps: int,
) -> ChangeRates:
    """Replay some steps from a checkpoint with the tracker attached.

    Raises
    ------
    RegimeError
        If no step is to be replayed.
    """
    if steps < 1:
        raise RegimeError(f"{steps} steps are to be replayed; expected at least 1")
    trackers = []
    with ExitStack() as attached:

        def watch(model: nn.Module) -> Any:
            members = model.members if isinstance(model, Ensemble) else 1
            tracker = RegimeTracker(model, probe, members=members, batch_axis=probe.ndim - 2)
            trackers.append(attached.enter_context(tracker))
            return tracker.update

        run.replay(check, steps, watch)
    flips, update = (
        trackers[0].trace.array(quantity)[1].mean(axis=0)
        for quantity in ("pattern_change", "weight_change_rel")
    )
    return ChangeRates(flips, update)


def state_at(
    run: CheckpointedRun, data: Dataset | Stack, check: int, *, basins: bool = True
) -> State:
    """Measure slopes at a checkpoint over the training set and, if asked for, basins of its first.

    Basins are those of the first 150 training samples, to a twentieth, from 0.001 to 10.
    """
    model = run.model_at(check)
    slopes = layer_slopes(model, data)
    if not basins:
        unknown = np.full(slopes.shape[1], np.nan)
        return State(slopes, unknown, unknown)
    return State(slopes, *basins_of(model, data))


def basins_of(
    model: nn.Module, data: Dataset | Stack
) -> tuple[Float[np.ndarray, " members"], Float[np.ndarray, " members"]]:
    """Return the basins of every network in sample space, and those in weight space."""
    found = []
    for net, own in alone(model, data):
        few = own.train_inputs[:_BASIN_SAMPLES], own.train_labels[:_BASIN_SAMPLES]
        sample = sample_basins(net, *few, draws=SAMPLE_DRAWS, **BASINS)
        weight = weight_basins(net, *few, draws=WEIGHT_DRAWS, **BASINS)
        found.append((sample.amplitude[0, 0], weight.amplitude[0, 0]))
    samples, weights = np.array(found).T
    return samples, weights


def layer_slopes(model: nn.Module, data: Dataset | Stack) -> Float[np.ndarray, "layers members"]:
    """Return the slope of the rank distribution, in ten bins, of every layer and network."""
    found = [
        [
            layer.slope[0]
            for layer in rank_distributions(net, own.train_inputs, own.train_labels, bins=_BINS)
        ]
        for net, own in alone(model, data)
    ]
    return np.array(found).T


def alone(model: nn.Module, data: Dataset | Stack) -> Iterator[tuple[nn.Module, Dataset]]:
    """Yield every network by itself, with its data: the same for all if they are not stacked."""
    if not isinstance(model, Ensemble):
        assert isinstance(data, Dataset)
        yield model, data
        return
    for k in range(model.members):
        yield model.member(k), data.member(k) if isinstance(data, Stack) else data


def distance_to_class(data: Dataset) -> float:
    """Return the median distance of a test input to the nearest training input of its class.

    Euclidean, over the root of the number of features: on the scale of noise on each of them.
    """
    apart = torch.cdist(data.test_inputs, data.train_inputs).numpy()
    same = data.test_labels.numpy()[:, None] == data.train_labels.numpy()
    nearest = np.where(same, apart, np.inf).min(axis=1)
    return float(np.median(nearest) / np.sqrt(data.test_inputs.shape[1]))
