"""Attraction basins: how much noise on inputs, or on weights, until half of the answers are wrong.

Source: arXiv 2501.02436, version 5, read in an itemised review of it (operational form
reconstructed; the level of 50 % is the paper's and arbitrary). Amplitudes are scanned upwards on a
geometric grid; the first fall below the level is then bisected. All amplitudes meet the same draws
of noise, so that the accuracy is one function of the amplitude and bisection finds its root.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import isolated
from regime_lib.instrument.capture.probe import checked_inputs
from regime_lib.instrument.modes.noise import SampleNoise, WeightNoise
from regime_lib.instrument.modes.preactivations import as_labels, as_logits
from regime_lib.instrument.shapes import shapes

By = Literal["all", "class", "sample"]
_NORMAL = 1.96
_SCAN = 13


@dataclass(frozen=True, eq=False)
class Basins:
    """Noise amplitudes at which accuracy falls through a level, one per group of samples."""

    space: str
    """``sample``: amplitude in the units of the inputs; ``weight``: in standard deviations."""
    by: str
    groups: tuple[str, ...]
    amplitude: Float[np.ndarray, "members groups"]
    """0 where even the smallest amplitude is too much, infinite where the largest is too little."""
    resolution: Float[np.ndarray, "members groups"]
    """Largest error that bisection leaves; 0 where the amplitude is censored."""
    low: Float[np.ndarray, "members groups"]
    high: Float[np.ndarray, "members groups"]
    """Ends of the 95 % interval, over draws of noise and, for groups, over samples; NaN if off."""
    censored: Int[np.ndarray, "members groups"]
    """-1: below the bracket, 1: above it, 0: measured."""
    bracket: tuple[float, float]
    draws: int
    level: float

    __repr__ = shapes


def sample_basins(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    by: By = "all",
    draws: int = 16,
    level: float = 0.5,
    bracket: tuple[float, float] = (1e-2, 1e2),
    precision: float = 0.01,
    seed: int = 0,
    members: int | None = None,
    intervals: bool = True,
) -> Basins:
    """Measure basins in sample space: Gaussian noise on the inputs.

    Parameters
    ----------
    model : nn.Module
        A classifier; run in evaluation mode, and not changed.
    inputs, labels : tensors, shapes (samples, ...) and (samples,)
        Samples and their right classes.
    by : str
        Whose accuracy is asked for: of ``all`` samples together, of each ``class``, or of each
        ``sample`` over its draws.
    draws : int
        Noisy versions of each sample.
    level : float
        The accuracy that defines the basin.
    bracket : pair of float
        Smallest and largest amplitude tried.
    precision : float
        Relative width at which bisection stops.
    seed : int
        Of the noise; the same numbers serve all amplitudes and members.
    members : int, optional
        K if the model is an ensemble of K networks.
    intervals : bool
        Whether to look for the ends of the intervals, too: without them it takes half the time.

    Raises
    ------
    RegimeError
        If an option is out of range, or labels and outputs do not fit the inputs.
    """
    found = _checked(model, inputs, labels, draws, level, bracket, precision, members)
    noise = SampleNoise(model, inputs, found, draws, seed, members)
    return _measure(noise, "sample", by, level, bracket, precision, intervals)


def weight_basins(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    by: By = "all",
    draws: int = 16,
    level: float = 0.5,
    bracket: tuple[float, float] = (1e-2, 1e2),
    precision: float = 0.01,
    seed: int = 0,
    members: int | None = None,
    intervals: bool = True,
) -> Basins:
    """Measure basins in weight space: noise on all weights, in units of each layer's deviation.

    Parameters and errors are those of `sample_basins`; `draws` is the number of noisy networks.
    The model is not changed: noisy weights are handed to it for one call.
    """
    found = _checked(model, inputs, labels, draws, level, bracket, precision, members)
    noise = WeightNoise(model, inputs, found, draws, seed, members)
    return _measure(noise, "weight", by, level, bracket, precision, intervals)


def _measure(
    noise: SampleNoise | WeightNoise,
    space: str,
    by: By,
    level: float,
    bracket: tuple[float, float],
    precision: float,
    intervals: bool,
) -> Basins:
    groups, names = _groups(by, noise.labels)
    rows = noise.members or 1
    count = torch.bincount(groups)
    everyone = groups.expand(rows, -1)

    def ask(amplitudes: Tensor) -> tuple[Tensor, Tensor]:
        """Disturb the samples of every group by its own amplitude, shape (members, groups)."""
        correct = noise.correct(amplitudes.gather(1, everyone)).double()
        return _accuracy(correct, groups, count, noise.shared_draws)

    grid = torch.from_numpy(np.geomspace(*bracket, _SCAN))
    scan = torch.zeros(len(grid), rows, len(names), dtype=torch.float64)
    fallen = torch.zeros(rows, len(names), dtype=torch.bool)
    for row, g in zip(scan, grid, strict=True):
        row[:] = ask(g.expand(rows, len(names)))[0]
        fallen |= row < level
        if not intervals and bool(fallen.all()):
            break  # larger amplitudes matter to the intervals alone
    steps = max(1, math.ceil(math.log2(math.log(grid[1] / grid[0]) / math.log1p(precision))))
    middle = torch.full((rows, len(names)), level, dtype=torch.float64)
    amplitude, resolution, censored = _first_fall(ask, grid, scan, middle, steps)
    low, high = amplitude * math.nan, amplitude * math.nan
    if intervals:
        low, high = _ends(ask, grid, scan, middle, amplitude, censored, steps)
    sizes, errors, ends = amplitude.numpy(force=True), resolution.numpy(force=True), (low, high)
    low_end, high_end = (end.numpy(force=True) for end in ends)
    how = censored.numpy(force=True), bracket, noise.draws, level
    return Basins(space, by, names, sizes, errors, low_end, high_end, *how)


def _ends(
    ask: Callable[[Tensor], tuple[Tensor, Tensor]],
    grid: Tensor,
    scan: Tensor,
    middle: Tensor,
    amplitude: Tensor,
    censored: Tensor,
    steps: int,
) -> tuple[Tensor, Tensor]:
    """Invert a test: where does the accuracy fall through the level +- 1.96 standard errors?"""
    inside = amplitude.where(censored == 0, grid[0])
    error = ask(inside)[1]
    low, _, _ = _first_fall(ask, grid, scan, middle + _NORMAL * error, steps)
    high, _, _ = _first_fall(ask, grid, scan, middle - _NORMAL * error, steps)
    known = censored == 0
    low[~known], high[~known] = 0.0, math.inf
    low[censored > 0], high[censored < 0] = grid[-1], grid[0]
    return low, high


def _first_fall(
    ask: Callable[[Tensor], tuple[Tensor, Tensor]],
    grid: Tensor,
    scan: Tensor,
    target: Tensor,
    n: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find, for each member and group, the first amplitude whose accuracy is below the target."""
    below = scan < target
    first = below.to(torch.int8).argmax(0)
    censored = torch.where(below.any(0), torch.where(first == 0, -1, 0), 1)
    low, high = grid[(first - 1).clamp(min=0)], grid[first]
    known = censored == 0
    if bool(known.any()):
        for _ in range(n):
            middle = (low * high).sqrt()
            fallen = ask(middle)[0] < target
            low, high = torch.where(fallen, low, middle), torch.where(fallen, middle, high)
    amplitude = (low * high).sqrt()
    resolution = (high - amplitude) * known
    amplitude[censored < 0], amplitude[censored > 0] = 0.0, math.inf
    return amplitude, resolution, censored


def _accuracy(
    correct: Float[Tensor, "members draws samples"], groups: Tensor, count: Tensor, shared: bool
) -> tuple[Tensor, Tensor]:
    """Return the accuracy of every group, and its standard error over samples and draws.

    One draw of weights meets all samples, so that draws add a variance of their own; noise on
    inputs is drawn for each sample and is contained in the spread over samples.
    """
    members, draws, _ = correct.shape
    by_draw = torch.zeros(members, draws, len(count), dtype=correct.dtype)
    by_draw.scatter_add_(2, groups.expand(members, draws, -1), correct)
    by_draw /= count
    mean, wide = by_draw.mean(1), groups.expand(members, -1)
    spread = (correct.mean(1) - mean.gather(1, wide)) ** 2  # members samples
    square = torch.zeros_like(mean).scatter_add_(1, wide, spread)
    variance = square / (count * (count - 1).clamp(min=1))
    if draws > 1:
        over_draws = by_draw.var(1, correction=1) / draws
        variance = torch.where((count == 1) | shared, variance + over_draws, variance)
    return mean, variance.sqrt()


def _groups(by: By, labels: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    if by == "all":
        return torch.zeros_like(labels), ("all",)
    if by == "class":
        classes, groups = labels.unique(return_inverse=True)
        return groups, tuple(str(k) for k in classes.tolist())
    if by == "sample":
        return torch.arange(len(labels)), tuple(str(k) for k in range(len(labels)))
    raise RegimeError(f"by is {by!r}; expected 'all', 'class' or 'sample'")


def _checked(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    draws: int,
    level: float,
    bracket: tuple[float, float],
    precision: float,
    members: int | None,
) -> Tensor:
    """Refuse options out of range; return the labels."""
    samples = checked_inputs(inputs)
    for name, value, expected, fits in (
        ("draws", draws, "a whole number of at least 2", isinstance(draws, int) and draws >= 2),
        ("level", level, "an accuracy between 0 and 1", 0 < level < 1),
        ("bracket", bracket, "two amplitudes above 0, smaller first", 0 < bracket[0] < bracket[1]),
        ("precision", precision, "a relative width from above 0 to 1", 0 < precision <= 1),
    ):
        if not fits:
            raise RegimeError(f"{name} is {value!r}; expected {expected}")
    with isolated(model):
        logits = as_logits(model(inputs[:1].clone()), members, 1)
    return as_labels(labels, samples, logits.shape[-1])
