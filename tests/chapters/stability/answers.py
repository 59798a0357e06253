"""Right answers to the exercises on stability, and usual mistakes with their hints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from regime_lib.chapters.stability import exercises as stability
from regime_lib.simulators.exact.symbolic import vanishing_without_biases

Arrays = Sequence[np.ndarray]


def radius(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / (np.abs(x).sum() + 1))


def without_bias(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / np.abs(x).sum())


def largest_entry(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / (np.abs(x).max() + 1))


def euclidean(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / (np.linalg.norm(x) + 1))


def mean_unit(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).mean() / (np.abs(x).sum() + 1))


def only_the_layer_below(sizes: Sequence[int]) -> int:
    total = 0
    for layer in range(2, len(sizes)):
        total += sizes[layer] * 2 ** sum(sizes[1 : layer - 1])
    return total


def flips(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    changes = (before > 0) != (after > 0)
    return np.append((before / (before - after))[changes], np.inf)


def affine(weights: Arrays, biases: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = np.eye(len(x)), np.zeros(len(x))
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        slope, shift = weight @ slope, weight @ shift + bias
        on = slope @ x + shift > 0
        slope, shift = slope * on[:, None], shift * on
    return weights[-1] @ slope, weights[-1] @ shift + biases[-1]


def all_on(weights: Arrays, biases: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = np.eye(len(x)), np.zeros(len(x))
    for weight, bias in zip(weights, biases, strict=True):
        slope, shift = weight @ slope, weight @ shift + bias
    return slope, shift


def constant(weights: Arrays, biases: Arrays, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = affine(weights, biases, x)
    return 0 * slope, slope @ x + shift


ANSWERS = {
    stability.first_layer_radius: {
        "solved": radius,
        "Every unit has a bias": without_bias,
        "not its largest entry": largest_entry,
        "not its Euclidean norm": euclidean,
        "The unit nearest to its limit": mean_unit,
        "could be larger": lambda w, b, x: radius(w, b, x) / 2,
        "positive": lambda w, b, x: -1.0,
    },
    stability.dead_pairs: {
        "solved": vanishing_without_biases,
        "Some vanish": lambda sizes: 0,
        "any hidden layer": only_the_layer_below,
    },
    stability.first_flip: {
        "solved": lambda before, after: flips(before, after).min(),
        "a unit has flipped already": lambda b, a: sorted(flips(b, a))[-2:][0],
        "no unit has flipped yet": lambda b, a: flips(b, a).min() * (1 if b.size < 6 else 0.5),
        "np.inf": lambda before, after: 0.5,
    },
    stability.local_map: {
        "solved": affine,
        "units that are off": all_on,
        "slope is missing": constant,
        "matrix of shape": lambda w, b, x: (np.eye(2), np.zeros(2)),
    },
}
