"""The exercises on stability accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.stability import exercises as stability
from regime_lib.simulators.exact.symbolic import vanishing_without_biases


def radius(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / (np.abs(x).sum() + 1))


def without_bias(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).min() / np.abs(x).sum())


def mean_unit(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> float:
    return float(np.abs(weight @ x + bias).mean() / (np.abs(x).sum() + 1))


def only_the_layer_below(sizes: Sequence[int]) -> int:
    total = 0
    for layer in range(2, len(sizes)):
        total += sizes[layer] * 2 ** sum(sizes[1 : layer - 1])
    return total


def first(before: np.ndarray, after: np.ndarray) -> float:
    changes = (before > 0) != (after > 0)
    return float((before / (before - after))[changes].min()) if changes.any() else np.inf


def last(before: np.ndarray, after: np.ndarray) -> float:
    changes = (before > 0) != (after > 0)
    return float((before / (before - after))[changes].max()) if changes.any() else np.inf


def affine(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = np.eye(len(x)), np.zeros(len(x))
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        slope, shift = weight @ slope, weight @ shift + bias
        on = slope @ x + shift > 0
        slope, shift = slope * on[:, None], shift * on
    return weights[-1] @ slope, weights[-1] @ shift + biases[-1]


def all_on(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = np.eye(len(x)), np.zeros(len(x))
    for weight, bias in zip(weights, biases, strict=True):
        slope, shift = weight @ slope, weight @ shift + bias
    return slope, shift


def constant(
    weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    slope, shift = affine(weights, biases, x)
    return 0 * slope, slope @ x + shift


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (stability.first_layer_radius, radius, "solved"),
        (stability.first_layer_radius, without_bias, "already flips"),
        (stability.first_layer_radius, mean_unit, "already flips"),
        (stability.first_layer_radius, lambda w, b, x: radius(w, b, x) / 2, "could be larger"),
        (stability.first_layer_radius, lambda w, b, x: -1.0, "positive"),
        (stability.dead_pairs, vanishing_without_biases, "solved"),
        (stability.dead_pairs, lambda sizes: 0, "Some vanish"),
        (stability.dead_pairs, only_the_layer_below, "any hidden layer"),
        (stability.first_flip, first, "solved"),
        (stability.first_flip, last, "take the earliest"),
        (stability.first_flip, lambda before, after: 0.5, "np.inf"),
        (stability.local_map, affine, "solved"),
        (stability.local_map, all_on, "units that are off"),
        (stability.local_map, constant, "slope is missing"),
        (stability.local_map, lambda w, b, x: (np.eye(2), np.zeros(2)), "matrix of shape"),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    line = capsys.readouterr().out
    assert says in line
    assert line.count("\n") == 1
