"""How much earlier patterns settle than weights: the ratio of two time scales, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, no_number, number, over_runs
from regime_lib.instrument.capture.coverage import ALL
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.recorded import Recorded, of_single_steps
from regime_lib.instrument.settling.timescales import time_scales


@dataclass(frozen=True)
class RegimeChange:
    """The time of the weights over the time of the patterns."""

    pattern_time: float
    """Steps until the patterns settle: median over runs, or a bound (see `bound`)."""
    weight_time: float
    """Steps until the weights settle."""
    estimate: Estimate
    """Median over runs of weight time / pattern time; no number if no run determines it."""
    definition: Definition
    runs: int
    censored: tuple[int, int, int]
    """Runs in which only the patterns, only the weights, both never settle."""

    @property
    def ratio(self) -> float:
        """The number of the estimate; NaN if there is none."""
        return _or_nan(self.estimate.value)

    @property
    def ci_low(self) -> float:
        """Lower end of the estimate's interval; NaN if there is none."""
        return _or_nan(self.estimate.low)

    @property
    def ci_high(self) -> float:
        """Upper end."""
        return _or_nan(self.estimate.high)

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
        known = self.estimate.low is not None
        interval = f" [{self.ci_low:.2f}, {self.ci_high:.2f}]" if known else ""
        notes = [str(self.definition)]
        notes += [f"{self.estimate.method} over {self.estimate.over}"] if known else []
        notes += [f"{self.runs} runs"] if self.runs > 1 and not known else []
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
    traces: Recorded | Sequence[Recorded],
    definition: str | Definition = "peak@0.1",
    *,
    relative: bool = False,
    layer: tuple[str, str] = (ALL, ALL),
    seed: int = 0,
) -> RegimeChange:
    """Compare when patterns and weights settle.

    Parameters
    ----------
    traces : Trace or sequence of Trace
        One run, or several with different seeds; the members of an ensemble are runs too.
    definition : str or Definition
        What "settled" means (see `definitions`).
    relative : bool
        Take the update relative to the norm of the weights.
    layer : pair of str
        Names of the pattern layer and of the module whose weights are compared.
    seed : int
        Of the interval: over runs as `regime_lib.estimate.over_runs` has it, or over parts of the
        probe if there is one run.

    Raises
    ------
    RegimeError
        If a trace is too short, or compares patterns over another lag than weights.
    """
    runs = _as_runs(traces)
    if isinstance(definition, str):
        definition = Definition.parse(definition)
    patterns, p_open, weights, w_open = _times(runs, definition, relative, layer)
    only_patterns, only_weights, both = (
        int(which.sum()) for which in (p_open & ~w_open, w_open & ~p_open, p_open & w_open)
    )
    usable, n = ~(p_open & w_open), len(patterns)
    ratios = weights[usable] / np.maximum(patterns[usable], 1.0)
    if not len(ratios) or 2 * both > n:
        ratio = no_number(f"{n} runs")
    elif n > 1:
        m = len(ratios)
        ratio = over_runs(lambda picks: np.median(ratios[picks]), m, over=f"{m} runs", seed=seed)
    elif runs[0].groups is not None and definition.quantity == "change" and layer[0] == ALL:
        ratio = _over_probe(runs[0], definition, ratios[0], weights[0], bool(w_open[0]), seed)
    else:
        ratio = number(ratios[0], n=1, over="1 run")  # which tells nothing of its spread
    times = float(np.median(patterns)), float(np.median(weights))
    return RegimeChange(*times, ratio, definition, n, (only_patterns, only_weights, both))


def run_ratios(
    traces: Recorded | Sequence[Recorded], definition: str | Definition = "peak@0.1"
) -> tuple[Float[np.ndarray, " runs"], Bool[np.ndarray, "runs 2"]]:
    """Return each run's ratio, and whether its patterns and its weights are censored."""
    runs = _as_runs(traces)
    if isinstance(definition, str):
        definition = Definition.parse(definition)
    patterns, p_open, weights, w_open = _times(runs, definition, False, (ALL, ALL))
    return weights / np.maximum(patterns, 1.0), np.stack([p_open, w_open], axis=1)


def _as_runs(traces: Recorded | Sequence[Recorded]) -> list[Recorded]:
    """Return the runs as a list, or say what was passed instead."""
    runs = [traces] if isinstance(traces, Recorded) else traces
    if not isinstance(runs, Sequence) or not all(isinstance(run, Recorded) for run in runs):
        raise RegimeError(
            f"expected a Trace or a list of them (tracker.trace after the run), got {traces!r:.60}"
        )
    if not runs:
        raise RegimeError("there is no trace to compare; pass at least one run")
    return list(runs)


def _times(
    runs: Sequence[Recorded], definition: Definition, relative: bool, layer: tuple[str, str]
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return pattern and weight times of all runs and members, and which are censored."""
    found: list[list[NDArray]] = [[], [], [], []]
    for trace in runs:
        suffix = definition.quantity
        if suffix == "change" and not of_single_steps(trace):
            raise RegimeError(
                "patterns were compared with each sample's last visit, several steps ago, but "
                "weights with the step before; use a probe, or watch full batches, to compare the "
                "two"
            )
        weight = "weight_change_rel" if relative and suffix == "change" else f"weight_{suffix}"
        for offset, quantity in enumerate((f"pattern_{suffix}", weight)):
            steps, values = trace.array(quantity, layer[offset])
            if len(steps) < 10:
                raise RegimeError(
                    f"the trace has {len(steps)} observations of {quantity}; "
                    "a time scale needs at least 10, so train longer or observe more often"
                )
            times, is_open = time_scales(steps, values, definition)
            found[2 * offset].append(times)
            found[2 * offset + 1].append(is_open)
    patterns, p_open, weights, w_open = (np.concatenate(part) for part in found)
    return patterns, p_open, weights, w_open


def _over_probe(
    run: Recorded, definition: Definition, ratio: float, weight: float, weight_open: bool, seed: int
) -> Estimate:
    """Return the ratio of one run, with an interval over parts of the probe."""
    assert run.groups is not None
    parts, (steps, _) = run.groups[:, 0], run.array("pattern_change")
    n = parts.shape[1]

    def ratio_of(picks: NDArray) -> float:
        change = parts @ np.bincount(picks, minlength=n) / n
        times, still_open = time_scales(steps, change[:, None], definition)
        return np.nan if still_open[0] and weight_open else weight / max(times[0], 1.0)

    found = over_runs(ratio_of, n, over=f"{n} parts of the probe", seed=seed)
    if found.low is None or found.high is None:
        return number(ratio, n=n, over=found.over)
    # parts differ by one sample, so that their mean is not quite the whole
    return replace(found, value=ratio, low=min(found.low, ratio), high=max(found.high, ratio))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
