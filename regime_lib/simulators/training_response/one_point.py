"""Training on one input: every gradient step points along x_o, so little has to be carried.

W_t = W_0 + m_t x_oᵀ and b_t = b_0 + m_t hold exactly, for any activation and loss. A step therefore
needs the pre-activations at x_o alone, a ninth of the weights: our derivation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response import response
from regime_lib.simulators.training_response.networks import (
    Networks,
    make_networks,
    trained_inputs,
    with_one,
)
from regime_lib.simulators.training_response.setup import Setup


class OnePoint:
    """Networks that are trained on one input each, in the reduced coordinates (m, v, c)."""

    def __init__(
        self,
        start: Networks,
        trained: Float[np.ndarray, "seeds bits"],
        rate: float,
        target: float = 1.0,
    ) -> None:
        check_rate_and_target(rate, target)
        self.setup, self._start = start.setup, start
        self._rate, self._target = rate, target
        self._padded = with_one(trained)
        self._length2 = (self._padded**2).sum(axis=1)[:, None]  # q² = 1 + |x_o|²
        self._first = np.einsum("isf,si->sf", start.weights, self._padded)
        self.moved = np.zeros_like(start.readout)  # m
        self.readout = start.readout.copy()
        self.offset = start.offset.copy()

    @property
    def preactivations(self) -> Float[np.ndarray, "seeds features"]:
        """H at x_o."""
        return self._first + self._length2 * self.moved

    @property
    def logits(self) -> Float[np.ndarray, " seeds"]:
        """Z at x_o."""
        phi = self.setup.features_of(self.preactivations)
        return np.vecdot(self.readout, phi) + self.offset

    def step(self, until: float = np.inf) -> Float[np.ndarray, " seeds"]:
        """Do one gradient step, unless the median logit is there; return z at x_o before it."""
        phi, slope = self.setup.activate(self.preactivations)
        z = np.vecdot(self.readout, phi) + self.offset
        if until < np.inf and np.median(z) >= until:
            return z
        size = self._rate * self.setup.error(z, self._target)
        slope *= self.readout
        slope *= size[:, None]
        phi *= size[:, None]
        self.moved += slope
        self.readout += phi
        self.offset += size
        return z

    def networks(self) -> Networks:
        """Return the full weights as they are now."""
        weights = self._start.weights + self._padded.T[:, :, None] * self.moved
        return Networks(self.setup, weights, self.readout.copy(), self.offset.copy())


def train_on_one_input(
    setup: Setup,
    seeds: Sequence[int] | range,
    *,
    rate: float,
    epochs: int,
    target: float = 1.0,
    observations: int = 33,
) -> response.TrainingResponse:
    """Train networks on one input each, and record the response at log-spaced epochs.

    Parameters
    ----------
    setup : Setup
        The architecture.
    seeds : sequence of int
        One network each; weights and input are drawn from the seed.
    rate : float
        Learning rate. Stable while rate x Θ(x_o, x_o) x y (1 - y) stays below two.
    epochs : int
        Number of steps.
    target : float
        y_o in [0, 1].
    observations : int
        About how many epochs are recorded.

    Raises
    ------
    RegimeError
        If a number is out of range.
    """
    if epochs < 1 or observations < 2:
        raise RegimeError(
            f"epochs must be at least 1 and observations at least 2, not {epochs}, {observations}"
        )
    trained = trained_inputs(setup, seeds)
    run = OnePoint(make_networks(setup, seeds), trained, rate, target)
    times = response.log_spaced(epochs, observations)
    recorder = response.ResponseRecorder(setup, trained, rate, target, times)
    for place, gap in enumerate(_gaps(times)):
        for _ in range(gap - 1):
            run.step()
        before = run.networks()
        run.step()
        recorder.observe(place, before, run.networks())
    return recorder.result()


def residuals_towards(
    setup: Setup, seeds: Sequence[int] | range, *, rate: float, epochs: int, target: float
) -> tuple[Float[np.ndarray, "times seeds"], Networks]:
    """Train on one input each; return y_o - y(x_o) before every step, and the trained networks."""
    trained = trained_inputs(setup, seeds)
    run = OnePoint(make_networks(setup, seeds), trained, rate, target)
    plain = Setup(bits=setup.bits, features=setup.features)  # cross-entropy: the error is y_o - y
    residuals = np.empty((epochs, len(seeds)))
    for epoch in range(epochs):
        residuals[epoch] = plain.error(run.step(), target)
    return residuals, run.networks()


def check_rate_and_target(rate: float, target: float) -> None:
    """Refuse a learning rate that is not positive or a target outside [0, 1]."""
    if not (np.isfinite(rate) and rate > 0):
        raise RegimeError(f"rate must be a positive number, not {rate}")
    if not 0 <= target <= 1:
        raise RegimeError(f"target must lie between 0 and 1, not {target}")


def _gaps(times: Int[np.ndarray, " times"]) -> list[int]:
    return [int(gap) for gap in np.diff(times, prepend=0)]
