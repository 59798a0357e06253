"""What the many runs on MNIST say of the claims of chapter 60: functions of their rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.many import of_length
from regime_lib.chapters.neuron_modes.counts import column
from regime_lib.chapters.neuron_modes.layers import LayerTrajectory, Truncation, reversal
from regime_lib.chapters.neuron_modes.measure_units import (
    Numbers,
    claims_of_depths,
    claims_of_extraction,
    claims_of_units,
    numbers_of_depths,
    numbers_of_extraction,
    numbers_of_units,
)
from regime_lib.chapters.neuron_modes.slopes import SlopeRule, SlopeTrajectory
from regime_lib.estimate import Estimate, mean, over_runs, proportion

#: Optimiser steps of the runs of each part; 938 steps of 64 samples are one pass over MNIST. Deep
#: networks have fewer, since they cost most.
STEPS = {"rule": 1500, "shallow": 600, "layers": 938, "depths": 600, "deep": 600}
_SEED = 0  # of the choices of runs that give intervals
_LEAST = 3  # runs of a part from which on it is judged: so many has the long run


def claims_of(rows: pd.DataFrame) -> tuple[dict[str, Estimate], Numbers]:
    """Judge all parts with at least three finished runs, and return the numbers of the page.

    Parameters
    ----------
    rows : DataFrame
        As `many_runs.collect` returns them.
    """
    claims: dict[str, Estimate] = {}
    numbers: Numbers = {}
    parts = {
        str(part): own for part, own in rows.groupby("part") if own["seed"].nunique() >= _LEAST
    }
    for part, own in parts.items():
        if part in _JUDGES:
            said, known = _JUDGES[part](own)
            claims |= of_length(said, STEPS[part])
            numbers |= known
    removable = removable_by_depth(rows)
    if {2, 10} <= removable.keys():
        numbers |= numbers_of_depths(removable)
        deepest = rows[(rows["part"] == "deep") & (rows["name"] == "half")]
        numbers["truncation-half"] = float(deepest["value"].mean())
        said = claims_of_depths(removable, _SEED)
        said["nd-late-linear"] = _mean(removable[10], "activations")
        claims |= of_length(said, STEPS["deep"])
    return claims, numbers


def _of_shallow(rows: pd.DataFrame) -> tuple[dict[str, Estimate], Numbers]:
    counted, course = units_of(rows), course_of(rows)
    claims = claims_of_units(counted, _SEED)
    claims["nd-slope-rise-and-fall"] = _mean(course.falls)
    numbers = numbers_of_units(counted)
    for moment, check in course.moments.items():
        numbers[f"slope-{moment}"] = float(course.slope[check].mean())
        numbers[f"accuracy-{moment}"] = float(course.accuracy[check].mean())
    numbers["slope-peak-step"] = int(course.steps[course.moments["peak"]])
    return claims, numbers


def _of_layers(rows: pd.DataFrame) -> tuple[dict[str, Estimate], Numbers]:
    told = told_of(rows)
    return claims_of_extraction(told, _SEED), numbers_of_extraction(told)


def _of_deep(rows: pd.DataFrame) -> tuple[dict[str, Estimate], Numbers]:
    turned = reversal(layers_of_deep(rows).slope)
    hits, n = int(turned.reversed.sum()), len(turned.reversed)
    numbers: Numbers = {
        "deep-share": f"{hits} of {n}",
        "lean-early": float(turned.early_lean.mean()),
        "lean-late": float(turned.late_lean.mean()),
    }
    return {"nd-deep-phases": proportion(hits, n, over=f"{n} runs")}, numbers


def removable_by_depth(rows: pd.DataFrame) -> dict[int, Float[np.ndarray, " runs"]]:
    """Return how many activations can go, by depth, of the runs that have all depths."""
    if "depth" not in rows:
        return {}
    found = rows[rows["part"].isin(("depths", "deep")) & (rows["name"] == "removable")]
    wide = found.pivot_table(index="seed", columns="depth", values="value").dropna()
    if len(wide) < _LEAST:
        return {}
    return {int(depth): wide[depth].to_numpy(dtype=float) for depth in sorted(wide.columns)}


def _mean(values: Float[np.ndarray, " runs"], unit: str = "1") -> Estimate:
    return mean(values, over=f"{len(values)} runs", seed=_SEED, unit=unit)


def _of_rule(rows: pd.DataFrame) -> tuple[dict[str, Estimate], Numbers]:
    found = rule_of(rows)
    n = len(found.equal_loss)
    claims = {
        "nd-slope-rule": over_runs(found.correlation, n, over=f"{n} runs", seed=_SEED),
        "nd-rate-gain": _mean(found.gain, "%"),
        "nd-rate-gain-loss": _mean(found.gain_there, "%"),
    }
    return claims, {}


_JUDGES: dict[str, Callable[[pd.DataFrame], tuple[dict[str, Estimate], Numbers]]] = {
    "rule": _of_rule,
    "shallow": _of_shallow,
    "layers": _of_layers,
    "deep": _of_deep,
}


def part_of(rows: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the rows of one part."""
    return rows[rows["part"] == part]


def units_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of units of shallow networks, as `count_shallow` gives them."""
    own = part_of(rows, "shallow")
    return own[own["moment"] != "course"]


def told_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what a readout finds in every layer, as `count_layers` gives it."""
    own = part_of(rows, "layers")
    return own[own["kind"].notna()]


def rule_of(rows: pd.DataFrame) -> SlopeRule:
    """Put slopes and accuracies at all learning rates together again."""
    own = part_of(rows, "rule")
    rates = tuple(sorted(float(rate) for rate in set(own["rate"])))

    def of_rates(name: str) -> Float[np.ndarray, "rates runs"]:
        return np.array([column(own, name, rate=rate) for rate in rates])

    return SlopeRule(
        rates,
        of_rates("slope"),
        of_rates("accuracy"),
        of_rates("equal loss")[0],
        of_rates("accuracy there"),
    )


def course_of(rows: pd.DataFrame) -> SlopeTrajectory:
    """Put the slopes of the shallow tanh networks together again; densities were not kept."""
    own = part_of(rows, "shallow")
    own = own[own["moment"] == "course"]
    slope, accuracy = (
        own[own["name"] == name].pivot_table(index="step", columns="seed", values="value")
        for name in ("slope", "accuracy")
    )
    nothing = np.zeros((*slope.shape, 0))
    steps = slope.index.to_numpy(dtype=int)
    unknown = np.full(slope.shape, np.nan)
    return SlopeTrajectory(
        steps, slope.to_numpy(), unknown, accuracy.to_numpy(), np.zeros(0), nothing
    )


def layers_of_deep(rows: pd.DataFrame) -> LayerTrajectory:
    """Put the slopes of every layer of the deep networks together again."""
    own = part_of(rows, "deep")
    own = own[own["name"] == "slope"]
    wide = own.pivot_table(index=["step", "layer"], columns="seed", values="value")
    steps = np.unique(wide.index.get_level_values("step").to_numpy(dtype=int))
    slope = wide.to_numpy(dtype=float).reshape(len(steps), -1, wide.shape[1])
    return LayerTrajectory(steps, slope, np.full(wide.shape[1], np.nan))


def cut_of(rows: pd.DataFrame, depth: int) -> Truncation:
    """Put the accuracies of a network of some depth together again, late activations linear."""
    own = rows[rows["depth"] == depth]
    names = [f"kept {kept}" for kept in range(depth + 1)]
    cut = np.array([column(own, name) for name in names])
    return Truncation(column(own, "whole"), {"shifts kept": cut})
