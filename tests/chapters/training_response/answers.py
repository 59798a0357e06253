"""Right answers to the exercises on the training response, and usual mistakes with their hints."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata, spearmanr

from regime_lib.chapters.training_response import exercises as training_response


def kernel(response: np.ndarray, inputs: np.ndarray, trained: np.ndarray) -> np.ndarray:
    distance = (inputs != trained).sum(axis=1)
    means = [response[distance == d].mean() for d in range(len(trained) + 1)]
    return np.array(means) / means[0]


def kernel_unscaled(response: np.ndarray, inputs: np.ndarray, trained: np.ndarray) -> np.ndarray:
    own = response[(inputs == trained).all(axis=1)]
    return kernel(response, inputs, trained) * own


def kernel_of_sums(response: np.ndarray, inputs: np.ndarray, trained: np.ndarray) -> np.ndarray:
    distance = (inputs != trained).sum(axis=1)
    sums = np.array([response[distance == d].sum() for d in range(len(trained) + 1)])
    return sums / sums[0]


def step(h: np.ndarray, there: np.ndarray, v: np.ndarray, overlap: float, size: float) -> float:
    readout = np.maximum(h, 0) @ np.maximum(there, 0)
    below = (1 + overlap) * (v**2 * (h > 0) * (there > 0)).sum()
    return float(size * (readout + below + 1))


def ungated(h: np.ndarray, there: np.ndarray, v: np.ndarray, overlap: float, size: float) -> float:
    return float(size * (h @ there + (1 + overlap) * (v**2).sum() + 1))


def switch_off(h: float, v: float, q: float) -> float:
    return float(np.arctanh(h / (q * abs(v)))) if v < 0 and q * abs(v) > h else np.inf


def within(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> float:
    ranks = np.zeros((2, len(x)))
    for g in np.unique(group):
        for row, values in zip(ranks, (x, y), strict=True):
            row[group == g] = rankdata(values[group == g])
            row[group == g] -= row[group == g].mean()
    return float(np.corrcoef(ranks)[0, 1])


ANSWERS = {
    training_response.response_kernel: {
        "solved": kernel,
        "starts at one": kernel_unscaled,
        "average": kernel_of_sums,
        "0 to 5": lambda r, s, t: kernel(r, s, t)[1:],
        "wrong mean": lambda r, s, t: kernel(r, s, t)[::-1],
    },
    training_response.logit_response: {
        "solved": step,
        "the part of the read-out": lambda h, k, v, o, size: (
            size * np.maximum(h, 0) @ np.maximum(k, 0)
        ),
        "only where it is on": ungated,
        "offset c moves too": lambda h, there, v, o, size: step(h, there, v, o, size) - size,
    },
    training_response.exponents: {
        "solved": lambda p: (-1, -1 - 1 / p),
        "at the logit": lambda p: (-1 / p, -1 - 1 / p),
        "at the output": lambda p: (-1, -2),
    },
    training_response.switches_off_at: {
        "solved": switch_off,
        "Set h cosh": lambda h, v, q: h / (q * abs(v)),
        "return infinity": lambda h, v, q: float(np.arctanh(min(h / (q * abs(v)), 0.99))),
    },
    training_response.correlation_within: {
        "solved": within,
        "pooled": lambda x, y, group: spearmanr(x, y).statistic,
        "expected -1": lambda x, y, group: abs(within(x, y, group)),
    },
    training_response.at_step_zero: {
        "solved": lambda steps, values: float(np.polyfit(steps, values, 2)[-1]),
        "smallest step": lambda steps, values: float(values[-1]),
        "straight line": lambda steps, values: float(np.polyfit(steps, values, 1)[-1]),
        "quadratic that is": lambda steps, values: float(values.mean()),
    },
}
