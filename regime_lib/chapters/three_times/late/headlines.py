"""What each figure of runs to the end of training found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from regime_lib.chapters.three_times.configs import NAMES
from regime_lib.chapters.three_times.late.networks import LatePart, late_falls

_FINAL = "settled_samples"


def changes(part: LatePart) -> str:
    """State in which setting patterns and weights fall most differently, and how far."""
    falls = {setting: late_falls(part, setting[1], setting[0]) for setting in part.settings}
    schedule, name = max(falls, key=lambda one: abs(np.log(falls[one][1] / falls[one][0])))
    patterns, weights = falls[schedule, name]
    return (
        f"Both changes differ most with {NAMES[name]}, {schedule}: late in training patterns are "
        f"at {patterns:.2f} and weights at {weights:.2f} of their early change."
    )


def settling_times(parts: Mapping[str, LatePart]) -> str:
    """State in how many runs both settle, and in how many of those patterns are first."""
    runs = pd.concat([part.times for part in parts.values()])
    both = runs[runs["censored"] == ""]
    first = int((both["pattern_time"] < both["weight_time"]).sum())
    return (
        f"In {len(both)} of {len(runs)} runs patterns and weights both settle; in {first} of these "
        "the patterns are first."
    )


def settled(part: LatePart, schedule: str = "constant") -> str:
    """State how many inputs have their last pattern half-way through training."""
    words = []
    for own, name in part.settings:
        if own == schedule:
            steps, inputs = part.curve(_FINAL, name, schedule)
            half = np.abs(steps - part.steps / 2).argmin()
            words.append(f"{np.median(inputs[half]):.0%} ({NAMES[name]})")
    return f"Half-way through training {', '.join(words)} of the inputs have their last pattern."


def both_activations(pairs: pd.DataFrame) -> str:
    """State in how many pairs of runs the ratio is larger with GELU, and in how many smaller."""
    larger, smaller = int((pairs["least"] > 1).sum()), int((pairs["most"] < 1).sum())
    return (
        f"The ratio is larger with GELU in {larger} of {len(pairs)} pairs of runs, smaller in "
        f"{smaller}; in the others censoring leaves it open."
    )
