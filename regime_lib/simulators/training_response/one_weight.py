"""The simplified system: one weight w behind a sigmoid of slope a, y = σ(a w), u = a w.

The set-up (rate η, slope a, targets one or inside (0, 1)) is that of arXiv 2405.04074, Fig. 5; the
equations and their solutions are our derivation, and `derivations` verifies them by computer
algebra.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.optimize.elementwise import find_root
from scipy.special import expit, logit, wrightomega

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.one_point import check_rate_and_target
from regime_lib.simulators.training_response.setup import Loss, Setup


@dataclass(frozen=True)
class OneWeight:
    """One weight that learns one target by gradient descent."""

    rate: float = 1.0  # η
    slope: float = 1.0  # a; only η a² matters for u
    target: float = 1.0  # y_o in (0, 1]
    loss: Loss = "cross-entropy"

    def __post_init__(self) -> None:
        check_rate_and_target(self.rate, self.target)
        Setup(loss=self.loss)
        if self.slope <= 0 or self.target == 0:
            raise RegimeError(
                f"slope and target must be positive, not {self.slope} and {self.target}"
            )

    @property
    def speed(self) -> float:
        """How far u moves in a step, over the error: η a²."""
        return self.rate * self.slope**2

    def error(self, u: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Return minus the derivative of the loss by u."""
        return Setup(loss=self.loss).error(u, self.target)

    def simulate(self, steps: int, u: float = 0.0) -> Float[np.ndarray, " steps_and_one"]:
        """Return u before and after every step of the map u ← u + η a² e(u)."""
        path = np.empty(steps + 1)
        path[0] = u
        for number in range(1, steps + 1):
            u += self.speed * self._scalar_error(u)
            path[number] = u
        return path

    def _scalar_error(self, u: float) -> float:
        """Return `error` of one number; plain floats are ten times as fast as arrays of one."""
        small = math.exp(-abs(u))
        y, rest = (1, small) if u > 0 else (small, 1)
        y, rest = y / (1 + small), rest / (1 + small)
        difference = rest if self.target == 1 else self.target - y
        return difference if self.loss == "cross-entropy" else difference * y * rest

    def elapsed(self, u: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Return η a² t + constant as a function of u, for gradient flow, in closed form."""
        y = self.target
        if y == 1:
            if self.loss == "cross-entropy":
                return u + np.exp(u)
            return -np.exp(-u) + 3 * u + 3 * np.exp(u) + np.exp(2 * u) / 2
        distance = np.log(np.abs(y - (1 - y) * np.exp(u)))
        if self.loss == "cross-entropy":
            return u / y - distance / (y * (1 - y))
        w = np.exp(u)
        return (
            -1 / (y * w) + (1 + 2 * y) / y**2 * u - w / (1 - y) - distance / (y**2 * (1 - y) ** 2)
        )

    def flow(
        self, times: Float[np.ndarray, " times"], u: float = 0.0
    ) -> Float[np.ndarray, " times"]:
        """Return u at given times of gradient flow, in steps, by inverting the closed form."""
        times = np.asarray(times, float)
        if times.min() < 0:
            raise RegimeError(f"times must not be negative, and {times.min():g} is")
        end = 60.0 if self.target == 1 else float(logit(self.target))
        if u == end:
            return np.full_like(times, u)
        reached = self.elapsed(np.array([u]))[0] + self.speed * times
        if self.target == 1 and self.loss == "cross-entropy":
            return np.log(wrightomega(reached))  # u + e^u = reached
        away = np.sign(end - u)

        # distances to the end are resolved on a logarithmic scale
        def late(
            s: Float[np.ndarray, "*n"], goal: Float[np.ndarray, "*n"]
        ) -> Float[np.ndarray, "*n"]:
            return self.elapsed(end - away * np.exp(s)) - goal

        start, close = np.log(abs(end - u)), np.log(1e-13)
        found = find_root(
            late, (np.full_like(times, close), np.full_like(times, start)), args=(reached,)
        )
        exact = np.where(times == 0, start, np.where(found.success, found.x, close))
        return end - away * np.exp(exact)

    def output(self, u: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
        """Return y = σ(u)."""
        return expit(u)
