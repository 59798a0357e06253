"""The figures of the runs to the end of training: curves, horizons, factors, and what is left.

A figure takes a `Theme` first, then tables of `late_runs` or what a function of `late` returned.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.decomposition import Decomposition
from regime_lib.chapters.three_times.late.factors import GROUPS
from regime_lib.chapters.three_times.late.horizons import Horizons
from regime_lib.chapters.three_times.late.refinement import Refinement
from regime_lib.chapters.three_times.late.tables import Tables
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.chapters.three_times.style import SMALL, mark_claims, ratio_axis
from regime_lib.chapters.wording import DEFINED, each
from regime_lib.companion.figures.curves import Curves, band, both_changes
from regime_lib.companion.figures.marks import finished, legend_below, outer_label
from regime_lib.companion.figures.theme import Theme

#: How long the runs of the short grid are, in steps.
SHORT = (800, 1200)
#: Definitions whose ratio is drawn against the horizon.
_DRAWN = (USUAL, "peak@0.5", "auc", "cum@0.5", "end@0.1")
#: The factors of the pattern change, in words.
GROUP_NAMES = {
    "step": "size of the step",
    "scale": "scale of pre-activations",
    "direction": "direction of the step",
    "near": "pre-activations near zero",
    "rest": "rest",
}


def curves(theme: Theme, tables: Tables, part: str, schedule: str = "constant") -> Figure:
    """Draw pattern change and weight change over whole runs of a part, a panel per optimiser."""
    found = _runs(tables["series"], part, schedule)
    figure, axes = theme.panels(len(OPTIMIZERS), height=2.9, sharey=True)
    for ax, name in zip(axes, OPTIMIZERS, strict=True):
        own = found[found["optimizer"] == name]
        ax.set(xscale="log", yscale="log", title=NAMES[name], xlabel="optimiser step")
        if own.empty:
            _nothing(ax)
            continue
        weight, pattern = (_bundle(own, f"{kind}_change") for kind in ("weight", "pattern"))
        both_changes(theme, ax, weight, pattern)
        ax.axvspan(*SHORT, color=theme.text, alpha=0.12, linewidth=0)
    return finished(theme, figure, axes, "change / peak")


def curves_alt(tables: Tables, part: str, schedule: str = "constant") -> str:
    """Say where both changes end."""
    words = [
        f"{NAMES[name]}: " + ", ".join(f"{kind} change {end:.2g}" for kind, end in ends.items())
        for name, ends in ends_over_peak(tables, part, schedule).items()
    ]
    return f"Change per step over its peak, at the end of training. {'; '.join(words) or 'No run'}."


def ends_over_peak(
    tables: Tables, part: str, schedule: str = "constant"
) -> dict[str, dict[str, float]]:
    """Return the last median change over its peak, of pattern and weight, by optimiser."""
    found = _runs(tables["series"], part, schedule)
    return {
        name: {
            kind: float(_bundle(own, f"{kind}_change").over_peak()[1][-1])
            for kind in ("pattern", "weight")
        }
        for name in OPTIMIZERS
        if len(own := found[found["optimizer"] == name])
    }


def horizons(theme: Theme, found: Horizons) -> Figure:
    """Draw what is known of the ratios, and their median, against the length of the run."""
    there = [s for s in SCHEDULES if s in set(found.counts["schedule"])]
    figure, axes = theme.panels(2 * len(there), height=2.6)
    pairs = zip(axes[: len(there)], axes[len(there) :], there, strict=True)
    if theme.narrow:
        pairs = zip(axes[::2], axes[1::2], there, strict=True)
    for above, below, schedule in pairs:
        own = found.counts[found.counts["schedule"] == schedule].sort_values("horizon")
        shares = own[["exact", "bounded", "open"]].to_numpy().T
        colours = (theme.colour("pattern"), theme.colour("weight"), theme.background)
        above.stackplot(
            own["horizon"],
            shares,
            colors=colours,
            labels=("exact", "a bound", "nothing"),
            alpha=0.75,
            edgecolor=theme.text,
            linewidth=0.5,
        )
        above.set(xscale="log", ylim=(0, 1), title=schedule)
        _ratios(theme, below, found.ratios[found.ratios["schedule"] == schedule])
        for ax in (above, below):
            ax.axvspan(*SHORT, color=theme.text, alpha=0.12, linewidth=0)
            ax.set(xlabel="length of the run, in steps", xlim=own["horizon"].iloc[[0, -1]])
    outer_label(theme, axes[: 1 if not theme.narrow else None : 2], "known")
    for ax in axes[1::2] if theme.narrow else axes[len(there) : len(there) + 1]:
        ax.set_ylabel("ratio")
    handles, labels = axes[0].get_legend_handles_labels()
    more = axes[1 if theme.narrow else len(there)].get_legend_handles_labels()
    figure.legend(
        [*handles, *more[0]],
        [*labels, *more[1]],
        loc="outside lower center",
        ncols=2 if theme.narrow else 4,
    )
    return figure


def horizons_alt(found: Horizons) -> str:
    """Say how the ratio moves with the length of the run."""
    words = []
    for schedule, own in found.counts.groupby("schedule", observed=True):
        known = own[np.isfinite(own["median"])].sort_values("horizon")
        if len(known):
            ends = known.iloc[[0, -1]]
            steps = [f"{row.median:.2f} after {row.horizon:,} steps" for row in ends.itertuples()]
            words.append(f"{schedule}: {' and '.join(steps)}")
    return f"Median ratio over all definitions and runs that say something. {'; '.join(words)}."


def factors(theme: Theme, found: Decomposition, part: str, schedule: str = "constant") -> Figure:
    """Draw what each group of factors contributes to the pattern change, and their product."""
    table = found.table[chosen(found.table, part=part, schedule=schedule)]
    figure, axes = theme.panels(len(OPTIMIZERS), height=3.1, sharey=True)
    colours = ("weight", "pattern", "accuracy", "loss", "theory")
    for ax, name in zip(axes, OPTIMIZERS, strict=True):
        own = table[table["optimizer"] == name].sort_values("at")
        ax.set(xscale="log", title=NAMES[name], xlabel="optimiser step")
        if own.empty:
            _nothing(ax)
            continue
        x = own["at"] + 1
        for group, colour in zip(GROUPS, colours, strict=True):
            ax.plot(
                x,
                np.exp(own[group]),
                **theme.stroke(colour),
                linewidth=1.5,
                label=GROUP_NAMES[group],
            )
        ax.plot(x, np.exp(own["total"]), color=theme.text, linewidth=2.6, label="pattern change")
        ax.set_yscale("log")
    outer_label(theme, axes, "times its value at the peak")
    legend_below(theme, figure, axes[0], columns=3)
    return figure


def factors_alt(found: Decomposition, part: str, schedule: str = "constant") -> str:
    """Say what the factors are at the end."""
    table = found.table[chosen(found.table, part=part, schedule=schedule)]
    words = []
    for name in OPTIMIZERS:
        own = table[table["optimizer"] == name].sort_values("at")
        if len(own):
            last = own.iloc[-1]
            parts = [f"{GROUP_NAMES[g]} {np.exp(last[g]):.2g}" for g in GROUPS]
            words.append(f"{NAMES[name]}: {np.exp(last['total']):.2g}, from {', '.join(parts)}")
    return f"Pattern change at the last looks over its peak. {'; '.join(words) or 'No run'}."


def what_is_left(theme: Theme, found: Refinement, part: str) -> Figure:
    """Draw the loss, the path and the settled inputs over training, and when patterns settle."""
    looks = found.looks[chosen(found.looks, part=part)]
    figure, axes = theme.panels(len(OPTIMIZERS), height=3.0, sharey=True)
    for ax, name in zip(axes, OPTIMIZERS, strict=True):
        own = looks[looks["optimizer"] == name]
        ax.set(xscale="log", title=NAMES[name], xlabel="optimiser step")
        if own.empty:
            _nothing(ax)
            continue
        wide = {
            kind: own.pivot_table(index="step", columns="seed", values=kind)
            for kind in ("train_loss", "path", "settled_samples")
        }
        loss, path = wide["train_loss"], wide["path"]
        loss = (loss - loss.iloc[-1]) / (loss.iloc[0] - loss.iloc[-1])
        steps = loss.index.to_numpy() + 1
        for values, colour, label in (
            (loss, "loss", "training loss left"),
            (path / path.iloc[-1], "weight", "path of the weights"),
            (wide["settled_samples"], "pattern", "inputs whose pattern is final"),
        ):
            band(theme, ax, Curves(steps, values.to_numpy(dtype=float)), colour, label=label)
        for time in own.groupby("seed", observed=True)["settling_time"].first().dropna():
            ax.axvline(time, color=theme.text, linewidth=0.8)
    return finished(theme, figure, axes, "share")


def what_is_left_alt(found: Refinement) -> str:
    """Say how many runs settle by the book's definition, and what its panels show of them."""
    own = found.table[found.table["definition"] == USUAL].set_index("optimizer")
    settled = {NAMES[str(name)]: float(share) for name, share in own["settled"].items()}
    return (
        f"By this book's definition ({DEFINED[USUAL]}) patterns settle in "
        f"{each(settled, '.0%')} of the runs at a constant rate. A panel per optimiser: what is "
        "left of the fall of the training loss, how much of the path of the weights is gone and "
        "which inputs keep their pattern, by step."
    )


def _ratios(theme: Theme, ax: Axes, table: pd.DataFrame) -> None:
    """Draw the ratio under some definitions against the horizon, for momentum."""
    quantities = ("weight", "pattern", "accuracy", "loss", "radius")
    for text, quantity in zip(_DRAWN, quantities, strict=True):
        own = table[chosen(table, definition=text, optimizer="momentum")].sort_values("horizon")
        ax.plot(
            own["horizon"], own["ratio"], **theme.stroke(quantity), marker=".", label=DEFINED[text]
        )
    ax.set(xscale="log", yscale="log")
    mark_claims(theme, ax, words=False)
    ratio_axis(ax.yaxis)


def _runs(table: pd.DataFrame, part: str, schedule: str) -> pd.DataFrame:
    return table[chosen(table, part=part, schedule=schedule)]


def _bundle(own: pd.DataFrame, quantity: str) -> Curves:
    wide = own[own["quantity"] == quantity].pivot_table(
        index="step", columns="seed", values="value"
    )
    return Curves(wide.index.to_numpy(), wide.to_numpy(dtype=float))


def _nothing(ax: Axes) -> None:
    ax.text(0.5, 0.5, "not run", transform=ax.transAxes, ha="center", fontsize=SMALL)
