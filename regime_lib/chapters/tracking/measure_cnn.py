"""What chapter 21 measures: patterns, drift and flicker in a convolutional network."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor

from regime_lib.chapters.tracking.measure import (
    EVERY,
    Traces,
    TrackedRun,
    all_changes,
    at_step,
    by_layer,
    every_tenth,
    flips_per_net_flip,
    medians,
    number_or_none,
    pairs_of_inputs,
    pooled_median,
    pooled_ratio,
    ratio_rows,
    settling,
    step_by_step,
    tracked,
    warm_up_effect,
    weights_and_average,
    with_interval,
)
from regime_lib.chapters.tracking.parts import (
    Accuracy,
    Definitions,
    Drift,
    Flicker,
    Indicator,
    Layers,
    Numbers,
    Proportional,
    Ratios,
    WarmUp,
)
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.cnn import CNN
from regime_lib.lab.training.loop import train
from regime_lib.lab.training.recipe import TrainingConfig

#: The definitions that both schedules are asked with, and what they mean.
DEFINITIONS = {
    "peak@0.2": "below 1/5 of peak",
    "peak@0.1": "below 1/10 of peak",
    "auc": "area over peak",
    "end@0.1": "9/10 of the way",
    "start@0.9": "9/10 from the start",
}
_PAIRS = 64  # of images, whose patterns are compared
_SHORT = 300  # steps of the run that small probes watch


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    dataset: Literal["digits", "mnist", "fashion-mnist"]
    n_seeds: int
    steps: int
    channels: int  # of the first convolution; the second has twice as many
    hidden: int
    batch_size: int
    probe_size: int
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
    def pooled(self) -> str:
        """What a median over all runs at constant rates is taken over."""
        return f"{len(self.rates)} optimisers x {self.n_seeds} seeds"


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 3, "steps": 1000}
PAPER = {"n_seeds": 10, "steps": 5000}


def accuracy(settings: Settings) -> Accuracy:
    """Return the accuracy on the whole test set after the last step."""
    table = {}
    for name in settings.rates:
        for schedule, words in (("constant", name), ("cosine", f"{name}, cosine")):
            table[words] = np.array([run.accuracy[0] for run in _runs(settings)[schedule, name]])
    return Accuracy(
        {
            "seeds": settings.n_seeds,
            "accuracy-least": float(min(own.min() for own in table.values())),
            "accuracy-most": float(max(own.max() for own in table.values())),
        },
        table,
    )


def ratios(settings: Settings) -> Ratios:
    """Time patterns and weights at constant rates, by optimiser and of all runs together."""
    traces = _traces(settings)
    every_run = [trace for own in traces.values() for trace in own]
    return Ratios(
        {"rc-ratio-cnn": pooled_ratio(every_run, settings.pooled)},
        {f"ratio-{name}": with_interval(pooled_ratio(own, name)) for name, own in traces.items()},
        *all_changes(traces),
        {name: settling(own) for name, own in traces.items()},
    )


def schedules(settings: Settings) -> Definitions:
    """Apply some definitions to runs at a constant rate and with a cosine."""
    constant = ratio_rows(_traces(settings), DEFINITIONS, schedule="constant rate")
    cosine = _traces(settings, "cosine")
    table = pd.DataFrame(constant + ratio_rows(cosine, DEFINITIONS, every=EVERY, schedule="cosine"))
    per_step = table[table["definition"].str.startswith("below") & (table["optimizer"] == "adamw")]
    largest = per_step.groupby("schedule")["ratio"].max()
    numbers = {
        f"adamw-{name.split()[0]}": number_or_none(largest[name], 1)
        for name in ("constant rate", "cosine")
    }
    return Definitions({}, {**numbers}, table)


def layers(settings: Settings) -> Layers:
    """Look at the layers one by one, under AdamW."""
    modules = ("conv1", "conv2", "hidden", "output")
    return by_layer(_traces(settings)["adamw"], {name: name for name in modules})


def proportional(settings: Settings) -> Proportional:
    """Compare pattern change with weight change, step by step."""
    found = step_by_step("rc-proportional-cnn", _traces(settings), settings.pooled)
    numbers = {k: number_or_none(slope) for k, slope in medians(found.slopes, "slope-").items()}
    return replace(found, numbers={**numbers})


def warm_up(settings: Settings) -> WarmUp:
    """Let AdamW's rate grow linearly over the first tenth of the run."""
    runs = _train(settings, "adamw", warmup=settings.steps // 10)
    warmed = [run.trace for run in runs]
    return warm_up_effect("rc-warm-up-cnn", _traces(settings)["adamw"], warmed, settings.seed)


def flicker(settings: Settings) -> Flicker:
    """Count how many bits flip for one that finally differs, at constant rates."""
    traces = _traces(settings)
    within = {name: flips_per_net_flip(own, "window") for name, own in traces.items()}
    to_end = {name: flips_per_net_flip(own, "end") for name, own in traces.items()}
    half = {name: at_step(own, settings.steps // 2) for name, own in to_end.items()}
    return Flicker(
        {"rc-flicker-cnn": pooled_median(half.values(), settings.pooled)},
        {k: number_or_none(flips, 1) for k, flips in medians(half, "flicker-").items()},
        {f"within {settings.window} steps": within, "from here to the end": to_end},
        half,
    )


def drift(settings: Settings) -> Drift:
    """Compare the trained weights with their moving average."""
    traces, averages = _traces(settings), _averages(settings)
    found = weights_and_average("rc-drift-cnn", traces, averages, settings.pooled)
    numbers = medians(found.raw_areas, "area-") | medians(found.average_areas, "drift-")
    return replace(found, numbers={**numbers})


def indicator(settings: Settings) -> Indicator:
    """Compare the patterns of two images at one time."""
    found = pairs_of_inputs("rc-oui-cnn", _traces(settings), settings.pooled, "adamw")
    return replace(found, numbers={**medians(found.final, "oui-")})


@dataclass(frozen=True, eq=False)
class SmallProbes:
    """One short run with AdamW, watched with probes of several sizes."""

    numbers: Numbers
    images: Int[np.ndarray, " probes"]
    still: Float[np.ndarray, " probes"]
    """Share of the steps in which a probe shows no flip."""


def small_probes(settings: Settings) -> SmallProbes:
    """Attach three trackers to one network."""
    data, probe = _data(settings)
    model = _network(settings, data, settings.seed)
    config = _config(settings, "adamw", steps=min(settings.steps, _SHORT))
    images = [1, 4, settings.probe_size]
    with ExitStack() as stack:
        trackers = [stack.enter_context(RegimeTracker(model, probe[:n])) for n in images]

        def look() -> None:
            for tracker in trackers:
                tracker.update()

        train(model, data, config, settings.seed, look, evaluations=1)
    changes = [tracker.trace.array("pattern_change")[1] for tracker in trackers]
    still = [float((change == 0).mean()) for change in changes]
    words = [f"{share:.2f} with {n}" for n, share in zip(images, still, strict=True)]
    return SmallProbes({"still-shares": ", ".join(words)}, np.array(images), np.array(still))


@dataclass(frozen=True)
class Measurements:
    """The parts that measure claims; a sweep has no use for the others."""

    ratios: Ratios
    proportional: Proportional
    warm_up: WarmUp
    flicker: Flicker
    drift: Drift
    indicator: Indicator


def measure(settings: Settings) -> Measurements:
    """Measure every claim of the chapter."""
    return Measurements(
        ratios(settings),
        proportional(settings),
        warm_up(settings),
        flicker(settings),
        drift(settings),
        indicator(settings),
    )


def _data(settings: Settings) -> tuple[Dataset, Tensor]:
    """Return the data and the probe."""
    data = load_dataset(settings.dataset).as_images()
    return data, data.test_inputs[: settings.probe_size]


def _network(settings: Settings, data: Dataset, seed: int) -> CNN:
    assert data.image_shape is not None
    channels = (settings.channels, 2 * settings.channels)
    return CNN(data.image_shape, channels, settings.hidden, len(data.classes), seed)


def _config(settings: Settings, optimizer: str, **options: Any) -> TrainingConfig:
    usual = {
        "lr": settings.rates[optimizer],
        "steps": settings.steps,
        "batch_size": settings.batch_size,
        "weight_decay": 0.01 if optimizer == "adamw" else 0.0,
    }
    return TrainingConfig(optimizer=optimizer, **(usual | options))


def _train(
    settings: Settings, optimizer: str, *, watch: dict[str, Any] | None = None, **options: Any
) -> list[TrackedRun]:
    """Train and track the network of every seed, one after the other."""
    data, probe = _data(settings)
    config = _config(settings, optimizer, **options)
    return [
        tracked(_network(settings, data, seed), data, config, seed, probe, **(watch or {}))
        for seed in settings.seeds
    ]


@lru_cache(maxsize=1)
def _runs(settings: Settings) -> dict[tuple[str, str], list[TrackedRun]]:
    """Train with every optimiser and schedule; constant rates are watched more closely."""
    closely = {"ema": settings.ema, "window": settings.window, "oui": _PAIRS}
    seldom = {"schedule": every_tenth}
    found = {}
    for name in settings.rates:
        found["constant", name] = _train(settings, name, watch=closely)
        found["cosine", name] = _train(settings, name, watch=seldom, schedule="cosine")
    return found


def _traces(settings: Settings, schedule: str = "constant") -> Traces:
    runs = _runs(settings)
    return {name: [run.trace for run in runs[schedule, name]] for name in settings.rates}


def _averages(settings: Settings) -> Traces:
    runs = _runs(settings)
    return {
        name: [run.average for run in runs["constant", name] if run.average is not None]
        for name in settings.rates
    }
