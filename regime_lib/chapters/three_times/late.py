"""What the runs to the end of training say: functions of their committed tables.

The tables are those of `late_runs`. Whatever parts and seeds are there are judged; what is missing
is counted. Unless said otherwise, networks are rectified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.committed import BySchedule, by_schedule
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.factors import GROUPS, contributions
from regime_lib.chapters.three_times.limits import Limits, limits_of, product_limit_median
from regime_lib.chapters.three_times.multiverse import Multiverse, chosen, multiverse
from regime_lib.chapters.three_times.specifications import DEFINITIONS, SETTING, USUAL
from regime_lib.estimate import Estimate, median, no_number, over_runs

Tables = dict[str, pd.DataFrame]
#: What names a run in every table.
RUN = (*SETTING, "activation", "seed")
_ASKED = {"skipped": 0, "window": 51, "size": "absolute"}  # how a definition is asked
_EPOCH = 468  # steps after which a network has changed early, an epoch of the images
_SETTLED = 0.5  # share of a run after which it is late


@dataclass(frozen=True)
class Coverage:
    """What has been run."""

    numbers: Numbers
    table: pd.DataFrame  # a row per part: runs, losses, accuracies; medians over runs


@dataclass(frozen=True)
class Headline(BySchedule):
    """Every definition of every setting, at the end of training."""

    mean: Limits  # the settings' ratios under the book's definition


@dataclass(frozen=True)
class Horizons:
    """What shorter runs would have said."""

    numbers: Numbers
    # a row per schedule and horizon: shares of all runs and definitions with a ratio (`exact`), a
    # bound (`bounded`) or nothing (`open`), and the product-limit `median` of the ratios
    counts: pd.DataFrame
    # product-limit median over runs: columns schedule, optimizer, horizon, definition, ratio
    ratios: pd.DataFrame


@dataclass(frozen=True)
class Decomposition(Part):
    """What the fall of the pattern change is made of."""

    # logarithms of what each group of factors has contributed since the start, and `total`; means
    # over runs: columns part, optimizer, schedule, step, and those of `GROUPS`
    table: pd.DataFrame
    worst: float  # most that the contributions miss the measured curve by, in logarithms


@dataclass(frozen=True)
class Refinement(Part):
    """What is left when patterns have settled, by every definition."""

    table: pd.DataFrame  # medians over runs at a constant rate, a row per definition
    # a row per look of every run at a constant rate, with the run's settling time
    looks: pd.DataFrame


def at_end(tables: Tables, **choices: object) -> pd.DataFrame:
    """Return the specifications of whole rectified runs, as `specifications` would give them."""
    found = tables["specifications"]
    last = found["horizon"] == found.groupby("part", observed=True)["horizon"].transform("max")
    kept = last & chosen(found, **_ASKED, **{"activation": "relu", **choices})
    return found[kept].assign(network="iterate").drop(columns=["activation"])


def coverage(tables: Tables) -> Coverage:
    """Say which runs are there, and how far they learned."""
    runs = tables["runs"]
    parts = runs.groupby("part", observed=True, sort=False)
    numbers = ["steps", "epochs", "train_loss", "train_accuracy", "test_accuracy"]
    table = parts[numbers].median().assign(runs=parts.size())
    low = runs["epoch_below"] > 0
    return Coverage(
        {
            "late-runs": len(runs),
            "late-settings": runs.groupby([*SETTING, "activation"], observed=True).ngroups,
            "late-hours": float(runs["seconds"].sum()) / 3600,
            "late-below": f"{int(low.sum())} of {len(runs)}",
            "late-steps": f"{int(runs['steps'].min()):,} to {int(runs['steps'].max()):,}",
        },
        table[["runs", *numbers]].reset_index(),
    )


def headline(tables: Tables) -> Headline:
    """Judge the claim of the abstract on whole runs, schedule by schedule."""
    found = multiverse(at_end(tables))
    claims = {
        "constant": "rc-three-times",
        "cosine": "rc-three-times-cosine",
        "warm-up": "rc-three-times-warm-up",
    }
    there = set(found.table["schedule"])
    own = by_schedule(found, {s: c for s, c in claims.items() if s in there}, "late", over="seeds")
    usual = found.only(definition=USUAL)
    missing = {claim: no_number("no run") for s, claim in claims.items() if s not in there}
    ratios = usual.exact.table["ratio"].to_numpy(dtype=float)
    return Headline(
        {**own.claims, **missing, "rc-mean-speedup": usual.limits.mean(usual.over)},
        {
            **own.numbers,
            **_missing(own.numbers, there),
            "late-mean-settings": len(usual),
            "late-mean-exact": len(ratios),
            "late-mean": float(ratios.mean()) if ratios.size else "no number",
            "late-median": float(np.median(ratios)) if ratios.size else "no number",
            **{f"late-usual-{s}-{o}": _words(usual, s, o) for s in SCHEDULES for o in OPTIMIZERS},
        },
        own.table,
        own.counts,
        own.shares,
        usual.limits,
    )


def horizons(tables: Tables, part: str = "mnist-mlp") -> Horizons:
    """Read off from whole runs of one part what shorter ones would have said."""
    found = tables["specifications"]
    found = found[chosen(found, **_ASKED, part=part)]
    least, most = limits_of(found["ratio"], found["censored"])
    found = found.assign(least=least, most=most)
    counts = found.groupby(["schedule", "horizon"], observed=True).apply(_counted).reset_index()
    keys = ["schedule", "optimizer", "horizon", "definition"]
    ratios = found.groupby(keys, observed=True).apply(_middle).rename("ratio").reset_index()
    numbers: Numbers = {}
    for schedule in SCHEDULES:
        own = counts[counts["schedule"] == schedule].sort_values("horizon")
        if own.empty:
            continue
        telling = own[own["open"] <= 0.5]
        numbers[f"{part}-horizon-{schedule}"] = (
            f"{int(telling['horizon'].iloc[0]):,}" if len(telling) else "more than any run has"
        )
        for name, at in (("short", 1200), ("end", None)):
            row = own[own["horizon"] == at] if at else own.tail(1)
            if len(row):
                numbers[f"{part}-horizon-{schedule}-{name}"] = f"{float(row['open'].iloc[0]):.0%}"
                numbers[f"{part}-horizon-{schedule}-{name}-exact"] = (
                    f"{float(row['exact'].iloc[0]):.0%}"
                )
                numbers[f"{part}-horizon-{schedule}-{name}-median"] = float(row["median"].iloc[0])
    return Horizons(numbers, counts, ratios)


def decomposition(tables: Tables) -> Decomposition:
    """Say what the fall of the pattern change is made of."""
    flips = tables["flips"][chosen(tables["flips"], activation="relu")]
    parts = [contributions(own) for _, own in flips.groupby(list(RUN), observed=True)]
    found = pd.concat(parts, ignore_index=True)
    late = found[found["at"] >= _SETTLED * found["last"]]
    ends = late.groupby(list(RUN), observed=True)[["total", *GROUPS]].mean().reset_index()
    constant = ends[ends["schedule"] == "constant"]
    claims: dict[str, Estimate] = {}
    numbers: Numbers = {}
    for name in OPTIMIZERS:
        own = constant[constant["optimizer"] == name]
        shares = own["step"] / own["total"]
        claims[f"rc-late-clock-{name}"] = _median_of(shares, own)
        numbers[f"factor-{name}-total"] = _times(own["total"])
        for group in GROUPS:
            numbers[f"factor-{name}-{group}"] = _times(own[group])
    remainder = np.log(flips.groupby(list(RUN), observed=True)["remainder"].apply(_geometric))
    claims["rc-late-first-order"] = over_runs(
        lambda picks: float(np.exp(remainder.to_numpy()[picks].mean())),
        len(remainder),
        over=f"{len(remainder)} runs",
        seed=0,
    )
    keys = ["part", "optimizer", "schedule", "step_bin"]
    table = found.groupby(keys, observed=True)[["at", "total", *GROUPS]].mean().reset_index()
    missed = (table["total"] - table[list(GROUPS)].sum(axis=1)).abs().max()
    return Decomposition(claims, numbers, table, float(missed))


def refinement(tables: Tables) -> Refinement:
    """Say what happens in training after the patterns have settled, at a constant rate."""
    specs = at_end(tables, schedule="constant")
    looks = tables["looks"]
    looks = looks[chosen(looks, activation="relu", schedule="constant")]
    rows = []
    for run, own in looks.groupby(list(SETTING) + ["seed"], observed=True):
        of_run = specs[chosen(specs, **dict(zip((*SETTING, "seed"), run, strict=True)))]
        rows += [
            {**dict(zip((*SETTING, "seed"), run, strict=True)), **_after(own, spec)}
            for spec in of_run.itertuples()
        ]
    found = pd.DataFrame(rows)
    usual = found[found["definition"] == USUAL]
    settled = usual["settled"]
    half = looks[
        looks["step"] >= _SETTLED * looks.groupby("part", observed=True)["step"].transform("max")
    ]
    inputs = (
        half.sort_values("step")
        .groupby([*SETTING, "seed"], observed=True)["settled_samples"]
        .first()
    )
    early = _early(tables["series"])
    cluster = np.arange(len(usual))
    loss = Limits(
        np.where(settled, usual["loss_after"], 0.0),
        np.where(settled, usual["loss_after"], 1.0),
        cluster,
    )
    over = _over(usual)
    claims = {
        "rc-early-change": median(early, over=_over(early.reset_index())),
        "rc-late-loss": loss.median(over),
        "rc-late-inputs": median(inputs, over=over),
    }
    numbers: Numbers = {
        "settled-runs": f"{int(settled.sum())} of {len(usual)}",
        "early-change": float(early.median()),
    }
    for name in OPTIMIZERS:
        own = usual[usual["optimizer"] == name]
        claims[f"rc-late-path-{name}"] = _median_of(own["path_after"], own)
        for kind in ("path_after", "moved_after", "loss_factor", "accuracy_gain"):
            known = own.loc[own["settled"], kind]
            numbers[f"after-{name}-{kind}"] = float(known.median()) if len(known) else "no number"
    table = found.groupby("definition", observed=True, sort=False)[_SHOWN].median()
    share = found.groupby("definition", observed=True, sort=False)["settled"].mean()
    times = usual.set_index([*SETTING, "seed"])["time"]
    looks = looks.join(times.rename("settling_time"), on=[*SETTING, "seed"])
    return Refinement(claims, numbers, table.assign(settled=share).loc[list(DEFINITIONS)], looks)


_SHOWN = ["path_after", "moved_after", "loss_after", "loss_factor", "accuracy_gain"]


def _after(looks: pd.DataFrame, spec: object) -> dict[str, object]:
    """Say how much of a run comes after the patterns' settling time."""
    own = looks.sort_values("step")
    steps = own["step"].to_numpy(dtype=float)
    settled = str(spec.censored) in ("", "weights")  # type: ignore[attr-defined]
    at = float(spec.pattern_time) if settled else steps[-1]  # type: ignore[attr-defined]

    def value(name: str) -> float:
        return float(np.interp(at, steps, own[name].to_numpy(dtype=float)))

    loss, path = own["train_loss"].to_numpy(dtype=float), own["path"].to_numpy(dtype=float)
    away = own["weight_from_end"].to_numpy(dtype=float)
    return {
        "definition": spec.definition,  # type: ignore[attr-defined]
        "settled": settled,
        "time": at if settled else np.nan,
        "path_after": 1 - value("path") / path[-1],
        "moved_after": value("weight_from_end") / away[0],
        "loss_after": float(np.clip((value("train_loss") - loss[-1]) / (loss[0] - loss[-1]), 0, 1)),
        "loss_factor": value("train_loss") / loss[-1],
        "accuracy_gain": 100 * (float(own["test_accuracy"].iloc[-1]) - value("test_accuracy")),
    }


def _early(series: pd.DataFrame) -> pd.Series:
    """Return how far patterns are from the start after an epoch, over how far at the end."""
    found = series[
        chosen(series, activation="relu", schedule="constant", quantity="pattern_from_start")
    ]

    def share(own: pd.DataFrame) -> float:
        own = own.sort_values("step")
        return float(np.interp(_EPOCH, own["step"], own["value"]) / own["value"].iloc[-1])

    return found.groupby([*SETTING, "seed"], observed=True).apply(share)


def _counted(own: pd.DataFrame) -> pd.Series:
    exact = own["least"] == own["most"]
    nothing = (own["least"] == 0) & np.isinf(own["most"])
    return pd.Series(
        {
            "exact": exact.mean(),
            "bounded": (~exact & ~nothing).mean(),
            "open": nothing.mean(),
            "median": product_limit_median(own["least"].to_numpy(), own["most"].to_numpy()),
        }
    )


def _middle(own: pd.DataFrame) -> float:
    """Return the median ratio of some runs, if at least half of them say something."""
    nothing = (own["least"] == 0) & np.isinf(own["most"])
    if nothing.mean() > 0.5:
        return float("nan")
    found = product_limit_median(own["least"].to_numpy(), own["most"].to_numpy())
    return found if np.isfinite(found) else float("nan")


def _words(found: Multiverse, schedule: str, optimizer: str) -> str:
    kept = chosen(found.table, schedule=schedule, optimizer=optimizer)
    return found.only(schedule=schedule, optimizer=optimizer).words if kept.any() else "not run"


def _missing(numbers: Numbers, there: set[str]) -> Numbers:
    """Fill in what the text quotes of schedules that have no run yet."""
    names = {name.removeprefix("late-constant-") for name in numbers if "late-constant-" in name}
    return {f"late-{s}-{name}": "no" for s in SCHEDULES if s not in there for name in names}


def _median_of(values: pd.Series, rows: pd.DataFrame) -> Estimate:
    known = values.dropna()
    return median(known, over=_over(rows.loc[known.index])) if len(known) else no_number("no run")


def _over(rows: pd.DataFrame) -> str:
    settings = rows.groupby(list(SETTING), observed=True).ngroups
    return f"{len(rows)} runs of {settings} setting{'s' if settings > 1 else ''}"


def _geometric(values: pd.Series) -> float:
    return float(np.exp(np.log(values.dropna()).mean()))


def _times(logs: pd.Series) -> str:
    """Return by how much factors have multiplied the flips, in the geometric mean over runs."""
    value = float(np.exp(logs.mean())) if len(logs) else np.nan
    if not np.isfinite(value):
        return "not known"
    return f"÷ {1 / value:.3g}" if value < 1 else f"× {value:.3g}"


def names_of(part: str) -> str:
    """Return how figures call a part."""
    return " ".join(NAMES.get(word, word) for word in part.rsplit("-", 1))
