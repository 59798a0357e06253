"""The exercises accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
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


def read_out_only(
    h: np.ndarray, there: np.ndarray, v: np.ndarray, overlap: float, size: float
) -> float:
    return float(size * np.maximum(h, 0) @ np.maximum(there, 0))


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


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (training_response.response_kernel, kernel, "solved"),
        (training_response.response_kernel, kernel_unscaled, "starts at one"),
        (training_response.response_kernel, kernel_of_sums, "average"),
        (training_response.response_kernel, lambda r, s, t: kernel(r, s, t)[1:], "0 to 5"),
        (training_response.response_kernel, lambda r, s, t: kernel(r, s, t)[::-1], "wrong mean"),
        (training_response.logit_response, step, "solved"),
        (training_response.logit_response, read_out_only, "the part of the read-out"),
        (training_response.logit_response, ungated, "only where it is on"),
        (
            training_response.logit_response,
            lambda h, there, v, o, size: step(h, there, v, o, size) - size,
            "offset c moves too",
        ),
        (training_response.exponents, lambda p: (-1, -1 - 1 / p), "solved"),
        (training_response.exponents, lambda p: (-1 / p, -1 - 1 / p), "at the logit"),
        (training_response.exponents, lambda p: (-1, -2), "at the output"),
        (training_response.switches_off_at, switch_off, "solved"),
        (training_response.switches_off_at, lambda h, v, q: h / (q * abs(v)), "Set h cosh"),
        (
            training_response.switches_off_at,
            lambda h, v, q: float(np.arctanh(min(h / (q * abs(v)), 0.99))),
            "return infinity",
        ),
        (training_response.correlation_within, within, "solved"),
        (
            training_response.correlation_within,
            lambda x, y, group: spearmanr(x, y).statistic,
            "pooled",
        ),
        (
            training_response.correlation_within,
            lambda x, y, group: abs(within(x, y, group)),
            "expected -1",
        ),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    line = capsys.readouterr().out
    assert says in line
    assert line.count("\n") == 1
