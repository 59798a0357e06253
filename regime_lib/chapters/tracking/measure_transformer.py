"""What chapter 22 measures: patterns and averaged weights in Transformers, on patches and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from regime_lib.chapters.tracking import measure as shared
from regime_lib.chapters.tracking import parts
from regime_lib.chapters.tracking.parts import of
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.transformer import TransformerEnsemble, TransformerShape

TASKS = ("patches", "letters")
_LEVELS = (0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # of thresholds, as shares of the peak


@dataclass(frozen=True)
class Settings(shared.SharedSettings):
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
    def steps_of(self) -> dict[str, int]:
        """The steps of a run, by task."""
        return {"patches": self.steps, "letters": self.text_steps}


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 9, "steps": 700, "text_steps": 400, "n_train": 512}
PAPER = {"n_seeds": 12, "steps": 5000, "text_steps": 5000, "n_train": 1297}


def accuracy(settings: Settings) -> parts.Accuracy:
    """Return the accuracy by task and optimiser on the test set, after the last step."""
    table = {
        f"{task}, {name}": run.accuracy
        for task in TASKS
        for name, own in _runs(settings, task).items()
        for run in own
    }
    return parts.Accuracy({}, {**_ranges("accuracy", table)}, table)


def floors(settings: Settings) -> parts.Ratios:
    """Time patterns and weights at constant rates; the ratios claimed of are those of patches."""
    traces, over = _both_tasks(settings), f"{settings.n_seeds} seeds"
    patterns, weights = shared.all_changes(traces)
    settled = {name: shared.settling(own) for name, own in traces.items()}
    found = {name: shared.median_ratio(own, over) for name, own in traces.items()}
    numbers: parts.Numbers = {
        "floor-weights": parts.late_level(weights["letters momentum"]),
        "floor-patterns": parts.late_level(patterns["letters momentum"]),
    }
    for task in TASKS:
        neither = [one.censored.all(axis=1) for one in of(task, settled).values()]
        numbers[f"settled-{task}"] = f"{np.sum(~np.array(neither))} of {np.size(neither)}"
    numbers["patches-seeds"] = settings.n_seeds
    numbers["ratios-patches"] = shared.known_ratios(of("patches", found))
    claims = {f"rc-ratio-transformer-{name}": one for name, one in of("patches", found).items()}
    return parts.Ratios(claims, numbers, patterns, weights, settled)


def proportional(settings: Settings) -> parts.Proportional:
    """Compare pattern change with weight change, step by step."""
    claim, traces = "rc-proportional-transformer", _both_tasks(settings)
    found = shared.step_by_step(claim, traces)
    return replace(found, numbers={**_ranges("slopes", found.slopes)})


def warm_up(settings: Settings) -> parts.Ratios:
    """Let AdamW's rate grow linearly over the first tenth of the language model's run."""
    warmup = settings.text_steps // 10
    (warmed,) = _train(settings, "letters", settings.seeds, "adamw", {}, warmup=warmup)
    without = _traces(settings, "letters")["adamw"]
    return shared.warm_up_effect("rc-warm-up-transformer", without, [warmed.trace])


def flicker(settings: Settings) -> parts.Flicker:
    """Count how many bits flip for one that finally differs, at constant rates."""
    traces = _both_tasks(settings)
    to_end = {name: shared.flips_per_net_flip(own, "end") for name, own in traces.items()}
    middle = {task: settings.steps_of[task] // 2 for task in TASKS}
    half = {name: shared.at_step(own, middle[name.split()[0]]) for name, own in to_end.items()}
    return parts.Flicker(
        {"rc-flicker-transformer": shared.worst(half, shared.small)},
        {**_ranges("flicker", half, 0)},
        {f"{task}: to the end": of(task, to_end) for task in TASKS},
        half,
    )


def drift(settings: Settings) -> parts.Drift:
    """Compare the trained weights with their moving average, on patches."""
    runs = _runs(settings, "patches")
    found = shared.weights_and_average("rc-drift-vit", runs, shared.off_one)
    averages = shared.averages_of(_runs(settings, "letters"))
    letters = {name: shared.area_ratios(own, every=shared.EVERY) for name, own in averages.items()}
    numbers: parts.Numbers = {
        "drift-patches": shared.range_of_medians(found.average_areas),
        "drift-letters": shared.range_of_medians(letters),
        "raw-adamw": float(np.median(found.raw_areas["adamw"])),
        "drift-adamw": float(np.median(found.average_areas["adamw"])),
    }
    return replace(found, numbers=numbers)


def indicator(settings: Settings) -> parts.Indicator:
    """Compare the patterns of two inputs at one time; the claim is judged where training is good.

    The letters are not learned well, so that they say nothing of training that goes well.
    """
    found = shared.pairs_of_inputs("rc-oui-transformer", _both_tasks(settings), "patches adamw")
    judged = shared.worst(of("patches", found.final), shared.off_good)
    claims = {"rc-oui-transformer": judged}
    return replace(found, claims=claims, numbers={**_ranges("oui", found.final)})


def thresholds(settings: Settings) -> parts.Table:
    """Put thresholds above, between and below the floors of the language model with momentum."""
    (trace,) = _traces(settings, "letters")["momentum"]
    cuts = {
        "first half": trace.until(round(0.5 * settings.text_steps)),
        "whole run": trace.until(settings.text_steps),
    }
    rows = []
    for level in _LEVELS:
        row = {"threshold": f"{level:g} of the peak"}
        for part, cut in cuts.items():
            found = shared.settling([cut], f"peak@{level}").row
            ratio, bound = float(found["ratio"]), str(found["bound"])
            row[part] = f"{ratio:.2f} ({bound})" if np.isfinite(ratio) else bound
        rows.append(row)
    words = "; ".join(f"{row['threshold']}: {row['whole run']}" for row in rows)
    return parts.Table({}, {"thresholds": words}, pd.DataFrame(rows))


#: The parts that measure claims; a sweep has no use for the others.
PARTS = (floors, proportional, warm_up, flicker, drift, indicator)
#: Those of them that measure empirical claims.
EMPIRICAL = PARTS


def measure(settings: Settings) -> tuple[parts.Part, ...]:
    """Measure every claim of the chapter."""
    return tuple(part(settings) for part in PARTS)


def _data(settings: Settings, task: str, seeds: range) -> Stack:
    """Return the data of every seed, each with its own split."""
    if task == "letters":
        text = load_dataset(settings.text).as_windows(settings.length)
        return stacked(text.redrawn(seed) for seed in seeds)
    digits = load_dataset("digits").as_patches(2, 4)
    n_test = len(digits.test_labels)
    return stacked(digits.redrawn(seed).subset(settings.n_train, n_test) for seed in seeds)


def _train(
    settings: Settings,
    task: str,
    seeds: range,
    optimizer: str,
    watch: dict[str, Any],
    **options: Any,
) -> list[shared.TrackedRun]:
    """Train and track the networks of all seeds at once."""
    data, is_text = _data(settings, task, seeds), task == "letters"
    shape = TransformerShape(
        tokens=data.train_inputs.shape[2],
        inputs=len(data.classes) if is_text else data.train_inputs.shape[3],
        outputs=len(data.classes),
        text=is_text,
        width=settings.width,
        ffn=settings.ffn,
        heads=1,
        blocks=settings.blocks,
    )
    batch_size = settings.text_batch if is_text else settings.batch_size
    steps = settings.steps_of[task]
    config = settings.config(optimizer, steps=steps, batch_size=batch_size, **options)
    probe_size = settings.probe_size // (4 if is_text else 1)
    model = TransformerEnsemble(shape, seeds)
    return [shared.tracked(model, data, config, seeds, probe_size, **watch)]


@lru_cache(maxsize=2)
def _runs(settings: Settings, task: str) -> shared.Runs:
    """Train with every optimiser at a constant rate."""
    watch = {"ema": settings.ema, "window": settings.window, "oui": shared.PAIRS}
    return {name: _train(settings, task, settings.seeds, name, watch) for name in settings.rates}


def _traces(settings: Settings, task: str) -> shared.Traces:
    return shared.traces_of(_runs(settings, task))


def _both_tasks(settings: Settings) -> shared.Traces:
    """Return all runs at constant rates, by task and optimiser."""
    both = {task: _traces(settings, task) for task in TASKS}
    return {f"{task} {name}": own for task in TASKS for name, own in both[task].items()}


def _ranges(name: str, runs: Mapping[str, parts.PerRun], digits: int = 2) -> dict[str, str]:
    """Return the range of the medians of each task, for the prose."""
    return {f"{name}-{task}": shared.range_of_medians(of(task, runs), digits) for task in TASKS}
