"""Every definition of every setting at the end of training, schedule by schedule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regime_lib.chapters.part import Numbers
from regime_lib.chapters.three_times.committed import BySchedule, by_schedule
from regime_lib.chapters.three_times.configs import OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.tables import WHOLE, Tables, at_end, limit
from regime_lib.chapters.three_times.limits import Limits, product_limit_median
from regime_lib.chapters.three_times.multiverse import Multiverse, chosen, multiverse
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.estimate import no_number


@dataclass(frozen=True)
class Headline(BySchedule):
    """Every definition of every setting, at the end of training."""

    mean: Limits  # the settings' ratios under the book's definition


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
            "late-constant-median": limit(_product_limit(constant)),
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


def _product_limit(found: Multiverse) -> float:
    return product_limit_median(*(found.table[end].to_numpy() for end in ("least", "most")))


def _words(found: Multiverse, schedule: str, optimizer: str) -> str:
    kept = chosen(found.table, schedule=schedule, optimizer=optimizer)
    return found.only(schedule=schedule, optimizer=optimizer).words if kept.any() else "not run"


def _missing(numbers: Numbers, there: set[str]) -> Numbers:
    """Fill in what the text quotes of schedules that have no run yet."""
    names = {name.removeprefix("late-constant-") for name in numbers if "late-constant-" in name}
    return {f"late-{s}-{name}": "no" for s in SCHEDULES if s not in there for name in names}
