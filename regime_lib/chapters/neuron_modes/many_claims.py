"""What the many runs on MNIST say of the claims of chapter 60: functions of their rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.neuron_modes.counts import column
from regime_lib.chapters.neuron_modes.layers import reversal
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
    if "rule" in parts:
        claims |= _of_rule(parts["rule"])
    if "shallow" in parts:
        counted = parts["shallow"][parts["shallow"]["moment"] != "course"]
        course = _course(parts["shallow"])
        claims |= claims_of_units(counted, _SEED)
        claims["nd-slope-rise-and-fall"] = _mean(course.falls)
        numbers |= numbers_of_units(counted)
        for moment, check in course.moments.items():
            numbers[f"slope-{moment}"] = float(course.slope[check].mean())
            numbers[f"accuracy-{moment}"] = float(course.accuracy[check].mean())
        numbers["slope-peak-step"] = int(course.steps[course.moments["peak"]])
        numbers["runs-shallow"] = course.slope.shape[1]
    if "layers" in parts:
        told = parts["layers"][parts["layers"]["kind"].notna()]
        claims |= claims_of_extraction(told, _SEED)
        numbers |= numbers_of_extraction(told)
    if "deep" in parts:
        slopes = parts["deep"][parts["deep"]["name"] == "slope"]
        turned = reversal(_slopes(slopes))
        hits, n = int(turned.reversed.sum()), len(turned.reversed)
        claims["nd-deep-phases"] = proportion(hits, n, over=f"{n} runs")
        numbers["deep-share"] = f"{hits} of {n}"
        numbers["lean-early"] = float(turned.early_lean.mean())
        numbers["lean-late"] = float(turned.late_lean.mean())
    removable = removable_by_depth(rows)
    if removable:
        numbers |= numbers_of_depths(removable)
        if {2, 10} <= removable.keys():
            claims |= claims_of_depths(removable, _SEED)
            gone = removable[10]
            claims["nd-late-linear"] = mean(
                gone, over=f"{len(gone)} runs", seed=_SEED, unit="activations"
            )
    return claims, numbers


def removable_by_depth(rows: pd.DataFrame) -> dict[int, Float[np.ndarray, " runs"]]:
    """Return how many activations can go, by depth, of the runs that have all depths."""
    if "depth" not in rows:
        return {}
    found = rows[rows["name"] == "removable"]
    wide = found.pivot_table(index="seed", columns="depth", values="value").dropna()
    if len(wide) < _LEAST:
        return {}
    return {int(depth): wide[depth].to_numpy(dtype=float) for depth in sorted(wide.columns)}


def _mean(values: Float[np.ndarray, " runs"], unit: str = "1") -> Estimate:
    return mean(values, over=f"{len(values)} runs", seed=_SEED, unit=unit)


def _of_rule(rows: pd.DataFrame) -> dict[str, Estimate]:
    rates = tuple(sorted(float(rate) for rate in set(rows["rate"])))

    def of_rates(name: str) -> Float[np.ndarray, "rates runs"]:
        return np.array([column(rows, name, rate=rate) for rate in rates])

    found = SlopeRule(
        rates,
        of_rates("slope"),
        of_rates("accuracy"),
        of_rates("equal loss")[0],
        of_rates("accuracy there"),
    )
    n = len(found.equal_loss)
    return {
        "nd-slope-rule": over_runs(found.correlation, n, over=f"{n} runs", seed=_SEED),
        "nd-rate-gain": _mean(found.gain, "%"),
        "nd-rate-gain-loss": _mean(found.gain_there, "%"),
    }


def _course(rows: pd.DataFrame) -> SlopeTrajectory:
    """Put the slopes of the shallow tanh network together again."""
    own = rows[rows["moment"] == "course"]
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


def _slopes(rows: pd.DataFrame) -> Float[np.ndarray, "checks layers runs"]:
    wide = rows.pivot_table(index=["step", "layer"], columns="seed", values="value")
    steps = wide.index.get_level_values("step").nunique()
    return wide.to_numpy(dtype=float).reshape(steps, -1, wide.shape[1])
