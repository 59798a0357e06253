"""Right answers to the exercises on the edge of stability, and usual mistakes with their hints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from regime_lib.chapters.edge_of_stability import exercises as edge

Multiply = Callable[[np.ndarray], np.ndarray]


def ratio(patterns: np.ndarray) -> float:
    flips = (patterns[1:] != patterns[:-1]).sum()
    return float(flips / (patterns[2::2] != patterns[:-2:2]).sum())


def ratio_of_all_pairs(patterns: np.ndarray) -> float:
    flips = (patterns[1:] != patterns[:-1]).sum()
    return float(flips / (patterns[2:] != patterns[:-2]).sum())


def mean_of_ratios(patterns: np.ndarray) -> float:
    flips = (patterns[1:] != patterns[:-1]).sum(axis=1)
    net = (patterns[2::2] != patterns[:-2:2]).sum(axis=1)
    return float(np.mean((flips[::2] + flips[1::2]) / np.maximum(net, 0.5)))


def largest_in_size(multiply: Multiply, n: int) -> float:
    vector = np.arange(1.0, n + 1)
    for _ in range(400):
        vector = multiply(vector)
        vector /= np.linalg.norm(vector)
    return float(vector @ multiply(vector))


def largest(multiply: Multiply, n: int) -> float:
    shift = abs(largest_in_size(multiply, n))
    return largest_in_size(lambda v: multiply(v) + shift * v, n) - shift


ANSWERS = {
    edge.two_step_ratio: {
        "solved": ratio,
        "have a ratio of 1": ratio_of_all_pairs,
        "let pairs not overlap": mean_of_ratios,
    },
    edge.ratio_of_sharpness: {
        "solved": lambda share: max(1.0, share / (1 - share)),
        "stays on its side": lambda share: share / (1 - share),
        "jumps over the bottom": lambda share: 1.0,
    },
    edge.largest_eigenvalue: {
        "solved": largest,
        "largest in size": largest_in_size,
        "Call multiply": lambda multiply, n: 5.0,
        "gave": lambda multiply, n: float(np.eye(n)[0] @ multiply(np.eye(n)[0])),
    },
    edge.momentum_threshold: {
        "solved": lambda rate, beta: 2 * (1 + beta) / rate,
        "dies out": lambda rate, beta: 2 / rate,
        "grows without bound": lambda rate, beta: 2 / (rate * (1 - beta)),
    },
}
