"""What the committed short runs say: functions of their tables, which `long_runs` wrote.

`specifications` is the table of every run under every definition, `runs` has a row per run. A
cosine schedule sets both settling times, so every judgement is of one schedule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.grid import CELLS, grid
from regime_lib.chapters.three_times.limits import Limits, product_limit_median
from regime_lib.chapters.three_times.multiverse import (
    Multiverse,
    ShareAbove,
    chosen,
    multiverse,
)
from regime_lib.chapters.three_times.specifications import SETTING, USUAL
from regime_lib.chapters.three_times.tracked import NETWORKS
from regime_lib.estimate import Estimate, proportion
from regime_lib.instrument.settling.candidates import DEFINITIONS

LEVELS = (1.0, 2.0, 3.0)
_ARCHITECTURES = sorted({cell["architecture"] for cell in CELLS})
_REAL = sorted({cell["dataset"] for cell in CELLS})
_IMAGES = ("mnist", "fashion-mnist", "cifar10")
_TRAINED = {"network": "iterate", "batch": "mini"}
_SLOPE = 0.1  # how far from one a slope may be that counts as proportional
_CLEAR = 1.5  # a ratio from which on patterns count as clearly earlier


@dataclass(frozen=True)
class BySchedule(Part):
    """All specifications of the network as trained, schedule by schedule."""

    table: pd.DataFrame  # see `Multiverse`
    counts: pd.DataFrame  # a row per schedule: settings, specifications, and how many are known
    shares: dict[str, tuple[ShareAbove, ...]]  # by schedule


@dataclass(frozen=True)
class Overall(BySchedule):
    """All specifications of the real data."""

    accuracy: pd.DataFrame  # medians over runs, by dataset and architecture


@dataclass(frozen=True)
class ByDefinition:
    """When the ratio is large: definition by definition."""

    numbers: Numbers
    # as trained: optimisers for each of `COMPARED`; NaN where half of the settings or more are open
    medians: Float[np.ndarray, "definitions choices"]
    table: pd.DataFrame  # all specifications of the real data, of both networks


@dataclass(frozen=True)
class Averages(Part):
    """The settings of the real data under the book's definition, as trained."""

    table: pd.DataFrame
    mean: float  # of the settings whose ratio is known
    median: float


@dataclass(frozen=True)
class Causes(Part):
    """What a warm-up, averaging and full batches do to the ratio, on the digits."""

    table: pd.DataFrame  # specifications under the book's definition, with a column `change`


#: The schedules whose medians are set side by side.
COMPARED = ("constant", "cosine")


def by_schedule(
    found: Multiverse, claims: dict[str, str], name: str, over: str = "settings"
) -> BySchedule:
    """Judge the claim of the abstract on all specifications of each schedule.

    `claims` holds the claim of each schedule that has one; the numbers begin with `name`; `over` is
    as in `Multiverse.median`.
    """
    there = [s for s in SCHEDULES if s in set(found.table["schedule"])]
    parts = {schedule: found.only(schedule=schedule) for schedule in there}
    shares = {s: tuple(part.share_above(level) for level in LEVELS) for s, part in parts.items()}
    numbers: Numbers = {}
    for schedule, part in parts.items():
        own, top = f"{name}-{schedule}", shares[schedule][-1]
        numbers |= {f"{own}-{kind}": count for kind, count in part.counts.items()}
        numbers[f"{own}-all"] = len(part)
        numbers[f"{own}-above-3"] = f"{top.surely:.0%} to {top.surely + top.perhaps:.0%}"
    rows = [{"schedule": s, "specifications": len(p), **p.counts} for s, p in parts.items()]
    return BySchedule(
        {claim: parts[schedule].median(over) for schedule, claim in claims.items()},
        numbers,
        found.table,
        pd.DataFrame(rows),
        shares,
    )


def overall(specifications: pd.DataFrame, runs: pd.DataFrame) -> Overall:
    """Count what the short runs say of the claim of the abstract, on the real data."""
    found = _real(specifications, network="iterate")
    own, mini, seeds = by_schedule(found, {}, "paper"), _mini(runs), found.table["seeds"]
    constant = found.only(schedule="constant").limits
    known = constant.product_limit(f"{len(np.unique(constant.telling.cluster))} settings")
    accuracy = mini.groupby(["dataset", "architecture"], observed=True, as_index=False)
    return Overall(
        own.claims,
        {
            **own.numbers,
            "paper-runs": f"{len(runs)} of {len(list(grid()))}",
            "paper-settings": len(found) // len(DEFINITIONS),
            "paper-seeds": " to ".join(str(n) for n in sorted({seeds.min(), seeds.max()})),
            "paper-hours": round(float(runs["seconds"].sum())) / 3600,
            "paper-constant-telling": len(constant.telling),
            "paper-constant-median": _with_ends(known),
        },
        own.table,
        own.counts,
        own.shares,
        accuracy[["start_accuracy", "accuracy"]].median(),
    )


def by_definition(specifications: pd.DataFrame) -> ByDefinition:
    """Count where the median ratio reaches three."""
    found = _real(specifications)
    trained = found.only(network="iterate").table
    columns = [(schedule, name) for schedule in COMPARED for name in OPTIMIZERS]
    medians = pd.DataFrame(
        [
            [
                _cell(trained[chosen(trained, definition=text, schedule=s, optimizer=name)])
                for s, name in columns
            ]
            for text in DEFINITIONS
        ],
        index=list(DEFINITIONS),
        columns=pd.MultiIndex.from_tuples(columns),
    )
    numbers: Numbers = {}
    for schedule in COMPARED:
        numbers[f"holds-{schedule}"] = int((medians[schedule] >= 3).sum().sum())
        numbers[f"cells-{schedule}"] = int(medians[schedule].notna().sum().sum())
    cosine = medians["cosine"]
    numbers |= {
        "cells-all": cosine.size,
        "start-ratio": float(cosine.loc["start@0.9"].median()),
        "end-ratio": float(cosine.loc["end@0.1"].median()),
        "cum-ratio": float(cosine.loc["cum@0.9"].median()),
    }
    for name in OPTIMIZERS:
        numbers[f"tenth-{name}"] = float(cosine.loc["peak@0.1", name])
        numbers[f"half-{name}"] = float(cosine.loc["peak@0.5", name])
    return ByDefinition(numbers, medians.to_numpy(), found.table)


def averages(specifications: pd.DataFrame) -> Averages:
    """Say what the mean over settings depends on, and whether MNIST differs."""
    usual = _real(specifications, network="iterate", definition=USUAL)
    cosine, exact, counts = usual.only(schedule="cosine"), usual.exact, usual.counts
    ratios = np.sort(exact.table["ratio"].to_numpy())
    dropped = max(1, round(len(ratios) / 10))
    least = usual.table["least"].to_numpy()
    quotients, clear = _against_mnist(specifications)
    return Averages(
        {
            "rc-mean-few": cosine.estimate(lambda r: float(np.mean(r) / np.median(r))),
            "rc-mnist-exception": quotients.median(
                f"{len(np.unique(quotients.cluster))} settings ({len(quotients)} comparisons)"
            ),
        },
        {
            "mean-exact": _with_ends(exact.estimate(lambda r: float(np.mean(r)))),
            "mean-median": float(np.median(ratios)),
            "mean-without": float(ratios[:-dropped].mean()),
            "mean-all": len(usual),
            "mean-settings": len(ratios),
            "mean-cosine": int((exact.table["schedule"] == "cosine").sum()),
            "mean-dropped": dropped,
            "mean-bounds": counts["lower"],
            "mean-open": counts["open"],
            "mean-least": float(least[least > 0].mean()),
            "mnist-clear": len(clear),
            "mnist-clear-quotient": f"{np.median(clear.least):.2f} to {np.median(clear.most):.2f}",
        },
        usual.table,
        float(ratios.mean()),
        float(np.median(ratios)),
    )


def step_by_step(runs: pd.DataFrame) -> Part:
    """Judge proportionality at a constant rate, and count flips, on the real data in minibatches.

    A falling rate drags both series down together, over decades: it would build the slope in.
    """
    mini = _mini(runs).astype({"slope": float, "flips_per_net_flip": float})
    flips = mini["flips_per_net_flip"].dropna()
    settings = mini.groupby(list(SETTING), observed=True)[["slope", "flips_per_net_flip"]].median()
    slopes = {
        str(schedule): own["slope"].dropna()
        for schedule, own in settings.groupby(level="schedule", observed=True)
    }
    near = {schedule: (own - 1).abs() <= _SLOPE for schedule, own in slopes.items()}
    low, high = mini.loc[mini["schedule"] == "constant", "slope"].quantile([0.1, 0.9])
    flicker = settings.groupby(level="optimizer", observed=True)["flips_per_net_flip"].median()
    held = proportion(
        int(near["constant"].sum()),
        len(near["constant"]),
        over=f"{len(near['constant'])} settings, each the median of its seeds",
    )
    return Part(
        {"rc-proportional-everywhere": held},
        {
            **{f"slope-{schedule}": float(own.median()) for schedule, own in slopes.items()},
            **{f"near-{s}": f"{own.sum()} of {len(own)}" for s, own in near.items()},
            "slope-constant-range": f"{low:.2f} to {high:.2f}",
            "flicker-median": float(settings["flips_per_net_flip"].median()),
            "flicker-range": f"{flips.min():.0f} to {flips.max():.0f}",
            **{f"flicker-{name}": float(value) for name, value in flicker.items()},
        },
    )


def causes(specifications: pd.DataFrame) -> Causes:
    """Judge what makes the ratio, on the long runs of the digits."""
    long = _found(specifications, dataset="digits", definition=USUAL)
    trained = long.only(**_TRAINED)
    warm = trained.only(schedule="warm-up", architecture=("mlp", "cnn"))
    averaged = long.only(network="average", schedule="constant", batch="mini")
    full = long.only(network="iterate", batch="full")
    parts = {
        "as trained": trained.only(schedule="constant"),
        "with warm-up": trained.only(schedule="warm-up"),
        "weights averaged": averaged,
        "full batches": full,
    }
    adamw = trained.only(optimizer="adamw", schedule="constant")
    return Causes(
        {
            "rc-warm-up": warm.by_seed(np.max),
            "rc-drift-mlp-cnn": averaged.only(architecture=("mlp", "cnn")).by_seed(np.min),
            "rc-drift-transformer": averaged.only(architecture="transformer").by_seed(np.max),
        },
        {
            **{f"adamw-{a}": adamw.only(architecture=a).words for a in _ARCHITECTURES},
            **{f"warm-{a}": warm.only(architecture=a).words for a in ("mlp", "cnn")},
            **{
                f"drift-{a}-{name}": averaged.only(architecture=a, optimizer=name).words
                for a in ("mlp", "cnn")
                for name in OPTIMIZERS
            },
            "full-batch": full.words,
            **_causes_elsewhere(specifications),
        },
        pd.concat([part.table.assign(change=name) for name, part in parts.items()]),
    )


def _causes_elsewhere(specifications: pd.DataFrame) -> Numbers:
    """Say what decaying rates give, in words."""
    some = _real(specifications, schedule="cosine", definition=("auc", "fit", USUAL))
    return {
        f"cosine-{a}-{network}": some.only(architecture=a, network=network).words
        for a in _ARCHITECTURES
        for network in NETWORKS
    }


def _against_mnist(specifications: pd.DataFrame) -> tuple[Limits, Limits]:
    """Return ratios on the other image sets over those on MNIST, under a cosine schedule.

    Both ratios have the same architecture, optimiser and definition; comparisons of the same
    architecture and optimiser belong together. The second limits are of those comparisons alone
    in which patterns are clearly earlier on the other set.
    """
    found = _real(specifications, network="iterate", schedule="cosine").only(dataset=_IMAGES)
    keys = ["architecture", "optimizer", "definition"]
    sets = {name: found.only(dataset=name).table.set_index(keys) for name in _IMAGES}
    ends = ["least", "most"]
    mnist = sets.pop("mnist")[ends].add_suffix("_mnist")
    pairs = pd.concat([own[ends].join(mnist) for own in sets.values()])
    setting = pairs.groupby(keys[:2], sort=False).ngroup().to_numpy()
    with np.errstate(divide="ignore"):
        least, most = pairs["least"] / pairs["most_mnist"], pairs["most"] / pairs["least_mnist"]
    clear = (pairs["least"] >= _CLEAR).to_numpy()
    values = least.to_numpy(), most.to_numpy(), setting
    return Limits(*values), Limits(*(value[clear] for value in values))


def _cell(rows: pd.DataFrame) -> float:
    """Return the median of some settings, if most of them say something."""
    if 2 * (rows["bound"] == "open").sum() >= len(rows):
        return float("nan")
    found = product_limit_median(rows["least"].to_numpy(), rows["most"].to_numpy())
    return found if np.isfinite(found) else float("nan")


def _found(specifications: pd.DataFrame, **choices: object) -> Multiverse:
    return multiverse(specifications[chosen(specifications, size="absolute", **choices)])


def _real(specifications: pd.DataFrame, **choices: object) -> Multiverse:
    return _found(specifications, batch="mini", **{"dataset": _REAL, **choices})


def _mini(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[chosen(runs, batch="mini", dataset=_REAL)]


def _with_ends(found: Estimate) -> str:
    """Return a number with its interval, as it stands in a sentence."""
    assert found.value is not None
    ends = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.2f}{ends}"
