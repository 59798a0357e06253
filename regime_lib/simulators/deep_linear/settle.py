"""Following the flow of deep linear networks until it has settled, and saying so if it cannot.

An integrator with an error of its own never brings the gradient below that error times the
curvature. Near the end it steps about there for ever. Along the exact flow a network gets away
from where it was; in noise it does not, and that is what is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from scipy.integrate import DOP853
from scipy.optimize import brentq

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.flow import ATOL, RTOL, FlowPath, Packing, State
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, check_fit, speed

#: How many steps of the integrator are looked at together when its noise is searched for.
WINDOW = 200
#: In noise, a network gets less far in that time than this share of speed times time.
_NET = 0.1

Outcome = Literal["settled", "noise floor"]


@dataclass(frozen=True, eq=False)
class SettledPath(FlowPath):
    """A path to where it settled."""

    outcome: Outcome  # the gradient fell to the tolerance, or as far as the integrator resolves it
    tolerance: float

    def __str__(self) -> str:
        """Say in a sentence how it ended."""
        rest = float(np.max(self.speeds[-1]))
        if self.outcome == "settled":
            return f"settled: the gradient fell to {rest:.1e} at time {self.times[-1]:.4g}"
        return (
            f"settled at the noise floor: the gradient rests at {rest:.1e}, above the tolerance "
            f"{self.tolerance:.0e}, and the integrator cannot resolve less; lower rtol and atol"
        )


def settle(
    layers: Layers,
    task: LinearTask,
    *,
    tolerance: float = 1e-8,
    longest: float = 1e5,
    detail: int = 0,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> SettledPath:
    """Follow the flow until the largest gradient norm of the ensemble falls to `tolerance`.

    A saddle on the way is passed if the gradient there stays above `tolerance`. If the noise of
    the integrator keeps the gradient above it, the path ends there, and its outcome says so.

    Parameters
    ----------
    layers : tuple of array
        Weights at time zero.
    task : LinearTask
        What is learnt.
    tolerance : float
        Where to stop.
    longest : float
        The latest time to stop at.
    detail : int
        Observations per step of the integrator, so that fast and slow stretches are seen alike; 0
        keeps the start and the end only.
    rtol, atol : float
        As for `gradient_flow`.

    Returns
    -------
    SettledPath
        From time zero to the stop.

    Raises
    ------
    RegimeError
        As for `gradient_flow`, if the start is critical already, and if the gradient is still
        larger, and not in noise, at the time `longest`.
    """
    check_fit(layers, task)
    packing = Packing(layers)

    def speeds(state: State) -> Float[np.ndarray, " runs"]:
        return np.atleast_1d(speed(packing.layers(state), task))

    def excess(state: State) -> float:
        return float(speeds(state).max()) - tolerance

    if excess(packing.pack(layers)) <= 0:
        raise RegimeError(
            f"the start is critical already: its gradient is below {tolerance:g}; start elsewhere"
        )
    solver = DOP853(packing.slope(task), 0.0, packing.pack(layers), longest, rtol=rtol, atol=atol)
    seen, states = [0.0], [solver.y]
    noise = _NoiseWatch(0.0, packing.layers(solver.y), speeds(solver.y))
    outcome: Outcome | None = None
    while outcome is None:
        message = solver.step()
        if solver.status == "failed":
            raise RegimeError(f"the integrator gave up: {str(message).rstrip('.')}")
        before, now, state = float(solver.t_old), float(solver.t), solver.y
        pace = speeds(state)
        dense = None
        if pace.max() <= tolerance:
            outcome, dense = "settled", solver.dense_output()
            now, state = _crossing(excess, dense, before, now)
        elif noise.rests(now, packing.layers(state), pace, tolerance):
            outcome = "noise floor"
        elif solver.status == "finished":
            raise RegimeError(
                f"not settled: the gradient is {float(pace.max()):.3g} at time {longest:g}, above "
                f"the tolerance {tolerance:g}, and still changes; allow a longer time"
            )
        if detail > 1:
            dense = dense or solver.dense_output()
            inner = np.linspace(before, now, detail + 1)[1:-1]
            seen.extend(inner)
            states.extend(dense(inner).T)
        if detail > 0:
            seen.append(now)
            states.append(state)
    if detail == 0:
        seen.append(now)
        states.append(state)
    return SettledPath(task, np.array(seen), packing.layers(np.array(states)), outcome, tolerance)


def _crossing(
    excess: Callable[[State], float], dense: Any, before: float, now: float
) -> tuple[float, State]:
    """Return when and where the gradient passes the tolerance in the last step."""
    if excess(dense(before)) > 0 > excess(dense(now)):
        now = float(brentq(lambda time: excess(dense(time)), before, now, xtol=1e-12))
    return now, dense(now)


@dataclass
class _NoiseWatch:
    """Whether every network above the tolerance has stopped getting anywhere."""

    begin: float
    place: Layers
    slowest: Float[np.ndarray, " runs"]
    last: float = field(init=False)
    steps: int = 0
    floor: Float[np.ndarray, " runs"] | None = None
    length: Float[np.ndarray, " runs"] | None = None

    def __post_init__(self) -> None:
        self.last = self.begin

    def rests(
        self, now: float, place: Layers, pace: Float[np.ndarray, " runs"], tolerance: float
    ) -> bool:
        """Take note of a step; at the end of a window, say whether all that moved was noise."""
        covered = pace * (now - self.last)
        self.length = covered if self.length is None else self.length + covered
        self.slowest = np.minimum(self.slowest, pace)
        self.last, self.steps = now, self.steps + 1
        if self.steps < WINDOW:
            return False
        gone = np.sqrt(
            sum(((a - b) ** 2).sum(axis=(-2, -1)) for a, b in zip(place, self.place, strict=True))
        )
        idle: Bool[np.ndarray, " runs"] = np.atleast_1d(gone) < _NET * self.length
        if self.floor is not None:  # it must have stopped falling as well
            idle &= self.slowest > 0.5 * self.floor
        above = pace > tolerance
        resting = self.floor is not None and bool((idle | ~above).all())
        self.begin, self.place, self.steps = now, place, 0
        self.floor, self.slowest, self.length = self.slowest, pace, None
        return resting
