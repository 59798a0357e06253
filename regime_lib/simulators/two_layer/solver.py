"""The exact gradient flow of the two-layer network, solved from event to event.

An event is a neuron that reaches u = 0 or v = 0, or a group that leaves such a boundary. On a
boundary towards which the flow points from both sides a neuron slides (Filippov's convention):
negative neurons on u = 0 while B < A / C, positive ones on v = 0 while B > A C. Between events
`Segment` has the closed form. Neurons that share sign and pattern share their displacement, so the
next event of a group is that of its neuron nearest to a boundary: a heap finds it.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.flow import Flow, Pattern, velocities
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints
from regime_lib.simulators.two_layer.segment import Segment


@dataclass(frozen=True)
class Boundary:
    """A boundary that a group may reach: distance = d + along tau - against sigma."""

    sign: int
    pattern: Pattern
    coordinate: int  # 0: u, 1: v
    along: float
    against: float


def exact_flow(problem: TwoPoints, start: Neurons, t_end: float) -> Flow:
    """Follow the gradient flow exactly from its start to `t_end`.

    Parameters
    ----------
    problem : TwoPoints
        The data and the scale of the output weights.
    start : Neurons
        Initial input weights; only their projections on the two inputs move.
    t_end : float
        Until when, above 0 and finite; cost hardly depends on it.

    Returns
    -------
    Flow
        Outputs, loss, neurons and patterns at any time, and every event.

    Raises
    ------
    RegimeError
        If `t_end` is not a positive finite time.
    """
    if not 0 < t_end < math.inf:
        raise RegimeError(f"t_end is {t_end}; it must be a positive finite time")
    solver = _Solver(problem, start)
    while solver.step(t_end):
        pass
    entries = solver.entries
    return Flow(
        problem=problem,
        start=start,
        t_end=float(t_end),
        times=np.array(solver.times),
        segments=tuple(solver.segments),
        rescaled=np.array(solver.rescaled),
        entry_time=np.array([e[0] for e in entries]),
        entry_neuron=np.array([e[1] for e in entries]),
        entry_pattern=np.array([e[2] for e in entries]),
        entry_state=np.array([e[3:] for e in entries]),
    )


@dataclass
class _Solver:
    """The state of the solver between two events."""

    problem: TwoPoints
    start: Neurons
    times: list[float] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    rescaled: list[tuple[float, float]] = field(default_factory=list)
    entries: list[tuple[float, int, int, float, float, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        problem, c = self.problem, self.problem.cos
        self.time, self.tau, self.sigma = 0.0, 0.0, 0.0
        self.signs = self.start.signs.astype(int).tolist()
        self.patterns = [Pattern.OFF] * self.start.m
        self.epoch = [0] * self.start.m
        self.rates = velocities(problem).tolist()
        self.last = [0] * self.start.m
        self.counts = {(s, q): 0 for s in (1, -1) for q in Pattern}
        self.boundaries = (
            Boundary(1, Pattern.BOTH, 0, 1.0, c),
            Boundary(1, Pattern.BOTH, 1, c, 1.0),
            Boundary(1, Pattern.PLUS, 1, -c, 0.0),
            Boundary(1, Pattern.MINUS, 1, 0.0, 1.0),
            Boundary(-1, Pattern.BOTH, 0, -1.0, -c),
            Boundary(-1, Pattern.BOTH, 1, -c, -1.0),
            Boundary(-1, Pattern.PLUS, 0, -1.0, 0.0),
            Boundary(-1, Pattern.MINUS, 0, 0.0, c),
        )
        self.heaps: list[list[tuple[float, int, int]]] = [[] for _ in self.boundaries]
        self.scale = problem.kappa2 / math.sqrt(self.start.m)
        self.pace = (1 + problem.p) / (problem.p * self.scale**2)
        u, v = self.scale * self.start.projections(problem)
        active = (u > 0) * 2 + (v > 0)
        for k in range(self.start.m):
            self._enter(k, Pattern(int(active[k])), float(u[k]), float(v[k]))
        self.f_plus = float(self.start.signs @ np.maximum(u, 0))
        self.f_minus = float(self.start.signs @ np.maximum(v, 0))
        self.ratio = math.exp(self.f_plus + self.f_minus) / problem.p

    def step(self, t_end: float) -> bool:
        """Advance to the next event; return False if the run ends before it."""
        segment = self._segment()
        self.times.append(self.time)
        self.segments.append(segment)
        self.rescaled.append((self.tau, self.sigma))
        tau, boundary = math.inf, -1
        for i in range(len(self.boundaries)):
            found = self._reach(segment, i, tau)
            if found < tau:
                tau, boundary = found, i
        release, pattern, ratio = self._next_release(segment)
        if release < tau:
            tau, boundary = release, -1
        if math.isinf(tau):
            return False
        after = self.time + segment.elapsed_at(tau)
        if after > t_end:
            return False
        self._advance(segment, tau, after)
        if boundary >= 0:
            self._arrive(boundary)
        else:
            self.ratio = ratio
            self._release(pattern)
        return True

    def _segment(self) -> Segment:
        n = self.counts
        both = n[1, Pattern.BOTH] + n[-1, Pattern.BOTH]
        plus = n[1, Pattern.PLUS] + n[-1, Pattern.PLUS]
        minus = n[1, Pattern.MINUS] + n[-1, Pattern.MINUS]
        sin2 = self.problem.sin2
        return Segment(
            p1=plus + both + sin2 * n[1, Pattern.SLIDE_V],
            p2=minus + both + sin2 * n[-1, Pattern.SLIDE_U],
            q=self.problem.cos * both,
            ratio=self.ratio,
            f_plus=self.f_plus,
            f_minus=self.f_minus,
            pace=self.pace,
        )

    def _reach(self, segment: Segment, i: int, within: float) -> float:
        """Return when the nearest neuron of a group reaches its boundary."""
        heap, boundary = self.heaps[i], self.boundaries[i]
        while heap and self.epoch[heap[0][1]] != heap[0][2]:
            heapq.heappop(heap)
        if not heap:
            return math.inf
        level = heap[0][0] + boundary.along * self.tau - boundary.against * self.sigma
        return segment.first_zero(level, boundary.along, boundary.against, within)

    def _next_release(self, segment: Segment) -> tuple[float, Pattern, float]:
        """Return when a sliding group leaves its boundary, which, and the ratio at that moment."""
        c, found = self.problem.cos, (math.inf, Pattern.OFF, math.nan)
        if self.counts[-1, Pattern.SLIDE_U] and segment.limit > 1 / c:
            found = (segment.tau_of_ratio(1 / c), Pattern.SLIDE_U, 1 / c)
        if self.counts[1, Pattern.SLIDE_V] and segment.limit < c:
            found = min(found, (segment.tau_of_ratio(c), Pattern.SLIDE_V, c))
        return found

    def _advance(self, segment: Segment, tau: float, time: float) -> None:
        sigma = segment.sigma(tau)
        self.f_plus += segment.p1 * tau - segment.q * sigma
        self.f_minus += segment.q * tau - segment.p2 * sigma
        self.ratio = segment.ratio_at(tau)
        self.tau, self.sigma, self.time = self.tau + tau, self.sigma + sigma, time

    def _arrive(self, i: int) -> None:
        """Give the neuron that reached a boundary its new pattern."""
        boundary, c = self.boundaries[i], self.problem.cos
        _, k, _ = heapq.heappop(self.heaps[i])
        u, v = self._place(k)
        slides = self.ratio > c if boundary.sign > 0 else self.ratio < 1 / c
        match boundary.sign, boundary.pattern, boundary.coordinate:
            case (1, Pattern.BOTH, 1) | (1, Pattern.PLUS, 1):
                new = Pattern.SLIDE_V if slides else Pattern.BOTH
            case (-1, Pattern.BOTH, 0) | (-1, Pattern.MINUS, 0):
                new = Pattern.SLIDE_U if slides else Pattern.BOTH
            case (1, Pattern.BOTH, 0):
                new = Pattern.MINUS
            case (-1, Pattern.BOTH, 1):
                new = Pattern.PLUS
            case _:
                new = Pattern.OFF
        place = (0.0, v) if boundary.coordinate == 0 else (u, 0.0)
        self._enter(k, new, *place)

    def _release(self, pattern: Pattern) -> None:
        for k in range(self.start.m):
            if self.patterns[k] is pattern:
                self._enter(k, Pattern.BOTH, *self._place(k))

    def _place(self, k: int) -> tuple[float, float]:
        """Return the scaled u and v of a neuron now."""
        _, _, _, u, v, tau, sigma = self.entries[self.last[k]]
        tau, sigma = self.tau - tau, self.sigma - sigma
        sign, rate = self.signs[k], self.rates[self.patterns[k]]
        u += sign * (rate[0] * tau + rate[1] * sigma)
        return u, v + sign * (rate[2] * tau + rate[3] * sigma)

    def _enter(self, k: int, pattern: Pattern, u: float, v: float) -> None:
        """Put a neuron into a group, and into the heaps of the boundaries that it may reach."""
        sign = self.signs[k]
        if self.epoch[k]:
            self.counts[sign, self.patterns[k]] -= 1
        self.patterns[k] = pattern
        self.epoch[k] += 1
        self.counts[sign, pattern] += 1
        self.last[k] = len(self.entries)
        self.entries.append((self.time, k, int(pattern), u, v, self.tau, self.sigma))
        for heap, boundary in zip(self.heaps, self.boundaries, strict=True):
            if boundary.sign == sign and boundary.pattern is pattern:
                distance = abs(u if boundary.coordinate == 0 else v)
                key = distance - boundary.along * self.tau + boundary.against * self.sigma
                heapq.heappush(heap, (key, k, self.epoch[k]))
