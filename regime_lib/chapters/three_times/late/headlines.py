"""What each figure of runs to the end of training found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS
from regime_lib.chapters.three_times.late.decomposition import Decomposition
from regime_lib.chapters.three_times.late.factors import GROUPS
from regime_lib.chapters.three_times.late.figures import GROUP_NAMES, SHORT, ends_over_peak
from regime_lib.chapters.three_times.late.fragility import MOVES
from regime_lib.chapters.three_times.late.horizons import Horizons
from regime_lib.chapters.three_times.late.networks import LatePart, late_falls
from regime_lib.chapters.three_times.late.refinement import Refinement
from regime_lib.chapters.three_times.late.tables import Tables
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.wording import each, listed

_FINAL = "settled_samples"


def changes(part: LatePart) -> str:
    """State in which setting patterns and weights fall most differently, and how far."""
    falls = {setting: late_falls(part, setting[1], setting[0]) for setting in part.settings}
    schedule, name = max(falls, key=lambda one: abs(np.log(falls[one][1] / falls[one][0])))
    patterns, weights = falls[schedule, name]
    return (
        f"Both changes differ most with {NAMES[name]}, {schedule}: late in training patterns are "
        f"at {patterns:.2f} and weights at {weights:.2f} of their early change."
    )


def settling_times(parts: Mapping[str, LatePart]) -> str:
    """State in how many runs patterns settle first, in how many weights, and in how many neither.

    What has not settled at the end of a run settles after what has.
    """
    runs = pd.concat([part.times for part in parts.values()])
    never = runs["censored"]
    lead = np.sign(runs["weight_time"] - runs["pattern_time"]).where(never == "", 0)
    patterns = ((lead > 0) | (never == "weights")).sum()
    weights = ((lead < 0) | (never == "patterns")).sum()
    return (
        f"Patterns settle first in {patterns} of {len(runs)} runs, weights in {weights}; in "
        f"{(never == 'both').sum()} neither does before the end."
    )


def settled(part: LatePart, schedule: str = "constant") -> str:
    """State how many inputs have their last pattern half-way through training."""
    words = []
    for own, name in part.settings:
        if own == schedule:
            steps, inputs = part.curve(_FINAL, name, schedule)
            half = np.abs(steps - part.steps / 2).argmin()
            words.append(f"{np.median(inputs[half]):.0%} ({NAMES[name]})")
    return f"Half-way through training {', '.join(words)} of the inputs have their last pattern."


def both_activations(pairs: pd.DataFrame) -> str:
    """State in how many pairs of runs the ratio is larger with GELU, and in how many smaller."""
    larger, smaller = int((pairs["least"] > 1).sum()), int((pairs["most"] < 1).sum())
    return (
        f"The ratio is larger with GELU in {larger} of {len(pairs)} pairs of runs, smaller in "
        f"{smaller}; in the others censoring leaves it open."
    )


def curves(tables: Tables, part: str, schedule: str = "constant") -> str:
    """State what share of their peaks both changes have at the end."""
    ends = ends_over_peak(tables, part, schedule)
    if not ends:
        return "No run is finished."
    patterns, weights = (
        each({NAMES[name]: own[kind] for name, own in ends.items()}, ".1%")
        for kind in ("pattern", "weight")
    )
    return f"At the end patterns change at {patterns} of their peak, weights at {weights}."


def horizons(found: Horizons, schedule: str = "constant", short: int = SHORT[1]) -> str:
    """State how much says nothing about the ratio in short runs and at the end."""
    own = found.counts[found.counts["schedule"] == schedule].sort_values("horizon")
    early, last = own[own["horizon"] >= short].iloc[0], own.iloc[-1]
    return (
        f"At a {schedule} rate, {early['open']:.0%} of the runs and definitions say nothing about "
        f"the ratio after {early['horizon']:,} steps, and {last['open']:.0%} after "
        f"{last['horizon']:,}."
    )


def factors(found: Decomposition, part: str, schedule: str = "constant") -> str:
    """State which factor lowers the pattern change most by the last look, and by how much."""
    table = found.table[chosen(found.table, part=part, schedule=schedule)].sort_values("at")
    most: dict[str, list[str]] = {}
    for name in OPTIMIZERS:
        own = table[table["optimizer"] == name]
        if len(own):
            last = own.iloc[-1]
            most.setdefault(min(GROUPS, key=lambda g: float(last[g])), []).append(NAMES[name])
    words = [f"the {GROUP_NAMES[group]} ({listed(names)})" for group, names in most.items()]
    return f"What lowers the pattern change most is {listed(words) or 'not known'}."


def what_is_left(found: Refinement, part: str) -> str:
    """State what is left of the weights' path and of the fall of the loss."""
    own = found.by_part[found.by_part["part"] == part].set_index("optimizer")
    own = own[own["settled"] == 1]
    if not len(own):
        return "Under no optimiser do the patterns of all runs settle."
    path, loss = (
        each({NAMES[str(name)]: float(value) for name, value in own[kind].items()}, ".1%")
        for kind in ("path_after", "loss_after")
    )
    return (
        f"When patterns have settled, {path} of the weights' path is left, and {loss} of the fall "
        "of the training loss."
    )


def fragile_definitions(table: pd.DataFrame) -> str:
    """State how many ratios move when the definition is read in another way."""
    counts = table["verdict"].value_counts()
    return (
        f"Read in other ways, {counts.get('fragile', 0)} of {len(table)} ratios move by more than "
        f"a factor of {MOVES:g}, and {counts.get('robust', 0)} do not; for "
        f"{counts.get('open', 0)} censoring leaves it open."
    )
