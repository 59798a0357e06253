"""Settling times of the runs to the end as censored observations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from regime_lib.chapters.part import Numbers
from regime_lib.chapters.three_times.censored import by_schedule
from regime_lib.chapters.three_times.configs import OPTIMIZERS
from regime_lib.chapters.three_times.late.fragility import fragility
from regime_lib.chapters.three_times.late.tables import WHOLE, Tables, at_end
from regime_lib.chapters.three_times.multiverse import chosen, multiverse
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.estimate import Estimate


@dataclass(frozen=True)
class Times:
    """Settling times as censored observations, by schedule and optimiser."""

    numbers: Numbers
    # of the runs that learn their training set by heart, under the book's definition: a row per
    # schedule and optimiser ("all" last), what is known and the estimates of `censored` in words
    table: pd.DataFrame
    fragile: pd.DataFrame  # of all parts, see `fragility`


def times(tables: Tables) -> Times:
    """Estimate settling times from runs of which some end before a series has settled."""
    found = tables["specifications"]
    specs = found[chosen(found, part=WHOLE)]
    rows: list[dict[str, object]] = []
    numbers: Numbers = {}
    for name in (*OPTIMIZERS, "all"):
        own = specs if name == "all" else specs[chosen(specs, optimizer=name)]
        for schedule, one in by_schedule(own).items():
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
