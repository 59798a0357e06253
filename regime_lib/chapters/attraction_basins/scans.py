"""Attraction basins over settings: ensembles trained at each depth, width, rate or batch size.

Source: arXiv 2501.02436, version 5 (the form of the basins is ours): with depth
the basin in sample space is to grow and that in weight space to shrink, width is to enlarge the
latter, and digits are to differ. Every setting differs from a plan in one thing. Each member has
its own split of the data and its own noise, besides its own start. Training goes through
checkpoints, so that a scan with a folder is taken up where it was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.basins import Basins, sample_basins, weight_basins
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.checkpoints import train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig

Value = int | float
#: What can be varied beside the fields of a training configuration.
SHAPE = ("depth", "width")
_MEASURED = 500  # training samples that a checkpoint evaluates: nobody asks for more here
_CONFIG = tuple(field.name for field in fields(TrainingConfig))


@dataclass(frozen=True, kw_only=True, eq=False)
class ScanPlan:
    """What all settings of a scan share."""

    data: Stack
    """Of each member of an ensemble."""
    seeds: tuple[int, ...]
    """One for each member: of its initial weights, of its batches and of the noise."""
    config: TrainingConfig
    """From which settings depart."""
    probe_size: int
    """Training samples of a member, the first ones, that are disturbed."""
    draws: int
    """Noisy copies of each sample, or noisy networks."""
    folder: Path | None = None
    """Where to keep checkpoints; nothing is kept if None."""
    checkpoints: int = 4
    """How many a training run keeps in the folder, evenly spread."""

    def first(self, members: int) -> ScanPlan:
        """Return the plan of the first members."""
        return replace(self, data=self.data.first(members), seeds=self.seeds[:members])

    def alone(self, net: MLPEnsemble, samples: int) -> Iterator[Member]:
        """Yield each member of an ensemble by itself, with what a measurement of it is told."""
        for k, seed in enumerate(self.seeds):
            shown = self.data.train_inputs[k, :samples], self.data.train_labels[k, :samples]
            yield Member(net.member(k), *shown, {"draws": self.draws, "seed": seed})


@dataclass(frozen=True, eq=False)
class Member:
    """One network of an ensemble, its first training samples, and how to disturb them."""

    net: MLP
    inputs: Float[Tensor, "samples features"]
    labels: Int[Tensor, " samples"]
    noise: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Scan:
    """Networks trained with each value of what is varied."""

    varied: str
    values: tuple[Value, ...]
    accuracy: Float[np.ndarray, "settings members"]
    """Share of the test set."""

    def best(self, pick: Int[np.ndarray, " chosen"] | None = None) -> Value:
        """Return the value with the highest mean accuracy over some members, all by default."""
        chosen = self.accuracy if pick is None else self.accuracy[:, pick]
        return self.values[int(chosen.mean(axis=1).argmax())]

    def at_edge(self, pick: Int[np.ndarray, " chosen"] | None = None) -> bool:
        """Whether that is the first or the last value tried: a better one may lie beyond."""
        return self.best(pick) in (self.values[0], self.values[-1])


@dataclass(frozen=True, eq=False)
class TrainedScan:
    """A scan with its networks, an ensemble for each value."""

    scan: Scan
    ensembles: tuple[MLPEnsemble, ...]

    def at(self, value: Value) -> MLPEnsemble:
        """Return the ensemble that was trained with a value."""
        return self.ensembles[self.scan.values.index(value)]


def joined(parts: Sequence[TrainedScan]) -> TrainedScan:
    """Join scans of one thing whose values follow each other."""
    values = tuple(value for part in parts for value in part.scan.values)
    accuracy = np.concatenate([part.scan.accuracy for part in parts])
    ensembles = tuple(net for part in parts for net in part.ensembles)
    return TrainedScan(Scan(parts[0].scan.varied, values, accuracy), ensembles)


@dataclass(frozen=True)
class Move:
    """From the first setting to the last: logarithms of the ratios of medians over members."""

    sample: float
    weight: float

    @property
    def together(self) -> bool:
        """Whether both basins grow, or both shrink: what a trade-off of the two forbids."""
        return self.sample * self.weight > 0


@dataclass(frozen=True, eq=False)
class BasinScan(Scan):
    """A scan with both basins of every network; 0 or infinite outside the bracket."""

    sample_basin: Float[np.ndarray, "settings members"]
    """Amplitude of noise on standardised inputs at which half of the answers are wrong."""
    weight_basin: Float[np.ndarray, "settings members"]
    """The same on weights, in standard deviations of each layer."""

    @property
    def basins(self) -> dict[str, Float[np.ndarray, "settings members"]]:
        """Both, by the names that figures give them."""
        return {"sample basin": self.sample_basin, "weight basin": self.weight_basin}

    @property
    def move(self) -> Move:
        """How both basins change from the first setting to the last."""
        ends = (np.median(v[[0, -1]], axis=1) for v in (self.sample_basin, self.weight_basin))
        return Move(*(float(np.log(last / first)) for first, last in ends))


@dataclass(frozen=True, eq=False)
class ClassBasins:
    """Sample basin and rank slope of every class."""

    basin: Float[np.ndarray, "members classes"]
    slope: Float[np.ndarray, "members classes"]


@dataclass(frozen=True, eq=False)
class LevelRatios:
    """Mean sample basin of one ensemble over that of another, at several levels of accuracy."""

    levels: tuple[float, ...]
    ratio: Float[np.ndarray, " levels"]


def trained_scan(plan: ScanPlan, varied: str, values: Iterable[Value], **fixed: Any) -> TrainedScan:
    """Train an ensemble at every value of one thing.

    Parameters
    ----------
    plan : ScanPlan
        What all settings share.
    varied : str
        ``depth`` (hidden layers), ``width`` (units of each), or a field of the configuration.
    values : iterable of int or float
        What it takes.
    **fixed
        Depth and width, as far as they are not varied, and changes of the configuration.

    Raises
    ------
    RegimeError
        If depth or width is missing, a name is unknown or given twice, or a training diverges.
    """
    unknown = [name for name in (varied, *fixed) if name not in (*SHAPE, *_CONFIG)]
    if unknown:
        raise RegimeError(
            f"a scan cannot vary or fix {unknown[0]!r}; expected depth, width or a field of the "
            f"configuration: {', '.join(_CONFIG)}"
        )
    if varied in fixed or not {varied, *fixed} >= set(SHAPE):
        raise RegimeError(
            f"the scan varies {varied} and fixes {', '.join(fixed) or 'nothing'}; expected depth "
            "and width each once, and nothing fixed that is varied"
        )
    values = tuple(values)
    found = [_trained(plan, {**fixed, varied: value}) for value in values]
    ensembles, accuracy = zip(*found, strict=True)
    return TrainedScan(Scan(varied, values, np.array(accuracy)), ensembles)


def basin_scan(plan: ScanPlan, trained: TrainedScan, *, precision: float = 0.02) -> BasinScan:
    """Measure both basins of every network of a scan, on the probe.

    Parameters
    ----------
    plan : ScanPlan
        The plan of the scan.
    trained : TrainedScan
        The networks.
    precision : float
        Relative width at which bisection stops.

    Raises
    ------
    RegimeError
        As for `sample_basins`.
    """
    sample, weight = (
        np.array(
            [
                [_basin(basins, member, precision=precision) for member in members]
                for members in (plan.alone(net, plan.probe_size) for net in trained.ensembles)
            ]
        )
        for basins in (sample_basins, weight_basins)
    )
    scan = trained.scan
    return BasinScan(scan.varied, scan.values, scan.accuracy, sample, weight)


def range_of_best(
    scans: Mapping[int, Scan], pick: Int[np.ndarray, " chosen"] | None = None
) -> float:
    """Return how far the best values of several scans lie apart.

    NaN if one of them is the first or the last value tried: what stands at the edge cannot move
    further, so that agreement there says nothing.
    """
    if any(scan.at_edge(pick) for scan in scans.values()):
        return float("nan")
    best = [scan.best(pick) for scan in scans.values()]
    return float(max(best) - min(best))


def class_basins(
    plan: ScanPlan, net: MLPEnsemble, *, samples: int, ranked: int, bins: int = 10
) -> ClassBasins:
    """Measure sample basin and rank slope of every class, for networks of one hidden layer.

    Parameters
    ----------
    plan : ScanPlan
        Its data, seeds and draws.
    net : MLPEnsemble
        The networks; the slope is that of their first layer.
    samples, ranked : int
        Training samples that are disturbed, and that are ranked.
    bins : int
        Of the rank density.

    Raises
    ------
    RegimeError
        As for `sample_basins` and `rank_distributions`.
    """
    basin = [
        sample_basins(m.net, m.inputs, m.labels, by="class", intervals=False, **m.noise).amplitude[
            0
        ]
        for m in plan.alone(net, samples)
    ]
    slope = [
        rank_distributions(m.net, m.inputs, m.labels, bins=bins)[0].class_slope[0]
        for m in plan.alone(net, ranked)
    ]
    return ClassBasins(np.array(basin), np.array(slope))


def ratios_at_levels(
    plan: ScanPlan, net: MLPEnsemble, base: MLPEnsemble, levels: Sequence[float]
) -> LevelRatios:
    """Divide the mean sample basin of one ensemble by that of another, at several levels.

    Parameters
    ----------
    plan : ScanPlan
        The plan of the scan.
    net, base : MLPEnsemble
        The networks, and those that they are compared with.
    levels : sequence of float
        Accuracies that define the basin.

    Raises
    ------
    RegimeError
        If a level is not between 0 and 1.
    """
    upper, lower = (
        np.array(
            [
                [_basin(sample_basins, member, level=level) for level in levels]
                for member in plan.alone(ensemble, plan.probe_size)
            ]
        ).mean(axis=0)
        for ensemble in (net, base)
    )
    return LevelRatios(tuple(levels), upper / lower)


def _basin(basins: Callable[..., Basins], member: Member, **options: float) -> float:
    """Measure one network, all samples together."""
    found = basins(
        member.net, member.inputs, member.labels, intervals=False, **member.noise, **options
    )
    return float(found.amplitude[0, 0])


def trained_net(
    plan: ScanPlan, start: MLPEnsemble, config: TrainingConfig
) -> tuple[MLPEnsemble, Float[np.ndarray, " members"]]:
    """Train an ensemble from a start on a plan's data, or load it; return it and test accuracies.

    Raises
    ------
    RegimeError
        As for `train_to_checkpoints`.
    """
    number = 1 if plan.folder is None else plan.checkpoints
    marks = np.unique(np.linspace(0, config.steps, number + 1).round().astype(np.int64))[1:]
    run = train_to_checkpoints(
        start, plan.data, config, plan.seeds, marks, folder=plan.folder, measured=_MEASURED
    )
    net = run.model_at(len(marks) - 1)
    assert isinstance(net, MLPEnsemble)
    return net, run.test_accuracy[-1]


def _trained(
    plan: ScanPlan, setting: Mapping[str, Any]
) -> tuple[MLPEnsemble, Float[np.ndarray, " members"]]:
    """Train the ensemble of one setting, or load it; return it and its test accuracies."""
    config = replace(plan.config, **{k: v for k, v in setting.items() if k not in SHAPE})
    features, classes = plan.data.train_inputs.shape[2], len(plan.data.classes)
    sizes = (features, *[setting["width"]] * setting["depth"], classes)
    return trained_net(plan, MLPEnsemble(sizes, plan.seeds), config)
