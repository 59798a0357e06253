"""How much earlier patterns settle than weights: the ratio of two time scales, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import ALL
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import time_scales
from regime_lib.instrument.tracking.trace import Trace

_RESAMPLES = 2000


@dataclass(frozen=True)
class RegimeChange:
    """The time of the weights over the time of the patterns."""

    pattern_time: float
    """Steps until the patterns settle: median over runs, or a bound (see `bound`)."""
    weight_time: float
    """Steps until the weights settle."""
    ratio: float
    """Median over runs of weight time / pattern time; NaN if no run determines it."""
    ci_low: float
    ci_high: float
    definition: Definition
    level: float
    """Of the interval."""
    interval_over: str
    """What was resampled: runs, or probe samples if there is one run; empty if nothing could be."""
    runs: int
    censored: tuple[int, int, int]
    """Runs in which only the patterns, only the weights, both never settle."""

    @property
    def bound(self) -> str:
        """What the ratio is.

        ``exact``; ``partial`` if it stands for the runs that settle, but some settle in neither
        series; a ``lower``, ``upper`` or ``mixed`` bound if one of the two series is censored in
        some runs; ``undetermined`` if most runs settle in neither.
        """
        only_patterns, only_weights, both = self.censored
        if 2 * both > self.runs:
            return "undetermined"
        if only_patterns and only_weights:
            return "mixed"
        if only_patterns or only_weights:
            return "upper" if only_patterns else "lower"
        return "partial" if both else "exact"

    def __str__(self) -> str:
        only_patterns, only_weights, both = self.censored
        if self.bound == "undetermined":
            return (
                f"neither patterns nor weights settle ({self.definition}) in {both} of {self.runs} "
                "runs: the ratio is undetermined (censored)"
            )
        sign = {"lower": "at least ", "upper": "at most ", "mixed": "about "}.get(self.bound, "")
        known = np.isfinite(self.ci_low)
        interval = f" [{self.ci_low:.2f}, {self.ci_high:.2f}]" if known else ""
        notes = [str(self.definition)]
        notes += [f"{100 * self.level:.0f} % over {self.interval_over}"] if known else []
        notes += [f"{self.runs} runs"] if self.runs > 1 else []
        if any(self.censored):
            notes.append(f"censored: {only_patterns} patterns, {only_weights} weights, {both} both")
        return (
            f"patterns settle {self._when(self.pattern_time, only_patterns)}, "
            f"weights {self._when(self.weight_time, only_weights)}: ratio {sign}{self.ratio:.2f}"
            f"{interval} ({'; '.join(notes)})"
        )

    def _when(self, time: float, censored: int) -> str:
        """Say a time, or that it lies beyond the run in most of the runs."""
        beyond = 2 * censored > self.runs - self.censored[2]
        return f"not before step {time:.0f}" if beyond else f"at step {time:.0f}"


def regime_change(
    traces: Trace | Sequence[Trace],
    definition: str | Definition = "peak@0.1",
    *,
    relative: bool = False,
    layer: tuple[str, str] = (ALL, ALL),
    level: float = 0.95,
    seed: int = 0,
) -> RegimeChange:
    """Compare when patterns and weights settle.

    Parameters
    ----------
    traces : Trace or sequence of Trace
        One run, or several with different seeds; the members of a stacked model are runs too.
    definition : str or Definition
        What "settled" means (see `timescales`).
    relative : bool
        Take the update relative to the norm of the weights.
    layer : pair of str
        Names of the pattern layer and of the module whose weights are compared.
    level : float
        Coverage of the interval: bootstrap over runs, or over parts of the probe if there is one.
    seed : int
        Of the bootstrap.

    Returns
    -------
    RegimeChange
        Frozen; `print` gives one sentence.

    Raises
    ------
    RegimeError
        If a trace is too short, or compares patterns over another lag than weights.
    """
    runs = _as_runs(traces)
    if not 0 < level < 1:
        raise RegimeError(f"the interval's level is {level}; expected a share between 0 and 1")
    if isinstance(definition, str):
        definition = Definition.parse(definition)
    pattern_times, pattern_open, weight_times, weight_open = _times(
        runs, definition, relative, layer
    )
    kinds = np.array(
        [
            (pattern_open & ~weight_open).sum(),
            (weight_open & ~pattern_open).sum(),
            (weight_open & pattern_open).sum(),
        ]
    )
    usable = ~(pattern_open & weight_open)
    ratios = weight_times[usable] / np.maximum(pattern_times[usable], 1.0)
    random = np.random.default_rng(seed)
    n = len(pattern_times)
    if n > 1:
        over, resampled = "runs", _resample(ratios, random)
    elif runs[0].groups is not None and definition.quantity == "change" and layer[0] == ALL:
        over = "probe samples"
        times, still_open = _resample_probe(runs[0], definition, random)
        resampled = weight_times[0] / np.maximum(times, 1.0)
        resampled = resampled[~(still_open & weight_open[0])]
    else:
        over, resampled = "", np.empty(0)  # one run tells nothing of its spread
    determined = len(ratios) and 2 * kinds[2] <= n
    tails = (50 * (1 - level), 50 * (1 + level))
    known = determined and len(resampled)
    low, high = np.percentile(resampled, tails) if known else (np.nan, np.nan)
    return RegimeChange(
        float(np.median(pattern_times)),
        float(np.median(weight_times)),
        float(np.median(ratios)) if determined else float("nan"),
        float(low),
        float(high),
        definition,
        level,
        over,
        n,
        (int(kinds[0]), int(kinds[1]), int(kinds[2])),
    )


def run_ratios(
    traces: Trace | Sequence[Trace], definition: str | Definition = "peak@0.1"
) -> tuple[Float[np.ndarray, " runs"], Bool[np.ndarray, "runs 2"]]:
    """Return each run's ratio, and whether its patterns and its weights are censored."""
    runs = _as_runs(traces)
    if isinstance(definition, str):
        definition = Definition.parse(definition)
    patterns, p_open, weights, w_open = _times(runs, definition, False, (ALL, ALL))
    return weights / np.maximum(patterns, 1.0), np.stack([p_open, w_open], axis=1)


def _as_runs(traces: Trace | Sequence[Trace]) -> list[Trace]:
    """Return the runs as a list, or say what was passed instead."""
    runs = [traces] if isinstance(traces, Trace) else traces
    if not isinstance(runs, Sequence) or not all(isinstance(run, Trace) for run in runs):
        raise RegimeError(
            f"expected a Trace or a list of them (tracker.trace after the run), got {traces!r:.60}"
        )
    if not runs:
        raise RegimeError("there is no trace to compare; pass at least one run")
    return list(runs)


def _times(
    runs: Sequence[Trace], definition: Definition, relative: bool, layer: tuple[str, str]
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return pattern and weight times of all runs and members, and which are censored."""
    found: list[list[NDArray]] = [[], [], [], []]
    for trace in runs:
        suffix = definition.quantity
        if suffix == "change":
            _check_lag(trace)
        weight = "weight_change_rel" if relative and suffix == "change" else f"weight_{suffix}"
        for offset, (quantity, name) in enumerate(
            ((f"pattern_{suffix}", layer[0]), (weight, layer[1]))
        ):
            steps, values = trace.array(quantity, name)
            if len(steps) < 10:
                raise RegimeError(
                    f"the trace has {len(steps)} observations of {quantity}; "
                    "a time scale needs at least 10, so train longer or look more often"
                )
            times, is_open = time_scales(steps, values, definition)
            found[2 * offset].append(times)
            found[2 * offset + 1].append(is_open)
    patterns, p_open, weights, w_open = (np.concatenate(part) for part in found)
    return patterns, p_open, weights, w_open


def _check_lag(trace: Trace) -> None:
    if "lag" in trace.quantities and np.any(trace.array("lag")[1] != 1):
        raise RegimeError(
            "patterns were compared with each sample's last visit, several steps ago, but weights "
            "with the step before; use a probe, or watch full batches, to compare the two"
        )


def _resample(ratios: NDArray, random: np.random.Generator) -> NDArray:
    """Bootstrap the median over runs."""
    if not len(ratios):
        return ratios
    drawn = random.integers(len(ratios), size=(_RESAMPLES, len(ratios)))
    return np.median(ratios[drawn], axis=1)


def _resample_probe(
    trace: Trace, definition: Definition, random: np.random.Generator
) -> tuple[NDArray, NDArray]:
    """Bootstrap the pattern time over parts of the probe."""
    assert trace.groups is not None
    parts = trace.groups[:, 0]
    steps, _ = trace.array("pattern_change")
    draws = random.multinomial(
        parts.shape[1], np.full(parts.shape[1], 1 / parts.shape[1]), size=_RESAMPLES // 10
    )
    return time_scales(steps, parts @ draws.T / parts.shape[1], definition)
