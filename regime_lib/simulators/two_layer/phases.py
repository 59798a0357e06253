"""The phases of an exact run, read off its events: when each begins, and what marks it.

Names after Wang & Ma, arXiv 2305.12467; where they end is reconstructed (see the chapter). What a
run does not reach by its end is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regime_lib.simulators.two_layer.flow import Flow, Pattern

_CLOSE = 0.02  # events within 2 % of the first one count as simultaneous


@dataclass(frozen=True)
class Phases:
    """When the phases of one run begin and end.

    Attributes
    ----------
    condensed : float
        Last change of pattern before `peak`: from here on the living neurons move as two groups.
    peak : float
        When f(x-) is largest: the smaller class is at its worst.
    accurate : float
        T_acc, when f(x-) becomes negative for good.
    off_first, off_last : float
        T_II, first and last living positive neuron that switches off on x-.
    off_share : float
        Share of living positive neurons that do so within 2 % of the first.
    on_first : float
        T_III, when negative neurons switch on again on x+.
    on_share : float
        Share of living negative neurons that do so within 2 % of the first.
    on_ratio : float
        A / B at that moment, from the outputs.
    later_events : int
        Changes of pattern after the last neuron has switched on.
    alive_plus, alive_minus : float
        Fractions of living neurons at `peak`, a+ and a-.
    """

    condensed: float
    peak: float
    accurate: float
    off_first: float
    off_last: float
    off_share: float
    on_first: float
    on_share: float
    on_ratio: float
    later_events: int
    alive_plus: float
    alive_minus: float


@dataclass(frozen=True)
class Plateau:
    """Where the loss of one run is flattest on logarithmic axes.

    Attributes
    ----------
    time : float
        Between the fall from the saddle and full accuracy.
    slope : float
        d log loss / d log time there.
    loss : float
        The loss there.
    accuracy : float
        The training accuracy there.
    """

    time: float
    slope: float
    loss: float
    accuracy: float


def measure_phases(flow: Flow) -> Phases:
    """Read the phases off an exact run."""
    peak, accurate = _peak(flow), _accurate(flow)
    signs = flow.start.signs[flow.entry_neuron]
    changes = np.arange(len(flow.entry_time)) >= flow.start.m
    early = flow.entry_time[changes & (flow.entry_time < peak)]
    condensed = float(early[-1]) if len(early) else 0.0
    living = living_at(flow, peak)
    after = changes & (flow.entry_time >= peak)
    off = flow.entry_time[after & (signs > 0) & (flow.entry_pattern == Pattern.SLIDE_V)]
    released = after & (signs < 0) & (flow.entry_pattern == Pattern.BOTH)
    on = flow.entry_time[released]
    ratio = math.nan
    if len(on):
        loss_plus, loss_minus = flow.problem.class_losses(*flow.outputs(on[:1]))
        ratio = float(loss_plus[0] / loss_minus[0])
    return Phases(
        condensed=condensed,
        peak=peak,
        accurate=accurate,
        off_first=_first(off),
        off_last=float(off[-1]) if len(off) else math.nan,
        off_share=_together(off, int((living > 0).sum())),
        on_first=_first(on),
        on_share=_together(on, int((living < 0).sum())),
        on_ratio=ratio,
        later_events=int((flow.entry_time[changes] > on[-1]).sum()) if len(on) else 0,
        alive_plus=float((living > 0).mean()),
        alive_minus=float((living < 0).mean()),
    )


def measure_plateau(flow: Flow, phases: Phases) -> Plateau:
    """Find where the loss is flattest between saddle and full accuracy; NaN if it gets to neither.

    The start is a saddle and flat as well, so the search begins where the loss falls fastest on
    the way to the peak of f(x-).
    """
    begin, peak, end = phases.condensed, phases.peak, phases.accurate
    if not begin < peak < end < math.inf:
        return Plateau(math.nan, math.nan, math.nan, math.nan)
    way = np.geomspace(max(begin, 1e-3 * peak), peak, 200)
    times = np.concatenate([way, np.geomspace(peak, end, 200)[1:]])
    slopes = log_slope(flow, times)
    steepest = int(np.argmin(slopes[: len(way)]))
    best = steepest + int(np.argmin(np.abs(slopes[steepest:])))
    outputs = flow.outputs(times[best : best + 1])
    loss, accuracy = flow.problem.loss(*outputs), flow.problem.accuracy(*outputs)
    return Plateau(float(times[best]), float(slopes[best]), float(loss[0]), float(accuracy[0]))


def when_below(flow: Flow, level: float) -> float:
    """Return when the loss, which never rises, first falls to a level; NaN if it does not.

    0 if it starts there. Found by dividing the logarithm of time.
    """
    if not flow.loss(np.array([flow.t_end]))[0] <= level:
        return math.nan
    if flow.loss(np.zeros(1))[0] <= level:
        return 0.0
    begin, end = 1e-9 / flow.problem.kappa2**2, flow.t_end
    for _ in range(6):  # each pass divides the interval's logarithm by 11
        times = np.geomspace(begin, end, 12)
        k = max(int(np.argmax(flow.loss(times) <= level)), 1)
        begin, end = float(times[k - 1]), float(times[k])
    return end


def living_at(flow: Flow, time: float) -> Float[np.ndarray, " m"]:
    """Return the sign of each neuron that is active on an input or slides, 0 for the dead ones."""
    _, patterns = flow.neurons(np.array([time]))
    return np.where(patterns[0] == Pattern.OFF, 0.0, flow.start.signs)


def log_slope(flow: Flow, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return d log loss / d log time, from the flow's own velocities."""
    return log_slope_at(flow, times, *flow.local(times))


def log_slope_at(
    flow: Flow,
    times: Float[np.ndarray, " n"],
    which: Int[np.ndarray, " n"],
    tau: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """Return the same, given what `Flow.local` says of the times."""
    loss_plus, loss_minus = flow.problem.class_losses(*flow.outputs_at(which, tau))
    speed = flow.problem.kappa2**2 / flow.start.m
    p1, p2, q = np.array([(s.p1, s.p2, s.q) for s in flow.segments]).T[:, which]
    change = -loss_plus * (p1 * loss_plus - q * loss_minus) + loss_minus * (
        q * loss_plus - p2 * loss_minus
    )
    return speed * change * times / (loss_plus + loss_minus)


def pattern_counts(flow: Flow) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, "n 2 patterns"]]:
    """Return how many positive and negative neurons hold each pattern, after every event.

    Returns
    -------
    times : array, shape (n,)
        When the counts change; the first is 0.
    counts : array, shape (n, 2, 6)
        Positive neurons first.
    """
    held = np.full(flow.start.m, -1)
    counts = np.zeros((2, len(Pattern)), dtype=int)
    times, rows = [], []
    entries = zip(flow.entry_time, flow.entry_neuron, flow.entry_pattern, strict=True)
    for number, (time, k, pattern) in enumerate(entries, start=1):
        row = 0 if flow.start.signs[k] > 0 else 1
        if held[k] >= 0:
            counts[row, held[k]] -= 1
        held[k] = pattern
        counts[row, pattern] += 1
        if number >= flow.start.m:
            times.append(time)
            rows.append(counts.copy())
    return np.array(times), np.array(rows)


def largest_angle(vectors: Float[np.ndarray, "n d"], direction: Float[np.ndarray, " two"]) -> float:
    """Return the largest 1 - cosine between vectors in d dimensions and a direction in the plane.

    Computed from the perpendicular part, so that tiny angles keep their digits.
    """
    along = vectors[:, :2] @ direction
    length = np.linalg.norm(vectors, axis=1)
    across = np.sqrt(
        np.sum((vectors[:, :2] - along[:, None] * direction) ** 2, axis=1)
        + np.sum(vectors[:, 2:] ** 2, axis=1)
    )
    angle = np.arctan2(across, along)
    return float(np.max(np.where(length > 0, 2 * np.sin(angle / 2) ** 2, 2.0)))


def largest_angles(
    flow: Flow,
    times: Float[np.ndarray, " n"],
    directions: Float[np.ndarray, "2 2"],
    living: Float[np.ndarray, " m"],
) -> Float[np.ndarray, "2 n"]:
    """Return `largest_angle` of positive and negative living neurons to their directions.

    NaN where no neuron of that sign lives; `living` is what `living_at` returns.
    """
    found = np.full((2, len(times)), np.nan)
    for n, time in enumerate(times):
        weights = flow.weights(float(time))
        for row, sign in enumerate((1, -1)):
            if (living == sign).any():
                found[row, n] = largest_angle(weights[living == sign], directions[row])
    return found


def _peak(flow: Flow) -> float:
    """Return when f(x-) is largest over the run."""
    heights = []
    for i, segment in enumerate(flow.segments):
        heights.append((segment.f_minus, i, 0.0))
        turn = segment.tau_of_ratio(segment.q / segment.p2) if segment.p2 > 0 else math.inf
        if math.isfinite(turn):
            top = segment.f_minus + segment.q * turn - segment.p2 * segment.sigma(turn)
            heights.append((top, i, turn))
    ends = np.append(flow.times[1:], flow.t_end)
    for _, i, tau in sorted(heights, key=lambda entry: -entry[0]):
        passed = float(flow.segments[i].elapsed(np.array([tau]))[0]) if tau > 0 else 0.0
        if flow.times[i] + passed <= ends[i]:  # else its segment ends before it turns
            return float(flow.times[i] + passed)
    return 0.0


def _accurate(flow: Flow) -> float:
    """Return when f(x-) becomes negative for the last time."""
    starts = np.array([s.f_minus for s in flow.segments])
    positive = np.flatnonzero(starts > 0)
    if not len(positive):
        return math.nan
    i = int(positive[-1])
    segment = flow.segments[i]
    tau = segment.first_zero(segment.f_minus, segment.q, segment.p2, math.inf)
    if math.isinf(tau):
        return math.nan
    time = float(flow.times[i] + segment.elapsed(np.array([tau]))[0])
    return time if time <= flow.t_end else math.nan


def _first(times: Float[np.ndarray, " n"]) -> float:
    return float(times[0]) if len(times) else math.nan


def _together(times: Float[np.ndarray, " n"], of: int) -> float:
    """Return the share of `of` neurons whose event falls within 2 % of the first."""
    if not len(times) or not of:
        return math.nan
    return float((times <= (1 + _CLOSE) * times[0]).sum()) / of
