"""What chapter 25 measures: whether flips with period two show the edge of stability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from regime_lib.chapters.edge_of_stability.quadratic import Quadratic, quadratic_of
from regime_lib.chapters.edge_of_stability.runs import Watched, watched
from regime_lib.chapters.edge_of_stability.settings import (
    CONVOLUTIONAL,
    ENTROPY,
    FULL,
    MOMENTUM,
    NOISY,
    PAPER,
    QUICK,
    Settings,
)
from regime_lib.chapters.edge_of_stability.windows import (
    count,
    date_error,
    date_errors,
    kinds,
    most,
    share_with_signs,
)
from regime_lib.chapters.part import Numbers
from regime_lib.estimate import Estimate

__all__ = ["PAPER", "QUICK", "Settings"]

_LARGEST_BATCH = "rate 1, 128 a batch"


@dataclass(frozen=True)
class Runs:
    """Runs of some settings, by name, and what signs and sharpness say of them."""

    claims: dict[str, Estimate]
    numbers: Numbers
    runs: dict[str, Watched]


def quadratic(settings: Settings) -> Quadratic:
    """Ask what the two-step ratio is where training can be solved."""
    return quadratic_of(settings.seeds)


def full_batch(settings: Settings) -> Runs:
    """Descend on the full batch, at rates from below the edge to far beyond it."""
    runs = {f"rate {rate:g}": watched(settings, setting) for rate, setting in FULL.items()}
    every = list(runs.values())
    numbers: Numbers = {f"windows-{kind}": count(every, kind) for kind in ("below", "rim", "deep")}
    numbers |= {"deep-ratio": _median_ratio(every, "deep")}
    numbers |= {"below-ratio": _median_ratio(every, "below")}
    for name, own in runs.items():
        numbers |= _dates(name.replace(" ", "-"), own)
    return Runs(
        {
            "tb-edge-deep": share_with_signs(every, "deep", settings),
            "tb-edge-rim": share_with_signs(every, "rim", settings),
            "tb-edge-below": share_with_signs(every, "below", settings),
            "tb-edge-date": date_error(runs),
        },
        numbers,
        runs,
    )


def noise(settings: Settings) -> Runs:
    """Train on minibatches, whose noise flips bits back and forth without any edge."""
    runs = {
        f"rate {rate:g}, {batch} a batch": watched(settings, setting)
        for (rate, batch), setting in NOISY.items()
    }
    below = {name: share_with_signs([own], "below", settings) for name, own in runs.items()}
    numbers: Numbers = {
        "noise-below": count(list(runs.values()), "below"),
        "noise-close": count([runs[_LARGEST_BATCH]], "close"),
        "noise-close-ratio": _median_ratio([runs[_LARGEST_BATCH]], "close"),
        "noise-below-ratio": _median_ratio(list(runs.values()), "below"),
    }
    return Runs(
        {
            "tb-edge-noise-below": most(below),
            "tb-edge-noise-close": share_with_signs([runs[_LARGEST_BATCH]], "close", settings),
        },
        numbers,
        runs,
    )


def momentum(settings: Settings) -> Runs:
    """Descend on the full batch with heavy-ball momentum, whose threshold is higher."""
    runs = {"momentum": watched(settings, MOMENTUM)}
    return _elsewhere("tb-edge-momentum", "close", runs, settings)


def convolution(settings: Settings) -> Runs:
    """Descend on the full batch with a convolutional network."""
    runs = {"convolutional": watched(settings, CONVOLUTIONAL)}
    return _elsewhere("tb-edge-cnn", "deep", runs, settings)


def entropy(settings: Settings) -> Runs:
    """Descend on the cross-entropy, whose curvature falls again once all is learnt."""
    runs = {"cross-entropy": watched(settings, ENTROPY)}
    found = _elsewhere("tb-edge-entropy", "close", runs, settings)
    own = runs["cross-entropy"]
    after = share_with_signs([own], "below", settings)
    last: Numbers = {"entropy-last-level": float(np.median(own.level[-1]))}
    return Runs({**found.claims, "tb-edge-entropy-after": after}, found.numbers | last, runs)


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    quadratic: Quadratic
    full_batch: Runs
    noise: Runs
    momentum: Runs
    convolution: Runs
    entropy: Runs


def measure(settings: Settings) -> Measurements:
    """Everything: what a sweep maps and the tests call."""
    return Measurements(
        quadratic(settings),
        full_batch(settings),
        noise(settings),
        momentum(settings),
        convolution(settings),
        entropy(settings),
    )


#: All parts measure claims; none reads committed tables.
EMPIRICAL = (full_batch, noise, momentum, convolution, entropy)
LAWS = (quadratic,)
PARTS = (*LAWS, *EMPIRICAL)


def _elsewhere(claim: str, kind: str, runs: Mapping[str, Watched], settings: Settings) -> Runs:
    """Ask for the signs of one setting in its windows of one kind."""
    (own,) = runs.values()
    word = claim.removeprefix("tb-edge-")
    numbers: Numbers = {
        f"{word}-windows": count([own], kind),
        f"{word}-ratio": _median_ratio([own], kind),
    }
    return Runs(
        {claim: share_with_signs([own], kind, settings)},
        numbers | _dates(word, own),
        dict(runs),
    )


def _median_ratio(runs: list[Watched], kind: str) -> float | str:
    """Return the median ratio of the windows of a kind; a dash if there is none, or no bound."""
    found = np.concatenate([one.signs.ratio[getattr(kinds(one), kind)] for one in runs])
    found = found[~np.isnan(found)]
    return _plain(float(np.median(found)) if len(found) else np.nan)


def _dates(word: str, runs: Watched) -> Numbers:
    """Return how many runs reach the threshold, how many of them without signs, and the lag."""
    least, upper = date_errors(runs)
    return {
        f"{word}-reached": len(least),
        f"{word}-censored": int(np.isinf(upper).sum()),
        f"{word}-accuracy": 100 * float(runs.accuracy.mean()),
        f"{word}-lag": _plain(float(np.median(least)) if len(least) else np.nan),
    }


def _plain(value: float) -> float | str:
    """Return a number as prose can quote it."""
    return value if np.isfinite(value) else "–"
