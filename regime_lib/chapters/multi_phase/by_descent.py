"""The late changes of pattern and the limit, in gradient descent that knows no rule for them.

The exact flow lets a group of neurons leave a boundary in one event, at a ratio of the losses that
the solver is told. Here nothing is told: every neuron moves by its gradient, step by step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.multi_phase.convergence import rank_correlation
from regime_lib.chapters.multi_phase.settings import Numbers, Settings, typical
from regime_lib.estimate import Estimate, mean, no_number
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.descent import Watched, watch_descents
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons

_PROBLEM = TwoPoints(2.0, 0.4)  # a wide angle: phase IV comes soon enough for plain descent
_NEURONS, _KAPPA1, _NETWORKS = 200, 1e-2, 32
#: Step sizes, and until when they hold: small ones first, for the sake of the negative neurons.
_STAGES = ((3e-5, 0.05), (1e-3, 1.0), (1e-2, 20.0), (0.05, 2e3), (0.25, 5e3), (0.5, 1e4))
_TOGETHER = 0.02  # of the time of the middle one


@dataclass(frozen=True)
class ByDescent:
    """When negative neurons switch on for good, and where they move at last."""

    claims: dict[str, Estimate]
    numbers: Numbers
    switched: Float[np.ndarray, " runs"]
    """When the middle living negative neuron is active on x+ for good; NaN if too late to tell."""
    together: Float[np.ndarray, " runs"]
    """The share of the living negative neurons that do so within 2 % of that time."""
    ratios: Float[np.ndarray, " runs"]
    """A / B at that moment, over the cosine of the angle."""
    predicted: Float[np.ndarray, " runs"]
    """u over v of the last direction of the negative neurons, from the start alone."""
    moved: Float[np.ndarray, " runs"]
    """The same, of what the negative neurons move in the last half of the time."""


def by_descent(settings: Settings) -> ByDescent:
    """Train random networks by plain gradient descent; the seed alone matters."""
    seeds = range(settings.seed, settings.seed + min(settings.n_seeds, _NETWORKS))
    starts = [random_neurons(_NEURONS, seed, d=2, kappa1=_KAPPA1) for seed in seeds]
    seen = watch_descents(_PROBLEM, starts, _STAGES)
    switched, together, ratios = np.array([_switch(seen, *one) for one in enumerate(starts)]).T
    there = np.isfinite(switched)
    moved = np.array([_last_direction(seen, *one) for one in enumerate(starts)])
    predicted = np.array([predicted_direction(_PROBLEM, start) for start in starts])
    over = f"{there.sum()} of {len(starts)} networks that switch in time"
    every = mean(together[there], over=over, seed=settings.seed) if there.any() else no_number(over)
    return ByDescent(
        {
            "mp-reactivation": every,
            "mp-reactivation-ratio": typical(ratios[there], over),
            "mp-random-limit": rank_correlation(
                predicted[there], moved[there], settings.seed, over
            ),
        },
        {"descents": len(starts), "descents-switched": int(there.sum())},
        switched,
        together,
        ratios,
        predicted,
        np.where(there, moved, np.nan),
    )


def _switch(seen: Watched, run: int, start: Neurons) -> tuple[float, float, float]:
    """Return when the living negative neurons switch on for good, how many together, and A / B.

    NaN if that is not before the last stage: a neuron that slides was off a moment ago.
    """
    late = _STAGES[-2][1]
    living = (start.signs < 0) & (seen.last_on[run] > late).any(axis=1)
    on = seen.last_off[run, living, 0]
    middle = float(np.median(on)) if len(on) else np.nan
    if not middle < late:
        return np.nan, np.nan, np.nan
    step = int(np.searchsorted(seen.times, middle))
    loss_plus, loss_minus = _PROBLEM.class_losses(seen.f_plus[step, run], seen.f_minus[step, run])
    share = float((np.abs(on - middle) <= _TOGETHER * middle).mean())
    return middle, share, float(loss_plus / loss_minus) / _PROBLEM.cos


def _last_direction(seen: Watched, run: int, start: Neurons) -> float:
    """Return u over v of what all negative neurons together move in the last stage."""
    before, after = seen.weights[-2:, run, start.signs < 0].sum(axis=1)
    u, v = _PROBLEM.inputs() @ (after - before)
    return float(u / v)


def predicted_direction(problem: TwoPoints, start: Neurons) -> float:
    """Return u over v of the last direction of the negative neurons, of those fated to live."""
    fates = theory.fates(problem, start)
    plus, minus = ((fates == sign).mean() for sign in (1, -1))
    return float((problem.cos * plus - minus) / (plus + minus))
