"""All specifications of one ratio: sorted, counted above a level, and by definition.

A table of specifications is that of `Multiverse`; a figure takes a `Theme` first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from regime_lib.chapters.three_times.committed import COMPARED
from regime_lib.chapters.three_times.configs import ARCHITECTURES, NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.limits import product_limit_median
from regime_lib.chapters.three_times.multiverse import ShareAbove
from regime_lib.chapters.three_times.style import ACROSS, SMALL, mark_claims, ratio_axis
from regime_lib.chapters.wording import DEFINED
from regime_lib.companion.figures.marks import note
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme
from regime_lib.instrument.settling.candidates import DEFINITIONS

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
    """Draw all ratios sorted, and beneath them which choices each one made."""
    table = table.assign(family=table["definition"].map(family_of))
    known = table[table["ratio"].notna()].sort_values("ratio")
    order = ["optimizer", "schedule", "dataset", "architecture", "family"]
    table = pd.concat([known, table[table["ratio"].isna()].sort_values(order)])
    rows = _matrix_rows(table)
    height = 0.175 * len(rows)
    figure = Figure(figsize=(WIDTH_INCHES[theme.narrow], 2.7 + height), layout="constrained")
    top, below = figure.subplots(
        2, 1, sharex=True, height_ratios=(2.7, height), gridspec_kw={"hspace": 0.02}
    )
    x, beside = np.arange(len(table)), {"xycoords": ACROSS, "fontsize": SMALL}
    _sorted_ratios(theme, top, table, x)
    for place, (column, value) in enumerate(rows.values()):
        made = (table[column] == value).to_numpy()
        named = value in OPTIMIZERS
        below.vlines(
            x[made],
            -place - 0.36,
            -place + 0.36,
            color=theme.colour(value) if named else theme.text,
            linewidth=max(0.35, 280 / len(table)) if not theme.narrow else 0.45,
            alpha=0.9 if named else 0.6,
            rasterized=True,
        )
        note(below, _middle(table[made]), (1.0, -place), (4, 0), va="center", **beside)
    columns = [column for column, _ in rows.values()]
    for place, (one, other) in enumerate(pairwise(columns)):
        if one != other:
            below.axhline(-place - 0.5, color=theme.text, linewidth=0.6)
    below.set_yticks([-place for place in range(len(rows))], list(rows), fontsize=SMALL)
    below.set(ylim=(0.5 - len(rows), 0.5), xlabel="specifications, sorted by their ratio")
    below.tick_params(axis="y", length=0)
    below.grid(visible=False)
    note(below, "median", (1.0, 0.5), (4, 0), va="bottom", **beside)
    return figure


def specification_curve_alt(table: pd.DataFrame) -> str:
    """Say what a specification curve shows."""
    known, kinds = table["ratio"].dropna(), table["bound"].value_counts()
    medians = [f"{NAMES.get(name, name)} {_middle(own)}" for name, own in table.groupby("schedule")]
    return (
        f"{len(table)} specifications sorted by their ratio, from {known.min():.2g} to "
        f"{known.max():.3g}; {kinds.get('exact', 0)} are exact, "
        f"{len(known) - kinds.get('exact', 0)} are bounds and {len(table) - len(known)} have no "
        f"ratio. Medians by schedule, bounds counted as such: {', '.join(medians)}. Beneath, a "
        "matrix of the choices that each one made."
    )


def shares(theme: Theme, found: Mapping[str, Sequence[ShareAbove]]) -> Figure:
    """Draw how many specifications are surely above a level, and how many may be."""
    figure, axes = theme.panels(len(found), height=2.1)
    for ax, (title, levels) in zip(axes, found.items(), strict=True):
        for place, share in enumerate(levels):
            above = share.surely
            ax.barh(-place, above, color=theme.colour("pattern"), height=0.6)
            ax.barh(
                -place,
                share.perhaps,
                left=above,
                height=0.6,
                facecolor=theme.background,
                edgecolor=theme.text,
                hatch="////",
                linewidth=0.6,
            )
            inside = above > 0.09 * len(found)  # of the width that a panel has
            note(
                ax,
                f"{above:.0%}",
                (above / 2 if inside else above, -place),
                (0 if inside else 5, 0),
                va="center",
                ha="center" if inside else "left",
                color=theme.background if inside else theme.text,
                fontsize=9,
                bbox=None if inside else {"facecolor": theme.background, "linewidth": 0, "pad": 1},
            )
        ax.set_yticks([-p for p in range(len(levels))], [f"above {s.level:g}" for s in levels])
        ax.set(xlim=(0, 1), title=title, xlabel="share of all specifications")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0%}"))
        ax.grid(axis="y", visible=False)
    return figure


def shares_alt(found: Mapping[str, Sequence[ShareAbove]]) -> str:
    """Say what the shares are."""
    return " ".join(
        f"{title}: "
        + ", ".join(
            f"above {s.level:g} surely {s.surely:.0%}, open {s.perhaps:.0%}" for s in levels
        )
        + "."
        for title, levels in found.items()
    )


def where_it_holds(theme: Theme, medians: Float[np.ndarray, "definitions choices"]) -> Figure:
    """Draw the medians of `ByDefinition` as a table in colour."""
    figure, (ax,) = theme.panels(1, height=0.27 * len(medians) + 1.1)
    blue, orange = theme.colour("weight"), theme.colour("pattern")
    colours = LinearSegmentedColormap.from_list("ratio", [blue, theme.background, orange])
    norm = TwoSlopeNorm(0.0, -np.log(6), np.log(6))
    ax.imshow(np.ma.masked_invalid(np.log(medians)), cmap=colours, norm=norm, aspect="auto")
    for (row, column), number in np.ndenumerate(medians):
        strong = abs(np.log(number)) > np.log(3.2) if np.isfinite(number) else False
        text = f"{number:.2f}" if number < 9.95 else f"{number:.0f}"
        ax.annotate(
            text if np.isfinite(number) else "–",
            (column, row),
            ha="center",
            va="center",
            fontsize=8.5,
            color=theme.background if strong else theme.text,
            fontweight="bold" if np.isfinite(number) and number >= 2 else "normal",
        )
    ax.set_yticks(range(len(medians)), [DEFINED[name] for name in DEFINITIONS[: len(medians)]])
    size = SMALL if theme.narrow else 9
    ax.set_xticks(range(6), ["SGD", "mom.", "AdamW"] * 2, fontsize=size)
    for place, title in enumerate(f"{schedule} rate" for schedule in COMPARED):
        bold = {"ha": "center", "fontsize": size, "fontweight": "bold", "annotation_clip": False}
        note(ax, title, (3 * place + 1, -0.5), (0, 20), **bold)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.axvline(2.5, color=theme.text, linewidth=1)
    return figure


def where_it_holds_alt(medians: Float[np.ndarray, "definitions choices"]) -> str:
    """Say what the table shows."""
    half = medians.shape[1] // 2
    parts = [
        f"with a {schedule} rate: "
        + "; ".join(
            f"{DEFINED[name]} " + ", ".join("none" if np.isnan(v) else f"{v:.2f}" for v in row)
            for name, row in zip(
                DEFINITIONS, medians[:, place * half : (place + 1) * half], strict=True
            )
        )
        for place, schedule in enumerate(COMPARED)
    ]
    return f"Median ratios by definition for SGD, momentum and AdamW, {', and '.join(parts)}."


def _sorted_ratios(theme: Theme, ax: Axes, table: pd.DataFrame, x: npt.NDArray) -> None:
    """Draw the upper half of a specification curve."""
    ratio, low, high = (table[name].clip(*_LIMITS).to_numpy() for name in ("ratio", "low", "high"))
    ax.vlines(x, low, high, color=theme.text, linewidth=0.5, alpha=0.35, rasterized=True)
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
        place = ((start + x[-1]) / 2, 15)
        ax.annotate("neither\nsettles:\nno ratio", place, ha="center", va="center", fontsize=SMALL)
    ax.set(yscale="log", ylim=_LIMITS, xlim=(-0.01 * len(x), 1.01 * len(x)))
    ax.set_ylabel("weights' / patterns' time")
    ratio_axis(ax.yaxis)
    ax.xaxis.set_major_locator(NullLocator())
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", markerscale=2.5, handlelength=1)


def _middle(rows: pd.DataFrame) -> str:
    """Return the median of some specifications, their limits counted as limits."""
    middle = product_limit_median(rows["least"].to_numpy(), rows["most"].to_numpy())
    return f"{middle:.2f}" if np.isfinite(middle) else "–"


def _matrix_rows(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the rows of the dot matrix: label, and the column and value that it stands for."""
    orders: dict[str, Sequence[str]] = {
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "architecture": ARCHITECTURES,
        "dataset": list(NAMES),
        "family": list(_FAMILIES),
    }
    rows: dict[str, tuple[str, str]] = {}
    for column, order in orders.items():
        there = set(table[column])
        if len(there) > 1:
            rows |= {NAMES.get(v, v): (column, v) for v in order if v in there}
    return rows
