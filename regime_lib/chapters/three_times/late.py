"""What the runs to the end of training say: functions of their committed tables.

The tables are those of `late_runs`. Whatever parts and seeds are there are judged; what is missing
is counted. Unless said otherwise, networks are rectified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.censored import by_schedule as by_schedule_censored
from regime_lib.chapters.three_times.committed import BySchedule, by_schedule
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.factors import GROUPS, contributions
from regime_lib.chapters.three_times.fragility import fragility
from regime_lib.chapters.three_times.limits import Limits, limits_of, product_limit_median
from regime_lib.chapters.three_times.multiverse import Multiverse, chosen, multiverse
from regime_lib.chapters.three_times.specifications import SETTING, USUAL
from regime_lib.estimate import Estimate, median, no_number, over_runs
from regime_lib.instrument.settling.candidates import DEFINITIONS

Tables = dict[str, pd.DataFrame]
#: What names a run in every table.
RUN = (*SETTING, "activation", "seed")
_ONE = (*SETTING, "seed")  # what names a run of rectified networks
_ASKED = {"skipped": 0, "window": 51, "size": "absolute"}  # how a definition is asked
#: The part whose runs learn the training set by heart: what is said of the end is judged on them.
WHOLE = "mnist-mlp"
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
class Times:
    """Settling times as censored observations, by schedule and optimiser."""

    numbers: Numbers
    # of the runs that learn their training set by heart, under the book's definition: a row per
    # schedule and optimiser ("all" last), what is known and the estimates of `censored` in words
    table: pd.DataFrame
    fragile: pd.DataFrame  # of all parts, see `fragility`


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
    # factors by which each group multiplies the flips, from the peak to the second half of training
    # at a constant rate, geometric means over runs: a row per part and optimiser
    by_part: pd.DataFrame


@dataclass(frozen=True)
class Refinement(Part):
    """What is left when patterns have settled, by every definition."""

    table: pd.DataFrame  # medians over runs at a constant rate, a row per definition
    by_part: pd.DataFrame  # the same by part and optimiser, under the book's definition
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
    constant, usual = found.only(schedule="constant"), found.only(definition=USUAL)
    mlp = multiverse(at_end(tables, part=WHOLE, schedule="constant"))
    missing = {claim: no_number("no run") for s, claim in claims.items() if s not in there}
    ratios = usual.exact.table["ratio"].to_numpy(dtype=float)
    return Headline(
        {
            **own.claims,
            **missing,
            "rc-late-mlp": mlp.median("seeds"),
            "rc-mean-speedup": usual.limits.mean(usual.over),
        },
        {
            **own.numbers,
            **_missing(own.numbers, there),
            "late-constant-median": _limit(_product_limit(constant)),
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


def times(tables: Tables) -> Times:
    """Estimate settling times from runs of which some end before a series has settled."""
    found = tables["specifications"]
    specs = found[chosen(found, part=WHOLE)]
    rows: list[dict[str, object]] = []
    numbers: Numbers = {}
    for name in (*OPTIMIZERS, "all"):
        own = specs if name == "all" else specs[chosen(specs, optimizer=name)]
        for schedule, one in by_schedule_censored(own).items():
            known = {"runs": one.runs, "bounded": one.bounded, "open": one.open}
            kinds = ("patterns", "weights", "ratio", "earlier")
            words = {kind: _bare(getattr(one, kind)) for kind in kinds}
            rows.append({"schedule": schedule, "optimizer": name, **known, **words})
            numbers[f"times-{schedule}-{name}"] = words["ratio"]
            if not one.ratio.known and name != "all":
                runs = at_end(tables, part=WHOLE, optimizer=name, schedule=schedule)
                limits = multiverse(runs[runs["definition"] == USUAL])
                numbers[f"times-{schedule}-{name}"] = limits.words
    relu = found[chosen(found, activation="relu")]
    return Times(numbers, pd.DataFrame(rows), fragility(relu))


def _bare(found: Estimate) -> str:
    """Return a number and its interval without how they were made."""
    return str(found).partition(" (")[0] if found.known else "–"


def horizons(tables: Tables, part: str = WHOLE) -> Horizons:
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
                numbers[f"{part}-horizon-{schedule}-{name}-median"] = _limit(row["median"].iloc[0])
    return Horizons(numbers, counts, ratios)


def decomposition(tables: Tables) -> Decomposition:
    """Say what the fall of the pattern change is made of."""
    flips = tables["flips"][chosen(tables["flips"], activation="relu")]
    runs = flips.groupby(["part", *RUN], observed=True)
    found = pd.concat([contributions(own) for _, own in runs], ignore_index=True)
    late = found[found["at"] >= _SETTLED * found["last"]]
    ends = late.groupby(["part", *_ONE], observed=True)[["total", *GROUPS]].mean().reset_index()
    ends = ends[ends["schedule"] == "constant"]
    claims: dict[str, Estimate] = {}
    numbers: Numbers = {}
    for name in OPTIMIZERS:
        own = ends[chosen(ends, part=WHOLE, optimizer=name)]
        claims[f"rc-late-clock-{name}"] = _median_of(own["step"] / own["total"], own)
        for group in ("total", *GROUPS):
            numbers[f"factor-{name}-{group}"] = _times(own[group])
    remainder = np.log(runs["remainder"].apply(_geometric)).to_numpy()
    claims["rc-late-first-order"] = over_runs(
        lambda picks: float(np.exp(remainder[picks].mean())),
        len(remainder),
        over=f"{len(remainder)} runs",
        seed=0,
    )
    keys = ["part", "optimizer", "schedule", "step_bin"]
    table = found.groupby(keys, observed=True)[["at", "total", *GROUPS]].mean().reset_index()
    missed = (table["total"] - table[list(GROUPS)].sum(axis=1)).abs().max()
    numbers |= {
        "looks": int(runs["at"].nunique().median()),
        "factors-worst": f"{missed:.0e}",
        **_noise(tables["looks"]),
    }
    by_part = ends.groupby(["part", "optimizer"], observed=True)[["total", *GROUPS]].mean()
    return Decomposition(claims, numbers, table, np.exp(by_part).reset_index())


def refinement(tables: Tables) -> Refinement:
    """Say what happens in training after the patterns have settled, at a constant rate."""
    specs, looks = at_end(tables, schedule="constant"), tables["looks"]
    looks = looks[chosen(looks, activation="relu", schedule="constant")]
    keys = ["part", *_ONE]
    by_run = dict(list(looks.sort_values("step").groupby(keys, observed=True)))
    after = [_after(by_run[tuple(spec[keys])], spec) for _, spec in specs.iterrows()]
    found = pd.DataFrame(after)
    whole = found[found["part"] == WHOLE]
    usual = whole[whole["definition"] == USUAL]
    settled, over = usual["settled"].to_numpy(dtype=bool), _over(usual)
    claims = {
        "rc-early-change": median(_early(tables["series"]), over=over),
        "rc-late-inputs": median(usual["final_inputs"], over=over),
    }
    numbers: Numbers = {"settled-runs": f"{settled.sum()} of {len(usual)}"}
    for name in OPTIMIZERS:
        own = usual[usual["optimizer"] == name]
        claims[f"rc-late-path-{name}"] = _median_of(own["path_after"], own)
        claims[f"rc-late-loss-{name}"] = _loss_after(own)
        for kind in ("loss_factor", "accuracy_gain"):
            known = own.loc[own["settled"], kind]
            numbers[f"after-{name}-{kind}"] = f"{known.median():.3g}" if len(known) else "no number"
    everywhere = found[found["definition"] == USUAL]
    times = everywhere.set_index(keys)["time"].rename("settling_time")
    return Refinement(
        claims,
        numbers,
        _medians(whole, ["definition"])
        .set_index("definition")
        .loc[list(DEFINITIONS)]
        .reset_index(),
        _medians(everywhere, ["part", "optimizer"]),
        looks.join(times, on=keys),
    )


def _loss_after(runs: pd.DataFrame) -> Estimate:
    """Return the share of the loss's fall that is left; open where patterns never settle."""
    if not len(runs):
        return no_number("no run")
    settled, left = runs["settled"].to_numpy(bool), runs["loss_after"].to_numpy(float)
    if settled.all():
        return median(left, over=_over(runs))
    ends = np.where(settled, left, 0.0), np.where(settled, left, 1.0)
    return Limits(*ends, np.arange(len(left))).median(_over(runs))


def _medians(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    groups = found.groupby(by, observed=True)
    return groups[_SHOWN].median().assign(settled=groups["settled"].mean()).reset_index()


_SHOWN = [
    "path_after",
    "moved_after",
    "loss_after",
    "loss_factor",
    "accuracy_gain",
    "final_inputs",
]


def _noise(looks: pd.DataFrame) -> Numbers:
    """Say how many flips make one net flip over 256 steps, late and at a constant rate."""
    late = looks["step"] >= _SETTLED * looks.groupby("part", observed=True)["step"].transform("max")
    own = looks[late & chosen(looks, part=WHOLE, schedule="constant")]
    ratios = (own["flips_256"] / own["net_256"]).replace([np.inf], np.nan).dropna()
    found = ratios.groupby(own["optimizer"], observed=True).median()
    return {f"noise-{name}": f"{found.get(name, np.nan):.1f}" for name in OPTIMIZERS}


def _after(looks: pd.DataFrame, spec: pd.Series) -> dict[str, object]:
    """Say how much of a run comes after the patterns' settling time."""
    steps = looks["step"].to_numpy(dtype=float)
    settled = spec["censored"] in ("", "weights")
    at = float(spec["pattern_time"]) if settled else steps[-1]

    def value(name: str) -> float:
        return float(np.interp(at, steps, looks[name].to_numpy(dtype=float)))

    first, last = looks.iloc[0], looks.iloc[-1]
    fall = (value("train_loss") - last["train_loss"]) / (first["train_loss"] - last["train_loss"])
    return {
        **spec[["part", *_ONE, "definition"]].to_dict(),
        "settled": settled,
        "time": at if settled else np.nan,
        "path_after": 1 - value("path") / last["path"],
        "moved_after": value("weight_from_end") / first["weight_from_end"],
        "loss_after": float(np.clip(fall, 0, 1)),
        "loss_factor": value("train_loss") / last["train_loss"],
        "final_inputs": looks.loc[steps >= _SETTLED * steps[-1], "settled_samples"].iloc[0],
        "accuracy_gain": 100 * (last["test_accuracy"] - value("test_accuracy")),
    }


def _early(series: pd.DataFrame) -> pd.Series:
    """Return how far patterns are from the start after an epoch, over how far at the end."""
    found = series[chosen(series, part=WHOLE, schedule="constant", quantity="pattern_from_start")]

    def share(own: pd.DataFrame) -> float:
        own = own.sort_values("step")
        return float(np.interp(_EPOCH, own["step"], own["value"]) / own["value"].iloc[-1])

    return found.groupby([*_ONE], observed=True).apply(share)


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


def _product_limit(found: Multiverse) -> float:
    return product_limit_median(*(found.table[end].to_numpy() for end in ("least", "most")))


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


def _limit(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "without limit"


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
