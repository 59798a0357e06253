"""Right answers to the exercises on tracking, and usual mistakes with their hints."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.tracking import exercises_cnn as cnn
from regime_lib.chapters.tracking import exercises_mlp as mlp
from regime_lib.chapters.tracking import exercises_transformer as transformer


def first_crossing(values: np.ndarray, q: float) -> int:
    return int(np.argmax(values <= q * values.max()))


def crossing_after_the_peak(values: np.ndarray, q: float) -> int:
    peak = int(values.argmax())
    return peak + first_crossing(values[peak:], q)


def for_good(values: np.ndarray, q: float) -> int | None:
    settled = uncensored(values, q)
    return settled if settled < len(values) else None


def uncensored(values: np.ndarray, q: float) -> int:
    return int(np.flatnonzero(values > q * values.max())[-1]) + 1


def from_strictly_below(values: np.ndarray, q: float) -> int | None:
    settled = int(np.flatnonzero(values >= q * values.max())[-1]) + 1
    return settled if settled < len(values) else None


def law(scale: float, change: float, mean: float) -> float:
    return float(np.arctan(change / scale) / np.pi * np.exp(-0.5 * (mean / scale) ** 2))


def falling(floor: float, tau: float = 10.0, n: int = 1000) -> np.ndarray:
    return floor + (1 - floor) * np.exp(-np.arange(n) / tau)


def unseen(flips: np.ndarray, n: int) -> float:
    return float((flips[:, :n].sum(axis=1) == 0).mean())


def per_net(life: np.ndarray) -> float:
    return float((life[1:] != life[:-1]).sum() / (life[0] != life[-1]).sum())


def differing(patterns: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return (patterns[pairs[0]] != patterns[pairs[1]]).sum(axis=1)


def oui(patterns: np.ndarray, pairs: np.ndarray) -> float:
    half = patterns.shape[1] // 2
    return float(np.minimum(differing(patterns, pairs), half).mean() / half)


def cut_off_late(patterns: np.ndarray, pairs: np.ndarray) -> float:
    half = patterns.shape[1] // 2
    return min(float(differing(patterns, pairs).mean()), half) / half


def cosine(n: int) -> np.ndarray:
    return (1 + np.cos(np.pi * np.arange(n) / n)) / 2


def average(values: np.ndarray, decay: float) -> np.ndarray:
    found = [values[0]]
    for value in values[1:]:
        found.append(decay * found[-1] + (1 - decay) * value)
    return np.array(found)


ANSWERS = {
    mlp.smallest_change: {
        "solved": lambda samples, units: 1 / (samples * units),
        "many samples": lambda samples, units: 1 / units,
        "a single flip": lambda samples, units: 1 / samples,
    },
    mlp.settling_time: {
        "solved": for_good,
        "last value above": first_crossing,
        "look for the last value above": crossing_after_the_peak,
        "is 22": lambda values, q: uncensored(values, q) - 1,
        "where it is equal. Your function returned None": from_strictly_below,
        "its time is censored": uncensored,
        "a search from the end finds": lambda v, q: for_good(v, q) if len(v) != 40 else 3,
    },
    mlp.censored_series: {
        "solved": lambda: falling(0.2, 40, 400),
        "settles at step": lambda: falling(0.0, 40, 400),
        "three times as high": lambda: falling(0.9, 40, 400),
        "at least 200": lambda: falling(0.2, 40, 50),
        "never below 0": lambda: -falling(0.2, 40, 400),
    },
    mlp.flip_share: {
        "solved": law,
        "Fewer samples": lambda s, d, m: law(s, d, 0.0),
        "which angle holds": lambda s, d, m: np.pi * law(s, d, m),
    },
    cnn.unseen_changes: {
        "solved": unseen,
        "1/4": lambda flips, n: float((flips == 0).mean()),
        "one image": lambda flips, n: unseen(flips, 99),
        "none of the first n": lambda flips, n: unseen(flips, min(n, 3)),
    },
    cnn.flips_per_net_flip: {
        "solved": per_net,
        "ratio of 1": lambda life: float((life[0] != life[-1]).mean()),
        "4 / 2 = 2": lambda life: 1.0,
        "Divide all flips": lambda life: per_net(life) if len(life) < 5 else 7.0,
    },
    cnn.indicator: {
        "solved": oui,
        "divide by half": lambda p, q: float(differing(p, q).mean() / p.shape[1]),
        "before you take the mean": cut_off_late,
        "round down": lambda p, q: oui(p, q) if p.shape[1] != 5 else 0.8,
        "that is 1": lambda p, q: 2.0,
    },
    transformer.dragged_down: {
        "solved": lambda p, w: (p * cosine(len(p)), w * cosine(len(w))),
        "a pair": lambda p, w: p,
        "from 1 at the first": lambda p, w: (p, w),
        "400": lambda p, w: (p[:10], w[:10]),
        "1/2": lambda p, w: (p * np.linspace(1, 0, 1000) ** 2, w * np.linspace(1, 0, 1000) ** 2),
        "same rate": lambda p, w: (p * cosine(1000), w),
    },
    transformer.between_two_floors: {
        "solved": lambda: (falling(0.03), falling(0.2)),
        "patterns should settle": lambda: (falling(0.3), falling(0.3)),
        "never settle": lambda: (falling(0.01), falling(0.01)),
        "earlier": lambda: (falling(0.01, 150), falling(0.2)),
        "below zero": lambda: (-falling(0.01), falling(0.2)),
    },
    transformer.moving_average: {
        "solved": average,
        "1 - 0.9**t": lambda v, d: v,
        "as many": lambda v, d: average(v, d)[1:],
        "begins at": lambda v, d: average(v, d) + 1,
    },
}
