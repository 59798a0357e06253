"""What the parts of the tracking chapters return: numbers, series and estimates, typed.

Runs are named by their optimiser, or by task and optimiser: ``"sgd"``, ``"letters sgd"``. Changes
are per step, and smoothed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from regime_lib.estimate import Estimate, median, no_number

Numbers = dict[str, float | int | str]
# Parts hold several series, of different lengths and of different numbers of runs.
PerRun = Float[np.ndarray, " _runs"]
#: Where the overfitting-underfitting indicator is said to stay in a training that goes well.
GOOD = (0.6, 0.8)
#: Optimiser steps, and one quantity after each of them in every run.
Series = tuple[Int[np.ndarray, " _steps"], Float[np.ndarray, "_steps _runs"]]

T = TypeVar("T")


def of(task: str, runs: Mapping[str, T]) -> dict[str, T]:
    """Return what one task has, by optimiser."""
    own = {name: one for name, one in runs.items() if name.startswith(task)}
    return {name.removeprefix(task).strip(): one for name, one in own.items()}


def late_level(series: Series) -> float:
    """Return how high a series is in the second half of the run, as a share of its peak."""
    values = series[1]
    return float(np.median(values[len(values) // 2 :] / values.max(axis=0)))


@dataclass(frozen=True, eq=False)
class Settling:
    """When patterns and weights of several runs settle, by one definition."""

    pattern_time: float  # median over runs, in steps; a bound where runs are censored
    weight_time: float
    bound: str  # what the ratio is, as `RegimeChange.bound` says it
    ratios: PerRun  # weights' time over patterns' time
    censored: Bool[np.ndarray, "_runs 2"]  # whether patterns, and weights, never settle

    @property
    def ratio(self) -> Estimate:
        """The median over the runs in which one series settles, or a bound of it."""
        settled = self.ratios[~self.censored.all(axis=1)]
        over = f"{len(settled)} runs"
        return no_number(over) if self.bound == "undetermined" else median(settled, over=over)

    @property
    def times(self) -> tuple[float, float]:
        """When patterns and weights settle, in steps; NaN if some run does not tell."""
        exact = self.bound == "exact"
        return (self.pattern_time, self.weight_time) if exact else (np.nan, np.nan)

    @property
    def row(self) -> dict[str, float | str]:
        """What a table of ratios says; NaN where there is none."""
        found = self.ratio
        numbers = {"ratio": found.value, "low": found.low, "high": found.high}
        return {k: np.nan if x is None else x for k, x in numbers.items()} | {"bound": self.bound}

    def __str__(self) -> str:
        if self.bound != "exact":
            return "not settled in every run"
        patterns, weights = self.times
        return f"patterns settle at step {patterns:.0f}, weights at step {weights:.0f}"


@dataclass(frozen=True, eq=False)
class Part:
    """What every part has."""

    claims: dict[str, Estimate]
    numbers: Numbers  # that the prose quotes


@dataclass(frozen=True, eq=False)
class Accuracy(Part):
    """How well the runs have learned."""

    table: dict[str, PerRun]  # test accuracy after the last step


@dataclass(frozen=True, eq=False)
class Ratios(Part):
    """Two series that fall, and when they have."""

    patterns: dict[str, Series]
    weights: dict[str, Series]
    settled: dict[str, Settling]


@dataclass(frozen=True, eq=False)
class Table(Part):
    """Ratios under several definitions, cuts or thresholds, a row each; NaN where there is none."""

    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Layers:
    """Changes of single layers."""

    patterns: dict[str, Series]
    weights: dict[str, Series]


@dataclass(frozen=True, eq=False)
class Proportional(Part):
    """Pattern change against weight change, step by step."""

    points: dict[str, Float[np.ndarray, "2 _points"]]  # weights and patterns, each over its peak
    slopes: dict[str, PerRun]  # of the logarithms of the smoothed series


@dataclass(frozen=True, eq=False)
class Flicker(Part):
    """Flips per net flip."""

    panels: dict[str, dict[str, Series]]  # in some windows, or runs; by optimiser
    second_half: dict[str, PerRun]  # from half of the run to its end


@dataclass(frozen=True, eq=False)
class Drift(Part):
    """How the moving average of the weights settles, beside the weights themselves."""

    raw: dict[str, tuple[Series, Series]]  # pattern change and weight change
    average: dict[str, tuple[Series, Series]]
    raw_areas: dict[str, PerRun]  # under the weights' curve, over that of the patterns
    average_areas: dict[str, PerRun]


@dataclass(frozen=True, eq=False)
class Indicator(Part):
    """The overfitting-underfitting indicator, beside pattern change."""

    changes: dict[str, Series]
    overall: dict[str, Series]  # the indicator over all layers
    layers: dict[str, Series]  # the indicator of each layer under AdamW
    final: dict[str, PerRun]  # over all layers, after the last step


@dataclass(frozen=True, eq=False)
class FlipLaw(Part):
    """Flips per step beside what the first-order law says of pre-activations alone."""

    measured: dict[str, Series]  # shares of flipped units
    predicted: dict[str, Series]
    factors: dict[str, PerRun]  # measured over predicted, geometric mean over training


@dataclass(frozen=True, eq=False)
class OneRun(Part):
    """Where one network, trained with Adam, still flips."""

    flips: Float[np.ndarray, "steps units"]  # share of the probe for which a unit flipped
    layers: tuple[int, ...]  # units of each hidden layer
    pattern: Series  # changes of the whole network
    weight: Series
