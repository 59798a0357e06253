"""What each figure of the tracking chapters found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from regime_lib.chapters.tracking.figures import NAMES
from regime_lib.chapters.tracking.parts import (
    GOOD,
    Drift,
    Flicker,
    FlipLaw,
    Indicator,
    Layers,
    OneRun,
    PerRun,
    Proportional,
    Ratios,
    Settling,
    of,
)
from regime_lib.chapters.wording import listed

_BOUNDS = {"exact": "", "lower": "at least ", "upper": "at most "}
_SETTLED = 0.1  # of the peak


def settling(found: Ratios, task: str = "") -> str:
    """State the ratio of every optimiser, and whose is undetermined."""
    known: list[str] = []
    unknown: list[str] = []
    for name, one in of(task, found.settled).items():
        words = _ratio(one)
        (known if words else unknown).append(f"{words} ({NAMES.get(name, name)})".strip())
    open_ones = listed([name.strip("() ") for name in unknown])
    if not known:
        return f"In most runs neither patterns nor weights settle ({open_ones})."
    rest = f"; with {open_ones} neither settles in most runs" if unknown else ""
    return f"Weights take {listed(known)} times as long to settle as patterns{rest}."


def _ratio(one: Settling) -> str:
    value = one.ratio.value
    return "" if value is None else f"{_BOUNDS.get(one.bound, 'about ')}{value:.2f}"


def warm_up(found: Ratios) -> str:
    """State the ratio of areas without and with the warm-up."""
    before, after = (float(found.numbers[f"area-{when}"]) for when in ("before", "after"))
    return (
        "A warm-up takes the ratio of the areas under both curves, weights over patterns, from "
        f"{before:.2f} to {after:.2f}."
    )


def one_run(run: OneRun) -> str:
    """State how early half of all flips are over."""
    half, steps = int(run.numbers["flips-half"]), len(run.flips)
    return f"Half of all flips happen in the first {half} of {steps} steps."


def by_definition(table: pd.DataFrame) -> str:
    """State over which range the definition alone moves the ratio that it moves most."""
    exact = table[table["bound"] == "exact"].groupby("optimizer", sort=False)["ratio"]
    spans = {str(name): (own.min(), own.max()) for name, own in exact}
    if not spans:
        return "Under no definition do all runs settle."
    widest = max(spans, key=lambda name: spans[name][1] / spans[name][0])
    low, high = spans[widest]
    return (
        f"By the choice of definition alone, the ratio of {NAMES[widest]} goes from {low:.2f} to "
        f"{high:.1f}."
    )


def by_layer(layers: Layers) -> str:
    """State when each layer's median change has fallen to a tenth of its peak."""
    words = []
    for name, (steps, values) in (layers.patterns | layers.weights).items():
        curve = np.median(values / values.max(axis=0), axis=1)
        below = (curve <= _SETTLED) & (np.arange(len(curve)) > curve.argmax())
        words.append(f"{name} at step {steps[below.argmax()]}" if below.any() else f"{name} never")
    return f"The median change first falls to a tenth of its peak: {listed(words)}."


def flip_law(law: FlipLaw) -> str:
    """State by which factor the law misses the flips."""
    return f"Flips are {_medians(law.factors, 2)} times what the law predicts."


def proportional(found: Proportional, task: str = "") -> str:
    """State the slopes."""
    slopes = of(task, found.slopes)
    return f"Flips scale as the weight change to the power of {_medians(slopes, 2)}."


def horizon(table: pd.DataFrame) -> str:
    """State how the ratio of the optimiser that changes most differs with the length of the run."""
    known = table[table["ratio"].notna()].sort_values("steps")
    ends = {
        str(name): (rows.iloc[0], rows.iloc[-1])
        for name, rows in known.groupby("optimizer", sort=False)
        if len(rows) > 1
    }
    if not ends:
        return "Most lengths of the run give no ratio."
    moved = {
        name: abs(np.log(last["ratio"] / first["ratio"])) for name, (first, last) in ends.items()
    }
    name = max(moved, key=lambda one: float(moved[one]))
    first, last = ends[name]
    return (
        f"Runs of {first['steps']} steps with {NAMES[name]} give a ratio of {first['ratio']:.2f}, "
        f"runs of {last['steps']} steps one of {last['ratio']:.2f}."
    )


def net_flips(found: Flicker) -> str:
    """State how many flips come with each net flip late in training."""
    return (
        f"In the second half of training there are {_medians(found.second_half, 1)} flips for each "
        "bit that ends up changed."
    )


def averages(drift: Drift) -> str:
    """State the ratio of areas of the trained weights and of their averages."""
    return (
        f"As trained, the area under the weights' curve is {_medians(drift.raw_areas, 2)} times "
        f"that under the patterns'; averaged, {_medians(drift.average_areas, 2)} times."
    )


def indicator(found: Indicator) -> str:
    """State where the indicator ends, beside what is said to be good."""
    low, high = GOOD
    good = f"{low:g} to {high:g} are said to be good"
    return f"The indicator ends at {_medians(found.final, 2)}; {good}."


def _medians(values: Mapping[str, PerRun], digits: int) -> str:
    """Write the median over seeds of every name, with the name in brackets."""
    return listed(
        [
            f"{np.nanmedian(own):.{digits}f} ({' '.join(NAMES.get(w, w) for w in name.split())})"
            for name, own in values.items()
        ]
    )
