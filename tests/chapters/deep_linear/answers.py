"""Right answers to the exercises on deep linear networks, and usual mistakes with their hints."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from regime_lib.chapters.deep_linear import exercises as deep_linear
from regime_lib.simulators.deep_linear.adjacency import adjacency


def losses_of(values: tuple[float, ...], width: int, half: float = 0.5) -> list[float]:
    total = sum(s**2 for s in values)
    counts = range(min(width, len(values)) + 1)
    return [half * (total - sum(s**2 for s in c)) for n in counts for c in combinations(values, n)]


def split(network: np.ndarray, power: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    left, values, right = np.linalg.svd(network, full_matrices=False)
    return values[:, None] ** power * right, left * values ** (1 - power)


def coefficient_of_two(width: int, rank: int) -> float:
    spare = width - rank
    odd = spare % 2
    return rank * width - rank**2 / 2 + (odd - 9 * spare**2) / 8 + 1.5 * spare**2


ANSWERS = {
    deep_linear.adjacency: {
        "solved": adjacency,
        "transpose": lambda layers: adjacency(layers).T,
        "one below the diagonal": lambda layers: np.zeros((2, 2)),
        "yours has shape (1, 1)": lambda layers: np.zeros((1, 1)),
    },
    deep_linear.critical_losses: {
        "solved": losses_of,
        "do not forget the half": lambda v, w: losses_of(v, w, 1.0),
        "no more than its width": lambda v, w: losses_of(v, 99),
        "any set may be learnt": lambda v, w: [
            0.5 * sum(s**2 for s in v[k:]) for k in range(w + 1)
        ],
    },
    deep_linear.half_time: {
        "solved": lambda s, a: np.log(s / a - 1) / (2 * s),
        "Twice too late": lambda s, a: np.log(s / a - 1) / s,
        "Solve s(t)": lambda s, a: np.log(s / a) / (2 * s),
    },
    deep_linear.balance: {
        "solved": split,
        "square root": lambda network: split(network, 1.0),
        "must be the given matrix": lambda network: split(2 * network),
    },
    deep_linear.largest_step: {
        "solved": lambda h, s: 2 / (h * s ** (2 - 2 / h)),
        "moves away": lambda h, s: 4 / (h * s ** (2 - 2 / h)),
        "comes closer": lambda h, s: 1 / (h * s ** (2 - 2 / h)),
        "positive number": lambda h, s: -1.0,
    },
    deep_linear.orbits_of_chains: {
        "solved": lambda h: 2**h - h - 1,
        "it is not critical": lambda h: 2**h - 1,
        "cannot wake a weight": lambda h: 1,
        "you count 8": lambda h: 2 ** (h + 1) if h > 2 else 8,
    },
    deep_linear.two_layers: {
        "solved": coefficient_of_two,
        "Half the number of weights": lambda d, r: d**2,
        "an eighth too low": lambda d, r: coefficient_of_two(d, r) - (d - r) % 2 / 8,
        "Put l = 2": lambda d, r: 7.0,
    },
}
