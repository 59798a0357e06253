"""What the fall of the pattern change is made of: steps, scale, direction, density."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import OPTIMIZERS
from regime_lib.chapters.three_times.late.factors import GROUPS, contributions
from regime_lib.chapters.three_times.late.grid import PARTS
from regime_lib.chapters.three_times.late.tables import LATE, ONE, RUN, WHOLE, Tables, median_of
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.estimate import Estimate, over_runs

_EARLY = 0.01  # share of a run
_CLOSE = 1.1  # the factor within which a law to first order is said to hold


@dataclass(frozen=True)
class Decomposition(Part):
    """What the fall of the pattern change is made of."""

    # logarithms of what each group of factors has contributed since the start, and `total`; means
    # over runs: columns part, optimizer, schedule, step, and those of `GROUPS`
    table: pd.DataFrame
    # factors by which each group multiplies the flips, from the peak to the second half of training
    # at a constant rate, geometric means over runs: a row per part and optimiser
    by_part: pd.DataFrame
    # remainders of the first-order law at a constant rate, geometric means over looks, layers and
    # runs: a row per part, columns by layer and stage, and which share is `off` by over a tenth
    remainders: pd.DataFrame


def decomposition(tables: Tables) -> Decomposition:
    """Say what the fall of the pattern change is made of."""
    flips = tables["flips"][chosen(tables["flips"], activation="relu")]
    runs = flips.groupby(["part", *RUN], observed=True)
    found = pd.concat([contributions(own) for _, own in runs], ignore_index=True)
    late = found[found["at"] >= LATE * found["last"]]
    ends = late.groupby(["part", *ONE], observed=True)[["total", *GROUPS]].mean().reset_index()
    ends = ends[ends["schedule"] == "constant"]
    claims: dict[str, Estimate] = {}
    numbers: Numbers = {}
    for name in OPTIMIZERS:
        own = ends[chosen(ends, part=WHOLE, optimizer=name)]
        claims[f"rc-late-clock-{name}"] = median_of(own["step"] / own["total"], own)
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
    remainders = _remainders(flips[flips["schedule"] == "constant"])
    numbers["first-order-worst"] = _farthest(remainders)
    return Decomposition(claims, numbers, table, np.exp(by_part).reset_index(), remainders)


def _remainders(flips: pd.DataFrame) -> pd.DataFrame:
    """Say where the first-order law fails: in which layers, how early, and how often."""
    known = flips.dropna(subset=["remainder"])
    logs, first = np.log(known["remainder"]), known["layer"] == 0
    time = known["at"] / known.groupby("part", observed=True)["at"].transform("max")
    found = {
        f"{layer}_{stage}": np.exp(logs[own & when].groupby(known["part"], observed=True).mean())
        for layer, own in (("first", first), ("other", ~first))
        for stage, when in (("early", time <= _EARLY), ("late", time >= LATE))
    }
    off = (logs.abs() > np.log(_CLOSE)).groupby(known["part"], observed=True).mean()
    return pd.DataFrame({**found, "off": off}).reset_index()


def _farthest(remainders: pd.DataFrame) -> str:
    """Name network and layers whose mean remainder late in training is farthest from one."""
    found = {
        f"{where} ({PARTS[str(part)].words})": float(value)
        for where, kind in (("first layer", "first_late"), ("other layers", "other_late"))
        for part, value in zip(remainders["part"], remainders[kind], strict=True)
    }
    worst = max(found, key=lambda place: abs(np.log(found[place])))
    return f"{found[worst]:.2f} in the {worst}"


def _noise(looks: pd.DataFrame) -> Numbers:
    """Say how many flips make one net flip over 256 steps, late and at a constant rate."""
    late = looks["step"] >= LATE * looks.groupby("part", observed=True)["step"].transform("max")
    own = looks[late & chosen(looks, part=WHOLE, schedule="constant")]
    ratios = (own["flips_256"] / own["net_256"]).replace([np.inf], np.nan).dropna()
    found = ratios.groupby(own["optimizer"], observed=True).median()
    return {f"noise-{name}": f"{found.get(name, np.nan):.1f}" for name in OPTIMIZERS}


def _geometric(values: pd.Series) -> float:
    return float(np.exp(np.log(values.dropna()).mean()))


def _times(logs: pd.Series) -> str:
    """Return by how much factors have multiplied the flips, in the geometric mean over runs."""
    value = float(np.exp(logs.mean())) if len(logs) else np.nan
    if not np.isfinite(value):
        return "not known"
    return f"÷ {1 / value:.3g}" if value < 1 else f"× {value:.3g}"
