"""The ReLU net that is trained on one input, solved: a hyperbolic rotation by one angle.

Under gradient flow on (x_o, 1) every feature that is on at x_o does the same rotation of (h, v) by
a hyperbolic angle θ (physicists say rapidity), so that 128 features follow one scalar equation (our
derivation; not claimed to be in arXiv 2405.04074). With ``q² = 1 + |x_o|²``::

    h = h_0 cosh θ + q v_0 sinh θ,   v = v_0 cosh θ + (h_0 / q) sinh θ,   c = c_0 + θ / q,
    z = Q cosh 2θ + (q / 2) P sinh 2θ + c,   dθ/dt = η q e(z),

with Q = Σ h_0 v_0 and P = Σ (v_0² + h_0² / q²) over the features that are on. One with v_0 < 0 and
``q |v_0| > h_0`` switches off when ``tanh θ = h_0 / (q |v_0|)``, for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicHermiteSpline

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.networks import Networks, with_one
from regime_lib.simulators.training_response.one_point import check_rate_and_target

_STEP = 0.005  # of the grid in θ
_FURTHEST_LOGIT = 300.0  # exp of twice it still is a number


@dataclass(frozen=True)
class HyperbolicFlow:
    """The scalar equation of several ReLU networks, each trained towards one on one input."""

    start: Networks
    trained: Float[np.ndarray, "seeds bits"]  # x_o
    rate: float  # η; time t counts steps of gradient descent

    def __post_init__(self) -> None:
        check_rate_and_target(self.rate, 1.0)
        if self.start.setup.activation != "relu":
            raise RegimeError(
                "the rotation is exact for ReLU networks only; make Setup() with relu"
            )

    @cached_property
    def length(self) -> Float[np.ndarray, " seeds"]:
        """The length q of the padded input."""
        return np.sqrt((with_one(self.trained) ** 2).sum(axis=1))

    @cached_property
    def first(self) -> Float[np.ndarray, "seeds features"]:
        """The initial pre-activations h_0 at x_o."""
        return np.einsum("isf,si->sf", self.start.weights, with_one(self.trained))

    @cached_property
    def switch_off(self) -> Float[np.ndarray, "seeds features"]:
        """The angle at which each feature switches off at x_o; infinite where it never does.

        Features that are off from the start have angle zero.
        """
        h, v, q = self.first, self.start.readout, self.length[:, None]
        dies = (h > 0) & (v < 0) & (q * np.abs(v) > h)
        ratio = np.divide(h, q * np.abs(v), out=np.zeros_like(h), where=dies)
        return np.where(dies, np.arctanh(ratio), np.where(h > 0, np.inf, 0.0))

    def logit(self, theta: Float[np.ndarray, "times seeds"]) -> Float[np.ndarray, "times seeds"]:
        """Return z(x_o) at given angles."""
        columns = [self._logit_of(seed, theta[:, seed]) for seed in range(len(self.start))]
        return np.stack(columns, axis=1)

    def angle_at(self, times: Float[np.ndarray, " times"]) -> Float[np.ndarray, "times seeds"]:
        """Return θ at times up to 1e120 steps, by quadrature of dt = dθ / (η q e) and inversion."""
        if np.min(times) < 0:
            raise RegimeError(f"times must not be negative, and {np.min(times):g} is")
        columns = [
            self._theta_of(seed, np.asarray(times, float)) for seed in range(len(self.start))
        ]
        return np.stack(columns, axis=1)

    def networks(self, theta: Float[np.ndarray, " seeds"]) -> Networks:
        """Return the full weights at one angle per network."""
        h, v, q = self.first, self.start.readout, self.length[:, None]
        turn = np.minimum(theta[:, None], self.switch_off)
        cosh, sinh = np.cosh(turn), np.sinh(turn)
        moved = (h * cosh + q * v * sinh - h) / q**2
        weights = self.start.weights + with_one(self.trained).T[:, :, None] * moved
        readout = v * cosh + h / q * sinh
        return Networks(self.start.setup, weights, readout, self.start.offset + theta / q[:, 0])

    def _logit_of(
        self, seed: int, theta: Float[np.ndarray, " times"]
    ) -> Float[np.ndarray, " times"]:
        h, v, q = self.first[seed], self.start.readout[seed], self.length[seed]
        switch_off = self.switch_off[seed]
        order = np.argsort(switch_off)
        # sums over the features that are still on after k of them have switched off
        on_q = np.append(np.cumsum((h * v)[order][::-1])[::-1], 0.0)
        on_p = np.append(np.cumsum((v**2 + h**2 / q**2)[order][::-1])[::-1], 0.0)
        gone = np.searchsorted(switch_off[order], theta, side="right")
        turned = on_q[gone] * np.cosh(2 * theta) + q / 2 * on_p[gone] * np.sinh(2 * theta)
        return turned + self.start.offset[seed] + theta / q

    def _theta_of(
        self, seed: int, times: Float[np.ndarray, " times"]
    ) -> Float[np.ndarray, " times"]:
        """Integrate piece by piece, as features switch off, and invert by a spline."""
        switch_off = self.switch_off[seed]
        regular = np.arange(0.0, 12.0, _STEP)
        regular = regular[: 1 + int(np.argmax(self._logit_of(seed, regular) > _FURTHEST_LOGIT))]
        edges = np.union1d(regular, switch_off[(switch_off > 0) & (switch_off < regular[-1])])
        nodes, weights = np.polynomial.legendre.leggauss(8)
        widths = np.diff(edges)
        inside = edges[:-1, None] + (nodes + 1) / 2 * widths[:, None]
        speed = self._speed_of(seed, inside.ravel()).reshape(inside.shape)
        pieces = ((1 / speed) @ weights) * widths / 2
        elapsed = np.concatenate([[0.0], np.cumsum(pieces)])
        scale = 1 / self._speed_of(seed, np.zeros(1))[0]
        # in log(1 + t / scale) the angle is smooth from the first step to astronomical times
        slopes = (elapsed + scale) * self._speed_of(seed, edges)
        curve = CubicHermiteSpline(np.log1p(elapsed / scale), edges, slopes)
        return curve(np.log1p(times / scale))

    def _speed_of(
        self, seed: int, theta: Float[np.ndarray, " times"]
    ) -> Float[np.ndarray, " times"]:
        error = self.start.setup.error(self._logit_of(seed, theta), 1.0)
        return self.rate * self.length[seed] * error
