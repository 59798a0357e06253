"""Descent along one direction of a quadratic, and the two-step ratio of units that look at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.part import Numbers
from regime_lib.estimate import Estimate, over_runs
from regime_lib.lab.seeding import generator

#: Rate times curvature: beyond one the weights jump over the bottom.
SCALED = tuple(float(s) for s in np.round(np.linspace(1.1, 1.9, 9), 1))
_UNITS, _DISTANCE = 40_000, 0.1  # of a start from the bottom, in deviations of pre-activations
_NOISE_STEPS = 200


@dataclass(frozen=True)
class Quadratic:
    """Two-step ratios of random units on a quadratic, against the closed form."""

    claims: dict[str, Estimate]
    numbers: Numbers
    scaled: Float[np.ndarray, " rates"]
    ratio: Float[np.ndarray, "rates starts"]
    """In the first two steps."""


def expected(scaled: float) -> float:
    """Return the two-step ratio of small steps along one direction, by rate times curvature."""
    return max(1.0, scaled / abs(2 - scaled)) if scaled != 2 else np.inf


def quadratic_of(seeds: range) -> Quadratic:
    """Draw units, one layer of them for each seed, and let the weights descend two steps."""
    ratio = np.array([[_two_steps(scaled, seed) for seed in seeds] for scaled in SCALED])
    over = ratio / np.array([expected(scaled) for scaled in SCALED])[:, None]
    n = len(seeds)
    law = over_runs(
        lambda picks: np.exp(np.log(over[:, picks]).mean()), n, over=f"{n} starts", seed=seeds[0]
    )
    noise = [_noise_alone(seed) for seed in seeds]
    numbers: Numbers = {"noise-alone": float(np.median(noise))}
    return Quadratic({"tb-edge-law": law}, numbers, np.array(SCALED), ratio)


def _two_steps(scaled: float, seed: int) -> float:
    """Return flips over net flips of units that read one weight, of random slope and threshold."""
    random = generator(seed, "units on a quadratic")
    slopes, thresholds = random.standard_normal((2, _UNITS))
    places = _DISTANCE * (1 - scaled) ** np.arange(3)
    on = slopes * places[:, None] > thresholds
    return float((on[0] != on[1]).sum() + (on[1] != on[2]).sum()) / float((on[0] != on[2]).sum())


def _noise_alone(seed: int) -> float:
    """Return the ratio of units whose pre-activations walk at random, with no curvature at all."""
    random = generator(seed, "units in noise")
    thresholds = random.standard_normal(_UNITS // 40)
    walk = np.cumsum(0.01 * random.standard_normal((_NOISE_STEPS + 1, len(thresholds))), axis=0)
    on = walk > thresholds
    flips = (on[1:] != on[:-1]).sum()
    return float(flips / (on[2::2] != on[:-2:2]).sum())
