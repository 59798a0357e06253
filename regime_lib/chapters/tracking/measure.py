"""What the tracking chapters share: tracked runs, and what is read off their series."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.chapters.bounded import median_between
from regime_lib.chapters.tracking import parts
from regime_lib.chapters.tracking.parts import PerRun, Series, Settling
from regime_lib.estimate import Estimate, median, no_number
from regime_lib.instrument.capture.coverage import ALL
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.regime_change import regime_change, run_ratios
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.memory import give_back
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

#: Steps between observations of averaged weights, which move smoothly.
EVERY = 10
_GIVE_BACK_EVERY = 200  # steps: what a run keeps lies between what it frees
_SMOOTHING = 51  # steps over which series are averaged before they are timed
_USUAL = "peak@0.1"
PAIRS = 64  # of inputs, whose patterns are compared
_POINTS = 220  # steps of a run that a cloud of points shows
_FEWEST_STEPS = 10  # that a slope is fitted to
_WITH = {"sgd": "with SGD", "momentum": "with momentum", "adamw": "with AdamW"}
_LEAD = 1.1  # ratio of areas up to which there is no lead that a warm-up could take away


class SharedSettings:
    """What the settings of all three chapters say."""

    n_seeds: int
    seed: int

    @property
    def seeds(self) -> range:
        """The seed of every run."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of every optimiser."""
        rates = {name.partition("lr_")[2]: value for name, value in vars(self).items()}
        return {optimizer: rate for optimizer, rate in rates.items() if optimizer}

    def config(self, optimizer: str, **options: Any) -> TrainingConfig:
        """Return how a network is trained with one optimiser, at its rate."""
        decay = 0.01 if optimizer == "adamw" else 0.0
        rate = self.rates[optimizer]
        return TrainingConfig(optimizer=optimizer, lr=rate, weight_decay=decay, **options)


@dataclass(frozen=True, eq=False)
class TrackedRun:
    """A training, of one network or of an ensemble."""

    trace: Trace
    average: Trace | None  # of the moving average of the weights, every tenth step
    accuracy: PerRun  # on the test set, after the last step
    loss: Float[np.ndarray, "steps runs"]  # of each batch, before its step


Traces = dict[str, list[Trace]]  # runs under their names, as in `parts`; an ensemble is one trace
Runs = dict[str, list[TrackedRun]]  # by optimiser


def every_tenth(step: int) -> bool:
    """Whether a tracker that observes now and then observes this step."""
    return step % EVERY == 0


def tracked(
    model: nn.Module,
    data: Dataset | Stack,
    config: TrainingConfig,
    seeds: int | Sequence[int],
    probe_size: int,
    *,
    ema: float | None = None,
    **watch: Any,
) -> TrackedRun:
    """Train and track a network, or an ensemble, and the average of its weights with decay `ema`.

    The probe is the first `probe_size` test inputs: those of each member, if each has its own. The
    options `watch` are those of the tracker.
    """
    probe: Tensor | Callable[[nn.Module], Tensor]
    if isinstance(data, Stack):
        own = data.test_inputs[:, :probe_size]

        def probe(network: nn.Module) -> Tensor:
            outputs: Tensor = network(own)
            return outputs

        watch["samples"] = own.shape[1]
    else:
        probe = data.test_inputs[:probe_size]
    if isinstance(model, Ensemble):
        watch["members"] = model.members
    often = EVERY if ema else None
    with RegimeTracker(model, probe, ema=ema, ema_every=often, **watch) as tracker:

        def observe() -> None:
            tracker.update()
            if next(steps) % _GIVE_BACK_EVERY == 0:
                give_back()

        steps = count(1)
        history = train(model, data, config, seeds, observe, evaluations=1)
    average = tracker.ema_trace if ema else None
    return TrackedRun(tracker.trace, average, history.final_test_accuracy, history.loss)


def traces_of(runs: Runs) -> Traces:
    """Return what was tracked of the trained weights, by optimiser."""
    return {name: [run.trace for run in own] for name, own in runs.items()}


def averages_of(runs: Runs) -> Traces:
    """Return what was tracked of the moving averages, by optimiser."""
    return {name: [run.average for run in own if run.average] for name, own in runs.items()}


def joined(
    traces: Sequence[Trace], quantity: str, layer: str = ALL, *, window: int = _SMOOTHING
) -> Series:
    """Return one quantity of all runs, smoothed by a trailing mean; a window of 0 leaves it raw."""
    found = [trace.array(quantity, layer) for trace in traces]
    values = np.concatenate([own for _, own in found], axis=1)
    return found[0][0], smooth(values, window) if window else values


def settling(traces: Sequence[Trace], definition: str = _USUAL, *, every: int = 1) -> Settling:
    """Time both series of all runs; `every` is the number of steps between observations."""
    how = Definition.parse(definition, max(1, _SMOOTHING // every))
    found = regime_change(traces, how)
    ratios, censored = run_ratios(traces, how)
    return Settling(found.pattern_time, found.weight_time, found.bound, ratios, censored)


def median_ratio(traces: Sequence[Trace], over: str) -> Estimate:
    """Return the median ratio over all runs, in an interval that censored runs cannot leave.

    A run in which only one series settles bounds its ratio on one side, one in which neither does
    bounds it by zero alone.
    """
    ratios, censored = run_ratios(traces, _USUAL)
    least, most = np.where(censored.T, [[0.0], [np.inf]], ratios)
    return median_between(least, most, over)


def area_ratios(traces: Sequence[Trace], *, every: int = 1) -> PerRun:
    """Return, for every run, the area under the weights' curve over that of the patterns.

    Each curve is divided by its peak, a mean over 51 steps; so there is a number also where no
    threshold is reached.
    """
    return run_ratios(traces, Definition("auc", window=max(1, _SMOOTHING // every)))[0]


def worst(values: Mapping[str, PerRun], distance: Callable[[float], float]) -> Estimate:
    """Return the median over the runs of one setting: the one furthest from what is claimed.

    So a statement about all optimisers is judged by the one that it fits worst, and the interval is
    one over its seeds, not over optimisers. Runs without a number are left out.
    """
    known = {name: own[np.isfinite(own)] for name, own in values.items()}
    if min(map(len, known.values())) < 2:
        return no_number()  # a setting that nothing is known of may be the worst
    name = max(known, key=lambda name: distance(float(np.median(known[name]))))
    runs = known[name]
    return median(runs, over=f"{len(runs)} seeds: {name}, the worst of {len(known)}")


def off_one(factor: float) -> float:
    """How far a positive factor is from one, either way."""
    return abs(float(np.log(factor)))


def small(value: float) -> float:
    """How far a number is below what is claimed to be at least so large."""
    return -value


def both_changes(traces: Sequence[Trace], *, every: int = 1) -> tuple[Series, Series]:
    """Return the smoothed pattern change and weight change of all runs, observed `every` steps."""
    window = max(1, _SMOOTHING // every)
    pattern = joined(traces, "pattern_change", window=window)
    return pattern, joined(traces, "weight_change", window=window)


def all_changes(traces: Traces) -> tuple[dict[str, Series], dict[str, Series]]:
    """Return the smoothed pattern changes and weight changes of all runs under their names."""
    both = {name: both_changes(own) for name, own in traces.items()}
    patterns = {name: pattern for name, (pattern, _) in both.items()}
    return patterns, {name: weight for name, (_, weight) in both.items()}


def slopes(traces: Sequence[Trace]) -> PerRun:
    """Fit power laws: the smoothed pattern change of a step against its weight change, by run.

    NaN where something flips in fewer than ten steps.
    """
    (_, patterns), (_, weights) = both_changes(traces)
    return np.array([_slope(x, y) for x, y in zip(weights.T, patterns.T, strict=True)])


def _slope(x: Float[np.ndarray, " steps"], y: Float[np.ndarray, " steps"]) -> float:
    both = (x > 0) & (y > 0)
    if both.sum() < _FEWEST_STEPS:
        return np.nan
    return float(np.polyfit(np.log(x[both]), np.log(y[both]), 1)[0])


def step_points(traces: Sequence[Trace]) -> Float[np.ndarray, "2 points"]:
    """Return weight change and pattern change of single steps, each over its peak in its run."""
    found = [joined(traces, f"{name}_change", window=0)[1] for name in ("weight", "pattern")]
    steps = len(found[0])
    chosen = np.unique(np.geomspace(1, steps, _POINTS).astype(int)) - 1
    return np.array([(values / values.max(axis=0))[chosen].ravel() for values in found])


def flips_per_net_flip(traces: Sequence[Trace], over: str) -> Series:
    """Return how many bits flip for one that finally differs, at the outer ends of the windows."""
    found = [trace.flips_per_net_flip(over) for trace in traces]
    steps = found[0].starts if over == "end" else found[0].stops
    return steps, np.concatenate([windows.ratio for windows in found], axis=1)


def at_step(series: Series, step: int) -> PerRun:
    """Return a series at the observation nearest to a step."""
    steps, values = series
    return values[np.abs(steps - step).argmin()]


def ratio_rows(
    traces: Traces, definitions: Mapping[str, str], *, every: int = 1, **labels: str
) -> list[dict[str, float | str]]:
    """Return the ratio, its interval and its bound for every definition and optimiser."""
    return [
        {**labels, "definition": words, "optimizer": name, **settling(own, how, every=every).row}
        for how, words in definitions.items()
        for name, own in traces.items()
    ]


def by_layer(traces: Sequence[Trace], modules: Mapping[str, str]) -> parts.Layers:
    """Look at all layers of rectifiers, and at some modules that hold weights, under names."""
    layers = [layer.name for layer in traces[0].coverage.layers]
    return parts.Layers(
        {name: joined(traces, "pattern_change", name) for name in layers},
        {words: joined(traces, "weight_change", name) for words, name in modules.items()},
    )


def off_good(indicator: float) -> float:
    """How far the indicator is from the middle of where it is said to stay."""
    return abs(indicator - sum(parts.GOOD) / 2)


def step_by_step(claim: str, traces: Traces) -> parts.Proportional:
    """Fit a power law to every run."""
    found = {name: slopes(own) for name, own in traces.items()}
    points = {name: step_points(own) for name, own in traces.items()}
    return parts.Proportional({claim: worst(found, off_one)}, {}, points, found)


def warm_up_effect(claim: str, without: Sequence[Trace], warmed: Sequence[Trace]) -> parts.Ratios:
    """Compare runs of AdamW without and with a warm-up, seed by seed."""
    traces = {"AdamW": [*without], "AdamW with warm-up": [*warmed]}
    before, after = (area_ratios(own) for own in traces.values())
    return parts.Ratios(
        {claim: lead_removed(before, after)},
        {"area-before": float(np.median(before)), "area-after": float(np.median(after))},
        *all_changes(traces),
        {name: settling(own) for name, own in traces.items()},
    )


def lead_removed(before: PerRun, after: PerRun) -> Estimate:
    """Return the median share of the logarithm of a ratio that a treatment of each run removes.

    Of a run without a lead that could be removed the share may be anything.
    """
    known = before > _LEAD
    share = 1 - np.log(after) / np.log(np.where(known, before, 2.0))
    least, most = (np.where(known, share, unknown) for unknown in (-np.inf, np.inf))
    return median_between(least, most, f"{len(before)} seeds")


def weights_and_average(claim: str, runs: Runs, distance: Callable[[float], float]) -> parts.Drift:
    """Compare how trained weights and their moving averages settle."""
    traces, averages = traces_of(runs), averages_of(runs)
    areas = {name: area_ratios(own, every=EVERY) for name, own in averages.items()}
    return parts.Drift(
        {claim: worst(areas, distance)},
        {},
        {name: both_changes(own) for name, own in traces.items()},
        {name: both_changes(own, every=EVERY) for name, own in averages.items()},
        {name: area_ratios(own) for name, own in traces.items()},
        areas,
    )


def pairs_of_inputs(claim: str, traces: Traces, layers_of: str) -> parts.Indicator:
    """Compare the patterns of two inputs at one time; the layers are those of one name."""
    overall = {name: joined(own, "oui", window=0) for name, own in traces.items()}
    final = {name: values[-1] for name, (_, values) in overall.items()}
    shown = traces[layers_of]
    layers = [layer.name for layer in shown[0].coverage.layers]
    return parts.Indicator(
        {claim: worst(final, off_good)},
        {},
        all_changes(traces)[0],
        overall,
        {name: joined(shown, "oui", name, window=0) for name in layers},
        final,
    )


def number_or_none(value: float, digits: int = 2) -> str:
    """Write a number for the prose, or that there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "no number"


def interval_of(estimate: Estimate) -> str:
    """Write the ends of an interval for the prose."""
    return "no interval" if estimate.low is None else f"{estimate.low:.2f} to {estimate.high:.2f}"


def with_interval(estimate: Estimate) -> str:
    """Write an estimate for the prose, or that there is none."""
    known = estimate.value is not None
    return f"{estimate.value:.2f} ({interval_of(estimate)})" if known else "no number"


def known_ratios(found: Mapping[str, Estimate]) -> str:
    """Write the ratios that are known, by optimiser, for the prose."""
    known = [f"{with_interval(one)} {_WITH[name]}" for name, one in found.items() if one.known]
    return ", ".join(known) or "known for no optimiser"


def medians(values: Mapping[str, PerRun], prefix: str = "") -> dict[str, float]:
    """Return the median over the runs of each name in which there is a number."""
    return {f"{prefix}{name}": float(np.nanmedian(own)) for name, own in values.items()}


def range_of_medians(values: Mapping[str, PerRun], digits: int = 2) -> str:
    """Write the smallest and the largest of the medians over runs."""
    found = medians(values).values()
    return f"{min(found):.{digits}f} to {max(found):.{digits}f}"
