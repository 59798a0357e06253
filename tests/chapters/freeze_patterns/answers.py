"""Right answers to the exercises on frozen patterns, and usual mistakes with their hints."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.freeze_patterns import exercises as freeze_patterns


def first_free(shares: np.ndarray, costs: np.ndarray, limit: float) -> float:
    dear = np.flatnonzero(costs >= limit)
    first = dear[-1] + 1 if len(dear) else 0
    return float(shares[first]) if first < len(shares) else 1.0


def ever_free(shares: np.ndarray, costs: np.ndarray, limit: float) -> float:
    return float(shares[np.argmax(costs < limit)])


def never_one(shares: np.ndarray, costs: np.ndarray, limit: float) -> float:
    return min(first_free(shares, costs, limit), float(shares[-1]))


ANSWERS = {
    freeze_patterns.masked: {
        "solved": lambda x, gates, w, v: ((x @ w) * gates) @ v,
        "decides for itself": lambda x, gates, w, v: np.maximum(x @ w, 0) @ v,
        "also if that is negative": lambda x, gates, w, v: (np.maximum(x @ w, 0) * gates) @ v,
        "one row for each sample": lambda x, gates, w, v: (((x @ w) * gates) @ v).T,
    },
    freeze_patterns.paths: {
        "solved": lambda d, h, c: ((d + 1) * h + (h + 1) * c, ((d + 1) * h + 1) * c),
        "a matrix and a bias": lambda d, h, c: (d * h + h * c, ((d + 1) * h + 1) * c),
        "Biases begin paths": lambda d, h, c: ((d + 1) * h + (h + 1) * c, d * h * c),
        "Each output has a path": lambda d, h, c: ((d + 1) * h + (h + 1) * c, (d + 1) * h * c),
    },
    freeze_patterns.free_step: {
        "solved": first_free,
        "all later ones must too": ever_free,
        "which freezes nothing": never_one,
        "from 0.1 on": lambda shares, costs, limit: 0.0,
    },
    freeze_patterns.saving: {
        "solved": lambda spared, added: 1 / (1 - spared + added),
        "what is left is 0.9": lambda spared, added: 1 / spared if spared else 0.0,
        "is added to what is left": lambda spared, added: 1 / (1 - spared),
        "0.9 of it is left": lambda spared, added: 1 - spared + added,
    },
}
