"""The figures of chapter 24: costs over the step of freezing, what predicts it, parts, and worth.

A figure takes a `Theme` first, then what a part of `measure` returned; its alt text says what the
data show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.freeze_patterns.costs import LIMITS, by_seed, curve, frozen_at
from regime_lib.chapters.freeze_patterns.experiment import EARLY
from regime_lib.chapters.freeze_patterns.heads import Head
from regime_lib.chapters.freeze_patterns.parts import Frozen
from regime_lib.chapters.wording import DEFINED
from regime_lib.companion.figures.marks import legend_below, note, outer_label
from regime_lib.companion.figures.theme import Theme

NAMES = {
    "adamw": "AdamW",
    "momentum": "momentum",
    "sgd": "SGD",
    "digits": "digits",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
}
#: What may be frozen after a tenth of the training, in the order of the figure.
PARTLY = ("all", "first layer", "last layer", "quiet half", "restless half", "until half")
_WORDS = {
    "all": "everything",
    "first layer": "first layer only",
    "last layer": "last layer only",
    "quiet half": "quieter half of units",
    "restless half": "restless half of units",
    "until half": "all, thawed half-way",
}
_FIRST = 0.004  # where a share of nothing stands on a logarithmic axis


def costs_over_time(theme: Theme, found: Frozen) -> Figure:
    """Draw the cost in accuracy, and the training loss, over the share at which runs froze."""
    data = list(dict.fromkeys(found.table["dataset"]))
    figure, axes = theme.panels(len(data) + 1, height=2.9)
    for ax, name in zip(axes, data, strict=False):
        own = found.table[found.table["dataset"] == name]
        _costs(theme, ax, own)
        ax.set(title=f"{NAMES[name]}: accuracy", ylabel="cost in points")
    last = axes[-1]
    for name in dict.fromkeys(found.table["optimizer"]):
        own = found.table[found.table["optimizer"] == name]
        shares, values = curve(own, "loss_ratio")
        last.plot(_placed(shares), np.median(values, axis=1), **theme.stroke(name))
    last.axhline(1, color=theme.text, linewidth=0.8)
    last.set(title="training loss", ylabel="frozen / never frozen")
    _share_axis(last)
    legend_below(theme, figure, axes[0], 3)
    return figure


#: The names of the other networks of the committed runs, see `measure.OTHERS`.
NETWORKS = {
    "cnn": "CNN, Fashion-MNIST",
    "cifar": "CNN, CIFAR-10",
    "text": "Transformer, text",
}


def other_networks(theme: Theme, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the cost in accuracy of CNNs and a Transformer, a panel for each that has runs."""
    figure, axes = theme.panels(len(tables), height=2.9)
    for ax, (name, own) in zip(axes, tables.items(), strict=True):
        _costs(theme, ax, own)
        ax.set(title=NETWORKS[name], ylabel="cost in points")
    legend_below(theme, figure, axes[0], 3)
    return figure


def other_networks_alt(tables: Mapping[str, pd.DataFrame]) -> str:
    """Say the median costs at every share."""
    return (
        "Cost in points of test accuracy over the share of training after which patterns are "
        f"frozen, median over runs: {'; '.join(_said(NETWORKS[n], t) for n, t in tables.items())}."
    )


def _said(name: str, table: pd.DataFrame) -> str:
    shares, values = curve(table, "cost")
    pairs = zip(shares, np.median(values, axis=1), strict=True)
    return ", ".join([name, *(f"{100 * share:g} %: {cost:.2f}" for share, cost in pairs)])


def _costs(theme: Theme, ax: Axes, rows: pd.DataFrame) -> None:
    for name in dict.fromkeys(rows["optimizer"]):
        own = rows[rows["optimizer"] == name]
        shares, values = curve(own, "cost")
        low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
        theme.band(ax, _placed(shares), low, mid, high, name, label=NAMES[name])
    for limit in LIMITS:
        ax.axhline(limit, color=theme.text, linewidth=0.7, linestyle=":")
    ax.axhline(0, color=theme.text, linewidth=0.8)
    _share_axis(ax)


def _share_axis(ax: Axes) -> None:
    ticks = {_FIRST: "0", 0.01: "1 %", 0.1: "10 %", 0.5: "50 %"}
    ax.set(xscale="log", xlabel="share when frozen")
    ax.set_xticks(list(ticks), list(ticks.values()))
    ax.minorticks_off()


def _placed(shares: np.ndarray) -> np.ndarray:
    return np.maximum(shares, _FIRST)


def costs_alt(found: Frozen) -> str:
    """Say the median costs at every share."""
    words = [
        _said(NAMES[name], found.table[found.table["dataset"] == name])
        for name in dict.fromkeys(found.table["dataset"])
    ]
    _, ratio = curve(found.table, "loss_ratio")
    return (
        "Cost in points of test accuracy over the share of training after which patterns are "
        f"frozen, median over runs: {'; '.join(words)}. Training loss over that of unfrozen runs: "
        f"{np.median(ratio[0]):.2f} if frozen at the start, {np.median(ratio[-1]):.2f} at the last."
    )


def predictions(theme: Theme, found: Mapping[str, Frozen]) -> Figure:
    """Draw how well every definition ranks runs, a panel for each group of runs."""
    figure, axes = theme.panels(len(found), height=4.3, sharey=True)
    first = next(iter(found.values())).ranking
    order = list(first["definition"])[::-1]
    for ax, (title, one) in zip(axes, found.items(), strict=True):
        rows = one.ranking.set_index("definition").loc[order]
        place = np.arange(len(rows))
        ax.hlines(place, rows["low"], rows["high"], color=theme.colour("pattern"), linewidth=1.2)
        ax.plot(rows["correlation"], place, "o", color=theme.colour("pattern"), markersize=4)
        ax.axvline(0, color=theme.text, linewidth=0.8)
        ax.axvline(0.5, **theme.stroke("theory"), linewidth=0.9)
        ax.set(xlim=(-1, 1), xlabel="rank correlation", title=title)
        ax.set_yticks(place, [DEFINED[name] for name in order])
        ax.grid(axis="y", visible=False)
    return figure


def calibration(found: Frozen) -> pd.DataFrame:
    """Return the table of `predictions` in words: how every definition ranks runs, and errs."""
    shown = {
        "correlation": "rank correlation",
        "free": "freezing at its step is free in",
        "excess": "times too late",
        "censored": "names no step in",
    }
    rows = found.ranking.assign(definition=found.ranking["definition"].map(DEFINED))
    return rows.set_index("definition")[list(shown)].rename(columns=shown)


def predictions_alt(found: Mapping[str, Frozen]) -> str:
    """Say the best and the worst correlation of every panel."""
    words = []
    for title, one in found.items():
        rows = one.ranking.dropna(subset="correlation")
        if rows.empty:
            words.append(f"{title}: no definition varies with it")
            continue
        best, worst = rows.iloc[0], rows.iloc[-1]
        words.append(
            f"{title}: from {worst['correlation']:.2f} ({DEFINED[worst['definition']]}) to "
            f"{best['correlation']:.2f} ({DEFINED[best['definition']]})"
        )
    return (
        "Rank correlation of the patterns' settling time with the share from which freezing is "
        f"free, for sixteen definitions. {'; '.join(words)}."
    )


def partly(theme: Theme, found: Mapping[str, Frozen]) -> Figure:
    """Draw what freezing a part costs, and all of it for a while."""
    figure, axes = theme.panels(len(found), height=2.6, sharey=True)
    for ax, (title, one) in zip(axes, found.items(), strict=True):
        for place, (what, values) in enumerate(_parts(one).items()):
            colour = theme.colour("pattern" if what == "all" else "weight")
            spread = np.linspace(-0.18, 0.18, len(values))
            ax.plot(values, place + spread, "o", color=colour, markersize=3, alpha=0.5)
            ax.plot([values.mean()], [place], "|", color=theme.text, markersize=14)
        ax.axvline(0, color=theme.text, linewidth=0.8)
        ax.set(xlabel="cost in points", title=title)
        ax.set_yticks(range(len(PARTLY)), [_WORDS[what] for what in PARTLY])
        ax.set_ylim(len(PARTLY) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
    return figure


def _parts(found: Frozen) -> dict[str, np.ndarray]:
    rows = found.table[found.table["optimizer"] == "adamw"]
    return {what: by_seed(frozen_at(rows, EARLY, what), "cost") for what in PARTLY}


def mean_costs(found: Frozen) -> dict[str, float]:
    """Return the mean over seeds of what freezing each of `PARTLY` costs, in points."""
    return {what: float(values.mean()) for what, values in _parts(found).items()}


def partly_alt(found: Mapping[str, Frozen]) -> str:
    """Say the mean costs."""
    words = []
    for title, one in found.items():
        parts = [f"{_WORDS[what]} {cost:.2f}" for what, cost in mean_costs(one).items()]
        words.append(f"{title}: {', '.join(parts)}")
    return (
        "Cost in points of freezing after a tenth of the training, AdamW; a dot for each seed. "
        f"{'; '.join(words)}."
    )


def heads(theme: Theme, found: Sequence[Head]) -> Figure:
    """Draw training loss and test accuracy of heads that were finished in different ways."""
    figure, axes = theme.panels(2, height=2.7)
    ways = ("unfrozen", "factors", "least squares", "logistic")
    for shift, colour, one in zip((-0.16, 0.16), ("pattern", "weight"), found, strict=True):
        layers = f"hidden units {' and '.join(map(str, one.hidden))}"
        for ax, table in zip(axes, (one.loss, one.accuracy), strict=True):
            for place, way in enumerate(ways):
                if way in table:
                    ax.plot(
                        np.full(len(table[way]), place + shift),
                        table[way],
                        "o" if colour == "pattern" else "s",
                        color=theme.colour(colour),
                        markersize=4,
                        alpha=0.6,
                        label=layers if place == 0 else None,
                    )
    names = ["unfrozen", "frozen,\nfactors", "paths, least\nsquares", "paths,\nlogistic"]
    axes[0].set(title="squared training loss", yscale="log")
    axes[1].set(title="test accuracy")
    for ax, last in zip(axes, (3, 4), strict=True):
        ax.set_xticks(range(last), names[:last], fontsize=8.5)
        ax.set_xlim(-0.5, last - 0.5)
        ax.grid(axis="x", visible=False)
    legend_below(theme, figure, axes[0])
    return figure


def heads_alt(found: Sequence[Head]) -> str:
    """Say the means."""
    words = []
    for one in found:
        accuracy = ", ".join(f"{way} {values.mean():.3f}" for way, values in one.accuracy.items())
        loss = ", ".join(f"{way} {values.mean():.4f}" for way, values in one.loss.items())
        words.append(
            f"{' and '.join(map(str, one.hidden))} units: loss {loss}; accuracy {accuracy}"
        )
    return f"Heads finished in several ways. {'. '.join(words)}."


_STEP_FORMS = ("ordinary", "copy decides", "stored patterns", "linear")
_RACE_FORMS = ("ordinary", "ordinary, faster", "paths", "least squares")


def worth(theme: Theme, speed: pd.DataFrame) -> Figure:
    """Draw the time of a step, and of the way to an accuracy, of every form."""
    figure, axes = theme.panels(2, height=2.6)
    titles = ("a step: milliseconds", "to the accuracy: milliseconds")
    for ax, what, forms, title in zip(
        axes, ("step", "race"), (_STEP_FORMS, _RACE_FORMS), titles, strict=True
    ):
        rows = speed[speed["what"].astype(str) == what]
        for place, form in enumerate(forms):
            own = rows[rows["form"].astype(str) == form]
            time = 1000 * own["seconds"].to_numpy(dtype=float)
            reached = own["reached"].to_numpy(dtype=bool)
            spread = place + np.linspace(-0.18, 0.18, len(own))
            for some, fill in ((reached, theme.colour("pattern")), (~reached, "none")):
                ax.plot(
                    time[some], spread[some], "o", markersize=3.5,
                    color=theme.colour("pattern"), markerfacecolor=fill,
                )  # fmt: skip
            if len(own):
                note(ax, f"{np.median(time):.3g}", (np.median(time), place - 0.28), ha="center")
        ax.set(title=title)
        ax.set_xlim(left=0)
        ax.set_yticks(range(len(forms)), forms)
        ax.set_ylim(len(forms) - 0.5, -0.7)
        ax.grid(axis="y", visible=False)
    outer_label(theme, axes, "")
    return figure


def worth_alt(speed: pd.DataFrame) -> str:
    """Say the medians, and how often the goal was reached."""
    words = []
    for what, forms in (("step", _STEP_FORMS), ("race", _RACE_FORMS)):
        for form in forms:
            own = speed[(speed["what"].astype(str) == what) & (speed["form"].astype(str) == form)]
            if len(own):
                time = 1000 * float(own["seconds"].median())
                hits = f" ({int(own['reached'].sum())} of {len(own)} reach it)"
                words.append(f"{form} {time:.3g}{hits if what == 'race' else ''}")
    return f"Processor time in milliseconds, of a step and then to an accuracy: {'; '.join(words)}."
