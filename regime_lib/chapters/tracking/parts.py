"""What the parts of the tracking chapters return: numbers, series and estimates, typed.

Runs are named by their optimiser, or by task and optimiser: ``"sgd"``, ``"letters sgd"``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from regime_lib.estimate import Estimate, median, no_number

Numbers = dict[str, float | int | str]
"""What the prose quotes."""
PerRun = Float[np.ndarray, " runs"]
Series = tuple[Int[np.ndarray, " steps"], Float[np.ndarray, "steps runs"]]
"""Optimiser steps, and one quantity after each of them in every run."""


def late_level(series: Series) -> float:
    """Return how high a series is in the second half of the run, as a share of its peak."""
    values = series[1]
    return float(np.median(values[len(values) // 2 :] / values.max(axis=0)))


@dataclass(frozen=True, eq=False)
class Settling:
    """When patterns and weights of several runs settle, by one definition."""

    pattern_time: float
    """Median over runs, in steps; a bound where runs are censored."""
    weight_time: float
    bound: str
    """What the ratio is, as `RegimeChange.bound` says it."""
    ratios: PerRun
    """Weights' time over patterns' time, of every run."""
    censored: Bool[np.ndarray, "runs 2"]
    """Whether patterns, and weights, never settle."""

    @property
    def ratio(self) -> Estimate:
        """The median over the runs in which one series settles, or a bound of it."""
        settled = self.ratios[~self.censored.all(axis=1)]
        over = f"{len(settled)} runs"
        return no_number(over) if self.bound == "undetermined" else median(settled, over=over)

    @property
    def exact_ratio(self) -> Estimate:
        """The same, but no number if any run is censored: a bound is no measurement."""
        return self.ratio if self.bound == "exact" else no_number(f"{len(self.ratios)} runs")

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
        return (
            f"patterns settle at step {self.pattern_time:.0f}, "
            f"weights at step {self.weight_time:.0f}"
        )


@dataclass(frozen=True, eq=False)
class Accuracy:
    """How well the runs have learned."""

    numbers: Numbers
    table: dict[str, PerRun]
    """Test accuracy after the last step."""


@dataclass(frozen=True, eq=False)
class Ratios:
    """Two series that fall, and when they have."""

    claims: dict[str, Estimate]
    numbers: Numbers
    patterns: dict[str, Series]
    """Smoothed change per step."""
    weights: dict[str, Series]
    settled: dict[str, Settling]


@dataclass(frozen=True)
class Definitions:
    """The ratio under several definitions of a settling time."""

    claims: dict[str, Estimate]
    numbers: Numbers
    table: pd.DataFrame
    """Columns `definition`, `optimizer`, `ratio`, `low`, `high`, `bound`, and `schedule` where
    there are several; NaN where there is no number."""


@dataclass(frozen=True, eq=False)
class Layers:
    """Smoothed changes per step of single layers."""

    patterns: dict[str, Series]
    weights: dict[str, Series]


@dataclass(frozen=True, eq=False)
class Proportional:
    """Pattern change against weight change, step by step."""

    claims: dict[str, Estimate]
    numbers: Numbers
    points: dict[str, Float[np.ndarray, "2 points"]]
    """Weight change and pattern change of single steps, each over its peak."""
    slopes: dict[str, PerRun]
    """Of the logarithms of the smoothed series."""


@dataclass(frozen=True, eq=False)
class WarmUp:
    """AdamW without and with a warm-up of the learning rate."""

    claims: dict[str, Estimate]
    numbers: Numbers
    patterns: dict[str, Series]
    """Smoothed change per step."""
    weights: dict[str, Series]
    settled: dict[str, Settling]


@dataclass(frozen=True, eq=False)
class Flicker:
    """Flips per net flip."""

    claims: dict[str, Estimate]
    numbers: Numbers
    panels: dict[str, dict[str, Series]]
    """In some windows, or runs; by optimiser."""
    second_half: dict[str, PerRun]
    """From half of the run to its end."""


@dataclass(frozen=True, eq=False)
class Drift:
    """How the moving average of the weights settles, beside the weights themselves."""

    claims: dict[str, Estimate]
    numbers: Numbers
    raw: dict[str, tuple[Series, Series]]
    """Smoothed pattern change and weight change."""
    average: dict[str, tuple[Series, Series]]
    raw_areas: dict[str, PerRun]
    """Area under the weights' curve over that under the patterns' curve."""
    average_areas: dict[str, PerRun]


@dataclass(frozen=True, eq=False)
class Indicator:
    """The overfitting-underfitting indicator, beside pattern change."""

    claims: dict[str, Estimate]
    numbers: Numbers
    changes: dict[str, Series]
    """Smoothed pattern change per step."""
    overall: dict[str, Series]
    """The indicator over all layers."""
    layers: dict[str, Series]
    """The indicator of each layer under AdamW."""
    final: dict[str, PerRun]
    """The indicator over all layers after the last step."""


@dataclass(frozen=True, eq=False)
class FlipLaw:
    """Flips per step beside what the first-order law says of pre-activations alone."""

    claims: dict[str, Estimate]
    measured: dict[str, Series]
    """Smoothed shares of flipped units, by optimiser."""
    predicted: dict[str, Series]
    factors: dict[str, PerRun]
    """Measured over predicted, geometric mean over training."""


@dataclass(frozen=True, eq=False)
class OneRun:
    """Where one network, trained with Adam, still flips."""

    numbers: Numbers
    flips: Float[np.ndarray, "steps units"]
    """Share of the probe for which a unit flipped in a step."""
    layers: tuple[int, ...]
    """Units of each hidden layer."""
    pattern: Series
    """Lightly smoothed changes per step."""
    weight: Series
