"""What chapter 20 measures: whether patterns settle before weights in an MLP on digits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from regime_lib.chapters.tracking import measure as shared
from regime_lib.chapters.tracking import parts
from regime_lib.chapters.tracking.parts import PerRun, Settling
from regime_lib.estimate import Estimate, no_number, over_runs
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

#: Every definition that is compared, and what it means.
DEFINITIONS = {
    "peak@0.5": "below 1/2 of the peak",
    "peak@0.2": "below 1/5 of the peak",
    "peak@0.1": "below 1/10 of the peak",
    "peak@0.05": "below 1/20 of the peak",
    "floor@0.1": "near its floor",
    "auc": "area over peak",
    "fit": "fitted decay",
    "cum@0.5": "half of the sum spent",
    "cum@0.9": "9/10 of the sum spent",
    "end@0.5": "half-way to the end",
    "end@0.1": "9/10 of the way to the end",
    "start@0.9": "9/10 of the way from the start",
}
#: Mean training loss of an epoch below which a network counts as trained to the end.
_FITTED = 1e-3
_LONGER = 2  # times as long: runs in which every optimiser comes to the end of training
_FEWER = 6  # of them; the fewest of which a median has an interval
_SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)  # of a longer run that is cut short
_TOGETHER = 12  # networks that are trained at once: to track more takes too much memory
_OF_MANY = {"together": 4, "snapshots": 80}  # of more networks than that, whose traces are kept
_SPLITS = 512 << 20  # bytes of their splits of the data, which bound them too
#: What the parts read of a trace. More is neither measured nor kept: a run of 64 seeds then peaks
#: below 0.9 GB, of which half is there before the first network, and 3 MB are of each seed.
_READ = (
    *("pattern_change", "pattern_from_start", "pattern_from_end", "flip_law"),
    *("weight_change", "weight_from_start", "weight_from_end"),
)
_CHANGES = ("pattern_change", "weight_change")
_BY_LAYER = "adam"  # the optimiser under which layers are looked at one by one


@dataclass(frozen=True)
class Settings(shared.SharedSettings):
    """The parameters of the chapter."""

    dataset: Literal["digits", "mnist", "fashion-mnist"]
    n_seeds: int
    steps: int
    hidden: int  # units of each of the two hidden layers
    batch_size: int
    probe_size: int
    lr_sgd: float
    lr_momentum: float
    lr_adam: float
    seed: int  # the seeds are seed, seed + 1, ...


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 12, "steps": 3000}
PAPER = {"n_seeds": 32, "steps": 10000}


def accuracy(settings: Settings) -> parts.Accuracy:
    """Return how well every optimiser's networks do at the end: in the test, and in training."""
    runs = _runs(settings)
    table = {name: np.concatenate([run.accuracy for run in own]) for name, own in runs.items()}
    loss = _last_losses(settings, runs)
    numbers: parts.Numbers = {
        **shared.medians(table, "accuracy-"),
        **shared.medians(loss, "loss-"),
        **{f"fitted-{name}": int((own < _FITTED).sum()) for name, own in loss.items()},
        "epochs": settings.steps // _epoch(settings),
    }
    return parts.Accuracy({}, numbers, table)


def one_run(settings: Settings) -> parts.OneRun:
    """Train the network of the first seed and compare its patterns step by step."""
    data = load_dataset(settings.dataset).redrawn(settings.seed)
    probe = data.test_inputs[: settings.probe_size]
    model = MLP(_sizes(settings, data), settings.seed)
    before, flips = pattern_of(model, probe), []
    with RegimeTracker(model, probe) as tracker:

        def observe() -> None:
            nonlocal before
            tracker.update()
            after = pattern_of(model, probe)
            flips.append((after != before).mean(axis=0, dtype=np.float32))
            before = after

        train(model, data, _config(settings, "adam"), settings.seed, observe, evaluations=1)
    found = np.array(flips)
    per_unit = found.sum(axis=0, dtype=float)
    so_far = found.sum(axis=1, dtype=float).cumsum()
    numbers: parts.Numbers = {
        "flips-half": int(np.searchsorted(so_far, so_far[-1] / 2)) + 1,
        "flips-per-pair": float(per_unit.mean()),
        "flips-quiet": float((per_unit < 1).mean()),
    }
    pattern, weight = (
        shared.joined([tracker.trace], f"{name}_change", window=11)
        for name in ("pattern", "weight")
    )
    return parts.OneRun({}, numbers, found, (settings.hidden,) * 2, pattern, weight)


@torch.no_grad()
def pattern_of(model: nn.Module, inputs: Tensor) -> Bool[np.ndarray, "inputs units"]:
    """Return which units are on, computed layer by layer without the tracker."""
    on = []
    for layer in model.children():
        inputs = layer(inputs)
        if isinstance(layer, nn.ReLU):
            on.append(inputs > 0)
    return torch.cat(on, dim=1).numpy()


def ratios(settings: Settings) -> parts.Ratios:
    """Time patterns and weights of every optimiser; with censored runs there is no number."""
    traces = _traces(settings)
    settled = {name: shared.settling(own) for name, own in traces.items()}
    single = settled["adam"].ratios
    over = f"{settings.n_seeds} seeds"
    return parts.Ratios(
        {f"rc-ratio-mlp-{name}": shared.median_ratio(own, over) for name, own in traces.items()},
        {"adam-single": f"{single.min():.1f} to {single.max():.1f}"},
        *shared.all_changes(traces),
        settled,
    )


def definitions(settings: Settings) -> parts.Table:
    """Apply every definition to the same runs."""
    traces, uncensored = _traces(settings), {}
    for name, own in traces.items():
        found = [shared.settling(own, how) for how in DEFINITIONS]
        whole = [one.ratios for one in found if not one.censored.any()]
        uncensored[name] = np.array(whole).reshape(-1, settings.n_seeds)
    table = pd.DataFrame(shared.ratio_rows(traces, DEFINITIONS))
    spread = {name: spread_of_medians(own, settings.seed) for name, own in uncensored.items()}
    largest = max(spread.values(), key=lambda one: one.value or 0)
    numbers: parts.Numbers = {f"spread-{name}": one.value or "–" for name, one in spread.items()}
    return parts.Table({"rc-definition-mlp": largest}, numbers, table)


def spread_of_medians(ratios: Float[np.ndarray, "definitions runs"], seed: int) -> Estimate:
    """Return the largest over the smallest of the definitions' median ratios."""
    if not ratios.size:
        return no_number()
    n = ratios.shape[1]

    def spread(runs: Int[np.ndarray, " n"]) -> float:
        medians = np.median(ratios[:, runs], axis=1)
        return float(medians.max() / medians.min())

    return over_runs(spread, n, over=f"{n} seeds", seed=seed)


def layers(settings: Settings) -> parts.Layers:
    """Look at the layers one by one, under Adam."""
    modules = ("hidden1", "hidden2", "output")
    return shared.by_layer(_traces(settings)[_BY_LAYER], {name: name for name in modules})


def flip_law(settings: Settings) -> parts.FlipLaw:
    """Compare flips with the law, over the steps in which there are any."""
    traces = _traces(settings)
    measured = {name: shared.joined(own, "pattern_change") for name, own in traces.items()}
    predicted = {name: shared.joined(own, "flip_law") for name, own in traces.items()}
    factors = {name: mean_factor(measured[name][1], predicted[name][1]) for name in traces}
    numbers: parts.Numbers = {**shared.medians(factors, "law-")}
    claims = {"rc-flip-law-training": shared.worst(factors, shared.off_one)}
    return parts.FlipLaw(claims, numbers, measured, predicted, factors)


def mean_factor(
    measured: Float[np.ndarray, "steps runs"], predicted: Float[np.ndarray, "steps runs"]
) -> PerRun:
    """Return the geometric mean of measured over predicted where both are above zero."""
    both = (measured > 0) & (predicted > 0)
    quotient = np.divide(measured, predicted, out=np.ones_like(measured), where=both)
    steps = np.where(both.any(axis=0), both.sum(axis=0), np.nan)
    return np.exp(np.log(quotient).sum(axis=0) / steps)


def proportional(settings: Settings) -> parts.Proportional:
    """Compare pattern change with weight change, step by step."""
    found = shared.step_by_step("rc-proportional-mlp", _traces(settings))
    return replace(found, numbers={**shared.medians(found.slopes, "slope-")})


@dataclass(frozen=True, eq=False)
class WarmedUp:
    """Adam with a warm-up of the learning rate."""

    numbers: parts.Numbers
    settled: Settling


def warm_up(settings: Settings) -> WarmedUp:
    """Let the rate grow linearly over the first tenth of the run; look at every tenth step."""
    warmup = settings.steps // 10
    runs = _run(settings, "adam", warmup=warmup, schedule=shared.every_tenth)
    found = shared.settling([run.trace for run in runs], every=shared.EVERY)
    ratio = found.ratio.value
    numbers: parts.Numbers = {"warmed-ratio": "no number" if ratio is None else ratio}
    return WarmedUp(numbers | {"warmed-range": shared.interval_of(found.ratio)}, found)


def horizon(settings: Settings) -> parts.Table:
    """Train networks of the first seeds for longer, and time both series in part of every run."""
    longer = replace(
        settings, n_seeds=min(_FEWER, settings.n_seeds), steps=_LONGER * settings.steps
    )
    runs = {name: _run(longer, name, read=_CHANGES) for name in longer.rates}
    rows, loss = [], _last_losses(longer, runs)
    for share in _SHARES:
        for name, own in shared.traces_of(runs).items():
            last = max(20, round(share * longer.steps))
            found = shared.settling([trace.until(last) for trace in own])
            neither = float(found.censored.all(axis=1).mean())
            rows.append({"steps": last, "optimizer": name, **found.row, "undetermined": neither})
    ends = {name: shared.settling(own) for name, own in shared.traces_of(runs).items()}
    single = ends["adam"].ratios[~ends["adam"].censored.all(axis=1)]
    numbers: parts.Numbers = {
        "longer-steps": longer.steps,
        "longer-seeds": longer.n_seeds,
        **{f"longer-fitted-{name}": int((own < _FITTED).sum()) for name, own in loss.items()},
        **{f"longer-{name}": shared.with_interval(found.ratio) for name, found in ends.items()},
        "longer-single": f"{single.min():.1f} to {single.max():.1f}" if single.size else "–",
    }
    return parts.Table({}, numbers, pd.DataFrame(rows))


def swept(table: pd.DataFrame) -> parts.Numbers:
    """Return what the prose quotes of the published sweep: Adam's ratio at other settings."""
    adam = table[table["claim"] == "rc-ratio-mlp-adam"].dropna(subset="value")
    return {
        "swept-range": f"{adam['value'].min():.1f} to {adam['value'].max():.1f}",
        "swept-settings": len(adam),
    }


#: The parts that measure claims; a sweep has no use for the others.
PARTS = (ratios, definitions, flip_law, proportional)
#: Those of them that measure empirical claims.
EMPIRICAL = PARTS
#: What a second process may measure beside the first: the others share their runs.
AHEAD = (one_run, warm_up, horizon)


def measure(settings: Settings) -> tuple[parts.Part, ...]:
    """Measure every claim of the chapter."""
    return tuple(part(settings) for part in PARTS)


def _sizes(settings: Settings, data: Dataset | Stack) -> tuple[int, int, int, int]:
    features, classes = data.train_inputs.shape[-1], len(data.classes)
    return features, settings.hidden, settings.hidden, classes


def _epoch(settings: Settings) -> int:
    """Return the steps of an epoch."""
    return max(1, len(load_dataset(settings.dataset).train_inputs) // settings.batch_size)


def _last_losses(settings: Settings, runs: shared.Runs) -> dict[str, PerRun]:
    """Return the mean training loss over the last epoch, of every run."""
    last = slice(-_epoch(settings), None)
    return {
        name: np.concatenate([run.loss[last].mean(axis=0) for run in own])
        for name, own in runs.items()
    }


def _config(settings: Settings, optimizer: str, warmup: int = 0) -> TrainingConfig:
    steps, batch_size = settings.steps, settings.batch_size
    return settings.config(optimizer, steps=steps, batch_size=batch_size, warmup=warmup)


def _run(
    settings: Settings,
    optimizer: str,
    warmup: int = 0,
    read: Sequence[str] = _READ,
    **watch: Any,
) -> list[shared.TrackedRun]:
    """Train all seeds of one optimiser, some at once, each on its own split of the data."""
    whole = load_dataset(settings.dataset)
    own = whole.train_inputs.nbytes + whole.test_inputs.nbytes
    together = max(1, min(_TOGETHER, _SPLITS // own))
    if settings.n_seeds > _TOGETHER:
        together = min(together, _OF_MANY["together"])
        watch["snapshots"] = _OF_MANY["snapshots"]
    watch["quantities"] = [one for one in read if one != "flip_law" or "preactivations" in watch]
    config, runs = _config(settings, optimizer, warmup), []
    for begin in range(0, settings.n_seeds, together):
        seeds = settings.seeds[begin : begin + together]
        data = stacked(whole.redrawn(seed) for seed in seeds)
        model = MLPEnsemble(_sizes(settings, data), seeds)
        run = shared.tracked(model, data, config, seeds, settings.probe_size, **watch)
        if settings.n_seeds > 1:
            run = replace(run, trace=_kept(run.trace, by_layer=optimizer == _BY_LAYER))
        runs.append(run)
    return runs


def _kept(trace: Trace, *, by_layer: bool) -> Trace:
    """Return what is read of one trace among many; what is left out would fill the memory.

    No series of single layers but the changes of one optimiser, and nothing of parts of the probe,
    which give the interval of a run that is alone.
    """
    series = [
        one
        if by_layer and one.quantity.endswith("_change")
        else replace(one, layers=one.layers[:1], values=one.values[:, :1].copy())
        for one in trace.all_series
    ]
    return replace(trace, all_series=tuple(series), groups=None)


@lru_cache(maxsize=1)
def _runs(settings: Settings) -> shared.Runs:
    return {name: _run(settings, name, preactivations=True) for name in settings.rates}


def _traces(settings: Settings) -> shared.Traces:
    return shared.traces_of(_runs(settings))
