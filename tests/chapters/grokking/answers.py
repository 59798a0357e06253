"""Right answers to the exercises on grokking, and usual mistakes with their hints."""

from __future__ import annotations

import math

import numpy as np

from regime_lib.chapters.grokking import exercises as grokking


def passage(steps: np.ndarray, curve: np.ndarray, level: float) -> int | None:
    above = np.flatnonzero(curve >= level)
    return int(steps[above[0]]) if len(above) else None


def forgotten(momentum: float, share: float) -> int:
    return 1 if momentum == 1 else math.ceil(math.log(share) / math.log(1 - momentum))


def tuned(weights: np.ndarray, first: int = 1, power: int = 2) -> np.ndarray:
    energy = np.abs(np.fft.rfft(weights, axis=1))[:, first:] ** power
    return np.asarray(energy.max(axis=1) / energy.sum(axis=1))


ANSWERS = {
    grokking.first_passage: {
        "solved": passage,
        "no such step": lambda s, c, q: int(s[np.argmax(c >= q)]),
        "is reached at 100": lambda s, c, q: int(s[c < q][-1]),
        "count equality": lambda s, c, q: int(s[(c > q).argmax()]) if (c > q).any() else None,
    },
    grokking.forgetting: {
        "solved": forgotten,
        "round up": lambda a, q: forgotten(a, q) - 1,
        "raised": lambda a, q: math.ceil(math.log(q) / math.log(1 - a)),
    },
    grokking.decay_time: {
        "solved": lambda lr, decay, factor: math.ceil(-math.log(factor) / math.log(1 - lr * decay)),
        "1 - lr * decay": lambda lr, wd, f: round(math.log(f) / wd),
        "a whole number": lambda lr, wd, f: -math.log(f) / math.log(1 - lr * wd),
        "not yet": lambda lr, wd, f: math.floor(-math.log(f) / math.log(1 - lr * wd)),
    },
    grokking.strongest_share: {
        "solved": tuned,
        "leave out frequency 0": lambda w: tuned(w, first=0),
        "square the sizes": lambda w: tuned(w, power=1),
        "one number for each unit": lambda w: tuned(w).mean(),
    },
}
