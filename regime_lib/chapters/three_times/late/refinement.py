"""What is left of training when the patterns have settled, by every definition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import OPTIMIZERS
from regime_lib.chapters.three_times.late.tables import (
    LATE,
    ONE,
    WHOLE,
    Tables,
    at_end,
    median_of,
    over_settings,
)
from regime_lib.chapters.three_times.limits import Limits
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.estimate import Estimate, median, no_number
from regime_lib.instrument.settling.candidates import DEFINITIONS

#: Steps after which a network has changed early: an epoch of the images.
EPOCH = 468
_LEFT = [
    "path_after",
    "moved_after",
    "loss_after",
    "test_loss_after",
    "loss_factor",
    "accuracy_gain",
]


@dataclass(frozen=True)
class Refinement(Part):
    """What is left when patterns have settled, by every definition."""

    # medians over runs at a constant rate, a row per definition and optimiser; no number (NaN) of
    # what is left where the patterns of a run never settle
    table: pd.DataFrame
    by_part: pd.DataFrame  # the same of every part, under the book's definition
    # a row per look of every run at a constant rate, with the run's settling time
    looks: pd.DataFrame


def refinement(tables: Tables) -> Refinement:
    """Say what happens in training after the patterns have settled, at a constant rate."""
    specs, looks = at_end(tables, schedule="constant"), tables["looks"]
    looks = looks[chosen(looks, activation="relu", schedule="constant")]
    keys = ["part", *ONE]
    by_run = dict(list(looks.sort_values("step").groupby(keys, observed=True)))
    after = [_after(by_run[tuple(spec[keys])], spec) for _, spec in specs.iterrows()]
    found = pd.DataFrame(after)
    whole = found[found["part"] == WHOLE]
    usual = whole[whole["definition"] == USUAL]
    settled, over = usual["settled"].to_numpy(dtype=bool), over_settings(usual)
    claims = {
        "rc-early-change": median(_early(tables["series"]), over=over),
        "rc-late-inputs": median(usual["final_inputs"], over=over),
    }
    numbers: Numbers = {"settled-runs": f"{settled.sum()} of {len(usual)}"}
    for name in OPTIMIZERS:
        own = usual[usual["optimizer"] == name]
        claims[f"rc-late-path-{name}"] = median_of(own["path_after"], own)
        claims[f"rc-late-displacement-{name}"] = median_of(own["moved_after"], own)
        claims[f"rc-late-loss-{name}"] = _loss_after(own)
        claims[f"rc-late-test-loss-{name}"] = _test_loss_after(own)
        for kind in ("loss_factor", "accuracy_gain"):
            known = own.loc[own["settled"], kind]
            numbers[f"after-{name}-{kind}"] = f"{known.median():.3g}" if len(known) else "no number"
    everywhere = found[found["definition"] == USUAL]
    times = everywhere.set_index(keys)["time"].rename("settling_time")
    return Refinement(
        claims,
        numbers,
        _medians(whole, ["definition", "optimizer"])
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
        return median(left, over=over_settings(runs))
    ends = np.where(settled, left, 0.0), np.where(settled, left, 1.0)
    return Limits(*ends, np.arange(len(left))).median(over_settings(runs))


def _test_loss_after(runs: pd.DataFrame) -> Estimate:
    """Return the same of the test loss; no number where the patterns of a run never settle.

    A test loss can rise, so what is left of its fall has no limits.
    """
    if not runs["settled"].all():
        return no_number(over_settings(runs))
    return median_of(runs["test_loss_after"], runs)


def _medians(found: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    ordered = found.assign(optimizer=pd.Categorical(found["optimizer"], OPTIMIZERS))
    groups = ordered.groupby(by, observed=True)
    table = groups[[*_LEFT, "final_inputs"]].median().assign(settled=groups["settled"].mean())
    table.loc[table["settled"] < 1, _LEFT] = np.nan  # what such runs leave is not known
    return table.reset_index().astype({"optimizer": str})


def _after(looks: pd.DataFrame, spec: pd.Series) -> dict[str, object]:
    """Say how much of a run comes after the patterns' settling time."""
    steps = looks["step"].to_numpy(dtype=float)
    settled = spec["censored"] in ("", "weights")
    at = float(spec["pattern_time"]) if settled else steps[-1]

    def value(name: str) -> float:
        return float(np.interp(at, steps, looks[name].to_numpy(dtype=float)))

    first, last = looks.iloc[0], looks.iloc[-1]

    def left(name: str) -> float:
        begin, end = float(first[name]), float(last[name])  # the committed columns are single
        return (value(name) - end) / (begin - end)

    return {
        **spec[["part", *ONE, "definition"]].to_dict(),
        "settled": settled,
        "time": at if settled else np.nan,
        "path_after": 1 - value("path") / last["path"],
        "moved_after": value("weight_from_end") / first["weight_from_end"],
        "loss_after": float(np.clip(left("train_loss"), 0, 1)),
        "test_loss_after": left("test_loss"),
        "loss_factor": value("train_loss") / last["train_loss"],
        "final_inputs": looks.loc[steps >= LATE * steps[-1], "settled_samples"].iloc[0],
        "accuracy_gain": 100 * (last["test_accuracy"] - value("test_accuracy")),
    }


def _early(series: pd.DataFrame) -> pd.Series:
    """Return how far patterns are from the start after an epoch, over how far at the end."""
    found = series[chosen(series, part=WHOLE, schedule="constant", quantity="pattern_from_start")]

    def share(own: pd.DataFrame) -> float:
        own = own.sort_values("step")
        return float(np.interp(EPOCH, own["step"], own["value"]) / own["value"].iloc[-1])

    return found.groupby([*ONE], observed=True).apply(share)
