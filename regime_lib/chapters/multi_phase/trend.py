"""Which phases there are, in which order, and whether networks get simpler and then richer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.multi_phase.plateaus import Rests, rests_of
from regime_lib.chapters.multi_phase.segmentation import Series, number_for, series_of, stretches
from regime_lib.chapters.multi_phase.settings import (
    PARAMETERS,
    Numbers,
    Run,
    Settings,
    grid,
    or_no_run,
    solved,
    typical,
)
from regime_lib.estimate import Estimate, proportion
from regime_lib.simulators.two_layer.flow import Flow, Pattern

_MOMENTS = ("start", "plateau", "full accuracy", "end")
_FAN = 64  # directions all around the plane of the two inputs


@dataclass(frozen=True)
class Order:
    """Whether the networks pass through the four phases, in this order and no others."""

    claims: dict[str, Estimate]
    numbers: Numbers


def order(settings: Settings) -> Order:
    """Compare the events of every network with the four phases; one that does not arrive fails."""
    pairs = zip(solved(settings), rests_of(settings), strict=True)
    found = [in_order(run, rests) for run, rests in pairs]
    n = len(found)
    return Order(
        {"mp-four-phases": proportion(sum(found), n, over=f"{n} networks")},
        {"in-order": sum(found)},
    )


def in_order(run: Run, rests: Rests) -> bool:
    """Return whether all that happens to a network is what the four phases say.

    Patterns change until condensation is over; then the loss rests at the saddle, falls, and rests
    on the plateau; then every living positive neuron loses x-, and after the last of them every
    living negative neuron gains x+; between and after nothing changes.
    """
    flow, phases = run.flow, run.phases
    moments = (0, rests.condensed, rests.left, rests.arrived, rests.fallen, phases.off_first)
    if not all(np.diff(moments) > 0) or not phases.off_last < phases.on_first:
        return False
    later = np.flatnonzero(flow.entry_time > phases.condensed)
    later = later[later >= flow.start.m]
    signs = flow.start.signs[flow.entry_neuron[later]]
    alive = np.array([phases.alive_plus, phases.alive_minus]) * flow.start.m
    plus, minus = np.round(alive).astype(int)
    expected = [(1.0, Pattern.SLIDE_V)] * plus + [(-1.0, Pattern.BOTH)] * minus
    return [*zip(signs, flow.entry_pattern[later], strict=True)] == expected


@dataclass(frozen=True)
class Segments:
    """The stretches of time that an automatic segmentation finds."""

    claims: dict[str, Estimate]
    numbers: Numbers
    series: Series
    """Of the first network that passes through all phases."""
    found: Float[np.ndarray, " starts"]
    """When each stretch of it begins, but the first."""
    ends: dict[str, float]
    """When its phases I, II and III end."""
    counts: Int[np.ndarray, " runs"]
    """How many stretches there are in each run of the grid."""


def segments(settings: Settings) -> Segments:
    """Segment every run of the grid; a setting counts once, by the median or most of its runs."""
    runs = solved(settings)
    run = next((run for run in runs if run.done), runs[0])
    series, settings_of = series_of(run.flow), grid(settings).groupby(PARAMETERS)
    four = settings_of["stretches"].median() == 4
    ordered = settings_of["in_order"].mean() > 0.5
    over, counts = settings.over_grid, grid(settings)["stretches"]
    ends = {"I": run.phases.condensed, "II": run.phases.off_first, "III": run.phases.on_first}
    return Segments(
        {
            "mp-segments-count": proportion(int(four.sum()), len(four), over=over),
            "mp-segments-order": proportion(int(ordered.sum()), len(ordered), over=over),
        },
        {
            "stretches-typical": int(counts.median()),
            "stretches-most": f"{counts.min()} to {counts.max()}",
            "stretches-tenth": number_for(series, 0.1),
            "stretches-twentieth": number_for(series, 0.05),
            "stretches-hundredth": number_for(series, 0.01) or "more than ten",
            "stretches-ordered": int(ordered.sum()),
            "stretches-settings": len(ordered),
        },
        series,
        series.times[stretches(series)],
        {name: end for name, end in ends.items() if np.isfinite(end)},
        counts.to_numpy(),
    )


@dataclass(frozen=True)
class Complexity:
    """How many features carry the outputs, and how many patterns there are, over time."""

    claims: dict[str, Estimate]
    numbers: Numbers
    times: Float[np.ndarray, " times"]
    effective: Float[np.ndarray, "runs times"]
    """The effective number of features."""
    ranks: Float[np.ndarray, "runs times"]
    """The effective rank of the activations on a fan of inputs."""
    moments: tuple[str, ...]
    patterns: Int[np.ndarray, "runs moments"]
    """How many patterns the living neurons hold, by sign of the output weight."""


def complexity(settings: Settings) -> Complexity:
    """Follow networks that pass through all phases from the start to the end."""
    runs = [run for run in solved(settings) if run.done][: settings.some]
    begin, end = 1e-3 * settings.kappa1 / settings.kappa2, settings.horizon
    times = np.geomspace(begin, end, 80)
    effective = [[effective_features(run.flow, time) for time in times] for run in runs]
    ranks = [fan_ranks(run.flow, times) for run in runs]
    rows, patterns, fans = [], [], []
    for run in runs:
        moments = np.array([0.0, run.plateau.time, run.phases.accurate, end])
        rows.append([effective_features(run.flow, time) for time in moments])
        patterns.append([number_of_patterns(run.flow, time) for time in moments])
        fans.append(fan_ranks(run.flow, moments))
    shape = (-1, len(_MOMENTS))
    features, counts = np.array(rows).reshape(shape), np.array(patterns, dtype=int).reshape(shape)
    fan = np.array(fans).reshape(shape)
    over, last = f"{len(runs)} networks", len(_MOMENTS) - 1
    middle = {name: typical(features[:, i], over) for i, name in enumerate(_MOMENTS)}
    numbers: Numbers = {
        f"features-{name.split()[-1]}": found.value if found.value is not None else "no run"
        for name, found in middle.items()
    }
    for i, name in enumerate(_MOMENTS):
        most = counts[:, i].max() if len(runs) else "no run"
        numbers[f"patterns-{name.split()[-1]}"] = most if isinstance(most, str) else int(most)
        rank = np.median(fan[:, i]) if len(runs) else np.nan
        numbers[f"rank-{name.split()[-1]}"] = or_no_run(rank)
    return Complexity(
        {
            "mp-simplifying": typical(features[:, 1] / features[:, 0], over),
            "mp-complexity": typical(features[:, last] / features[:, 1], over),
            "mp-complexity-patterns": typical(counts[:, last] / counts[:, 1], over),
            "mp-simplifying-rank": typical(fan[:, 1] / fan[:, 0], over),
            "mp-complexity-rank": typical(fan[:, last] / fan[:, 1], over),
        },
        numbers,
        times,
        np.array(effective).reshape(-1, len(times)),
        np.array(ranks).reshape(-1, len(times)),
        _MOMENTS,
        counts,
    )


def effective_features(flow: Flow, time: float) -> float:
    """Return how many features carry the outputs: 1 / sum of squared shares.

    A feature is all neurons of one sign and one pattern; its share is what it adds to the outputs
    on both inputs, in size.
    """
    seen, groups = _groups(flow, time)
    sizes = np.bincount(groups, weights=np.maximum(seen, 0).sum(axis=0))
    shares = sizes / sizes.sum()
    return float(1 / (shares**2).sum())


def fan_ranks(flow: Flow, times: Float[np.ndarray, " times"]) -> Float[np.ndarray, " times"]:
    """Return the effective rank of all neurons' activations on a fan of inputs in the plane.

    1 / sum of squared shares of the eigenvalues of their Gram matrix (64 x 64).
    """
    angles = 2 * np.pi * np.arange(_FAN) / _FAN
    fan, found = np.column_stack([np.cos(angles), np.sin(angles)]), []
    for seen in flow.neurons(times)[0]:
        active = np.maximum(fan @ flow.start.moved(flow.problem, seen).weights[:, :2].T, 0)
        gram = active @ active.T
        found.append(np.trace(gram) ** 2 / (gram**2).sum())
    return np.array(found)


def number_of_patterns(flow: Flow, time: float) -> int:
    """Return how many patterns the living neurons hold, those of each sign counted apart."""
    _, groups = _groups(flow, time)
    off = {2 * Pattern.OFF, 2 * Pattern.OFF + 1}
    return len({*groups.tolist()} - off)


def _groups(flow: Flow, time: float) -> tuple[Float[np.ndarray, "2 m"], Int[np.ndarray, " m"]]:
    """Return u and v of all neurons, and a number for each pair of pattern and sign."""
    seen, patterns = flow.neurons(np.array([time]))
    return seen[0], 2 * patterns[0] + (flow.start.signs > 0)
