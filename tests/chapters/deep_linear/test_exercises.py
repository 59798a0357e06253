"""The exercises on deep linear networks accept right solutions and tell usual mistakes apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.deep_linear import exercises as deep_linear
from regime_lib.simulators.deep_linear.adjacency import adjacency


def losses_of(values: tuple[float, ...], width: int, half: float = 0.5) -> list[float]:
    total = sum(s**2 for s in values)
    counts = range(min(width, len(values)) + 1)
    return [half * (total - sum(s**2 for s in c)) for n in counts for c in combinations(values, n)]


def split(network: np.ndarray, power: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    left, values, right = np.linalg.svd(network, full_matrices=False)
    return values[:, None] ** power * right, left * values ** (1 - power)


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (deep_linear.adjacency, adjacency, "solved"),
        (deep_linear.adjacency, lambda layers: adjacency(layers).T, "transpose"),
        (deep_linear.adjacency, lambda layers: np.zeros((2, 2)), "one below the diagonal"),
        (deep_linear.adjacency, lambda layers: np.zeros((1, 1)), "yours has shape (1, 1)"),
        (deep_linear.critical_losses, losses_of, "solved"),
        (
            deep_linear.critical_losses,
            lambda v, w: losses_of(v, w, 1.0),
            "do not forget the half",
        ),
        (
            deep_linear.critical_losses,
            lambda v, w: losses_of(v, 99),
            "no more than its width",
        ),
        (
            deep_linear.critical_losses,
            lambda v, w: [0.5 * sum(s**2 for s in v[k:]) for k in range(w + 1)],
            "any set may be learnt",
        ),
        (deep_linear.half_time, lambda s, a: np.log(s / a - 1) / (2 * s), "solved"),
        (deep_linear.half_time, lambda s, a: np.log(s / a - 1) / s, "Twice too late"),
        (deep_linear.half_time, lambda s, a: np.log(s / a) / (2 * s), "Solve s(t)"),
        (deep_linear.balance, split, "solved"),
        (deep_linear.balance, lambda network: split(network, 1.0), "square root"),
        (deep_linear.balance, lambda network: split(2 * network), "must be the given matrix"),
        (deep_linear.largest_step, lambda h, s: 2 / (h * s ** (2 - 2 / h)), "solved"),
        (deep_linear.largest_step, lambda h, s: 4 / (h * s ** (2 - 2 / h)), "moves away"),
        (deep_linear.largest_step, lambda h, s: 1 / (h * s ** (2 - 2 / h)), "comes closer"),
        (deep_linear.largest_step, lambda h, s: -1.0, "positive number"),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    line = capsys.readouterr().out
    assert says in line, line
    assert line.count("\n") == 1
