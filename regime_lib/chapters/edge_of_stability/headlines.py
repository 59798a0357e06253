"""What each figure of the chapter on the edge found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from regime_lib.chapters.edge_of_stability.figures import medians_of
from regime_lib.chapters.edge_of_stability.quadratic import Quadratic, expected
from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.chapters.edge_of_stability.windows import kinds
from regime_lib.chapters.wording import each, listed, ranging
from regime_lib.instrument.tracking.edge_of_stability import MARGIN


def law(found: Quadratic) -> str:
    """State the ratio nearest to the threshold, and what the closed form says of it."""
    middle, scaled = np.median(found.ratio, axis=1)[-1], float(found.scaled[-1])
    return (
        f"At {scaled / 2:.2f} of the threshold the two-step ratio is {middle:.1f}; the closed form "
        f"says {expected(scaled):.1f}."
    )


def over_steps(runs: Mapping[str, Watched]) -> str:
    """State where sharpness and two-step ratio end, in the median run of every setting."""
    levels, ratios = (
        each({name: float(np.nanmedian(last)) for name, last in ends.items()}, form)
        for ends, form in (
            ({name: own.level[-1] for name, own in runs.items()}, ".2f"),
            ({name: own.signs.ratio[-1] for name, own in runs.items()}, ".1f"),
        )
    )
    return (
        f"The sharpness ends at {levels} of its threshold, and the two-step ratio of the patterns "
        f"at {ratios}."
    )


def margins(runs: Mapping[str, Watched]) -> str:
    """State how many windows show signs at the margin, deep at the edge and below it."""
    signs = {name: own.signs.ratio >= MARGIN for name, own in runs.items()}
    words = []
    for kind, place in (("deep", "deep at the edge"), ("below", "below it")):
        windows = {name: getattr(kinds(own), kind) for name, own in runs.items()}
        count = sum(int(where.sum()) for where in windows.values())
        shown = sum(int((signs[name] & where).sum()) for name, where in windows.items())
        words.append(f"{shown} of {count} windows {place}")
    return f"Over all settings {listed(words)} show signs at a margin of {MARGIN:g}."


def by_window(groups: Mapping[str, Mapping[str, Watched]]) -> str:
    """State the median ratio close to the threshold and below it."""
    found = {title: medians_of(runs) for title, runs in groups.items()}
    below, close = (
        each({title: pair[place] for title, pair in found.items()}, ".1f") for place in (0, 1)
    )
    return f"The median two-step ratio is {close} close to the threshold, and {below} below it."


def layers(runs: Mapping[str, Watched]) -> str:
    """State between which ratios the layers end."""
    ends = {
        name: [float(v[-1]) for v in own.by_layer.values() if np.isfinite(v[-1])]
        for name, own in runs.items()
    }
    words = [f"from {ranging(own, '.1f')} ({name})" for name, own in ends.items() if own]
    return f"At the end the two-step ratio of the layers goes {listed(words)}."
