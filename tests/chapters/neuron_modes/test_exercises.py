"""The exercises on neuron modes accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

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


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (neuron_modes.agreement, right_agreement, "solved"),
        (neuron_modes.agreement, ties_lost, "counts one half"),
        (neuron_modes.agreement, equal_inputs_counted, "leave that pair out"),
        (neuron_modes.agreement, lambda h, y: 1 - right_agreement(h, y), "keeps every pair"),
        (neuron_modes.fold, lambda h: (np.tanh(2 * h + 2), np.tanh(-2 * h + 2)), "solved"),
        (neuron_modes.fold, lambda h: (np.tanh(2 * h), np.tanh(-2 * h)), "still monotone"),
        (neuron_modes.fold, lambda h: (np.tanh(h), np.tanh(h)), "choose c < 0"),
        (neuron_modes.fold, lambda h: (np.tanh(-h), np.tanh(-h)), "choose a > 0"),
        (neuron_modes.fold, lambda h: (np.tanh(h**3), np.tanh(-2 * h + 2)), "bends before"),
        (neuron_modes.fold, lambda h: (h, -h), "between -1 and 1"),
        (neuron_modes.linear_map, product, "solved"),
        (neuron_modes.linear_map, lambda w, g, s: product(w, g, s, False), "You left out"),
        (neuron_modes.linear_map, lambda w, g, s: product(w, g, s) @ w[0], "has shape"),
        (neuron_modes.linear_map, lambda w, g, s: product(w, s, g), "one by one"),
        (neuron_modes.steepest, lambda share: 6 * (1 - share), "solved"),
        (neuron_modes.steepest, lambda share: 1 / share, "12 times the covariance"),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    assert says in capsys.readouterr().out
