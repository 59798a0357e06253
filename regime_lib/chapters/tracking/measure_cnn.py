"""What chapter 21 measures: patterns and averaged weights in a convolutional network."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.tracking import measure as shared
from regime_lib.chapters.tracking import parts
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.models.cnn import CNN, CNNEnsemble
from regime_lib.lab.training.loop import train

_SHORT = 300  # steps of the run that small probes watch


@dataclass(frozen=True)
class Settings(shared.SharedSettings):
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


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 12, "steps": 1000}
PAPER = {"n_seeds": 12, "steps": 5000}


def accuracy(settings: Settings) -> parts.Accuracy:
    """Return the accuracy on the whole test set after the last step."""
    table = {name: run.accuracy for name, (run,) in _runs(settings).items()}
    every_run = np.concatenate(list(table.values()))
    numbers: parts.Numbers = {
        "seeds": settings.n_seeds,
        "accuracy-least": float(every_run.min()),
        "accuracy-most": float(every_run.max()),
    }
    return parts.Accuracy({}, numbers, table)


def ratios(settings: Settings) -> parts.Ratios:
    """Time patterns and weights at constant rates."""
    traces, over = _traces(settings), f"{settings.n_seeds} seeds"
    found = {name: shared.median_ratio(own, over) for name, own in traces.items()}
    return parts.Ratios(
        {f"rc-ratio-cnn-{name}": ratio for name, ratio in found.items()},
        {f"ratio-{name}": shared.with_interval(ratio) for name, ratio in found.items()},
        *shared.all_changes(traces),
        {name: shared.settling(own) for name, own in traces.items()},
    )


def proportional(settings: Settings) -> parts.Proportional:
    """Compare pattern change with weight change, step by step."""
    found = shared.step_by_step("rc-proportional-cnn", _traces(settings))
    slopes = shared.medians(found.slopes, "slope-").items()
    return replace(found, numbers={name: shared.number_or_none(slope) for name, slope in slopes})


def warm_up(settings: Settings) -> parts.Ratios:
    """Let AdamW's rate grow linearly over the first tenth of the run."""
    (warmed,) = _train(settings, settings.seeds, "adamw", {}, warmup=settings.steps // 10)
    without = _traces(settings)["adamw"]
    return shared.warm_up_effect("rc-warm-up-cnn", without, [warmed.trace])


def flicker(settings: Settings) -> parts.Flicker:
    """Count how many bits flip for one that finally differs, at constant rates."""
    within, to_end = (
        {name: shared.flips_per_net_flip(own, over) for name, own in _traces(settings).items()}
        for over in ("window", "end")
    )
    half = {name: shared.at_step(own, settings.steps // 2) for name, own in to_end.items()}
    flips = shared.medians(half, "flicker-").items()
    return parts.Flicker(
        {"rc-flicker-cnn": shared.worst(half, shared.small)},
        {name: shared.number_or_none(median, 1) for name, median in flips},
        {f"within {settings.window} steps": within, "from here to the end": to_end},
        half,
    )


def drift(settings: Settings) -> parts.Drift:
    """Compare the trained weights with their moving average."""
    found = shared.weights_and_average("rc-drift-cnn", _runs(settings), shared.small)
    raw, average = found.raw_areas, found.average_areas
    numbers = shared.medians(raw, "area-") | shared.medians(average, "drift-")
    return replace(found, numbers={**numbers})


def indicator(settings: Settings) -> parts.Indicator:
    """Compare the patterns of two images at one time."""
    found = shared.pairs_of_inputs("rc-oui-cnn", _traces(settings), "adamw")
    return replace(found, numbers={**shared.medians(found.final, "oui-")})


@dataclass(frozen=True, eq=False)
class SmallProbes:
    """One short run with AdamW, watched with probes of several sizes."""

    numbers: parts.Numbers
    images: Int[np.ndarray, " probes"]
    still: Float[np.ndarray, " probes"]  # share of the steps in which a probe shows no flip


def small_probes(settings: Settings) -> SmallProbes:
    """Attach three trackers to one network."""
    data = load_dataset(settings.dataset).as_images().redrawn(settings.seed)
    assert data.image_shape is not None
    channels = (settings.channels, 2 * settings.channels)
    model = CNN(data.image_shape, channels, settings.hidden, len(data.classes), settings.seed)
    probe = data.test_inputs
    steps, batch_size = min(settings.steps, _SHORT), settings.batch_size
    config = settings.config("adamw", steps=steps, batch_size=batch_size)
    images = [1, 4, settings.probe_size]
    with ExitStack() as stack:
        trackers = [stack.enter_context(RegimeTracker(model, probe[:n])) for n in images]

        def observe() -> None:
            for tracker in trackers:
                tracker.update()

        train(model, data, config, settings.seed, observe, evaluations=1)
    changes = [tracker.trace.array("pattern_change")[1] for tracker in trackers]
    still = [float((change == 0).mean()) for change in changes]
    words = [f"{share:.2f} with {n}" for n, share in zip(images, still, strict=True)]
    return SmallProbes({"still-shares": ", ".join(words)}, np.array(images), np.array(still))


#: The parts that measure claims; a sweep has no use for the others.
PARTS = (ratios, proportional, warm_up, flicker, drift, indicator)
#: Those of them that measure empirical claims.
EMPIRICAL = PARTS


def measure(settings: Settings) -> tuple[parts.Part, ...]:
    """Measure every claim of the chapter."""
    return tuple(part(settings) for part in PARTS)


def _train(
    settings: Settings, seeds: range, optimizer: str, watch: dict[str, Any], **options: Any
) -> list[shared.TrackedRun]:
    """Train and track the networks of all seeds at once, each on its own split of the data."""
    whole = load_dataset(settings.dataset).as_images()
    data = stacked(whole.redrawn(seed) for seed in seeds)
    assert whole.image_shape is not None
    channels, classes = (settings.channels, 2 * settings.channels), len(data.classes)
    model = CNNEnsemble(whole.image_shape, channels, settings.hidden, classes, seeds)
    steps, batch_size = settings.steps, settings.batch_size
    config = settings.config(optimizer, steps=steps, batch_size=batch_size, **options)
    return [shared.tracked(model, data, config, seeds, settings.probe_size, **watch)]


@lru_cache(maxsize=1)
def _runs(settings: Settings) -> shared.Runs:
    """Train with every optimiser at a constant rate."""
    watch = {"ema": settings.ema, "window": settings.window, "oui": shared.PAIRS}
    return {name: _train(settings, settings.seeds, name, watch) for name in settings.rates}


def _traces(settings: Settings) -> shared.Traces:
    return shared.traces_of(_runs(settings))
