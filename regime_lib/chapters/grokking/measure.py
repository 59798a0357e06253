"""What chapter 62 measures: late generalisation in three cases, and whether patterns join in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.chapters.grokking.before_transition import fall_rates, slope_rise
from regime_lib.chapters.grokking.cases import (
    IMAGE_LR,
    addition_runs,
    image_data,
    image_run,
    image_training,
    train_images,
)
from regime_lib.chapters.grokking.first_passage import (
    Moments,
    Windows,
    aligned,
    mean_in,
    median_of,
    median_or_dash,
    median_over_seeds,
    over_plateau,
    rise,
    value_at,
    windows,
)
from regime_lib.chapters.grokking.fourier import FourierFeatures, fourier_over_training
from regime_lib.chapters.grokking.initial_scale import compare_initial_scales, share_late
from regime_lib.chapters.grokking.measure_batchnorm import (
    Normalised,
    NormalisedTransition,
    late_in_second_phase,
    normalised,
    normalised_transition,
)
from regime_lib.chapters.grokking.run import MeasuredRun, distance_to_class
from regime_lib.chapters.grokking.settings import PAPER as PAPER
from regime_lib.chapters.grokking.settings import QUICK as QUICK
from regime_lib.chapters.grokking.settings import Settings as Settings
from regime_lib.estimate import Estimate

Numbers = dict[str, float | int | str]

_WINDOWS = ((1.25, 0.5), (1.1, 0.5), (1.6, 0.5), (1.25, 0.3), (1.25, 0.7))
_QUANTITIES = ("flips", "update", "excess")


@dataclass(frozen=True)
class Images:
    """An image network that starts too large."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    run: MeasuredRun


def images(settings: Settings) -> Images:
    """Measure basins, slopes and norm of the image network around its jump."""
    data, run = image_data(settings), image_run(settings)
    times, where = run.moments, windows(run.steps, run.moments)
    distance = np.array([distance_to_class(data.member(k)) for k in range(data.members)])
    at_jump = value_at(run.steps, run.sample_basin, times.jump)
    slopes = slope_rise(run.steps, run.slopes, where.plateau, times.jump)
    rates = fall_rates(run.steps, run.norm, times.jump)
    by_decay = IMAGE_LR * settings.decay
    return Images(
        {
            "nd-grok-basin-growth": median_over_seeds(run.basin_growth),
            "nd-grok-basin-threshold": median_over_seeds(at_jump / distance),
            "nd-grok-slope": median_over_seeds(slopes.ratio),
            "nd-grok-norm": median_over_seeds(rates.ratio),
        },
        {
            **_times("images", times),
            "start-scale": settings.scale,
            "modulus": settings.modulus,
            "images-final": float(np.median(run.test[-1])),
            "images-flips": median_or_dash(mean_in(where.jump, run.flips)),
            "images-decay-share": median_or_dash(by_decay / mean_in(where.plateau, run.update)),
            "images-distance": float(np.median(distance)),
            "images-basin-at-jump": median_or_dash(at_jump),
            "images-slope-before": median_or_dash(slopes.before),
            "images-slope-peak": median_or_dash(slopes.peak),
            "images-norm-late": median_or_dash(rates.late),
            "images-norm-decay": by_decay,
        },
        run,
    )


@dataclass(frozen=True)
class InitialScales:
    """The same networks from smaller initial parameters."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    medians: pd.DataFrame
    """A row per scale."""


def initial_scales(settings: Settings) -> InitialScales:
    """Ask which networks are in the second phase at memorisation, and which of these are late.

    Those with batch normalisation are the other kind: late with running statistics that lag.
    """
    runs = {scale: train_images(settings, scale, 500) for scale in (1.0, 2.0)}
    runs[settings.scale] = image_training(settings)
    found = compare_initial_scales(runs, image_data(settings))
    second, others = found.second_phase, ~found.second_phase
    plain, (normal, always) = found.late[second], late_in_second_phase(settings)
    return InitialScales(
        {
            "nd-grok-second-phase": share_late(
                {"image networks": plain, "networks with batch normalisation": normal}
            )
        },
        {
            "phase-two-runs": len(plain),
            "phase-two-late": int(plain.sum()),
            "phase-two-others": int(others.sum()),
            "phase-two-prompt": int((found.delay[others] == 0).sum()),
            "phase-two-normal": len(normal),
            "phase-two-normal-late": int(normal.sum()),
            "phase-two-always": int(always.sum()),
            "phase-two-always-late": int((normal & always).sum()),
        },
        found.frame.drop(columns="seed").groupby("scale").median().reset_index(),
    )


@dataclass(frozen=True)
class Addition:
    """A network that learns to add modulo a number, and two controls."""

    numbers: dict[str, float | int | str]
    runs: dict[str, MeasuredRun]
    fourier: FourierFeatures
    """Of the first seed, with true labels."""
    memorised: int
    """At which of its checks that network has memorised."""


def addition(settings: Settings) -> Addition:
    """Measure addition with true labels, with shuffled ones and without weight decay."""
    trained, runs = addition_runs(settings)
    sums = runs["true labels"]
    times = sums.moments
    numbers: Numbers = {
        **_times("modular", times),
        **{
            f"final-{name.replace(' ', '-')}": float(np.median(run.test[-1]))
            for name, run in runs.items()
        },
        "modular-basin-growth": median_or_dash(sums.basin_growth),
    }
    stops = dict(zip(("memorised", "jump", "end"), (*times.medians, sums.steps[-1]), strict=True))
    for moment, step in stops.items():
        there = sums.at(float(step))
        numbers[f"modular-slope-{moment}"] = median_or_dash(there["slope of the first layer"])
        numbers[f"modular-norm-{moment}"] = median_or_dash(there["norm of the weights"])

    def input_weights(model: nn.Module) -> Tensor:
        return model.get_parameter("hidden1.weight")[0, :, : settings.modulus]

    checks = np.flatnonzero(sums.steps > 0)[::2].tolist()
    found = fourier_over_training(trained["true labels"], input_weights, checks)
    memorised, jump = (found.nearest(t[0]) for t in (times.memorised, times.jump))
    for moment, check in (("memorised", memorised), ("jump", jump), ("end", -1)):
        numbers[f"purity-{moment}"] = float(found.purity[check])
    return Addition(numbers, runs, found, memorised)


@dataclass(frozen=True)
class RegimeChange:
    """Do units switch more often around the jump than on the plateau before?"""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    rises: dict[str, dict[str, float]]
    """Median of the mean around the jump over that on the plateau, by case and quantity."""
    times: Float[np.ndarray, " times"]
    """Step over the step of the jump."""
    curves: dict[str, dict[str, Float[np.ndarray, "times members"]]]
    """Test accuracy, and flips over the plateau, by what is drawn and by case."""
    by_window: pd.DataFrame
    """Rises for other choices of what around the jump and the plateau mean."""


def regime_change(settings: Settings) -> RegimeChange:
    """Compare the cases; a page that has measured them calls `compare_cases`."""
    return compare_cases(image_run(settings), addition_runs(settings)[1])


def compare_cases(picture: MeasuredRun, runs: dict[str, MeasuredRun]) -> RegimeChange:
    """Compare flips, and flips per relative weight step, on the plateau and around the jump.

    With shuffled labels nothing generalises: the moments are those of the same seed with true ones.

    Parameters
    ----------
    picture : MeasuredRun
        Of the image network.
    runs : dict
        Of addition, by condition.
    """
    sums = runs["true labels"]
    cases = {
        "images": (picture, picture.moments),
        "addition": (sums, sums.moments),
        "addition, shuffled": (runs["shuffled labels"], sums.moments),
    }
    where = {name: windows(run.steps, times) for name, (run, times) in cases.items()}
    rises = {
        name: {key: rise(getattr(run, key), where[name]) for key in _QUANTITIES}
        for name, (run, _) in cases.items()
    }
    shuffled = rises["addition, shuffled"]
    by_window = pd.DataFrame(
        [
            {"case": name, "around": width, "plateau": reach, **_rises(*cases[name], width, reach)}
            for name in ("images", "addition")
            for width, reach in _WINDOWS
        ]
    )
    numbers: Numbers = {
        f"shuffled-{key}": median_or_dash(shuffled[key]) for key in ("flips", "excess")
    }
    for prefix, name in (("images", "images"), ("modular", "addition")):
        flips = cases[name][0].flips
        numbers[f"{prefix}-after"] = median_or_dash(
            flips[-3:].mean(axis=0) / mean_in(where[name].jump, flips)
        )
        own = by_window.loc[by_window["case"] == name, "flips"]
        numbers[f"flips-range-{name}"] = f"{own.min():.2f} to {own.max():.2f}"
    times = np.geomspace(0.1, 4, 60)
    curves: dict[str, Callable[[MeasuredRun, Windows], np.ndarray]] = {
        "test accuracy": lambda run, _: run.test,
        "flips / plateau": lambda run, where: over_plateau(run.flips, where),
        "flips per weight step": lambda run, where: over_plateau(run.excess, where),
    }
    return RegimeChange(
        {
            "nd-grok-flips-digits": median_over_seeds(rises["images"]["flips"]),
            "nd-grok-flips-modular": median_over_seeds(rises["addition"]["flips"]),
            "nd-grok-excess-digits": median_over_seeds(rises["images"]["excess"]),
            "nd-grok-excess-modular": median_over_seeds(rises["addition"]["excess"]),
            "nd-grok-specific": median_over_seeds(rises["addition"]["flips"] / shuffled["flips"]),
        },
        numbers,
        {name: {key: median_of(v) for key, v in own.items()} for name, own in rises.items()},
        times,
        {
            what: {
                name: aligned(run.steps, curve(run, where[name]), moments.jump, times)
                for name, (run, moments) in cases.items()
            }
            for what, curve in curves.items()
        },
        by_window,
    )


def _rises(run: MeasuredRun, times: Moments, width: float, reach: float) -> dict[str, float]:
    where = windows(run.steps, times, width=width, reach=reach)
    flips, excess = (median_of(rise(curves, where)) for curves in (run.flips, run.excess))
    return {"flips": flips, "per weight step": excess}


def _times(prefix: str, times: Moments) -> Numbers:
    """Return when a case memorises and when it generalises."""
    memorised, jump = times.medians
    return {
        f"{prefix}-memorised": median_or_dash(memorised),
        f"{prefix}-jump": median_or_dash(jump),
        f"{prefix}-factor": median_or_dash(times.jump / times.memorised),
    }


#: All parts that measure claims; all of these are empirical, and none reads committed tables.
PARTS = (images, initial_scales, normalised, regime_change)
EMPIRICAL = PARTS
#: What a second process measures, the last first, while the notebook is at the image network.
AHEAD = (normalised_transition, addition)


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    images: Images
    initial_scales: InitialScales
    addition: Addition
    normalised: Normalised
    normalised_transition: NormalisedTransition
    regime_change: RegimeChange


def measure(settings: Settings) -> Measurements:
    """Everything: what a sweep maps and the tests call."""
    return Measurements(
        images(settings),
        initial_scales(settings),
        addition(settings),
        normalised(settings),
        normalised_transition(settings),
        regime_change(settings),
    )
