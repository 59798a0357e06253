"""What the committed paper-scale runs say: functions of their tables, which `paper_scale` wrote.

`specifications` is the table of every run under every definition, `runs` has a row per run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import ARCHITECTURES, NAMES, OPTIMIZERS
from regime_lib.chapters.three_times.grid import CELLS, grid
from regime_lib.chapters.three_times.multiverse import (
    Multiverse,
    ShareAbove,
    chosen,
    multiverse,
)
from regime_lib.chapters.three_times.specifications import DEFINITIONS, SETTING, USUAL
from regime_lib.chapters.three_times.tracked import NETWORKS
from regime_lib.estimate import Estimate, median, no_number

LEVELS = (1.0, 2.0, 3.0)
_REAL = sorted({cell["dataset"] for cell in CELLS})
_TRAINED = {"network": "iterate", "batch": "mini"}


@dataclass(frozen=True)
class Overall(Part):
    """All specifications of the real data, for the network as trained."""

    table: pd.DataFrame  # see `Multiverse`
    shares: tuple[ShareAbove, ...]
    accuracy: pd.DataFrame  # medians over runs, by dataset and architecture


@dataclass(frozen=True)
class ByDefinition:
    """When the ratio is large: definition by definition."""

    numbers: Numbers
    medians: Float[np.ndarray, "definitions choices"]  # optimisers for each of `NETWORKS`
    table: pd.DataFrame  # all specifications of the real data, of both networks


@dataclass(frozen=True)
class Averages(Part):
    """The settings of the real data under the book's definition, as trained."""

    table: pd.DataFrame
    mean: float
    median: float


@dataclass(frozen=True)
class Causes(Part):
    """What a warm-up, averaging and full batches do to the ratio, on the digits."""

    table: pd.DataFrame  # specifications under the book's definition, with a column `change`


def overall(specifications: pd.DataFrame, runs: pd.DataFrame) -> Overall:
    """Judge the claim of the abstract on all specifications."""
    found = _real(specifications, network="iterate")
    mini, seeds = _mini(runs), found.table["seeds"]
    shares = tuple(found.share_above(level) for level in LEVELS)
    accuracy = mini.groupby(["dataset", "architecture"], observed=True, as_index=False)
    return Overall(
        {"rc-three-times": found.exact.estimate(np.median)},
        {
            "paper-runs": f"{len(runs)} of {len(list(grid()))}",
            "paper-settings": len(found) // len(DEFINITIONS),
            "paper-seeds": " to ".join(str(n) for n in sorted({seeds.min(), seeds.max()})),
            "paper-hours": round(float(runs["seconds"].sum())) / 3600,
            **share_numbers("paper", found, shares),
        },
        found.table,
        shares,
        accuracy[["start_accuracy", "accuracy"]].median(),
    )


def by_definition(specifications: pd.DataFrame) -> ByDefinition:
    """Count where the median ratio reaches three."""
    table = _real(specifications).table
    columns = [(network, name) for network in NETWORKS for name in OPTIMIZERS]
    wide = table.pivot_table("ratio", "definition", ["network", "optimizer"], "median")
    medians = wide.reindex(index=list(DEFINITIONS), columns=pd.MultiIndex.from_tuples(columns))
    trained = medians["iterate"]
    numbers: Numbers = {
        "holds-cells": int((trained >= 3).sum().sum()),
        "holds-all-cells": int(trained.notna().sum().sum()),
        "holds-adamw": int((trained["adamw"] >= 3).sum()),
        "holds-sgd": int((trained["sgd"] >= 3).sum()),
        "start-ratio": float(trained.loc["start@0.9"].median()),
        "end-ratio": float(trained.loc["end@0.1"].median()),
        "cum-ratio": float(trained.loc["cum@0.9"].median()),
    }
    for name in OPTIMIZERS:
        numbers[f"tenth-{name}"] = float(trained.loc["peak@0.1", name])
        numbers[f"half-{name}"] = float(trained.loc["peak@0.5", name])
    return ByDefinition(numbers, medians.to_numpy(), table)


def averages(specifications: pd.DataFrame) -> Averages:
    """Say what the mean over settings hangs on, and whether MNIST differs."""
    usual = _real(specifications, network="iterate", definition=USUAL)
    known, exact = usual.table["ratio"].dropna(), usual.exact
    ratios = np.sort(exact.table["ratio"].to_numpy())
    dropped = max(1, round(len(ratios) / 10))
    smallest = exact.table.groupby("dataset")["ratio"].min().sort_values().drop("mnist")
    return Averages(
        {
            "rc-mean-speedup": exact.estimate(np.mean),
            "rc-mean-few": exact.estimate(lambda known: float(np.mean(known) / np.median(known))),
            "rc-mnist-exception": exact.only(dataset="mnist").estimate(np.min),
        },
        {
            "mean-median": float(np.median(ratios)),
            "mean-without": float(ratios[:-dropped].mean()),
            "mean-settings": len(ratios),
            "mean-dropped": dropped,
            "mean-bounds": len(known) - len(ratios),
            "mean-open": len(usual) - len(known),
            "mean-with-bounds": float(known.mean()),
            "smallest-elsewhere": ", ".join(f"{NAMES[k]} {v:.2f}" for k, v in smallest.items()),
        },
        usual.table,
        float(ratios.mean()),
        float(np.median(ratios)),
    )


def step_by_step(runs: pd.DataFrame) -> Part:
    """Judge proportionality and flicker on the real data, in minibatches."""
    mini = _mini(runs).astype({"slope": float, "flips_per_net_flip": float})
    slopes, flips = mini["slope"].dropna(), mini["flips_per_net_flip"].dropna()
    settings = mini.groupby(list(SETTING), observed=True)["flips_per_net_flip"].median().dropna()
    by_schedule = mini.groupby("schedule", observed=True)["slope"]
    low, high = by_schedule.get_group("constant").quantile([0.1, 0.9])
    flicker = mini.groupby("optimizer", observed=True)["flips_per_net_flip"].median()
    return Part(
        {
            "rc-proportional-everywhere": median(slopes, over=f"{len(slopes)} runs"),
            "rc-flips-per-net-flip": median(
                settings, over=f"{len(settings)} settings, each the median of its seeds"
            ),
        },
        {
            "slope-cosine": float(by_schedule.get_group("cosine").median()),
            "slope-constant": float(by_schedule.get_group("constant").median()),
            "slope-constant-range": f"{low:.2f} to {high:.2f}",
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
    return Causes(
        {
            # a setting in which neither series settles has no ratio to judge
            "rc-warm-up": warm.only(bound=("exact", "partial")).estimate(np.median),
            # a lower bound can only make the smallest ratio too small
            "rc-drift-mlp-cnn": _if_known(
                averaged.only(architecture=("mlp", "cnn")), np.min, ("exact", "partial", "lower")
            ),
            "rc-drift-transformer": _if_known(
                averaged.only(architecture="transformer"), np.median, ("exact", "partial")
            ),
        },
        {**_causes_on_digits(trained, warm, full), **_causes_elsewhere(specifications)},
        pd.concat([part.table.assign(change=name) for name, part in parts.items()]),
    )


def share_numbers(name: str, found: Multiverse, shares: tuple[ShareAbove, ...]) -> Numbers:
    """Return shares above the levels as the prose shows them."""
    numbers: Numbers = {
        f"{name}-above-{share.level:g}": _in_words(share.exact, ".0%") for share in shares
    }
    top = shares[-1]
    numbers[f"{name}-surely-{top.level:g}"] = f"{top.surely:.0%} to {top.surely + top.perhaps:.0%}"
    numbers[f"{name}-unknown"] = f"{found.table['ratio'].isna().mean():.0%}"
    return numbers


def _causes_on_digits(trained: Multiverse, warm: Multiverse, full: Multiverse) -> Numbers:
    adamw = trained.only(optimizer="adamw", schedule="constant")
    return {
        **{f"adamw-{a}": _middle(adamw.only(architecture=a)) for a in ARCHITECTURES},
        **{f"warm-{a}": _middle(warm.only(architecture=a)) for a in ("mlp", "cnn")},
        "full-batch": _middle(full),
    }


def _causes_elsewhere(specifications: pd.DataFrame) -> Numbers:
    """Say what decaying rates and areas give, in words."""
    some = _real(specifications, schedule="cosine", definition=("auc", "fit", USUAL))
    numbers: Numbers = {
        f"cosine-{architecture}-{network}": _middle(
            some.only(architecture=architecture, network=network)
        )
        for architecture in ARCHITECTURES
        for network in NETWORKS
    }
    areas = {"definition": "auc", "optimizer": "adamw", "network": "iterate"}
    real = _real(specifications, **areas)
    cnn = _found(specifications, dataset="digits", architecture="cnn", batch="mini", **areas)
    for schedule in ("constant", "warm-up"):
        numbers[f"auc-{schedule}"] = _middle(real.only(schedule=schedule))
        numbers[f"cnn-auc-{schedule}"] = _middle(cnn.only(schedule=schedule))
    return numbers


def _found(specifications: pd.DataFrame, **choices: object) -> Multiverse:
    return multiverse(specifications[chosen(specifications, size="absolute", **choices)])


def _real(specifications: pd.DataFrame, **choices: object) -> Multiverse:
    return _found(specifications, batch="mini", dataset=_REAL, **choices)


def _mini(runs: pd.DataFrame) -> pd.DataFrame:
    return runs[chosen(runs, batch="mini", dataset=_REAL)]


def _if_known(
    found: Multiverse, statistic: Callable[..., float], allowed: tuple[str, ...]
) -> Estimate:
    """Return a statistic, unless censored ratios enter it that may not."""
    unusable = int((~found.table["bound"].isin(allowed)).sum())
    if unusable:
        return no_number(f"{unusable} of {len(found)} settings are censored")
    return found.estimate(statistic)


def _middle(found: Multiverse) -> str:
    """Return the median of the exact ratios with its interval, or a bound, in words."""
    estimate = found.exact.estimate(np.median)
    least = found.table.loc[found.table["bound"] == "lower", "ratio"]
    if not estimate.known and len(least):
        return f"at least {least.median():.2f}"
    return _in_words(estimate, ".2f")


def _in_words(estimate: Estimate, style: str) -> str:
    if estimate.value is None:
        return "no number"
    if estimate.low is None:
        return f"{estimate.value:{style}}"
    return f"{estimate.value:{style}} ({estimate.low:{style}} to {estimate.high:{style}})"
