"""The same flow by a general integrator: an independent check, and losses without a closed form.

SciPy's `solve_ivp` integrates the projections of all neurons and stops at terminal events; the
rules on boundaries are written neuron by neuron and share nothing with the exact solver. It also
takes the logistic loss and trainable output weights, which the closed form does not cover.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.integrate import solve_ivp
from scipy.special import expit

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints

Loss = Literal["exponential", "logistic"]
_SLOPE: dict[str, Callable[[float], float]] = {
    "exponential": lambda f: math.exp(-f),
    "logistic": lambda f: float(expit(-f)),
}
_VALUE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exponential": lambda f: np.exp(-f),
    "logistic": lambda f: np.logaddexp(0, -f),
}
_TIED = 1e-11  # distance, in units of the start, within which neurons arrive together


@dataclass(frozen=True)
class Integration:
    """A run of the general integrator.

    Attributes
    ----------
    times, f_plus, f_minus, loss : array, shape (n,)
        Outputs and loss at the integrator's own steps.
    event_times : array, shape (events,)
        When a pattern changed.
    event_neurons : array, shape (events,)
        Whose.
    event_patterns : array, shape (events,)
        To what, as `Pattern`.
    projections : array, shape (2, m)
        u and v at the end.
    outputs : array, shape (m,)
        Output weights at the end.
    evaluations : int
        How often the right-hand side was evaluated.
    """

    times: Float[np.ndarray, " n"]
    f_plus: Float[np.ndarray, " n"]
    f_minus: Float[np.ndarray, " n"]
    loss: Float[np.ndarray, " n"]
    event_times: Float[np.ndarray, " events"]
    event_neurons: Int[np.ndarray, " events"]
    event_patterns: Int[np.ndarray, " events"]
    projections: Float[np.ndarray, "2 m"]
    outputs: Float[np.ndarray, " m"]
    evaluations: int

    def first(self, pattern: Pattern, after: float = 0.0) -> float:
        """Return when a neuron first takes this pattern after some time; NaN if none does."""
        hits = self.event_times[(self.event_patterns == pattern) & (self.event_times > after)]
        return float(hits[0]) if len(hits) else math.nan


def integrate(
    problem: TwoPoints,
    start: Neurons,
    t_end: float,
    *,
    loss: Loss = "exponential",
    train_outputs: bool = False,
    rtol: float = 1e-8,
) -> Integration:
    """Follow the flow with `solve_ivp` (LSODA), stopping at every change of pattern.

    Parameters
    ----------
    problem : TwoPoints
        The data and the scale of the output weights.
    start : Neurons
        Initial input weights.
    t_end : float
        Until when.
    loss : {"exponential", "logistic"}
        Of the margin y f(x).
    train_outputs : bool
        Whether the output weights follow their gradient as well.
    rtol : float
        Relative tolerance; the absolute one is `rtol` times the scale of the start.

    Raises
    ------
    RegimeError
        If the loss is unknown, the time is no positive finite number, or the integrator gives up.
    """
    if loss not in _SLOPE:
        raise RegimeError(f"the loss is 'exponential' or 'logistic', not {loss!r}")
    if not 0 < t_end < math.inf:
        raise RegimeError(f"t_end is {t_end}; it must be a positive finite time")
    run = _Run(problem, start, _SLOPE[loss], train_outputs)
    while run.time < t_end:
        run.advance(t_end, rtol)
        if len(run.events) > 100 * start.m:
            raise RegimeError(f"patterns chatter at t = {run.time:g}; take a smaller rtol")
    times, plus, minus = (np.array(x) for x in (run.times, run.f_plus, run.f_minus))
    value, share = _VALUE[loss], 1 / (1 + problem.p)
    return Integration(
        times=times,
        f_plus=plus,
        f_minus=minus,
        loss=share * (problem.p * value(plus) + value(-minus)),
        event_times=np.array([e[0] for e in run.events], dtype=float),
        event_neurons=np.array([e[1] for e in run.events], dtype=int),
        event_patterns=np.array([e[2] for e in run.events], dtype=int),
        projections=np.stack([run.u, run.v]),
        outputs=run.a,
        evaluations=run.evaluations,
    )


@dataclass
class _Run:
    problem: TwoPoints
    start: Neurons
    slope: Callable[[float], float]
    train_outputs: bool
    time: float = 0.0
    evaluations: int = 0
    times: list[float] = field(default_factory=list)
    f_plus: list[float] = field(default_factory=list)
    f_minus: list[float] = field(default_factory=list)
    events: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.u, self.v = self.start.projections(self.problem)
        m = self.start.m
        self.a = self.start.signs * self.problem.kappa2 / math.sqrt(m)
        self.scale = float(np.abs([self.u, self.v]).max())
        self.on_u, self.on_v = self.u > 0, self.v > 0
        self.slide_u, self.slide_v = np.zeros((2, m), dtype=bool)

    def advance(self, t_end: float, rtol: float) -> None:
        """Integrate up to the next event, and apply it."""
        state = np.concatenate([self.u, self.v, self.a])
        events = [self._margin_u, self._margin_v, self._hold_u, self._hold_v]
        for event in events:
            event.__func__.terminal, event.__func__.direction = True, -1  # type: ignore[attr-defined]
        found = solve_ivp(
            self._velocity,
            (self.time, t_end),
            state,
            method="LSODA",
            events=events,
            rtol=rtol,
            atol=rtol * self.scale,
        )
        if found.status < 0:
            raise RegimeError(f"solve_ivp stopped at t = {found.t[-1]:g}: {found.message}")
        self.evaluations += found.nfev
        for time, y in zip(found.t, found.y.T, strict=True):
            plus, minus = self._outputs(y)
            self.times.append(float(time))
            self.f_plus.append(plus)
            self.f_minus.append(minus)
        self.time = float(found.t[-1])
        self.u, self.v, self.a = found.y[:, -1].reshape(3, -1)
        if found.status == 1:
            self._apply(next(i for i, hits in enumerate(found.t_events) if len(hits)))

    def _outputs(self, y: Float[np.ndarray, " state"]) -> tuple[float, float]:
        u, v, a = y.reshape(3, -1)
        return float(a @ (u * self._active_u)), float(a @ (v * self._active_v))

    @property
    def _active_u(self) -> Bool[np.ndarray, " m"]:
        return self.on_u & ~self.slide_u

    @property
    def _active_v(self) -> Bool[np.ndarray, " m"]:
        return self.on_v & ~self.slide_v

    def _slopes(self, y: Float[np.ndarray, " state"]) -> tuple[float, float]:
        plus, minus = self._outputs(y)
        share = 1 / (1 + self.problem.p)
        return self.problem.p * share * self.slope(plus), share * self.slope(-minus)

    def _velocity(self, _: float, y: Float[np.ndarray, " state"]) -> Float[np.ndarray, " state"]:
        u, v, a = y.reshape(3, -1)
        slope_plus, slope_minus = self._slopes(y)
        c = self.problem.cos
        # a sliding neuron is active for just the share of time that keeps it on its boundary
        active_u = np.where(self.slide_u, slope_minus * c / slope_plus, self.on_u)
        active_v = np.where(self.slide_v, slope_plus * c / slope_minus, self.on_v)
        du = a * (slope_plus * active_u - slope_minus * c * active_v)
        dv = a * (slope_plus * c * active_u - slope_minus * active_v)
        da = np.zeros_like(a)
        if self.train_outputs:
            da = slope_plus * u * self._active_u - slope_minus * v * self._active_v
        return np.concatenate([du, dv, da])

    def _distances(self, y: Float[np.ndarray, " state"], axis: int) -> Float[np.ndarray, " m"]:
        """Return how far each neuron is inside its own side of a boundary, scaled."""
        on = self.on_v if axis else self.on_u
        fixed = (self.slide_v if axis else self.slide_u) | ~(self.on_u | self.on_v)
        x = y.reshape(3, -1)[axis] / self.scale
        return np.where(fixed, np.inf, np.where(on, x, -x))

    def _margin_u(self, _: float, y: Float[np.ndarray, " state"]) -> float:
        return float(min(self._distances(y, 0).min(), 1e9))

    def _margin_v(self, _: float, y: Float[np.ndarray, " state"]) -> float:
        return float(min(self._distances(y, 1).min(), 1e9))

    def _hold_u(self, _: float, y: Float[np.ndarray, " state"]) -> float:
        slope_plus, slope_minus = self._slopes(y)
        return 1 - slope_minus * self.problem.cos / slope_plus if self.slide_u.any() else 1.0

    def _hold_v(self, _: float, y: Float[np.ndarray, " state"]) -> float:
        slope_plus, slope_minus = self._slopes(y)
        return 1 - slope_plus * self.problem.cos / slope_minus if self.slide_v.any() else 1.0

    def _apply(self, event: int) -> None:
        y = np.concatenate([self.u, self.v, self.a])
        if event < 2:
            slopes = self._slopes(y)
            for k in self._arrived(y, event):
                self._cross(k, event, *slopes)
                self._log(k)
            return
        let_go = (self.slide_u if event == 2 else self.slide_v).copy()
        (self.slide_u if event == 2 else self.slide_v)[let_go] = False
        (self.u if event == 2 else self.v)[let_go] = 0.0
        for released in np.flatnonzero(let_go):
            self._log(int(released))

    def _arrived(self, y: Float[np.ndarray, " state"], axis: int) -> list[int]:
        """Return the neurons that leave their side now: in an even start they come in pairs."""
        distances = self._distances(y, axis)
        inward = self._velocity(self.time, y).reshape(3, -1)[axis]
        inward = np.where(self.on_v if axis else self.on_u, inward, -inward)
        near = (distances <= max(distances.min(), 0.0) + _TIED) & (inward < 0)
        return [int(k) for k in np.flatnonzero(near)] or [int(np.argmin(distances))]

    def _cross(self, k: int, axis: int, slope_plus: float, slope_minus: float) -> None:
        """Let a neuron that reached a boundary slide on it, cross it, or die."""
        x, on = (self.v, self.on_v) if axis else (self.u, self.on_u)
        other = self.on_u[k] if axis else self.on_v[k]
        x[k] = 0.0
        if not other:
            on[k] = False
            return
        # velocity across the boundary on its inactive and on its active side
        c, up, down = self.problem.cos, slope_plus, slope_minus
        inactive = self.a[k] * (c * up if axis else -c * down)
        active = self.a[k] * (c * up - down if axis else up - c * down)
        if inactive > 0 > active:
            (self.slide_v if axis else self.slide_u)[k] = True
            on[k] = True
        else:
            on[k] = active > 0

    def _log(self, k: int) -> None:
        if self.slide_u[k]:
            pattern = Pattern.SLIDE_U
        elif self.slide_v[k]:
            pattern = Pattern.SLIDE_V
        else:
            pattern = Pattern(2 * int(self.on_u[k]) + int(self.on_v[k]))
        self.events.append((self.time, k, int(pattern)))
