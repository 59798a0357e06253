"""The sixteen definitions of a convergence time that this book compares, applied to one series."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import time_scale

#: The definitions of this book that give a number, by the names of `regime_lib.instrument`.
DEFINITIONS = (
    "peak@0.5",
    "peak@0.25",
    "peak@0.1",
    "peak@0.05",
    "first@0.1",
    "init@0.1",
    "range@0.1",
    "floor@0.1",
    "cum@0.5",
    "cum@0.9",
    "auc",
    "auc0",
    "fit",
    "end@0.1",
    "end@0.05",
    "start@0.9",
)
#: Steps of the trailing mean.
WINDOW = 51


def settling_time(
    steps: Int[np.ndarray, " observations"],
    values: Float[np.ndarray, " observations"],
    text: str,
    window: int = WINDOW,
) -> tuple[float, bool]:
    """Return when a series has settled, or a lower bound, and whether it is one.

    Parameters
    ----------
    steps : array of int
        Steps of the observations, increasing.
    values : array
        The series that the definition is about (`Definition.quantity`).
    text : str
        One of `DEFINITIONS`.
    window : int
        Of the trailing mean, in steps, however far observations are apart.
    """
    stride = int(np.median(np.diff(steps)))
    definition = Definition.parse(text, window=max(1, round(window / stride)))
    found = time_scale(steps, values, definition)
    return found.at_least, found.censored
