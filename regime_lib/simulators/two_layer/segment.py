"""Between two events the flow has a closed form in a rescaled time; here is that form.

Our derivation. With scaled coordinates (u, v times a = kappa2 / sqrt m) and rescaled times
tau = a^2 int A dt, sigma = a^2 int B dt, every neuron moves affinely in (tau, sigma), and so do

    f+ = f+(0) + P1 tau - Q sigma,      f- = f-(0) + Q tau - P2 sigma.

The ratio r = B / A = d sigma / d tau then obeys the logistic equation dr/dtau = r (K1 - K2 r) with
K1 = P1 + Q and K2 = P2 + Q, which gives r and sigma in closed form. Time is one quadrature,
dt = (1+p) / (p a^2) exp(f+) dtau, and closed form again once r has reached its limit K1 / K2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

_STEADY = 40.0  # exp(-40) is below rounding: r has reached its limit
_POINTS, _AREAS = np.polynomial.legendre.leggauss(20)  # on -1..1
_NODES, _WEIGHTS = 0.5 * (_POINTS + 1), 0.5 * _AREAS  # on 0..1
_SAME = 1e-13  # relative distance at which a ratio counts as its threshold


@dataclass(frozen=True)
class Segment:
    """The stretch of the flow between two events.

    Attributes
    ----------
    p1, p2, q : float
        Coefficients of f+ and f- above: weighted counts of active neurons.
    ratio : float
        r = B / A at the beginning.
    f_plus, f_minus : float
        Outputs at the beginning.
    pace : float
        (1 + p) / (p a^2): time per tau at f+ = 0.
    """

    p1: float
    p2: float
    q: float
    ratio: float
    f_plus: float
    f_minus: float
    pace: float

    @cached_property
    def k1(self) -> float:
        """Growth rate of r."""
        return self.p1 + self.q

    @cached_property
    def k2(self) -> float:
        """Strength of its saturation."""
        return self.p2 + self.q

    @cached_property
    def limit(self) -> float:
        """Where r tends to."""
        if self.k2 > 0:
            return self.k1 / self.k2
        return math.inf if self.k1 > 0 else self.ratio

    def sigma(self, tau: float) -> float:
        """Return sigma at tau."""
        k1, k2 = self.k1, self.k2
        if k2 == 0:
            return self.ratio * math.expm1(k1 * tau) / k1 if k1 > 0 else self.ratio * tau
        if k1 == 0:
            return math.log1p(k2 * self.ratio * tau) / k2
        share, x = self._share, k1 * tau
        if x < 1:
            return math.log1p(share * math.expm1(x)) / k2
        return (x + math.log1p((1 - share) * math.expm1(-x))) / k2

    def sigmas(self, tau: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Return sigma at many tau."""
        k1, k2, r = self.k1, self.k2, self.ratio
        if k2 == 0:
            return r * np.expm1(k1 * tau) / k1 if k1 > 0 else r * tau
        if k1 == 0:
            return np.log1p(k2 * r * tau) / k2
        share, x = r * k2 / k1, k1 * tau
        small = np.log1p(share * np.expm1(np.minimum(x, 1)))
        return np.where(x < 1, small, x + np.log1p((1 - share) * np.expm1(-x))) / k2

    def ratio_at(self, tau: float) -> float:
        """Return r = B / A at tau."""
        return self.ratio * math.exp(self.k1 * tau - self.k2 * self.sigma(tau))

    def outputs(
        self, tau: Float[np.ndarray, "..."], sigma: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return f+ and f- at these rescaled times."""
        plus = self.f_plus + self.p1 * tau - self.q * sigma
        return plus, self.f_minus + self.q * tau - self.p2 * sigma

    def elapsed(self, tau: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the time that passes until each tau."""
        k1, k2 = self.k1, self.k2
        if k1 == 0 or k2 == 0:  # then q = 0: f+ does not depend on sigma
            return self.pace * math.exp(self.f_plus) * _growth(self.p1, tau)
        edges = self._edges
        panel = np.searchsorted(edges[1:-1], tau, side="right")
        passed, whole = np.zeros(1), edges[: panel.max() + 1]
        if len(whole) > 1:  # every tau needs the panels before its own as they are
            passed = np.cumsum([0.0, *self._integral(whole[:-1], np.diff(whole))])
        start = edges[panel]
        early = passed[panel] + self._integral(start, np.minimum(tau, edges[-1]) - start)
        steady = edges[-1]
        plus = self.f_plus + self.p1 * steady - self.q * self.sigma(steady)
        late = _growth(self.p1 - self.q * self.limit, np.maximum(tau - steady, 0))
        return self.pace * (early + math.exp(plus) * late)

    def elapsed_at(self, tau: float) -> float:
        """Return `elapsed` at one tau, without the calls that many take."""
        if self.k1 == 0 or self.k2 == 0 or tau >= _first_panel(self._share) / self.k1:
            return float(self.elapsed(np.array([tau]))[0])
        return self.pace * float(self._integral(np.zeros(1), np.array([tau]))[0])

    @cached_property
    def _edges(self) -> Float[np.ndarray, " edges"]:
        return _panels(self._share) / self.k1

    @cached_property
    def _share(self) -> float:
        """The ratio over its limit, where that is a number above 0."""
        return self.ratio * self.k2 / self.k1

    def _integral(
        self, start: Float[np.ndarray, " n"], width: Float[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Return the integrals of exp(f+) over some short stretches of tau."""
        nodes = start[:, None] + width[:, None] * _NODES
        plus, _ = self.outputs(nodes, self.sigmas(nodes))
        return (np.exp(plus) @ _WEIGHTS) * width

    def tau_after(self, time: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Invert `elapsed`: Newton's method inside a bracket, for all times at once."""
        high = np.full_like(time, max(1e-12, 1 / (self.k1 + self.k2 + 1)))
        for _ in range(2000):
            with np.errstate(over="ignore"):  # a bracket may reach far beyond
                short = self.elapsed(high) < time
            if not short.any():
                break
            high = np.where(short, 2 * high, high)
        low, tau = np.zeros_like(time), np.minimum(high, time / self.pace / math.exp(self.f_plus))
        for _ in range(200):
            passed = self.elapsed(tau)
            low, high = np.where(passed < time, tau, low), np.where(passed < time, high, tau)
            plus, _ = self.outputs(tau, self.sigmas(tau))
            new = tau + (time - passed) / (self.pace * np.exp(plus))
            new = np.where((new >= low) & (new <= high), new, 0.5 * (low + high))
            still = np.abs(new - tau) > 2e-15 * tau
            tau = new
            if not (still & (np.abs(passed - time) > 1e-14 * time)).any():
                break
        return tau

    def tau_of_sigma(self, sigma: float) -> float:
        """Return the tau at sigma; infinity if it is never reached."""
        k1, k2, r = self.k1, self.k2, self.ratio
        if k2 == 0:
            return math.log1p(sigma * k1 / r) / k1 if k1 > 0 else sigma / r
        if k1 == 0:
            return math.expm1(k2 * sigma) / (k2 * r) if k2 * sigma < 700 else math.inf
        share, y = r * k2 / k1, k2 * sigma
        if y < 30:
            return math.log1p(math.expm1(y) / share) / k1
        return (y + math.log1p(-(1 - share) * math.exp(-y)) - math.log(share)) / k1

    def tau_of_ratio(self, ratio: float) -> float:
        """Return when r passes a value on its way; infinity if it does not come by."""
        k1, k2, r, limit = self.k1, self.k2, self.ratio, self.limit
        between = r < ratio < limit or limit < ratio < r
        if not between or abs(ratio / r - 1) <= _SAME:
            return math.inf
        if k2 == 0:
            return math.log(ratio / r) / k1
        if k1 == 0:
            return (1 / ratio - 1 / r) / k2
        return math.log((limit / r - 1) / (limit / ratio - 1)) / k1

    def first_zero(self, level: float, along: float, against: float, within: float) -> float:
        """Return the first tau up to `within` at which level + along tau - against sigma is 0.

        The level is not negative. The function is convex or concave, because r is monotone: it
        turns at most once, where r = along / against.
        """
        level = max(level, 0.0)
        if against == 0:
            return level / -along if along < 0 else math.inf
        if along == 0:
            return self.tau_of_sigma(level / against) if against > 0 else math.inf
        threshold = along / against
        turn = self.tau_of_ratio(threshold)

        def height(tau: float) -> float:
            return level + along * tau - against * self.sigma(tau)

        starts_down = along < against * self.ratio
        if (
            abs(threshold / self.ratio - 1) <= _SAME
        ):  # its slope is 0 now: the limit tells where it goes
            starts_down = along < against * self.limit
            turn = math.inf
        if starts_down:
            return self._fall(height, 0.0, min(turn, within), level)
        if turn < within:
            return self._fall(height, turn, within, height(turn))
        return math.inf

    def _fall(
        self, height: Callable[[float], float], start: float, end: float, above: float
    ) -> float:
        """Return the zero of a function that falls from `above` at `start`, if it has one."""
        if above <= 0:
            return start
        if math.isinf(end):
            end, farthest = start + 1 / (self.k1 + self.k2), start + 1e6 / (self.k1 + self.k2)
            while height(end) > 0:
                if end > farthest and height(2 * end) > 0.99 * height(end):
                    return math.inf  # it levels off above zero
                end *= 2
        elif height(end) > 0:
            return math.inf
        return float(brentq(height, start, end, xtol=1e-300, rtol=1e-15, maxiter=500))


def _growth(rate: float, tau: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the integral of exp(rate x) from 0 to tau; infinity where it is that large."""
    with np.errstate(over="ignore"):
        return tau.copy() if rate == 0 else np.expm1(rate * tau) / rate


def _panels(share: float) -> Float[np.ndarray, " edges"]:
    """Return panel edges in K1 tau: fine where r still moves fast, up to where it is constant."""
    first = _first_panel(share)
    count = math.ceil(math.log(4.0 / first) / math.log(1.7)) + 1
    fine = first * 1.7 ** np.arange(max(count, 1))
    fine = fine[fine < 4.0]
    return np.concatenate([[0.0], fine, np.arange(4.0, _STEADY + 1, 4.0)])


def _first_panel(share: float) -> float:
    """Return where the first panel ends, in K1 tau."""
    return 0.5 / max(share, 1.0)
