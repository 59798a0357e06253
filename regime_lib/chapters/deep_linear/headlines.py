"""What each figure of the chapter on deep linear networks found, in one sentence of numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.deep_linear import learning
from regime_lib.chapters.deep_linear.beyond import CorrelatedData, LargeSteps, Relu, ScaleLaw
from regime_lib.chapters.deep_linear.coefficients import Coefficients
from regime_lib.chapters.deep_linear.landscape import CriticalPoints, HalfLines, Saddles
from regime_lib.chapters.deep_linear.race import Race
from regime_lib.chapters.deep_linear.saddle_sets import MatrixSaddle
from regime_lib.chapters.deep_linear.scene import DEPTH, learnt_at
from regime_lib.chapters.deep_linear.structure import Conservation, Fibres, MatrixFlow
from regime_lib.chapters.wording import each, listed, ranging, written


def matrices(flow: MatrixFlow) -> str:
    """State how far the flow stays within the layers."""
    return (
        "The whole network is one matrix: outside its layers the largest entry at any time is "
        f"{written(flow.stray, '.1g')}."
    )


def drift(found: Conservation) -> str:
    """State how far the conserved quantities drift, under the flow and under descent."""
    ends = {name: float(values[-1]) for name, values in found.runs.items()}
    return f"At the end the conserved quantities have drifted by {each(ends, '.1g')}."


def critical_points(points: CriticalPoints) -> str:
    """State how far the critical points that were found lie from the predicted values."""
    values = np.array(list(points.predicted.values()))
    losses = np.concatenate(list(points.found.values()))
    off = np.abs(losses[:, None] - values).min(axis=1).max()
    return (
        f"All {len(losses)} critical points that were found have a loss within "
        f"{written(off, '.1g')} of one of {len(values)} predicted values."
    )


def inertia(found: Saddles) -> str:
    """State at how many of the points no curvature is negative, though they are no minima."""
    flat = [name for name, (low, *_) in found.inertia.items() if not low and "minimum" not in name]
    return (
        f"{len(flat)} of the {len(found.inertia)} critical points shown have no negative curvature "
        "and are no minimum."
    )


def fibres(found: Fibres) -> str:
    """State where along the minima the curvature is smallest."""
    lowest = {h: float(found.imbalance[curve.argmin()]) for h, curve in found.curvature.items()}
    return f"Along the minima the curvature is smallest at an imbalance of {each(lowest, '.2f')}."


def half_lines(found: HalfLines) -> str:
    """State with which powers of time a saddle is approached."""
    return (
        "Into a saddle, the weights fall with time to the power of "
        f"{each({str(name): slope for name, slope in found.slopes.items()}, '.3f')}."
    )


def matrix_saddle(found: MatrixSaddle) -> str:
    """State how near to the formula the singular values end, and how low each start comes."""
    name = next(iter(found.strengths))
    ratios = found.strengths[name][-1] / found.formulas[name][-1]
    lowest = {f"turned by {share}": float(n.min()) for share, n in found.norms.items()}
    return (
        f"On the stable set the singular values end at {ranging(ratios.tolist(), '.3f')} times "
        f"the formula; beside it the weights come down to {each(lowest, '.2g')}."
    )


def small_weights(found: learning.SmallWeights) -> str:
    """State how many plateaus the median run has, and how near to the critical values."""
    far = {f"depth {d}": float(worst.max()) for d, worst in found.worst.items() if d > 1}
    return (
        f"From small weights the median run has {each(found.plateaus, 'd')} plateaus, and no "
        f"plateau is further from its critical value than a share of {each(far, '.1g')}."
    )


def race(found: Race) -> str:
    """State how often the smaller value is learnt first, with close and with distant values."""
    words = []
    for name, shares in found.shares.items():
        near, far = (float(one.value or 0.0) for one in (shares[0], shares[-1]))
        close, apart = found.ratios[name][0], found.ratios[name][-1]
        words.append(f"{near:.0%} at a ratio of {close:g} and {far:.1%} at {apart:g} ({name})")
    return f"The smaller singular value is learnt first in {'; '.join(words)}."


def initialisations(found: learning.Initialisations) -> str:
    """State how much later the smallest value is half learnt than the largest."""
    late = {name: b / a if a and b else np.nan for name, (a, b) in found.halves.items()}
    known = {name: value for name, value in late.items() if np.isfinite(value)}
    return (
        "The smallest singular value is half learnt later than the largest by a factor of "
        f"{each(known, '.1f')}."
    )


def staircase() -> str:
    """State when each mode of the first view is half learnt, as shares of the learning time."""
    times = learnt_at()
    return (
        f"At depth {DEPTH} the modes are half learnt at "
        f"{listed([written(100 * t, '.0f') for t in times])} per cent of the learning time."
    )


def rates(found: learning.Rates, bound: learning.RateBound) -> str:
    """State the fitted rates over the predicted ones."""
    rate, least = found.claims["dl-rate"], bound.claims["dl-rate-bound"].value
    low, high = (float(end if end is not None else np.nan) for end in (rate.low, rate.high))
    return (
        f"Near the minimum the loss falls at {ranging((low, high), '.4f')} times the predicted "
        f"rate; from the start on its logarithm falls at least {least:.3g} times as far as the "
        "bound says."
    )


def coefficients(found: Coefficients) -> str:
    """State how far sampled coefficients are from the exact ones."""
    off = [
        abs(float(one.value or 0.0) - exact)
        for name, own in found.exact.items()
        for exact, one in zip(own, found.sampled[name], strict=True)
    ]
    return f"Sampled learning coefficients are within {max(off):.2f} of the exact ones."


def correlated_data(found: CorrelatedData) -> str:
    """State how near to the critical values the plateaus are."""
    far = {f"depth {depth}": float(found.numbers[f"raw-worst-{depth}"]) for depth in (2, 3)}
    return (
        "On correlated data, too, no plateau is further from its critical value than a share of "
        f"{each(far, '.1g')}."
    )


def large_steps(found: LargeSteps) -> str:
    """State where the sharpness ends, over its limit."""
    ends = {n: float(own[-1]) for n, own in found.sharpness.items() if found.converged[n]}
    lost = [name for name in found.sharpness if not found.converged[name]]
    return (
        f"Over its limit the sharpness ends at {each(ends, '.2f')}"
        f"{f'; with {listed(lost)} descent diverges' if lost else ''}."
    )


def relu(found: Relu) -> str:
    """State how many of the flips come in transitions, which take how many of the steps."""
    own = found.shares[found.shares["stage"].str.contains("transition")]
    return (
        f"Transitions take {own['of the steps'].sum():.0%} of the steps and have "
        f"{own['of the flips'].sum():.0%} of the flips."
    )


def scale_law(found: ScaleLaw) -> str:
    """State the power with which a plateau nears its critical value."""
    return (
        "The plateau's distance from its critical value scales as the initial scale to the power "
        f"of {float(found.numbers['scale-exponent']):.2f}; {found.exponent:.2f} is predicted."
    )
