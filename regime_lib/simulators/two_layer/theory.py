"""Closed forms for the phases of the two-layer network, in the limit of a small start.

Reconstructed: our derivations, not the paper's text, which we could not read. The fractions a+ and
a- of living positive and negative neurons may be the expected ones (`living_fractions`) or those of
a run. C is the cosine of the angle, p the class ratio.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints

#: A loss within 2 % of the plateau's height counts as there.
CLOSE = 0.02


def condensation_time(kappa1: float, kappa2: float) -> float:
    """Return T_I = 10 sqrt(kappa1 / kappa2), when condensation is over (recalled definition)."""
    return 10 * math.sqrt(kappa1 / kappa2)


def living_fractions(problem: TwoPoints) -> tuple[float, float]:
    """Return the expected fractions of living positive and of living negative neurons.

    A quarter, and (pi / 2 + Delta + phi) / (4 pi) with tan phi = sin Delta / (p - cos Delta): a
    neuron sees constant losses at first, so its fate depends on its direction alone.

    Raises
    ------
    RegimeError
        If p cos(delta) <= 1, where positive neurons do not stay active on both inputs.
    """
    _require_dominated(problem)
    phi = math.atan2(math.sin(problem.delta), problem.p - problem.cos)
    return 0.25, (math.pi / 2 + problem.delta + phi) / (4 * math.pi)


def fates(problem: TwoPoints, start: Neurons) -> Float[np.ndarray, " m"]:
    """Return the sign of each neuron that is going to live, 0 for those going to die.

    While the outputs are near zero the losses are p to 1: positive neurons live if they see x+;
    negative ones lose x+ at the rate p - C, x- at the rate p C - 1, and live if x- is left.
    """
    _require_dominated(problem)
    u, v = start.projections(problem)
    keeps_minus = np.maximum(u, 0) / (problem.p - problem.cos) < v / (problem.p * problem.cos - 1)
    lives = np.where(start.signs > 0, u > 0, keeps_minus & (v > 0))
    return np.where(lives, start.signs, 0.0)


def condensation_directions(problem: TwoPoints) -> Float[np.ndarray, "2 2"]:
    """Return the unit vectors in the plane onto which positive and negative neurons condense.

    Positive ones turn to p x+ - x-, negative ones to the boundary of x+: x- - C x+.
    """
    plus, minus = problem.inputs()
    pair = np.stack([problem.p * plus - minus, minus - problem.cos * plus])
    return pair / np.linalg.norm(pair, axis=1, keepdims=True)


def plateau_loss(problem: TwoPoints) -> float:
    """Return the height of the plateau, 2 sqrt(p) / (1 + p)."""
    return 2 * math.sqrt(problem.p) / (1 + problem.p)


def plateau_accuracy(problem: TwoPoints) -> float:
    """Return the accuracy on the plateau: the larger class is right, p / (1 + p)."""
    return problem.p / (1 + problem.p)


def rise(
    problem: TwoPoints, a_plus: float, times: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return exp((f+ + f-) / 2) on the way from the saddle to the plateau (a tanh)."""
    root = math.sqrt(problem.p)
    rate = problem.kappa2**2 * a_plus * root / (1 + problem.p)
    return root * np.tanh(rate * times + math.atanh(1 / root))


def arrival_time(problem: TwoPoints, a_plus: float) -> float:
    """Return T_plat, when the tanh law is within `CLOSE` of the plateau's height.

    With y = exp((f+ + f-) / 2) / sqrt(p) and f+ = f-, the loss over its height is (y + 1 / y) / 2.
    NaN if the ratio p is so small that the start is as near already.
    """
    near = 1 + CLOSE - math.sqrt((1 + CLOSE) ** 2 - 1)
    root = math.sqrt(problem.p)
    rate = problem.kappa2**2 * a_plus * root / (1 + problem.p)
    return (math.atanh(near) - math.atanh(1 / root)) / rate if near * root > 1 else math.nan


def half_time(problem: TwoPoints, a_plus: float, a_minus: float) -> float:
    """Return the time in which the plateau's loss halves, t1/2."""
    _require_alive(a_plus, a_minus)
    total = problem.kappa2**2 * problem.sin2 * (a_plus + a_minus)
    return 2 * (1 + problem.p) / (math.sqrt(problem.p) * total)


def drift(
    problem: TwoPoints, a_plus: float, a_minus: float, times: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """Return the loss along the plateau, its height over 1 + t / t1/2."""
    return plateau_loss(problem) / (1 + times / half_time(problem, a_plus, a_minus))


def accuracy_time(problem: TwoPoints, a_plus: float, a_minus: float) -> float:
    """Return T_acc, when the smaller class is learnt: t1/2 (sqrt(p) - 1)."""
    return half_time(problem, a_plus, a_minus) * (math.sqrt(problem.p) - 1)


def deactivation_exponent(a_plus: float, a_minus: float) -> float:
    """Return e = (a+ + a-) / (2 (a+ - a-)); infinite if positives are not in the majority."""
    _require_alive(a_plus, a_minus)
    return (a_plus + a_minus) / (2 * (a_plus - a_minus)) if a_plus > a_minus else math.inf


def deactivation_time(problem: TwoPoints, a_plus: float, a_minus: float) -> float:
    """Return T_II, when living positives switch off on x-: t1/2 (p^e - 1).

    Infinite if a+ <= a-, or if the number overflows.
    """
    power = deactivation_exponent(a_plus, a_minus) * math.log(problem.p)
    return half_time(problem, a_plus, a_minus) * math.expm1(power) if power < 700 else math.inf


def reactivation_delay(problem: TwoPoints, a_plus: float, a_minus: float) -> float:
    """Return T_III - T_II, after which negatives switch on again on x+; free of the angle."""
    power = deactivation_exponent(a_plus, a_minus) * math.log(problem.p)
    if power >= 700:
        return math.inf
    loss = math.sqrt(problem.p) / (1 + problem.p) * math.exp(-power)
    return (a_plus + a_minus) / (2 * a_plus * (a_plus - a_minus) * problem.kappa2**2 * loss)


def final_pulls(problem: TwoPoints, a_plus: float, a_minus: float) -> tuple[float, float]:
    """Return a and b of the last phase, where A = a / t and B = b / t; loss times t is a + b."""
    _require_alive(a_plus, a_minus)
    scale = problem.kappa2**2
    a = (1 + problem.cos) / (scale * (a_plus + a_minus) * problem.sin2)
    return a, a * problem.cos + 1 / (scale * a_minus)


def final_constant(problem: TwoPoints, a_plus: float, a_minus: float) -> float:
    """Return the limit of loss times time, a + b; its inverse root is the normalised margin."""
    return sum(final_pulls(problem, a_plus, a_minus))


def final_directions(problem: TwoPoints, a_plus: float, a_minus: float) -> Float[np.ndarray, "2 2"]:
    """Return the unit vectors in the plane to which positive and negative neurons turn at last."""
    a, b = final_pulls(problem, a_plus, a_minus)
    plus, minus = problem.inputs()
    pair = np.stack([plus - problem.cos * minus, b * minus - a * plus])
    return pair / np.linalg.norm(pair, axis=1, keepdims=True)


def _require_dominated(problem: TwoPoints) -> None:
    if not problem.dominated:
        raise RegimeError(
            f"p cos(delta) is {problem.p * problem.cos:.3g}; the formula needs more than 1: take a "
            "larger p or a smaller delta"
        )


def _require_alive(a_plus: float, a_minus: float) -> None:
    if not (0 < a_plus <= 1 and 0 < a_minus <= 1):
        raise RegimeError(
            f"the living fractions are {a_plus:g} and {a_minus:g}; the formula needs both in (0, 1]"
        )
