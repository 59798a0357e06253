"""One network through all phases: its loss, patterns and weight speed, and its neurons."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.chapters.multi_phase.settings import Numbers, Settings, solved, typical
from regime_lib.estimate import Estimate
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Flow, Pattern
from regime_lib.simulators.two_layer.phases import (
    Phases,
    Plateau,
    log_slope,
    measure_phases,
    pattern_counts,
)
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

_SETTLED = 0.1  # of the peak, as in the tracking chapters


@dataclass(frozen=True)
class Settling:
    """When patterns and weights settle, by one yardstick, in every network."""

    claims: dict[str, Estimate]
    numbers: Numbers


def settling(settings: Settings) -> Settling:
    """Compare when the rates of all networks that pass through all phases fall for good."""
    runs = [run for run in solved(settings) if run.done]
    windows = log_windows(0.01 * settings.kappa1 / settings.kappa2, settings.horizon)
    rates = [rates_in(run.flow, windows) for run in runs]
    first, strict = (
        np.array([settles(windows, one["weight"], below) for one in rates])
        / np.array([settles(windows, one["pattern"], below) for one in rates])
        for below in (_SETTLED, _SETTLED / 10)
    )
    return Settling(
        {"mp-patterns-first": typical(first, f"{len(runs)} networks")},
        {
            "settled-least": f"{first.min():,.0f}" if runs else "no run",
            "settled-most": f"{first.max():,.0f}" if runs else "no run",
            "settled-strict": f"{np.median(strict):,.3g}" if runs else "no run",
        },
    )


@dataclass(frozen=True)
class OneRun:
    """The first network that passes through all phases."""

    numbers: Numbers
    phases: Phases
    plateau: Plateau
    ends: dict[str, float]
    """When the phases I, II and III end, as far as they do."""
    times: Float[np.ndarray, " times"]
    loss: Float[np.ndarray, " times"]
    accuracy: Float[np.ndarray, " times"]
    on_plateau: Float[np.ndarray, " early"]
    """Times between the peak of f(x-) and full accuracy."""
    law: Float[np.ndarray, " early"]
    """The closed form of the loss there."""
    count_times: Float[np.ndarray, " changes"]
    counts: Int[np.ndarray, "changes 2 patterns"]
    """Positive and negative neurons of each `Pattern`; they stay until the next time."""
    speed_times: Float[np.ndarray, " many"]
    speed: Float[np.ndarray, " many"]
    """Of the weights, over its peak."""
    changes: Float[np.ndarray, " events"]
    """When a pattern changes."""
    rate_times: Float[np.ndarray, " windows"]
    """The middles of windows of equal length on the logarithmic axis of time."""
    rate: Float[np.ndarray, " windows"]
    """Changes of pattern per time in each window, over the peak."""
    settled: dict[str, float]
    """When "weight" and "pattern" fall below a tenth of their peak for good."""


def one_run(settings: Settings) -> OneRun:
    """Follow one network at the chapter's setting on a logarithmic axis of time."""
    runs = solved(settings)
    run = next((run for run in runs if run.done), runs[0])
    flow, phases, problem = run.flow, run.phases, settings.problem
    reached = [t for t in (phases.peak, phases.accurate, phases.on_first) if np.isfinite(t)]
    first = 0.02 * max(phases.condensed, 1e-2 * settings.kappa1 / settings.kappa2)
    last = min(300 * reached[-1], settings.horizon)
    times, many = np.geomspace(first, last, 500), np.geomspace(first, last, 2500)
    outputs = flow.outputs(times)
    on_plateau = times[(times > phases.peak) & (times < phases.accurate)]
    speed = weight_speed(flow, many)
    windows = log_windows(0.01 * settings.kappa1 / settings.kappa2, last)
    rates = rates_in(flow, windows)
    settled = {name: settles(windows, rate) for name, rate in rates.items()}
    count_times, counts = pattern_counts(flow)
    shown = count_times < last
    ends = {"I": phases.condensed, "II": phases.off_first, "III": phases.on_first}
    return OneRun(
        {
            "settled-factor": f"{settled['weight'] / settled['pattern']:,.0f}",
            "weights-calm": f"{settled['weight']:.3g}",
            "patterns-calm": f"{settled['pattern']:.2g}",
            "patterns-last": f"{flow.entry_time[-1]:.3g}",
            "patterns-late": int((flow.entry_time > phases.condensed).sum()),
        },
        phases,
        run.plateau,
        {name: end for name, end in ends.items() if np.isfinite(end)},
        times,
        problem.loss(*outputs),
        problem.accuracy(*outputs),
        on_plateau,
        theory.drift(problem, *run.living, on_plateau),
        np.append(np.maximum(count_times[shown], first), last),
        np.concatenate([counts[shown], counts[shown][-1:]]),
        many,
        speed / speed.max(),
        flow.entry_time[flow.entry_time > 0],
        np.sqrt(windows[1:] * windows[:-1]),
        rates["pattern"] / rates["pattern"].max(),
        settled,
    )


def log_windows(first: float, last: float) -> Float[np.ndarray, " edges"]:
    """Return the edges of windows of time, five to a decade."""
    return np.geomspace(first, last, round(5 * np.log10(last / first)) + 1)


def rates_in(
    flow: Flow, windows: Float[np.ndarray, " edges"]
) -> dict[str, Float[np.ndarray, " windows"]]:
    """Return, in each window, the path of the weights over its length, and the changes of pattern.

    One yardstick for both: a change of pattern has no speed but in a window, and no window in units
    of time is fair to all scales of time at once.
    """
    width, inside = np.diff(windows), np.linspace(0, 1, 9)
    times = windows[:-1] * (windows[1:] / windows[:-1]) ** inside[:, None]
    speeds = weight_speed(flow, times.ravel()).reshape(times.shape)
    path = np.trapezoid(speeds, times, axis=0)
    changes, _ = np.histogram(flow.entry_time[flow.start.m :], windows)
    return {"weight": path / width, "pattern": changes / width}


def settles(
    windows: Float[np.ndarray, " edges"],
    rate: Float[np.ndarray, " windows"],
    below: float = _SETTLED,
) -> float:
    """Return the end of the last window whose rate is a tenth of the peak, or `below`, or more."""
    return float(windows[np.flatnonzero(rate >= below * rate.max())[-1] + 1])


def weight_speed(flow: Flow, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return the length of the velocity of all weights: its square is -dL/dt (energy identity)."""
    return np.sqrt(np.maximum(-log_slope(flow, times) * flow.loss(times) / times, 0))


@dataclass(frozen=True)
class Plane:
    """Neurons in the plane of the inputs, at a wide angle, from start to end."""

    delta: float
    """The angle between the inputs, radians."""
    phases: Phases
    times: Float[np.ndarray, " times"]
    loss: Float[np.ndarray, " times"]
    accuracy: Float[np.ndarray, " times"]
    names: tuple[str, ...]
    """The phase at each time."""
    weights: Float[np.ndarray, "times neurons 2"]
    signs: Float[np.ndarray, " neurons"]
    alive: Bool[np.ndarray, "times neurons"]


def plane(_: Settings) -> Plane:
    """Follow 64 neurons that start on a circle; no setting matters."""
    problem = TwoPoints(4.0, 0.6)
    flow = exact_flow(problem, even_neurons(64), 1e9)
    phases = measure_phases(flow)
    ends = [phases.condensed, phases.off_first, phases.on_first]
    parts = [2e-5, phases.condensed, phases.peak, phases.accurate, *ends[1:], 50 * ends[-1]]
    times = np.unique(np.concatenate([np.geomspace(*pair, 9) for pair in pairwise(parts)]))
    projections, patterns = flow.neurons(times)
    return Plane(
        problem.delta,
        phases,
        times,
        flow.loss(times),
        problem.accuracy(*flow.outputs(times)),
        tuple(("I", "II", "III", "IV")[i] for i in np.searchsorted(ends, times, "right")),
        np.array([flow.start.moved(problem, now).weights for now in projections]),
        flow.start.signs,
        patterns != Pattern.OFF,
    )
