"""Gradient flow of the two-layer network on any points: n numbers move all neurons, event by event.

Our derivation. With the pull g_i of each point on the outputs (its share of the loss) and
tau_i = int g_i dt, every neuron moves affinely in tau while no pattern changes, and so does every
output: y_i f_i = y_i f_i(0) + (H tau)_i. The pulls therefore obey Lotka and Volterra's equations,

    dg_i / dt = -g_i sum_j H_ij g_j,

whatever the number of neurons. For two points they have a closed form (`segment`), for more in
general none: SciPy integrates the n numbers, and the patterns change where an affine function of
them vanishes.

On a boundary a neuron obeys Filippov's convention. A neuron whose sign opposes the label of x_i
descends a convex function across the boundary of x_i, so that the flow is unique, and its velocity
is the shortest that the convention allows: each boundary on which it stands holds it, lets it off
or lets it on. Across the boundary of a point whose label it shares it goes straight.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.integrate import DOP853, LSODA
from scipy.optimize import brentq, lsq_linear

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints

_SLACK = 1e-11  # how far beyond a boundary, in units of the start, a neuron has crossed it
_EDGE = 1e-8  # a share so near 0 or 1 is off or on
_STIFF = 60  # explicit steps without an event after which an implicit method takes over
_MOST = 50  # changes of pattern for each neuron and point before the run is given up
_LOOKS = np.arange(1, 11) / 10  # where patterns are compared within a step

_Pulls = Callable[[float, Float[np.ndarray, " n"]], Float[np.ndarray, " n"]]
_Way = Callable[[Any], Float[np.ndarray, "..."]]  # tau, at one time or at many


@dataclass(frozen=True)
class Points:
    """Labelled points, and the scale of the output weights.

    Attributes
    ----------
    inputs : array, shape (n, d)
        The points.
    labels : array, shape (n,)
        +1 or -1.
    shares : array, shape (n,)
        Weight of each point in the loss; positive, with sum 1.
    kappa2 : float
        Scale of the output weights, above 0.
    """

    inputs: Float[np.ndarray, "n d"]
    labels: Float[np.ndarray, " n"]
    shares: Float[np.ndarray, " n"]
    kappa2: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if self.labels.shape != (n,) or not np.isin(self.labels, (-1, 1)).all():
            raise RegimeError(f"labels must be one of -1 and +1 for each of the {n} points")
        if self.shares.shape != (n,) or not (self.shares > 0).all():
            raise RegimeError(f"shares must be a number above 0 for each of the {n} points")
        if not abs(self.shares.sum() - 1) < 1e-9 or not 0 < self.kappa2 < math.inf:
            raise RegimeError("the shares must sum to 1, and kappa2 must be above 0")

    @classmethod
    def of(cls, problem: TwoPoints, d: int = 2) -> Points:
        """Return the two points of the chapter's problem, in d dimensions."""
        shares = np.array([problem.p, 1.0]) / (1 + problem.p)
        return cls(problem.inputs(d), np.array([1.0, -1.0]), shares, problem.kappa2)


@dataclass(frozen=True)
class Followed:
    """A run on many points.

    Attributes
    ----------
    points : Points
        The data.
    start : Neurons
        Where it began.
    times : array, shape (records,)
        The times asked for.
    outputs : array, shape (records, n)
        f at each point.
    fall : array, shape (records,)
        -d loss / dt, the squared speed of the weights.
    weights : array, shape (records, m, d)
        Input weights.
    active, held : array, shape (records, m, n)
        On which points each neuron is active, and on whose boundary it slides.
    event_times : array, shape (events,)
        When a pattern changes.
    event_neurons, event_points : array, shape (events,)
        Which neuron, on which point.
    event_states : array, shape (events,)
        To what: 0 off, 1 on, 2 sliding.
    coupling : array, shape (n, n)
        H at the end.
    """

    points: Points
    start: Neurons
    times: Float[np.ndarray, " records"]
    outputs: Float[np.ndarray, "records n"]
    fall: Float[np.ndarray, " records"]
    weights: Float[np.ndarray, "records m d"]
    active: Bool[np.ndarray, "records m n"]
    held: Bool[np.ndarray, "records m n"]
    event_times: Float[np.ndarray, " events"]
    event_neurons: Int[np.ndarray, " events"]
    event_points: Int[np.ndarray, " events"]
    event_states: Int[np.ndarray, " events"]
    coupling: Float[np.ndarray, "n n"]

    @property
    def loss(self) -> Float[np.ndarray, " records"]:
        """The exponential loss at the records."""
        margins = self.points.labels * self.outputs
        return (self.points.shares * np.exp(-margins)).sum(axis=1)

    @property
    def accuracy(self) -> Float[np.ndarray, " records"]:
        """The share of the sample on the right side of zero at the records."""
        return (self.points.shares * (self.points.labels * self.outputs > 0)).sum(axis=1)


def follow(
    points: Points, start: Neurons, times: Float[np.ndarray, " records"], *, rtol: float = 1e-9
) -> Followed:
    """Follow the gradient flow to the last of some times.

    Parameters
    ----------
    points : Points
        The data.
    start : Neurons
        Initial input weights, in the dimensions of the data.
    times : array, shape (records,)
        What to record, rising and above 0.
    rtol : float
        Relative tolerance of the integrator; the absolute one is `rtol` in units of the start.

    Raises
    ------
    RegimeError
        If dimensions differ, times do not rise, or patterns change without end.
    """
    if start.weights.shape[1] != points.inputs.shape[1]:
        raise RegimeError(
            f"the points have {points.inputs.shape[1]} dimensions and the neurons "
            f"{start.weights.shape[1]}; give both in the same space"
        )
    times = np.asarray(times, dtype=float)
    if not len(times) or not times[0] > 0 or (np.diff(times) <= 0).any():
        raise RegimeError("times must rise and be above 0")
    run = _Run(points, start, times, rtol)
    while run.time < times[-1]:
        run.advance()
        if len(run.events) > _MOST * run.seen.size:
            raise RegimeError(f"patterns change without end at t = {run.time:g}; lower rtol")
    records = zip(*run.records, strict=True)
    outputs, fall, weights, active, held = (np.array(column) for column in records)
    events = np.array(run.events, dtype=float).reshape(-1, 4)
    whole = events[:, 1:].astype(int)
    return Followed(
        points,
        start,
        times,
        outputs,
        fall,
        weights,
        active,
        held,
        events[:, 0],
        whole[:, 0],
        whole[:, 1],
        whole[:, 2],
        run.coupling,
    )


class _Run:
    """The state of the network between two changes of pattern."""

    def __init__(
        self, points: Points, start: Neurons, times: Float[np.ndarray, " records"], rtol: float
    ) -> None:
        self.points, self.start, self.times, self.rtol = points, start, times, rtol
        self.y, self.gram = points.labels, points.inputs @ points.inputs.T
        self.a = start.signs * points.kappa2 / math.sqrt(start.m)
        self.seen = start.weights @ points.inputs.T
        self.scale = float(np.abs(self.seen).max())
        self.opposed = self.a[:, None] * self.y < 0
        self.active, self.held = self.seen > 0, np.zeros(self.seen.shape, dtype=bool)
        n = len(self.y)
        self.moved = np.zeros((start.m, n))  # of the weights, in multiples of the points
        self.rates = np.zeros((start.m, n, n))  # of that, by tau
        for k in range(start.m):
            self._set_rates(k)
        self.time, self.events, self.records = 0.0, [], []  # type: ignore[var-annotated]

    def advance(self) -> None:
        """Integrate up to the next change of pattern, or to the end."""
        self.velocities = self.gram @ self.rates
        counted = self.a[:, None] * self.active
        self.coupling = self.y[:, None] * np.einsum("ki,kij->ij", counted, self.velocities)
        outputs = (counted * self.seen).sum(axis=0)
        first = self.points.shares * np.exp(-self.y * outputs)

        def pulls(_: float, tau: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
            found: Float[np.ndarray, " n"] = first * np.exp(-self.coupling @ tau)
            return found

        limits = _Limits.of(self, first)
        for begin, end, way in self._steps(pulls):
            end, found = _first_crossing(limits, way, begin, end)
            while len(self.records) < len(self.times) and self.times[len(self.records)] <= end:
                tau = way(self.times[len(self.records)])
                self._record(tau, outputs, pulls(0.0, tau))
            if found is not None:
                break
        tau = way(end)
        self.time = end
        self.seen = np.where(self.held, 0.0, self.seen + self.velocities @ tau)
        self.moved = self.moved + self.rates @ tau
        if found is not None:
            beyond = found.reshape(self.seen.shape)
            for k in np.flatnonzero(beyond.any(axis=1)):
                self._change(int(k), beyond[k], pulls(0.0, tau))

    def _steps(self, pulls: _Pulls) -> Iterator[tuple[float, float, _Way]]:
        """Yield the steps of the integrator: begin, end, and tau in between."""
        bound, zero = float(self.times[-1]), np.zeros(len(self.y))
        settings = {"rtol": self.rtol, "atol": self.rtol * self.scale / abs(self.a[0])}
        solver, steps = DOP853(pulls, self.time, zero, bound, **settings), 0
        while solver.status == "running":
            if steps == _STIFF:
                slope = lambda t, tau: -pulls(t, tau)[:, None] * self.coupling  # noqa: E731
                solver = LSODA(pulls, solver.t, solver.y, bound, jac=slope, **settings)
            if (said := solver.step()) is not None:
                raise RegimeError(f"the integrator stopped at t = {solver.t:g}: {said}")
            steps += 1
            yield float(solver.t_old), float(solver.t), solver.dense_output()

    def _change(
        self, k: int, crossed: Bool[np.ndarray, " n"], pulls: Float[np.ndarray, " n"]
    ) -> None:
        """Give a neuron that stands on boundaries its new pattern."""
        before = self.active[k] + 2 * self.held[k]
        self.seen[k, crossed] = 0.0
        at = self.opposed[k] & (self.held[k] | crossed)
        self.active[k] ^= crossed & ~at
        self.active[k, at] = self.held[k, at] = False
        if at.any():  # the shortest velocity: the push, less shares of what the points push back
            push = self.start.signs[k] * (self.active[k] * self.y * pulls) @ self.points.inputs
            back = pulls[at] * self.points.inputs[at].T
            share = np.clip(back.T @ push / (back**2).sum(), 0, 1)
            if len(share) > 1:
                share = lsq_linear(back, push, (0, 1), method="bvls").x
            self.active[k, at] = share > 1 - _EDGE
            self.held[k, at] = (share >= _EDGE) & (share <= 1 - _EDGE)
        self._set_rates(k)
        now = self.active[k] + 2 * self.held[k]
        self.events += [(self.time, k, int(i), int(now[i])) for i in np.flatnonzero(now != before)]

    def _set_rates(self, k: int) -> None:
        """Work out how a neuron follows tau: active points move it, boundaries hold it."""
        rates = np.diag(self.active[k] * self.y)
        if (at := self.held[k]).any():
            among = self.gram[np.ix_(at, at)]  # singular where points coincide
            rates[at] = -np.linalg.lstsq(among, self.gram[at] @ rates)[0]
        self.rates[k] = self.a[k] * rates

    def _record(
        self,
        tau: Float[np.ndarray, " n"],
        outputs: Float[np.ndarray, " n"],
        pulls: Float[np.ndarray, " n"],
    ) -> None:
        """Note the network at some tau."""
        way = (self.moved + self.rates @ tau) @ self.points.inputs
        self.records.append(
            (
                outputs + self.y * (self.coupling @ tau),
                pulls @ self.coupling @ pulls,
                self.start.weights + way,
                self.active.copy(),
                self.held.copy(),
            )
        )


@dataclass(frozen=True)
class _Limits:
    """How far every neuron is inside its pattern on every point, until a pattern changes.

    A pair of neuron and point has a row of each array; `share` is a multiple of its point's pull.
    """

    distance: Float[np.ndarray, " pairs"]
    speed: Float[np.ndarray, "pairs n"]  # of the distance, by tau
    held: Bool[np.ndarray, " pairs"]
    share: Float[np.ndarray, "pairs n"]  # of what holds a neuron on its boundary, by the pulls
    point: Int[np.ndarray, " pairs"]
    first: Float[np.ndarray, " n"]  # the pulls at tau = 0
    coupling: Float[np.ndarray, "n n"]

    @classmethod
    def of(cls, run: _Run, first: Float[np.ndarray, " n"]) -> _Limits:
        """Return the limits of the patterns as they are now."""
        m, n = run.seen.shape
        scaled = np.where(run.active, 1.0, -1.0) / run.scale
        alive = (run.active | run.held).any(axis=1, keepdims=True)  # a dead neuron stays
        return cls(
            np.where(alive, run.seen * scaled, np.inf).ravel(),
            np.where(alive[..., None], run.velocities * scaled[..., None], 0.0).reshape(m * n, n),
            run.held.ravel(),
            (run.rates * (run.y / run.a[:, None])[..., None]).reshape(m * n, n),
            np.tile(np.arange(n), m),
            first,
            run.coupling,
        )

    def of_pairs(self, pairs: Bool[np.ndarray, " pairs"]) -> _Limits:
        """Return those of some pairs alone."""
        return replace(
            self,
            distance=self.distance[pairs],
            speed=self.speed[pairs],
            held=self.held[pairs],
            share=self.share[pairs],
            point=self.point[pairs],
        )

    def inside(self, tau: Float[np.ndarray, "n t"]) -> Float[np.ndarray, "pairs t"]:
        """Return the distance to the end of the pattern; negative beyond it."""
        gap = self.distance[:, None] + self.speed @ tau
        if self.held.any():
            pulls = self.first[:, None] * np.exp(-self.coupling @ tau)
            share = self.share[self.held] @ pulls / pulls[self.point[self.held]]
            gap[self.held] = np.minimum(share, 1 - share)
        return gap + _SLACK


def _first_crossing(
    limits: _Limits, way: _Way, begin: float, end: float
) -> tuple[float, Bool[np.ndarray, " pairs"] | None]:
    """Return when and where a pattern is left first within a step; its end and None if none is."""
    looks = begin + _LOOKS * (end - begin)
    beyond = limits.inside(way(looks)) < 0
    if not beyond.any():
        return end, None
    first = int(np.argmax(beyond.any(axis=0)))
    before, these = looks[first - 1] if first else begin, beyond[:, first]
    left = limits.of_pairs(these)

    def least(time: float) -> float:
        return float(left.inside(way(time)[:, None]).min())

    late = least(before) <= 0  # by rounding, where one step ends and the next begins
    time = float(before if late else brentq(least, before, looks[first], xtol=1e-300, rtol=1e-14))
    now = limits.inside(way(time)[:, None])[:, 0]
    return time, these & (now <= max(now[these].min(), 0.0) + 0.1 * _SLACK)
