"""What chapter 61 measures: basins in sample and weight space, over every way to vary a network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from regime_lib.chapters.attraction_basins.controls import Controls, controls_of
from regime_lib.chapters.attraction_basins.depths import (
    DEEP,
    DEPTHS,
    DIGITS,
    FLAT,
    claims_of_classes,
    claims_of_depths,
    growth,
    numbers_of_classes,
    numbers_of_depths,
)
from regime_lib.chapters.attraction_basins.planes import plane_through
from regime_lib.chapters.attraction_basins.predictors import Predictors, predictors_of
from regime_lib.chapters.attraction_basins.scans import (
    BasinScan,
    ClassBasins,
    LevelRatios,
    Scan,
    ScanPlan,
    TrainedScan,
    basin_scan,
    class_basins,
    joined,
    ratios_at_levels,
    trained_scan,
)
from regime_lib.chapters.attraction_basins.starts import claims_of_starts, fixed_start_scan
from regime_lib.estimate import Estimate
from regime_lib.lab.data.files import cache_root
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.training.config import TrainingConfig

_RATES, _BATCH_SIZES = (0.01, 0.03, 0.1, 0.3), (8, 32, 128, 256)  # of plain SGD
_LEVELS = (0.3, 0.5, 0.7, 0.9)
_WIDE = 3  # wide networks: they take longest and carry no claim
_SHOWN_DEPTHS = (1, 4, 10)  # whose answers are shown on a plane


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    dataset: Literal["digits", "mnist"]
    n_seeds: int  # runs, each with its own start, batches, split and noise
    steps: int
    width: int  # units a layer, if not varied
    probe_size: int  # samples that are disturbed
    draws: int  # noisy copies of a sample, or networks
    lr: float  # of Adam
    batch_size: int
    seed: int  # the seeds are seed, seed + 1, ...


#: What each profile gives to the parameters that are left at None.
QUICK = {"dataset": "digits", "n_seeds": 12, "steps": 1000, "width": 64, "probe_size": 200}
PAPER = {"dataset": "mnist", "n_seeds": 4, "steps": 5000, "width": 256, "probe_size": 500}


@dataclass(frozen=True)
class Depth:
    """Networks of one to ten hidden layers."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    by_width: dict[int, Scan]
    basins: BasinScan
    """At the chapter's own width."""


def depth(settings: Settings) -> Depth:
    """Find the best depth for three widths, and measure basins at every depth for the widest."""
    trained, basins = _depths(settings)
    by_width = {width: found.scan for width, found in trained.items()}
    numbers = numbers_of_depths(by_width)
    numbers["layers-of-noise"] = float(np.sqrt((FLAT + 1) / (DEEP + 1)))
    return Depth(claims_of_depths(by_width, basins, settings.seed), numbers, by_width, basins)


@dataclass(frozen=True)
class Width:
    """Networks of two hidden layers, narrow and wide."""

    claims: dict[str, Estimate]
    basins: BasinScan


def width(settings: Settings) -> Width:
    """Measure basins from an eighth to twice the chapter's width."""
    found = _widths(settings)
    return Width({"nd-weight-basin-width": growth(found.weight_basin, settings.seed)}, found)


@dataclass(frozen=True)
class Starts:
    """Narrow and wide networks, started as usual and all alike."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    scans: dict[str, BasinScan]
    """By start; the usual one has more widths."""


def starts(settings: Settings) -> Starts:
    """Start the narrowest, the middle and the widest networks from weights as large as each."""
    usual = _widths(settings)
    values = [int(value) for value in usual.values]
    fixed = fixed_start_scan(_plan(settings), (values[0], values[len(values) // 2], values[-1]))
    first, last = (float(usual.weight_basin[k].mean()) for k in (0, -1))
    numbers: dict[str, float | int | str] = {
        "start-usual-growth": last / first if first > 0 and np.isfinite(last) else "–",
        "start-factor": float((values[-1] / values[0]) ** 0.5),
    }
    claims = claims_of_starts(usual.accuracy, fixed.accuracy, fixed.weight_basin, settings.seed)
    return Starts(claims, numbers, {"usual": usual, "fixed": fixed})


@dataclass(frozen=True)
class Rates:
    """Networks of two hidden layers, trained with plain SGD."""

    families: dict[str, BasinScan]
    """Over the learning rate (``rate``) and over the batch size (``batch``)."""


def rates(settings: Settings) -> Rates:
    """Measure basins over learning rates and over batch sizes of plain SGD."""
    plan = _plan(settings)
    plain = {"depth": 2, "width": settings.width, "optimizer": "sgd"}
    rate = trained_scan(plan, "lr", _RATES, **plain)
    batch = trained_scan(plan, "batch_size", _BATCH_SIZES, lr=0.1, **plain)
    return Rates({"rate": basin_scan(plan, rate), "batch": basin_scan(plan, batch)})


@dataclass(frozen=True)
class TradeOff:
    """Both basins of every setting of four families."""

    numbers: dict[str, float | int | str]
    families: dict[str, BasinScan]
    names: dict[str, tuple[str, ...]]
    """What the settings of a family are called."""


def trade_off(depth: Depth, width: Width, rates: Rates) -> TradeOff:
    """Ask which families move both basins the same way, from the first setting to the last."""
    families = {"depth": depth.basins, "width": width.basins, **rates.families}
    together = [family for family, found in families.items() if found.move.together]
    return TradeOff(
        {"families-together": len(together), "families-named": ", ".join(together) or "none"},
        families,
        {
            "depth": tuple(f"{d} layer{'s' * (d != 1)}" for d in DEPTHS),
            **{
                family: tuple(f"{family} {value:g}" for value in families[family].values)
                for family in ("width", "rate", "batch")
            },
        },
    )


@dataclass(frozen=True)
class Classes:
    """Sample basin and rank slope of every class."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    classes: tuple[str, ...]
    found: ClassBasins


def classes(settings: Settings) -> Classes:
    """Measure each class by itself in networks of one hidden layer."""
    plan, size = _plan(settings), settings.probe_size
    one_layer = _of_depth(settings, FLAT, settings.width).at(FLAT)
    found = class_basins(plan, one_layer, samples=2 * size, ranked=10 * size)
    return Classes(
        claims_of_classes(found, settings.seed),
        numbers_of_classes(found),
        plan.data.classes,
        found,
    )


@dataclass(frozen=True)
class Plane:
    """What networks of one seed answer on a plane through three training samples."""

    answers: dict[int, Int[np.ndarray, "points points"]]
    """By number of layers, on a square grid, rows from below."""
    extent: float
    """The grid goes from minus to plus this number in both directions."""
    corners: Float[np.ndarray, "3 2"]
    """Where the samples lie."""
    digits: tuple[int, ...]
    """Their classes."""


def plane(settings: Settings) -> Plane:
    """Lay a plane through a 0, a 2 and a 9."""
    found = plane_through(_plan(settings).data.member(0), DIGITS)
    answers = {
        layers: found.answers(_of_depth(settings, layers, settings.width).at(layers).member(0))
        for layers in _SHOWN_DEPTHS
    }
    return Plane(answers, found.extent, found.corners, DIGITS)


@dataclass(frozen=True)
class Levels:
    """Sample basins of six layers over those of one, if another accuracy than one half counts."""

    numbers: dict[str, float | int | str]
    ratios: LevelRatios


def levels(settings: Settings) -> Levels:
    """Compare the two depths at other levels."""
    six, one = (_of_depth(settings, n, settings.width).at(n) for n in (DEEP, FLAT))
    found = ratios_at_levels(_plan(settings), six, one, _LEVELS)
    pairs = zip(found.levels, found.ratio, strict=True)
    return Levels({f"level-{100 * level:.0f}": float(ratio) for level, ratio in pairs}, found)


@dataclass(frozen=True)
class Wider:
    """Six layers over one, with four times the units."""

    numbers: dict[str, float | int | str]


def wider(settings: Settings) -> Wider:
    """Train wide networks of one and of six layers, with the first seeds only."""
    few = min(settings.n_seeds, _WIDE)
    plan, wide = _plan(settings).first(few), 4 * settings.width
    found = basin_scan(plan, trained_scan(plan, "depth", (FLAT, DEEP), width=wide))
    numbers: dict[str, float | int | str] = {"wide-width": wide, "wide-runs": few}
    for name, basins in found.basins.items():
        one, six = basins.mean(axis=1)
        numbers[f"wide-{name.split()[0]}"] = float(six / one)
    return Wider(numbers)


def controls(settings: Settings, tables: dict[str, pd.DataFrame]) -> Controls:
    """Judge learning rate and batch size as controls, from the committed networks at one loss."""
    return controls_of(tables["networks"], settings.seed)


def predictors(settings: Settings, tables: dict[str, pd.DataFrame]) -> Predictors:
    """Judge what tells of test accuracy, from the committed networks at one loss."""
    return predictors_of(tables["networks"], settings.seed)


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    depth: Depth
    width: Width
    starts: Starts
    rates: Rates
    trade_off: TradeOff
    classes: Classes
    plane: Plane
    levels: Levels
    wider: Wider | None
    """Only of the digits: networks for MNIST are wide already."""


def measure(settings: Settings) -> Measurements:
    """Everything that depends on the settings: what a sweep maps and the tests call.

    What only judges committed tables is left out.
    """
    over_depth, over_width, over_rates = depth(settings), width(settings), rates(settings)
    return Measurements(
        over_depth,
        over_width,
        starts(settings),
        over_rates,
        trade_off(over_depth, over_width, over_rates),
        classes(settings),
        plane(settings),
        levels(settings),
        wider(settings) if settings.dataset == "digits" else None,
    )


#: The parts that are measured over blocks of fresh seeds; none reads committed tables.
EMPIRICAL = (depth, width, classes, starts)
#: All parts that measure claims: the last two read tables.
PARTS = (*EMPIRICAL, controls, predictors)
#: What a second process measures, the last first, while the notebook trains networks of all depths.
AHEAD = (wider, classes, rates, starts, width)


@lru_cache(maxsize=1)
def _plan(settings: Settings) -> ScanPlan:
    """Draw a split of the data for each seed.

    Training on MNIST is long, and taken up from its checkpoints.
    """
    data = load_dataset(settings.dataset)
    seeds = tuple(range(settings.seed, settings.seed + settings.n_seeds))
    return ScanPlan(
        data=stacked(data.redrawn(seed) for seed in seeds),
        seeds=seeds,
        config=TrainingConfig(
            optimizer="adam",
            lr=settings.lr,
            steps=settings.steps,
            batch_size=settings.batch_size,
        ),
        probe_size=settings.probe_size,
        draws=settings.draws,
        folder=None if settings.dataset == "digits" else cache_root() / "61_attraction_basins",
    )


@lru_cache(maxsize=3 * len(DEPTHS))
def _of_depth(settings: Settings, depth: int, width: int) -> TrainedScan:
    """Train networks of one depth and width."""
    return trained_scan(_plan(settings), "depth", (depth,), width=width)


@lru_cache(maxsize=1)
def _depths(settings: Settings) -> tuple[dict[int, TrainedScan], BasinScan]:
    """Return networks of all depths by width, and the basins of the widest."""
    plan, most = _plan(settings), settings.width
    widths = (most // 4, most // 2, most)
    trained = {
        width: joined([_of_depth(settings, depth, width) for depth in DEPTHS]) for width in widths
    }
    return trained, basin_scan(plan, trained[most])


@lru_cache(maxsize=1)
def _widths(settings: Settings) -> BasinScan:
    plan = _plan(settings)
    values = tuple(max(2, settings.width * 2**k // 8) for k in range(5))
    return basin_scan(plan, trained_scan(plan, "width", values, depth=2))
