"""Freeze where you like: the change of the patterns, and the cost, as a reader moves the step."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.freeze_patterns.costs import LIMITS, curve, settings_of
from regime_lib.chapters.freeze_patterns.figures import NAMES, costs_over_time
from regime_lib.chapters.freeze_patterns.parts import Frozen
from regime_lib.companion.figures import scene
from regime_lib.companion.figures.theme import Theme
from regime_lib.errors import RegimeError

_FIRST = 0.002  # where the start stands on a logarithmic axis
_LEAST = 1e-3  # of the peak, below which the change of the patterns is cut off


def freeze_scene(found: Frozen) -> scene.Scene:
    """Make the picture: one slider for when to freeze, one for the training."""
    settings = settings_of(found.table)
    if len(settings) < 2:
        raise RegimeError("the scene needs at least two settings to choose from")
    shares, _ = curve(found.table, "cost")
    costs = [_costs(found, setting) for setting in settings]
    low = min(-0.6, min(float(one.min()) for _, one in costs))
    high = max(1.2, max(float(one.max()) for _, one in costs))
    panels = (
        scene.Panel(
            "change of the patterns", "share of the training", "over its peak",
            (_FIRST, 1.0), (_LEAST, 1.2), xscale="log", yscale="log",
        ),
        scene.Panel(
            "what freezing costs", "frozen after this share", "points of test accuracy",
            (_FIRST, 1.0), (low - 0.1, high + 0.2), xscale="log",
        ),
    )  # fmt: skip
    frames: dict[tuple[int, ...], scene.Frame] = {
        (i, j): _frame(found, settings[j], float(shares[i]), costs[j])
        for i, j in product(range(len(shares)), range(len(settings)))
    }
    sliders = (
        scene.Slider("freeze after", tuple(f"{100 * share:g} %" for share in shares)),
        scene.Slider("training", tuple(map(_named, settings))),
    )
    return scene.Scene(panels, sliders, frames, start=(min(2, len(shares) - 1), 0))


def still(theme: Theme, found: Frozen) -> Figure:
    """Draw all of it at once, where nothing moves."""
    return costs_over_time(theme, found)


def _named(setting: tuple[str, ...]) -> str:
    dataset, _, optimizer, schedule = setting
    return f"{NAMES[dataset]}, {NAMES[optimizer]}, {schedule}"


def _of(table: pd.DataFrame, setting: tuple[str, ...]) -> pd.DataFrame:
    names = ("dataset", "architecture", "optimizer", "schedule")
    right = [table[n].astype(str) == v for n, v in zip(names, setting, strict=True)]
    return table[np.logical_and.reduce(right)]


def _costs(found: Frozen, setting: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    return curve(_of(found.table, setting), "cost")


def _frame(
    found: Frozen,
    setting: tuple[str, ...],
    share: float,
    costs: tuple[np.ndarray, np.ndarray],
) -> scene.Frame:
    at = max(share, _FIRST)
    steps = int(_of(found.table, setting)["steps"].max())
    series = _of(found.series, setting).groupby("step")["value"].mean()
    x = series.index.to_numpy(dtype=float) / steps
    y = np.maximum(series.to_numpy(dtype=float) / float(series.max()), _LEAST)
    before = x <= share
    left: list[scene.Mark] = [scene.VLine(at, "theory")]
    left.append(scene.Line(x, y, ("pattern", 0.6)))
    if before.sum() > 1:
        left.append(scene.Line(x[before], y[before], "pattern", width=2.4))
    shares, values = costs
    place = np.maximum(shares, _FIRST)
    right: list[scene.Mark] = [scene.HLine(limit, ("theory", 0.6)) for limit in LIMITS]
    right += [scene.HLine(0.0, "theory"), scene.VLine(at, "theory")]
    right.append(scene.Line(place, values.mean(axis=1), ("weight", 0.3)))
    here = values[np.isclose(shares, share)].ravel()
    right.append(scene.Points(np.full(len(here), at), here, "weight", size=4.0))
    words = (
        f"frozen after {100 * share:g} % of {steps:,} steps: {here.mean():.2f} points "
        f"({here.min():.2f} to {here.max():.2f} in {len(here)} seeds)"
    )
    return scene.Frame((tuple(left), tuple(right)), words)
