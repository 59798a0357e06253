"""Drag the threshold: when both series settle, and their ratio, as the page computes them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from regime_lib.chapters.tracking.figures import CLAIMED, MARKERS, NAMES, RATIOS
from regime_lib.chapters.tracking.parts import Ratios, Series
from regime_lib.companion.figures.computed import Choice, Computed, Drag, Range, packed
from regime_lib.companion.figures.marks import legend_below, plain_numbers
from regime_lib.companion.figures.scene import Panel
from regime_lib.companion.figures.theme import Theme

#: What "settled" can mean in the picture; the page's program has them in this order.
DEFINITIONS = (
    "below the threshold for good",
    "below the threshold for the first time",
    "all of the sum spent but this share",
)
LOW, HIGH, START = 0.02, 0.6, 0.1
LEVELS = np.geomspace(LOW, HIGH, 41)
_SMOOTHING = 51  # steps of the trailing mean, as in the chapter
_STEPS_PER_E = 110  # samples in which the step number grows e-fold: a hundredth between two
_FLOOR = 1e-5  # of the peak: what no threshold tells from zero


def thresholds(found: Ratios) -> Computed:
    """Make the picture: both series of all runs, a threshold to drag, and the ratio over it."""
    (steps, _), *_ = found.patterns.values()
    chosen = sampled(steps)
    both = [
        [over_peak(found.patterns[name])[chosen].T, over_peak(found.weights[name])[chosen].T]
        for name in found.patterns
    ]
    names = [NAMES[name] for name in found.patterns]
    return Computed(
        "settling",
        (
            Panel(
                "change per step / peak",
                "optimiser step",
                "",
                (float(steps[0]), float(steps[-1])),
                (1.5e-3, 1.3),
                "log",
                "log",
            ),
            Panel(
                "weights' time / patterns' time",
                "threshold",
                "",
                (LOW, HIGH),
                (0.3, 20.0),
                "log",
                "log",
            ),
        ),
        (
            Choice("optimiser", tuple(names), start=len(names) - 1),
            Choice("settled means", DEFINITIONS),
            Range("threshold", LOW, HIGH, START, log=True),
        ),
        {
            "names": names,
            "steps": steps[chosen].tolist(),
            "series": packed(np.log(np.maximum(both, _FLOOR))),
            "window": _SMOOTHING,
            "claimed": CLAIMED,
            "low": LOW,
            "high": HIGH,
        },
        ("pattern", "weight", "theory", "pattern", "weight", ("theory", 0.4), *found.patterns),
        Drag(panel=0, control=2),
    )


def sampled(steps: Int[np.ndarray, " steps"]) -> Int[np.ndarray, " few"]:
    """Return which steps the page gets: all early ones, then a hundredth apart."""
    many = int(_STEPS_PER_E * np.log(len(steps))) + 2
    return np.unique(np.geomspace(1, len(steps), many).round().astype(np.int64)) - 1


def over_peak(series: Series) -> Float[np.ndarray, "_steps _runs"]:
    """Return every run over its own largest value."""
    _, values = series
    return values / values.max(axis=0)


def still(theme: Theme, found: Ratios) -> Figure:
    """Draw the ratio at every threshold, where each run settles: what a page on paper shows."""
    figure, (ax,) = theme.panels(1, height=3.1)
    for name, ratios in ratios_over(found).items():
        style = {"marker": MARKERS[name], "markevery": 8, **theme.stroke(name)}
        ax.plot(LEVELS, ratios, label=NAMES[name], **style)
    ax.axhline(1, color=theme.text, linewidth=1)
    ax.axhline(CLAIMED, **theme.stroke("theory"))
    ax.set(xscale="log", yscale="log", xlabel="threshold, as a share of the peak")
    ax.set(ylabel="weights' time / patterns' time", xlim=(LOW, HIGH))
    plain_numbers(ax.yaxis, RATIOS)
    plain_numbers(ax.xaxis, (0.02, 0.05, 0.1, 0.2, 0.5))
    legend_below(theme, figure, ax, 3)
    return figure


def ratios_over(found: Ratios) -> dict[str, Float[np.ndarray, " levels"]]:
    """Return each optimiser's ratio at every threshold."""
    return {
        name: ratio_over(
            LEVELS, over_peak(found.patterns[name]), over_peak(found.weights[name]), steps
        )
        for name, (steps, _) in found.patterns.items()
    }


def ratio_over(
    levels: Float[np.ndarray, " levels"],
    patterns: Float[np.ndarray, "steps runs"],
    weights: Float[np.ndarray, "steps runs"],
    steps: Int[np.ndarray, " steps"],
) -> Float[np.ndarray, " levels"]:
    """Return the median ratio of the times from which both stay below a level; else NaN."""
    found = np.full(len(levels), np.nan)
    for i, level in enumerate(levels):
        after = [len(steps) - np.argmax((own > level)[::-1], axis=0) for own in (patterns, weights)]
        if max(own.max() for own in after) <= len(steps) - _SMOOTHING:
            found[i] = np.median(steps[after[1]] / np.maximum(steps[after[0]], 1))
    return found


def spans(found: Ratios) -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest ratio over all thresholds, where there is one."""
    known = {name: own[np.isfinite(own)] for name, own in ratios_over(found).items()}
    return {name: (float(own.min()), float(own.max())) for name, own in known.items() if len(own)}


def thresholds_alt(found: Ratios) -> str:
    """Say between which ratios each optimiser moves as the threshold does."""
    words = [f"{NAMES[name]} from {a:.2f} to {b:.2f}" for name, (a, b) in spans(found).items()]
    return (
        f"The ratio of the two settling times over thresholds from {LOW:g} to {HIGH:g} of the "
        f"peak, where every run settles: {', '.join(words) or 'nowhere'}."
    )


def thresholds_caption(found: Ratios) -> str:
    """State what moving the threshold alone does to the ratio that moves most."""
    how = (
        "Drag the threshold in the first panel, or choose what settled means: times, ratio and "
        "censoring follow, computed here from the chapter's runs. Small dots in the second panel: "
        "bounds, because some runs are censored."
    )
    span = spans(found)
    if not span:
        return f"At no threshold do all runs settle. {how}"
    widest = max(span, key=lambda name: span[name][1] / span[name][0])
    low, high = span[widest]
    return (
        f"By the threshold alone, the ratio of {NAMES[widest]} goes from {low:.2f} to {high:.2f}. "
        f"{how}"
    )
