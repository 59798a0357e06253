"""The figures of the multiverse: every specification of one ratio, sorted, and what makes it.

Functions take plain tables, so that this room needs nothing of the studies. A table of
specifications has the columns `dataset`, `architecture`, `optimizer`, `schedule`, `definition`,
`ratio`, `low`, `high` and `bound` (exact, partial, lower, upper, mixed or undetermined).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from regime_lib.companion.theme import WIDTH_INCHES, Theme

#: What the paper claims: its abstract, and the average that a summary reports.
CLAIMED = (3.0, 3.85)
NAMES = {
    "sgd": "SGD",
    "momentum": "momentum",
    "adamw": "AdamW",
    "mlp": "MLP",
    "cnn": "CNN",
    "transformer": "Transformer",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10 (JPEG copy)",
    "tiny-shakespeare": "Tiny Shakespeare",
    "sst2": "SST-2",
    "digits": "digits",
}
_COLOURS = {"sgd": "sgd", "momentum": "momentum", "adamw": "adamw"}
_MARKERS = {"sgd": "o", "momentum": "s", "adamw": "^"}
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
        named = _COLOURS.get(str(value))
        below.vlines(
            at,
            -place - 0.36,
            -place + 0.36,
            color=theme.colour(named) if named else theme.text,
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


def shares(
    theme: Theme, found: Mapping[str, Sequence[tuple[float, float, float, float]]]
) -> Figure:
    """Draw, for every level, how many specifications are surely above it and how many may be.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    found : mapping from panel title to sequence of tuple
        (level, share surely above, share that censoring leaves open, share of the exact ones
        above), all of them shares of one.
    """
    figure, axes = theme.panels(len(found), height=2.1)
    for ax, (title, levels) in zip(axes, found.items(), strict=True):
        for place, (_, above, unsure, _) in enumerate(levels):
            ax.barh(-place, above, color=theme.colour("pattern"), height=0.6)
            ax.barh(
                -place,
                unsure,
                left=above,
                height=0.6,
                facecolor=theme.background,
                edgecolor=theme.text,
                hatch="////",
                linewidth=0.6,
            )
            inside = above > 0.12
            ax.annotate(
                f"{above:.0%}",
                (above / 2 if inside else above, -place),
                xytext=(0 if inside else 5, 0),
                textcoords="offset points",
                va="center",
                ha="center" if inside else "left",
                color=theme.background if inside else theme.text,
                fontsize=9,
                bbox=None if inside else {"facecolor": theme.background, "linewidth": 0, "pad": 1},
            )
        ax.set_yticks([-p for p in range(len(levels))], [f"above {row[0]:g}" for row in levels])
        ax.set(xlim=(0, 1), title=title, xlabel="share of all specifications")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0%}"))
        ax.grid(axis="y", visible=False)
    return figure


def where_it_holds(
    theme: Theme, table: pd.DataFrame, columns: Sequence[str], groups: Sequence[str]
) -> Figure:
    """Draw the median ratio of every definition under every choice, as a table in colour.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Rows are definitions, columns choices; NaN where no number is known.
    columns : sequence of str
        Headings.
    groups : sequence of str
        Headings above each three columns.
    """
    figure, (ax,) = theme.panels(1, height=0.27 * len(table) + 1.1)
    blue, orange = theme.colour("weight"), theme.colour("pattern")
    map_ = LinearSegmentedColormap.from_list("ratio", [blue, theme.background, orange])
    values = np.log(table.to_numpy(dtype=float))
    norm = TwoSlopeNorm(0.0, -np.log(6), np.log(6))
    ax.imshow(np.ma.masked_invalid(values), cmap=map_, norm=norm, aspect="auto")
    for (row, column), number in np.ndenumerate(table.to_numpy(dtype=float)):
        strong = abs(np.log(number)) > np.log(3.2) if np.isfinite(number) else False
        ax.annotate(
            _short(number) if np.isfinite(number) else "–",
            (column, row),
            ha="center",
            va="center",
            fontsize=8.5,
            color=theme.background if strong else theme.text,
            fontweight="bold" if np.isfinite(number) and number >= 2 else "normal",
        )
    ax.set_yticks(range(len(table)), list(table.index))
    size = 8.3 if theme.narrow else 9
    ax.set_xticks(range(len(columns)), list(columns), fontsize=size)
    for place, title in enumerate(groups):
        ax.annotate(
            title,
            (3 * place + 1, -0.5),
            xytext=(0, 20),
            textcoords="offset points",
            ha="center",
            fontsize=size,
            fontweight="bold",
            annotation_clip=False,
        )
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for border in range(3, len(columns), 3):
        ax.axvline(border - 0.5, color=theme.text, linewidth=1)
    return figure


def parallel(
    theme: Theme,
    panels: Mapping[str, Mapping[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]],
) -> Figure:
    """Draw pattern change against weight change, a point a step, a panel an architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    panels : mapping from title to mapping from optimiser to pair of array
        Weight changes and pattern changes, smoothed.
    """
    figure, axes = theme.panels(len(panels), height=2.8, sharey=True)
    for ax, (title, runs) in zip(axes, panels.items(), strict=True):
        for name, (weights, patterns) in runs.items():
            ax.plot(
                weights / weights.max(),
                patterns / patterns.max(),
                _MARKERS[name],
                markersize=2.6,
                alpha=0.6,
                color=theme.colour(_COLOURS[name]),
                rasterized=True,
                label=NAMES[name],
            )
        ends = np.array([3e-3, 1.0])
        ax.plot(ends, ends, color=theme.colour("theory"), linestyle=theme.line("theory"))
        ax.set(xscale="log", yscale="log", title=title, xlim=(3e-3, 1.5), ylim=(3e-3, 1.5))
        ax.set_xlabel("weight change / peak")
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("pattern change / peak")
    axes[0].legend(loc="upper left", markerscale=2, handlelength=1)
    return figure


def causes(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw what a warm-up and averaging do to the ratio, a panel an architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition, with a column `change` that names what was changed.
    """
    titles = list(dict.fromkeys(table["architecture"]))
    changes = list(dict.fromkeys(table["change"]))
    figure, axes = theme.panels(len(titles), height=3.3, sharey=True)
    for ax, architecture in zip(axes, titles, strict=True):
        own = table[table["architecture"] == architecture]
        for offset, name in zip((-0.2, 0.0, 0.2), _COLOURS, strict=True):
            rows = own[(own["optimizer"] == name) & own["ratio"].notna()]
            x = np.array([changes.index(change) for change in rows["change"]], dtype=float) + offset
            colour = theme.colour(_COLOURS[name])
            ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=2)
            exact = (rows["bound"] == "exact").to_numpy()
            for chosen, fill in ((exact, colour), (~exact, theme.background)):
                ax.scatter(
                    x[chosen],
                    rows["ratio"][chosen],
                    marker=_MARKERS[name],
                    s=34,
                    facecolor=fill,
                    edgecolor=colour,
                    zorder=3,
                    label=NAMES[name] if fill == colour else None,
                )
        _mark_claims(theme, ax, words=False)
        ax.set(yscale="log", title=NAMES[architecture], xlim=(-0.5, len(changes) - 0.5))
        ax.set_xticks(range(len(changes)), changes, rotation=30, ha="right", rotation_mode="anchor")
        ax.grid(axis="x", visible=False)
    for ax in axes:
        _ratio_axis(ax.yaxis, ax.get_ylim())
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("weights' / patterns' time")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def averaging(
    theme: Theme, table: pd.DataFrame, marks: Mapping[str, float], title: str = ""
) -> Figure:
    """Draw the ratios of all settings in one row, with median, geometric mean and mean.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition.
    marks : mapping from name to float
        Averages to mark.
    title : str
        Of the panel.
    """
    figure, (ax,) = theme.panels(1, height=2.7)
    for place, name in enumerate(_COLOURS):
        rows = table[(table["optimizer"] == name) & table["ratio"].notna()].sort_values("ratio")
        spread = place + 0.28 * np.sin(1.9 * np.arange(len(rows)))
        colour = theme.colour(_COLOURS[name])
        ax.hlines(-spread, rows["low"], rows["high"], color=colour, linewidth=1, alpha=0.6)
        exact = (rows["bound"] == "exact").to_numpy()
        for chosen, fill in ((exact, colour), (~exact, theme.background)):
            ax.scatter(
                rows["ratio"][chosen],
                -spread[chosen],
                marker=_MARKERS[name],
                s=26,
                facecolor=fill,
                edgecolor=colour,
                zorder=3,
            )
    styles = ("-", (0, (6, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))
    for style, (name, value) in zip(styles, marks.items(), strict=False):
        ax.axvline(value, color=theme.text, linestyle=style, linewidth=1.4, label=name)
    ax.set(xscale="log", xlabel="weights' time / patterns' time", title=title)
    ax.set_yticks([0, -1, -2], [NAMES[name] for name in _COLOURS])
    ax.grid(axis="y", visible=False)
    _ratio_axis(ax.xaxis, ax.get_xlim())
    figure.legend(loc="outside lower center", ncols=2 if theme.narrow else 4)
    return figure


def by_data(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw the ratio of every setting, a row for each data set and architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition.
    """
    there = set(zip(table["dataset"], table["architecture"], strict=True))
    cells = [(d, a) for d in NAMES for a in NAMES if (d, a) in there]
    figure, (ax,) = theme.panels(1, height=0.44 * len(cells) + 1.2)
    schedules = list(dict.fromkeys(table["schedule"]))
    names = list(_COLOURS)
    for row in table[table["ratio"].notna()].itertuples():
        place = cells.index((row.dataset, row.architecture))
        shift = 0.24 * (names.index(row.optimizer) - 1) + 0.08 * (
            schedules.index(row.schedule) - 0.5
        )
        colour = theme.colour(_COLOURS[row.optimizer])
        ax.hlines(-place - shift, row.low, row.high, color=colour, linewidth=1.4)
        ax.scatter(
            row.ratio,
            -place - shift,
            marker=_MARKERS[row.optimizer],
            s=30,
            facecolor=colour if row.bound == "exact" else theme.background,
            edgecolor=colour,
            zorder=3,
        )
    for name in names:
        colour = theme.colour(_COLOURS[name])
        ax.scatter([], [], marker=_MARKERS[name], color=colour, s=30, label=NAMES[name])
    ax.set(xscale="log", ylim=(0.6 - len(cells), 0.6))
    _mark_claims(theme, ax, words=False, vertical=True)
    separator = "\n" if theme.narrow else ", "
    labels = [f"{NAMES[data]}{separator}{NAMES[architecture]}" for data, architecture in cells]
    ax.set_yticks([-place for place in range(len(cells))], labels)
    ax.set_xlabel("weights' time / patterns' time")
    ax.grid(axis="y", visible=False)
    _ratio_axis(ax.xaxis, ax.get_xlim())
    figure.legend(loc="outside lower center", ncols=3)
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
    for name, quantity in _COLOURS.items():
        own = (table["optimizer"] == name).to_numpy()
        colour = theme.colour(quantity)
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
    _mark_claims(theme, ax)
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
    _ratio_axis(ax.yaxis, _LIMITS)
    ax.xaxis.set_major_locator(NullLocator())
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left", markerscale=2.5, handlelength=1)


def _mark_claims(theme: Theme, ax: Axes, *, words: bool = True, vertical: bool = False) -> None:
    """Draw lines at one and at what the paper claims."""
    line = ax.axvline if vertical else ax.axhline
    line(1, color=theme.text, linewidth=1)
    for claimed in CLAIMED:
        line(claimed, color=theme.colour("theory"), linestyle=theme.line("theory"), linewidth=1.2)
    if words:
        for value, text, shift in ((3.0, "3", -7), (3.85, "3.85", 3), (1.0, "together: 1", 3)):
            ax.annotate(
                text,
                (0.36 if value > 1 else 0.62, value),
                xycoords=("axes fraction", "data"),
                xytext=(0, shift),
                textcoords="offset points",
                fontsize=8.3,
                va="bottom" if shift > 0 else "center",
            )


def _matrix_rows(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return the rows of the dot matrix: label, and the column and value that it stands for."""
    orders = {
        "optimizer": list(_COLOURS),
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


def _ratio_axis(axis: object, limits: tuple[float, float]) -> None:
    ticks = [0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100, 300]
    low, high = sorted(limits)
    shown = [t for t in ticks if low <= t <= high]
    if len(shown) > 7:
        shown = [t for t in shown if t not in (0.2, 2, 5, 20, 50)]
    axis.set_ticks(shown)  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))  # type: ignore[attr-defined]
    axis.set_minor_formatter(NullFormatter())  # type: ignore[attr-defined]


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 9.95 else f"{number:.0f}"
