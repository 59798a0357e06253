"""Runs to the end of training in pictures: both changes, settling times, losses, GELU.

A figure takes a `Theme` first, then what `late_networks` or `gelu` returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.networks import (
    LatePart,
    late_falls,
    ratio_in_words,
    short_ratio,
)
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.three_times.style import RATIO, SMALL, mark_claims, ratio_axis
from regime_lib.companion.figures.curves import Curves, band, both_changes
from regime_lib.companion.figures.marks import legend_below, note, outer_label, ratio_dots
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

_WHOLE = 1.0  # of the runs: few as they are, a band holds all of them
_FINAL = "settled_samples"
_LIVE = "end of this page's own runs"
_SIGNS = {"pattern": "o", "weight": "s"}


def changes(theme: Theme, part: LatePart, live_steps: int | None = None) -> Figure:
    """Draw both changes over whole training, a panel per schedule and optimiser.

    A vertical line stands where the chapter's own runs end, if `live_steps` says so.
    """
    settings = part.settings
    figure, axes = theme.panels(len(settings), height=2.2, sharey=True)
    for ax, (schedule, name) in zip(axes, settings, strict=True):
        weight, pattern = (
            Curves(*part.curve(f"{quantity}_change", name, schedule), _WHOLE)
            for quantity in ("weight", "pattern")
        )
        both_changes(theme, ax, weight, pattern)
        ax.axhline(0.1, color=theme.text, linewidth=0.8, linestyle=":")
        if live_steps is not None:
            ax.axvline(live_steps, color=theme.text, linewidth=1, label=_LIVE)
        ax.set(xscale="log", yscale="log", ylim=(1e-3, 1.4), xlim=(1, part.steps))
        ax.set(title=f"{NAMES[name]}, {schedule}", xlabel="optimiser step")
    outer_label(theme, axes, "change / peak", columns=min(3, len(settings)))
    legend_below(theme, figure, axes[0])
    return figure


def changes_alt(part: LatePart) -> str:
    """Say how far both changes fall late in training."""
    words = []
    for schedule, name in part.settings:
        patterns, weights = late_falls(part, name, schedule)
        words.append(f"{NAMES[name]}, {schedule}: patterns {patterns:.2f}, weights {weights:.2f}")
    return (
        f"Pattern change and weight change in {len(words)} panels. Their mean in the second half "
        f"of the run over that in its second tenth, median over runs: {'; '.join(words)}."
    )


def settling_times(
    theme: Theme, parts: Mapping[str, LatePart], live_steps: int | None = None
) -> Figure:
    """Draw when patterns and weights settle: a panel per data set, a line per run, with the ratio.

    A time that a run does not show is hollow, and stands where the run ends.
    """
    there = {setting for part in parts.values() for setting in part.settings}
    settings = [(s, o) for s in SCHEDULES for o in OPTIMIZERS if (s, o) in there]
    figure, axes = theme.panels(len(parts), height=0.34 * len(settings) + 1.2, sharey=True)
    for ax, part in zip(axes, parts.values(), strict=True):
        for place, (schedule, name) in enumerate(settings):
            rows = part.times[chosen(part.times, optimizer=name, schedule=schedule)]
            _times(theme, ax, rows, place + _spread(len(rows), 0.26))
            at, beside = (1.0, place), ("axes fraction", "data")
            said = "no run" if rows.empty else short_ratio(rows)
            note(ax, said, at, (4, 0), xycoords=beside, va="center", fontsize=SMALL)
        note(ax, "ratio", (1.0, 1.0), (4, 0), xycoords="axes fraction", va="top", fontsize=SMALL)
        if live_steps is not None:
            ax.axvline(live_steps, color=theme.text, linewidth=1, label=_LIVE)
        ax.set(xscale="log", xlabel="optimiser step", title=part.title)
        ax.set_ylim(len(settings) - 0.4, -0.6)
        ax.set_yticks(range(len(settings)), [f"{NAMES[name]}, {s}" for s, name in settings])
        ax.grid(axis="y", visible=False)
    first, last = zip(*(ax.get_xlim() for ax in axes), strict=True)
    for ax in axes:  # times of all data sets on one scale, with powers of ten alone
        ax.set_xlim(min(first), max(last))
        ax.xaxis.set_minor_formatter(NullFormatter())
    for quantity, marker in _SIGNS.items():
        colour, label = theme.colour(quantity), f"{quantity}s settle"
        axes[0].plot([], [], color=colour, marker=marker, linestyle="", label=label)
    axes[0].plot([], [], "o", color=theme.text, markerfacecolor="none", label="not before the end")
    legend_below(theme, figure, axes[0], 2)
    return figure


def settling_times_alt(parts: Mapping[str, LatePart]) -> str:
    """Say the ratio of every setting."""
    words = [
        f"{part.title}, {NAMES[name]}, {schedule}: {ratio_in_words(own)}"
        for part in parts.values()
        for schedule, name in part.settings
        for own in [part.times[chosen(part.times, optimizer=name, schedule=schedule)]]
    ]
    return f"Settling times of patterns and weights. Weights' over patterns': {'; '.join(words)}."


def settled(theme: Theme, part: LatePart, schedule: str = "constant") -> Figure:
    """Draw what has settled (above), and the losses (below), a column per optimiser."""
    names = [name for s, name in part.settings if s == schedule]
    columns = 1 if theme.narrow else len(names)
    size = (WIDTH_INCHES[theme.narrow], 4.3 * (len(names) if theme.narrow else 1))
    figure = Figure(figsize=size, layout="constrained")
    shape = (2 * len(names), 1) if theme.narrow else (2, columns)
    grid = figure.subplots(*shape, sharex=True, squeeze=False)
    axes = grid.reshape(len(names), 2) if theme.narrow else grid.T
    for (top, below), name in zip(axes, names, strict=True):
        shown = {
            "accuracy": (
                "inputs whose pattern is final",
                part.curve("settled_samples", name, schedule),
            ),
            "pattern": ("distance covered, pattern", part.come("pattern", name, schedule)),
            "weight": ("distance covered, weights", part.come("weight", name, schedule)),
        }
        for quantity, (label, curve) in shown.items():
            band(theme, top, Curves(*curve, _WHOLE), quantity, label=label)
        for quantity, kind in (("loss", "train"), ("theory", "test")):
            curve = part.curve(f"{kind}_loss", name, schedule)
            band(theme, below, Curves(*curve, _WHOLE), quantity, label=f"{kind} loss")
        top.set(title=NAMES[name], xscale="log", xlim=(1, part.steps))
        top.set_ylim(top=1.05)
        below.set(yscale="log", xlabel="optimiser step")
    for top, below in axes if theme.narrow else axes[:1]:
        top.set_ylabel("share")
        below.set_ylabel("loss")
    found = [ax.get_legend_handles_labels() for ax in axes[0]]
    handles, labels = (list(chain.from_iterable(both)) for both in zip(*found, strict=True))
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def settled_alt(part: LatePart, schedule: str = "constant") -> str:
    """Say what has settled half-way, and the last losses."""
    words = []
    for own, name in part.settings:
        if own != schedule:
            continue
        steps, inputs = part.curve(_FINAL, name, schedule)
        half = np.abs(steps - part.steps / 2).argmin()
        train, test = (part.curve(f"{kind}_loss", name, schedule)[1] for kind in ("train", "test"))
        words.append(
            f"{NAMES[name]}: {np.median(inputs[half]):.0%} of the inputs have their last pattern "
            f"half-way; training loss {np.median(train[-1]):.2g} and test loss "
            f"{np.median(test[-1]):.2g} at the end"
        )
    return f"Shares that rise to one, and losses. {'. '.join(words)}."


def both_activations(theme: Theme, pairs: pd.DataFrame) -> Figure:
    """Draw the ratio with ReLU and with GELU of every pair of runs (see `gelu.paired`)."""
    there = set(zip(pairs["schedule"], pairs["optimizer"], strict=True))
    settings = [(s, o) for s in SCHEDULES for o in OPTIMIZERS if (s, o) in there]
    figure, (ax,) = theme.panels(1, height=0.5 * len(settings) + 1.2)
    for place, (schedule, name) in enumerate(settings):
        rows = pairs[chosen(pairs, optimizer=name, schedule=schedule)]
        for kind, quantity, shift in (("relu", "theory", -0.05), ("gelu", "pattern", 0.05)):
            _ratios(theme, ax, rows, kind, quantity, place + shift + _spread(len(rows), 0.28))
    for kind, quantity in (("ReLU", "theory"), ("GELU", "pattern")):
        ax.plot([], [], "o", color=theme.colour(quantity), label=kind)
    ax.plot([], [], ">", color=theme.text, markerfacecolor="none", label="at least")
    ax.plot([], [], "<", color=theme.text, markerfacecolor="none", label="at most")
    ax.set(xscale="log", xlabel=RATIO, ylim=(len(settings) - 0.4, -0.6))
    mark_claims(theme, ax, words=False, vertical=True)
    ax.set_yticks(range(len(settings)), [f"{NAMES[name]}, {s}" for s, name in settings])
    ax.grid(axis="y", visible=False)
    ratio_axis(ax.xaxis)
    legend_below(theme, figure, ax, 4)
    return figure


def both_activations_alt(pairs: pd.DataFrame) -> str:
    """Say between which limits the quotients lie."""
    known = pairs[(pairs["least"] > 0) & np.isfinite(pairs["most"])]
    ends = f"{known['least'].min():.2f} to {known['most'].max():.2f}" if len(known) else "no number"
    return (
        f"Ratios of {len(pairs)} pairs of runs with ReLU and with GELU. In {len(known)} of them "
        f"the quotient of the two is known or lies between limits, from {ends}."
    )


def _spread(n: int, width: float) -> Float[np.ndarray, " runs"]:
    """Return places of the runs of one row, beside each other."""
    return np.linspace(-width, width, n) if n > 1 else np.zeros(n)


def _times(theme: Theme, ax: Axes, rows: pd.DataFrame, y: np.ndarray) -> None:
    """Draw both times of some runs, hollow where a run does not show them."""
    times = {name: rows[f"{name}_time"].to_numpy(dtype=float) for name in _SIGNS}
    ax.hlines(y, times["pattern"], times["weight"], color=theme.text, linewidth=0.8, alpha=0.6)
    for quantity, other in zip(_SIGNS, ("patterns", "weights"), strict=True):
        seen = ~rows["censored"].isin([other, "both"]).to_numpy()
        marker, colour = _SIGNS[quantity], theme.colour(quantity)
        ratio_dots(theme, ax, times[quantity], y, seen, colour, marker=marker, size=22)


def _ratios(
    theme: Theme, ax: Axes, rows: pd.DataFrame, kind: str, quantity: str, y: np.ndarray
) -> None:
    """Draw ratios as dots, and limits as hollow triangles; what may be anything is left out."""
    least, most = rows[f"{kind}_least"].to_numpy(), rows[f"{kind}_most"].to_numpy()
    colour = theme.colour(quantity)
    exact, lower = least == most, np.isinf(most) & (least > 0)
    upper = np.isfinite(most) & (least == 0)
    for chosen_, x, marker in ((exact, least, "o"), (lower, least, ">"), (upper, most, "<")):
        fill = np.full(int(chosen_.sum()), marker == "o")
        ratio_dots(theme, ax, x[chosen_], y[chosen_], fill, colour, marker=marker, size=26)
