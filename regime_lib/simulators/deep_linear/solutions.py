"""Closed forms of deep linear networks: how one singular value is learnt, when, and how fast.

A balanced and decoupled network learns each singular value σ by itself: its strength s obeys
ds/dt = h s^(2-2/h) (σ − s). With x = ln(s / (σ − s)) this reads dx/dt = h σ s^(1-2/h), from which
the formulas below follow (depth 2: Saxe, McClelland and Ganguli 2013; deeper: our derivation).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.integrate import quad
from scipy.special import expit, logit

from regime_lib.errors import RegimeError

Times = Float[np.ndarray, " times"]
_ABSOLUTE = 1e-12


def sigmoid_of_depth_two(times: Times, sigma: float, start: float) -> Times:
    """Return s(t) = σ / (1 + (σ/s₀ − 1) e^(−2σt)), the balanced strength at depth two."""
    _check_start(sigma, start)
    return sigma * expit(2 * sigma * times + logit(start / sigma))


def learning_time(value: float, depth: int, sigma: float, start: float) -> float:
    """Return when a balanced mode of any depth reaches a strength between its start and σ.

    This is (1/hσ) ∫ s(x)^(2/h − 1) dx between the logits of both; elementary for depths 1 and 2.
    """
    _check_start(sigma, start)
    _check_start(sigma, value)
    if depth < 1:
        raise RegimeError(f"the depth is {depth}; expected at least one layer")
    first, last = float(logit(start / sigma)), float(logit(value / sigma))
    if depth == 2:
        return (last - first) / (2 * sigma)
    if depth == 1:
        return float(np.log((sigma - start) / (sigma - value)))

    def slowness(x: float) -> float:
        return float((sigma * expit(x)) ** (2 / depth - 1))

    # two pieces: before half height the integrand is an exponential, after it nearly constant
    middle = min(max(0.0, min(first, last)), max(first, last))
    total = sum(
        quad(slowness, a, b, epsabs=_ABSOLUTE, epsrel=1e-12, limit=200)[0]
        for a, b in ((first, middle), (middle, last))
    )
    return float(total) / (depth * sigma)


def learning_curve(
    depth: int, sigma: float, start: float, points: int = 60
) -> tuple[Times, Float[np.ndarray, " times"]]:
    """Return times and strengths of a balanced mode, evenly spaced in the logit of the strength.

    The last strength lies a thousandth below σ. Made for drawing: times are summed by the trapezium
    rule on a fine grid.
    """
    _check_start(sigma, start)
    ends = float(logit(start / sigma)), float(logit(0.999))
    fine = np.linspace(*ends, 40 * points + 1)
    slowness = (sigma * expit(fine)) ** (2 / depth - 1) / (depth * sigma)
    if depth == 1:
        times = np.log((sigma - start) / sigma * (1 + np.exp(fine)))
    else:
        steps = 0.5 * (slowness[1:] + slowness[:-1]) * np.diff(fine)
        times = np.concatenate([[0.0], np.cumsum(steps)])
    return times[::40], sigma * expit(fine[::40])


def unbalanced_pair(times: Times, sigma: float, first: float, second: float) -> Times:
    """Return the product of a chain of depth two from any start, in closed form.

    With δ = w₂² − w₁² conserved and ``2 w = |δ| sinh θ``, u = tanh(θ/2) obeys a Riccati equation
    with constant coefficients, ``u' = σ (1 − u²) − |δ| u``. On the half-line w₁ = −w₂ the origin is
    approached. Our derivation.
    """
    delta = abs(second**2 - first**2)
    begin = first * second
    if delta < 1e-9 * max(first**2, second**2, 1e-300):
        if begin <= 0:  # on the stable half-line w = −|w|: dw/dt = −2 |w| (σ + |w|)
            decayed = abs(begin) / (sigma + abs(begin)) * np.exp(-2 * sigma * times)
            return -sigma * decayed / (1 - decayed)
        # logistic, also from above σ
        return sigma / (1 + (sigma / begin - 1) * np.exp(-2 * sigma * times))
    root = np.hypot(delta, 2 * sigma)
    high, low = (-delta + root) / (2 * sigma), (-delta - root) / (2 * sigma)
    start = np.tanh(0.5 * np.arcsinh(2 * begin / delta))
    share = (start - high) / (start - low) * np.exp(-root * times)
    u = (high - low * share) / (1 - share)
    return delta * u / (1 - u**2)


def rate_at_minimum(depth: int, sigma_min: float) -> float:
    """Return c = h σ_min^(2-2/h): near a balanced minimum of full rank the loss is ∼ e^(−2ct)."""
    return float(depth * sigma_min ** (2 - 2 / depth))


def escape_time(depth: int, sigma: float, distance: float) -> float:
    """Return 1 / ((h − 2) σ a^(h−2)): the leading order of leaving the origin from w_j = ±a."""
    if depth < 3:
        raise RegimeError(f"the depth is {depth}; the power law holds from depth 3 on")
    return float(1 / ((depth - 2) * sigma * distance ** (depth - 2)))


def loss_bound(times: Times, loss: float, depth: int, margin: float) -> Times:
    """Return L(0) e^(−2 h c^(2-2/h) t), the bound of balanced starts with deficiency margin c."""
    return loss * np.exp(-2 * rate_at_minimum(depth, margin) * times)


def _check_start(sigma: float, start: float) -> None:
    if not 0 < start < sigma:
        raise RegimeError(
            f"the strength is {start:g} for a singular value of {sigma:g}; expected a number "
            "between zero and it"
        )
