"""What chapter 22 measures: patterns, drift and flicker in Transformers on patches and letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from regime_lib.chapters.tracking.measure import (
    EVERY,
    Traces,
    TrackedRun,
    all_changes,
    area_ratios,
    at_step,
    by_layer,
    every_tenth,
    flips_per_net_flip,
    number_or_none,
    pairs_of_inputs,
    pooled_median,
    pooled_ratio,
    range_of_medians,
    ratio_rows,
    settling,
    step_by_step,
    tracked,
    warm_up_effect,
    weights_and_average,
)
from regime_lib.chapters.tracking.parts import (
    Accuracy,
    Definitions,
    Drift,
    Flicker,
    Indicator,
    Layers,
    Numbers,
    PerRun,
    Proportional,
    Ratios,
    WarmUp,
    late_level,
)
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.transformer import TransformerEnsemble, TransformerShape
from regime_lib.lab.training.recipe import TrainingConfig

#: The definitions that both tasks and schedules are asked with, and what they mean.
DEFINITIONS = {
    "peak@0.2": "below 1/5 of peak",
    "peak@0.1": "below 1/10 of peak",
    "auc": "area over peak",
    "start@0.9": "9/10 from the start",
}
TASKS = ("patches", "letters")
_LEVELS = (0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # of thresholds, as shares of the peak
_PAIRS = 64  # of probe samples, whose patterns are compared

SCHEDULES = {"constant": 1, "cosine": EVERY}  # and the steps between two looks

T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int
    steps: int  # with patches
    text_steps: int  # with text
    n_train: int  # digits to learn from
    text: Literal["descriptions", "tiny-shakespeare"]
    width: int
    ffn: int  # units of each feed-forward part
    blocks: int
    batch_size: int  # images per step
    text_batch: int  # stretches of text per step
    length: int  # characters in a stretch
    probe_size: int  # images of the probe; a quarter as many stretches
    lr_sgd: float
    lr_momentum: float
    lr_adamw: float
    ema: float  # decay of the average of the weights
    window: int  # steps of a window for flips per net flip
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def seeds(self) -> range:
        """The seed of every run."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def rates(self) -> dict[str, float]:
        """The learning rate of every optimiser."""
        return {"sgd": self.lr_sgd, "momentum": self.lr_momentum, "adamw": self.lr_adamw}

    @property
    def steps_of(self) -> dict[str, int]:
        """The steps of a run, by task."""
        return {"patches": self.steps, "letters": self.text_steps}

    @property
    def pooled(self) -> str:
        """What a median over the runs of a task at constant rates is taken over."""
        return f"{len(self.rates)} optimisers x {self.n_seeds} seeds"

    @property
    def pooled_tasks(self) -> str:
        """What a median over the runs of both tasks is taken over."""
        return f"{len(TASKS)} tasks x {self.pooled}"


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 3, "steps": 700, "text_steps": 400, "n_train": 512}
PAPER = {"n_seeds": 10, "steps": 5000, "text_steps": 5000, "n_train": 1297}


def accuracy(settings: Settings) -> Accuracy:
    """Return the accuracy by task, optimiser and schedule on the test set, after the last step."""
    table: dict[str, PerRun] = {}
    numbers: Numbers = {}
    for task in TASKS:
        own = {
            f"{task}, {name}{', cosine' if schedule == 'cosine' else ''}": run.accuracy
            for name in settings.rates
            for schedule in SCHEDULES
            for run in [_runs(settings, task)[name, schedule]]
        }
        table |= own
        numbers[f"accuracy-{task}"] = range_of_medians(own)
    return Accuracy(numbers, table)


def floors(settings: Settings) -> Ratios:
    """Time patterns and weights at constant rates; the verdict comes with the second schedule."""
    traces = _both_tasks(settings)
    patterns, weights = all_changes(traces)
    settled = {name: settling(own) for name, own in traces.items()}
    neither = np.concatenate([found.censored.all(axis=1) for found in settled.values()])
    numbers: Numbers = {
        "settled-share": f"{np.sum(~neither)} of {len(neither)}",
        "floor-weights": late_level(weights["letters momentum"]),
        "floor-patterns": late_level(patterns["letters momentum"]),
    }
    return Ratios({}, numbers, patterns, weights, settled)


def schedules(settings: Settings) -> Definitions:
    """Apply some definitions to all runs of both tasks and both schedules."""
    rows, every_run = [], []
    for task in TASKS:
        for schedule, every in SCHEDULES.items():
            traces = _traces(settings, task, schedule)
            every_run += [trace for own in traces.values() for trace in own]
            words = f"{task}, {schedule}"
            rows += ratio_rows(traces, DEFINITIONS, every=every, schedule=words)
    table = pd.DataFrame(rows)
    with_cosine = table["schedule"].str.contains("cosine")
    per_step = table[with_cosine & table["definition"].str.startswith("below")]["ratio"].dropna()
    return Definitions(
        {"rc-ratio-transformer": pooled_ratio(every_run, f"2 schedules x {settings.pooled_tasks}")},
        {
            "cosine-median": float(per_step.median()) if len(per_step) else "no number",
            "cosine-range": f"{per_step.min():.2f} to {per_step.max():.2f}",
            "undetermined": int(table["ratio"].isna().sum()),
            "specifications": len(table),
            "all-runs": len(every_run) * settings.n_seeds,
        },
        table,
    )


def layers(settings: Settings) -> Layers:
    """Look at parts of the language model one by one, under AdamW."""
    modules = {
        "first ffn": "blocks.0.hidden",
        "last ffn": f"blocks.{settings.blocks - 1}.hidden",
        "attention": "blocks.0.qkv",
        "letters": "embed",
    }
    return by_layer(_traces(settings, "letters")["adamw"], modules)


def proportional(settings: Settings) -> Proportional:
    """Compare pattern change with weight change, step by step."""
    traces = _both_tasks(settings)
    found = step_by_step("rc-proportional-transformer", traces, settings.pooled_tasks)
    numbers = {f"slopes-{task}": range_of_medians(of(task, found.slopes)) for task in TASKS}
    return replace(found, numbers={**numbers})


def warm_up(settings: Settings) -> WarmUp:
    """Let AdamW's rate grow linearly over the first tenth of the language model's run."""
    warmed = _train(settings, "letters", "adamw", warmup=settings.text_steps // 10).trace
    without = _traces(settings, "letters")["adamw"]
    return warm_up_effect("rc-warm-up-transformer", without, [warmed], settings.seed)


def flicker(settings: Settings) -> Flicker:
    """Count how many bits flip for one that finally differs, at constant rates."""
    traces = _both_tasks(settings)
    to_end = {name: flips_per_net_flip(own, "end") for name, own in traces.items()}
    middle = {task: settings.steps_of[task] // 2 for task in TASKS}
    half = {name: at_step(own, middle[name.split()[0]]) for name, own in to_end.items()}
    return Flicker(
        {"rc-flicker-transformer": pooled_median(half.values(), settings.pooled_tasks)},
        {f"flicker-{task}": range_of_medians(of(task, half), 0) for task in TASKS},
        {f"{task}: to the end": of(task, to_end) for task in TASKS},
        half,
    )


def drift(settings: Settings) -> Drift:
    """Compare the trained weights with their moving average, on patches."""
    traces, averages = _traces(settings, "patches"), _averages(settings, "patches")
    found = weights_and_average("rc-drift-vit", traces, averages, settings.pooled)
    letters = {
        name: area_ratios(own, every=EVERY) for name, own in _averages(settings, "letters").items()
    }
    numbers: Numbers = {
        "drift-patches": range_of_medians(found.average_areas),
        "drift-letters": range_of_medians(letters),
        "raw-adamw": float(np.median(found.raw_areas["adamw"])),
        "drift-adamw": float(np.median(found.average_areas["adamw"])),
    }
    return replace(found, numbers=numbers)


def indicator(settings: Settings) -> Indicator:
    """Compare the patterns of two inputs at one time."""
    traces = _both_tasks(settings)
    found = pairs_of_inputs("rc-oui-transformer", traces, settings.pooled_tasks, "patches adamw")
    numbers = {f"oui-{task}": range_of_medians(of(task, found.final)) for task in TASKS}
    return replace(found, numbers={**numbers})


@dataclass(frozen=True)
class Thresholds:
    """The language model with momentum, under one threshold after another."""

    numbers: Numbers
    table: pd.DataFrame
    """A row per threshold: the ratio in the first half of the run, and in the whole run."""


def thresholds(settings: Settings) -> Thresholds:
    """Put thresholds above, between and below the floors of both series."""
    (trace,) = _traces(settings, "letters")["momentum"]
    parts = {
        "first half": trace.until(round(0.5 * settings.text_steps)),
        "whole run": trace.until(settings.text_steps),
    }
    rows = []
    for level in _LEVELS:
        row = {"threshold": f"{level:g} of the peak"}
        for part, cut in parts.items():
            found = settling([cut], f"peak@{level}").row
            row[part] = f"{number_or_none(float(found['ratio']))} ({found['bound']})"
        rows.append(row)
    words = "; ".join(f"{row['threshold']}: {row['whole run']}" for row in rows)
    return Thresholds({"thresholds": words}, pd.DataFrame(rows))


@dataclass(frozen=True)
class Measurements:
    """The parts that measure claims; a sweep has no use for the others."""

    schedules: Definitions
    proportional: Proportional
    warm_up: WarmUp
    flicker: Flicker
    drift: Drift
    indicator: Indicator


def measure(settings: Settings) -> Measurements:
    """Measure every claim of the chapter."""
    return Measurements(
        schedules(settings),
        proportional(settings),
        warm_up(settings),
        flicker(settings),
        drift(settings),
        indicator(settings),
    )


def of(task: str, runs: Mapping[str, T]) -> dict[str, T]:
    """Return what one task has, by optimiser."""
    found = {name.partition(" ")[::2]: own for name, own in runs.items()}
    return {optimizer: own for (other, optimizer), own in found.items() if other == task}


def _data(settings: Settings, task: str) -> Dataset:
    if task == "letters":
        return load_dataset(settings.text).as_windows(settings.length)
    digits = load_dataset("digits").as_patches(2, 4)
    return digits.subset(settings.n_train, len(digits.test_labels))


def _train(
    settings: Settings,
    task: str,
    optimizer: str,
    *,
    watch: dict[str, Any] | None = None,
    **options: Any,
) -> TrackedRun:
    """Train and track the networks of all seeds at once."""
    data, is_text = _data(settings, task), task == "letters"
    shape = TransformerShape(
        tokens=data.train_inputs.shape[1],
        inputs=len(data.classes) if is_text else data.train_inputs.shape[2],
        outputs=len(data.classes),
        text=is_text,
        width=settings.width,
        ffn=settings.ffn,
        heads=1,
        blocks=settings.blocks,
    )
    config = TrainingConfig(
        optimizer=optimizer,
        lr=settings.rates[optimizer],
        steps=settings.steps_of[task],
        batch_size=settings.text_batch if is_text else settings.batch_size,
        weight_decay=0.01 if optimizer == "adamw" else 0.0,
        **options,
    )
    probe = data.test_inputs[: settings.probe_size // (4 if is_text else 1)]
    model = TransformerEnsemble(shape, settings.seeds)
    return tracked(model, data, config, settings.seeds, probe, **(watch or {}))


@lru_cache(maxsize=2)
def _runs(settings: Settings, task: str) -> dict[tuple[str, str], TrackedRun]:
    """Train with every optimiser and schedule; constant rates are watched more closely."""
    closely = {"ema": settings.ema, "window": settings.window, "oui": _PAIRS}
    seldom = {"schedule": every_tenth}
    found = {}
    for name in settings.rates:
        found[name, "constant"] = _train(settings, task, name, watch=closely)
        found[name, "cosine"] = _train(settings, task, name, watch=seldom, schedule="cosine")
    return found


def _traces(settings: Settings, task: str, schedule: str = "constant") -> Traces:
    runs = _runs(settings, task)
    return {name: [runs[name, schedule].trace] for name in settings.rates}


def _both_tasks(settings: Settings) -> Traces:
    """Return all runs at constant rates, by task and optimiser."""
    return {
        f"{task} {name}": own for task in TASKS for name, own in _traces(settings, task).items()
    }


def _averages(settings: Settings, task: str) -> Traces:
    averages = {name: _runs(settings, task)[name, "constant"].average for name in settings.rates}
    return {name: [own] for name, own in averages.items() if own is not None}
