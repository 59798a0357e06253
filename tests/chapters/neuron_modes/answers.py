"""Right answers to the exercises on neuron modes, and usual mistakes with their hints."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.neuron_modes import exercises as neuron_modes


def right_agreement(h: np.ndarray, y: np.ndarray) -> float:
    above, kept = np.sign(h[:, None] - h), np.sign(y[:, None] - y)
    return float(((1 + above * kept) / 2)[above != 0].mean())


def ties_lost(h: np.ndarray, y: np.ndarray) -> float:
    above, kept = np.sign(h[:, None] - h), np.sign(y[:, None] - y)
    return float((above * kept > 0)[above != 0].mean())


def equal_inputs_counted(h: np.ndarray, y: np.ndarray) -> float:
    above, kept = np.sign(h[:, None] - h), np.sign(y[:, None] - y)
    off = ~np.eye(len(h), dtype=bool)
    return float(((1 + above * kept) / 2)[off].mean())


def product(weights: list, gammas: list, sigmas: list, scaled: bool = True) -> np.ndarray:
    total = np.eye(len(weights[0]))
    for number in range(1, len(weights)):
        total = weights[number] @ total
        if scaled and number < len(gammas):
            total = (gammas[number] / sigmas[number])[:, None] * total
    return total


ANSWERS = {
    neuron_modes.agreement: {
        "solved": right_agreement,
        "counts one half": ties_lost,
        "leave that pair out": equal_inputs_counted,
        "keeps every pair": lambda h, y: 1 - right_agreement(h, y),
    },
    neuron_modes.fold: {
        "solved": lambda h: (np.tanh(2 * h + 2), np.tanh(-2 * h + 2)),
        "still monotone": lambda h: (np.tanh(2 * h), np.tanh(-2 * h)),
        "choose c < 0": lambda h: (np.tanh(h), np.tanh(h)),
        "choose a > 0": lambda h: (np.tanh(-h), np.tanh(-h)),
        "bends before": lambda h: (np.tanh(h**3), np.tanh(-2 * h + 2)),
        "between -1 and 1": lambda h: (h, -h),
    },
    neuron_modes.linear_map: {
        "solved": product,
        "You left out": lambda w, g, s: product(w, g, s, False),
        "has shape": lambda w, g, s: product(w, g, s) @ w[0],
        "one by one": lambda w, g, s: product(w, s, g),
    },
    neuron_modes.steepest: {
        "solved": lambda share: 6 * (1 - share),
        "12 times the covariance": lambda share: 1 / share,
    },
}
