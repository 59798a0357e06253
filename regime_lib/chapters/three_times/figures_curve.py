"""The specification curve: all ratios sorted, and beneath them which choices each one made."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from regime_lib.chapters.three_times.style import NAMES, OPTIMIZERS, mark_claims, ratio_axis
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

_FAMILIES = {
    "change: threshold": ("peak", "first", "init", "range", "floor"),
    "change: area": ("auc", "auc0"),
    "change: share of sum": ("cum",),
    "change: fitted decay": ("fit",),
    "distance to the end": ("end",),
    "distance from start": ("start",),
}
_LIMITS = (0.2, 300.0)


def family_of(definition: str) -> str:
    """Return the family of a definition, in words."""
    kind = definition.partition("@")[0]
    return next(family for family, kinds in _FAMILIES.items() if kind in kinds)


def specification_curve(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw all ratios sorted, and beneath them which choices each one made.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications.
    """
    table = table.assign(family=table["definition"].map(family_of))
    known = table[table["ratio"].notna()].sort_values("ratio")
    order = ["optimizer", "schedule", "dataset", "architecture", "family"]
    table = pd.concat([known, table[table["ratio"].isna()].sort_values(order)])
    rows = _matrix_rows(table)
    height = 2.7 + 0.175 * len(rows)
    figure = Figure(figsize=(WIDTH_INCHES[theme.narrow], height), layout="constrained")
    top, below = figure.subplots(
        2, 1, sharex=True, height_ratios=(2.7, 0.175 * len(rows)), gridspec_kw={"hspace": 0.02}
    )
    x = np.arange(len(table))
    _sorted_ratios(theme, top, table, x)
    for place, (column, value) in enumerate(rows.values()):
        at = x[(table[column] == value).to_numpy()]
        named = value in OPTIMIZERS
        below.vlines(
            at,
            -place - 0.36,
            -place + 0.36,
            color=theme.colour(value) if named else theme.text,
            linewidth=max(0.35, 280 / len(table)) if not theme.narrow else 0.45,
            alpha=0.9 if named else 0.6,
            rasterized=True,
        )
        middle = table.loc[table[column] == value, "ratio"].median()
        below.annotate(
            f"{middle:.2f}" if np.isfinite(middle) else "–",
            (1.0, -place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.3,
        )
    columns = [column for column, _ in rows.values()]
    for place, (one, other) in enumerate(pairwise(columns)):
        if one != other:
            below.axhline(-place - 0.5, color=theme.text, linewidth=0.6)
    below.set_yticks([-place for place in range(len(rows))], list(rows), fontsize=8.3)
    below.set(ylim=(0.5 - len(rows), 0.5), xlabel="specifications, sorted by their ratio")
    below.tick_params(axis="y", length=0)
    below.grid(visible=False)
    below.annotate(
        "median",
        (1.0, 1.0),
        xycoords="axes fraction",
        xytext=(4, 3),
        textcoords="offset points",
        fontsize=8.3,
    )
    return figure


def _sorted_ratios(theme: Theme, ax: Axes, table: pd.DataFrame, x: npt.NDArray) -> None:
    """Draw the upper half of a specification curve."""
    ratio = table["ratio"].clip(*_LIMITS).to_numpy()
    ax.vlines(
        x,
        table["low"].clip(*_LIMITS),
        table["high"].clip(*_LIMITS),
        color=theme.text,
        linewidth=0.5,
        alpha=0.35,
        rasterized=True,
    )
    bound = table["bound"].to_numpy()
    for name in OPTIMIZERS:
        own = (table["optimizer"] == name).to_numpy()
        colour = theme.colour(name)
        exact = own & (bound == "exact")
        ax.scatter(x[exact], ratio[exact], s=7, color=colour, linewidth=0, label=NAMES[name])
        open_ = own & np.isfinite(ratio) & (bound != "exact")
        for kind, marker in (("lower", "^"), ("upper", "v"), ("other", "d")):
            chosen = open_ & (
                (bound == kind) if kind != "other" else ~np.isin(bound, ("lower", "upper"))
            )
            ax.scatter(
                x[chosen],
                ratio[chosen],
                s=16,
                marker=marker,
                facecolor=theme.background,
                edgecolor=colour,
                linewidth=0.8,
            )
    mark_claims(theme, ax)
    nothing = np.isnan(ratio)
    if nothing.any():
        start = x[nothing][0] - 0.5
        ax.axvspan(start, x[-1] + 0.5, color=theme.text, alpha=0.12, linewidth=0)
        ax.annotate(
            "neither\nsettles:\nno ratio",
            ((start + x[-1]) / 2, 15),
            ha="center",
            va="center",
            fontsize=8.3,
        )
    ax.set(yscale="log", ylim=_LIMITS, xlim=(-0.01 * len(x), 1.01 * len(x)))
    ax.set_ylabel("weights' / patterns' time")
    ratio_axis(ax.yaxis)
    ax.xaxis.set_major_locator(NullLocator())
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", markerscale=2.5, handlelength=1)


def _matrix_rows(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the rows of the dot matrix: label, and the column and value that it stands for."""
    orders = {
        "optimizer": list(OPTIMIZERS),
        "schedule": ["constant", "cosine", "warm-up"],
        "architecture": ["mlp", "cnn", "transformer"],
        "dataset": [name for name in NAMES if name in set(table["dataset"])],
        "family": list(_FAMILIES),
    }
    rows: dict[str, tuple[str, str]] = {}
    for column, order in orders.items():
        there = set(table[column])
        if len(there) > 1:
            rows |= {NAMES.get(v, v): (column, v) for v in order if v in there}
    return rows
