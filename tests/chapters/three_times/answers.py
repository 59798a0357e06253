"""Right answers to the exercises on the multiverse, and usual mistakes with their hints."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.three_times import exercises as three_times


def honest(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    surely = ((kinds == "exact") | (kinds == "lower")) & (ratios > level)
    surely_not = ((kinds == "exact") | (kinds == "upper")) & (ratios <= level)
    return float(surely.mean()), float(1 - (surely | surely_not).mean())


def only_exact(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    return float(((kinds == "exact") & (ratios > level)).mean()), float((kinds != "exact").mean())


def counted(states: np.ndarray) -> float:
    return float((states[1:] != states[:-1]).sum() / (states[0] != states[-1]).sum())


def kaplan_meier(times: list[float], seen: list[bool]) -> float:
    moving, watched = 1.0, len(times)
    for time, settles in sorted(zip(times, seen, strict=True)):
        moving *= 1 - settles / watched
        watched -= 1
        if moving <= 0.5:
            return time
    return np.inf


def within(patterns: float | None, weights: float | None, end: float) -> tuple[float, float]:
    if patterns and weights:
        return weights / patterns, weights / patterns
    if patterns:
        return end / patterns, np.inf
    return (0.0, weights / end) if weights else (0.0, np.inf)


def settles(values: np.ndarray, q: float, horizon: int) -> int | None:
    own = values[:horizon]
    kept = int(np.flatnonzero(own > q * own.max())[-1]) + 1
    return kept if kept < horizon else None


def of_the_whole_run(values: np.ndarray, q: float, horizon: int) -> int | None:
    kept = settles(values, q, len(values))
    return kept if kept and kept < horizon else None


def with_the_long_peak(values: np.ndarray, q: float, horizon: int) -> int | None:
    above = np.flatnonzero(values[:horizon] > q * values.max())
    kept = int(above[-1]) + 1 if len(above) else 0
    return kept if kept < horizon else None


def enough(patterns: int, weights: int, level: float) -> float:
    return max(np.floor(level * patterns) + 1, patterns) if weights > level * patterns else np.inf


def shares(early: dict, late: dict) -> dict:
    signs = {name: -1 if name == "scale" else 1 for name in early}
    logs = {name: signs[name] * np.log(late[name] / early[name]) for name in early}
    return {name: value / sum(logs.values()) for name, value in logs.items()}


def all_multiply(early: dict, late: dict) -> dict:
    logs = {name: np.log(late[name] / early[name]) for name in early}
    return {name: value / sum(map(abs, logs.values())) for name, value in logs.items()}


def differences(early: dict, late: dict) -> dict:
    fall = {name: abs(late[name] - early[name]) for name in early}
    return {name: value / sum(fall.values()) for name, value in fall.items()}


def not_whole(early: dict, late: dict) -> dict:
    logs = {name: abs(np.log(late[name] / early[name])) for name in early}
    return {name: value / np.log(100) for name, value in logs.items()}


def by_size(early: dict, late: dict) -> dict:
    logs = {name: abs(np.log(late[name] / early[name])) for name in early}
    return {name: value / sum(logs.values()) for name, value in logs.items()}


ONES = np.ones(20)


ANSWERS = {
    three_times.share_above: {
        "solved": honest,
        "upper bound": lambda ratios, bounds, level: (float((ratios > level).mean()), 0.0),
        "lower bound of 5": only_exact,
        "leave it open": lambda ratios, bounds, level: (honest(ratios, bounds, level)[0], 0.0),
    },
    three_times.headline: {
        "solved": lambda: np.r_[np.ones(19), 60.0],
        "mean is 1.00": lambda: ONES,
        "median is 4.00": lambda: 4 * ONES,
        "fewer can do it": lambda: np.r_[np.ones(12), np.full(8, 9.0)],
        "twenty": lambda: ONES[:5],
    },
    three_times.flips_per_net_flip: {
        "solved": counted,
        "three flips": lambda states: float((states[1:] != states[:-1]).sum() / states.shape[1]),
    },
    three_times.between_floors: {
        "solved": lambda: 0.1,
        "both settle": lambda: 0.5,
        "not even the patterns": lambda: 0.04,
        "between 0 and 1": lambda: 2.0,
    },
    three_times.product_limit: {
        "solved": kaplan_meier,
        "are dropped": lambda times, seen: float(np.median(np.array(times)[np.array(seen)])),
        "passed at 50, not at 40": lambda times, seen: sorted(times)[3],
        "return infinity": lambda times, seen: max(times),
        "the median is": lambda times, seen: np.inf if len(times) == 3 else 50.0,
    },
    three_times.dropped_runs: {
        "solved": lambda: (np.r_[np.full(9, 10.0), np.full(11, 1000.0)], 100.0),
        "nothing is dropped": lambda: (np.full(20, 10.0), 100.0),
        "Only 2 runs": lambda: (np.r_[1.0, 1.0, np.full(18, 500.0)], 100.0),
        "0.75 times the true": lambda: (np.r_[np.full(9, 75.0), np.full(11, 100.0)], 80.0),
        "twenty finite": lambda: (np.ones(3), 1.0),
    },
    three_times.ratio_limits: {
        "solved": within,
        "both settle": lambda patterns, weights, end: (0.0, 3.0),
        "at least the 1,000 steps": lambda patterns, weights, end: (
            ((weights or end) / (patterns or end),) * 2
        ),
        "at most 0.5": lambda p, w, end: within(p, w, end) if p else (0.5, np.inf),
        "may be anything": lambda p, w, end: within(p, w, end) if p or w else (1.0, 1.0),
    },
    three_times.shorter_run: {
        "solved": settles,
        "it has not settled": lambda values, q, horizon: settles(values, q, len(values)),
        "Cut the series first": of_the_whole_run,
        "has its own peak": with_the_long_peak,
        "expected 1800": lambda values, q, horizon: (
            settles(values, q, horizon) if horizon < 3000 else 461
        ),
    },
    three_times.deciding_length: {
        "solved": enough,
        "before the weights settle": lambda patterns, weights, level: weights,
        "above 3 at 301": lambda patterns, weights, level: patterns,
        "the true ratio is 2.5".capitalize(): lambda p, w, level: level * p + 1,
        "above 0.5": lambda p, w, level: 301 if level == 3 and w > 300 else np.inf,
    },
    three_times.shares_of_the_fall: {
        "solved": shares,
        "The scale divides": all_multiply,
        "their logarithms add": differences,
        "must add to one": not_whole,
        "Divide the logarithm": by_size,
    },
    three_times.three_times_by_one_factor: {
        "solved": lambda t: np.exp(-2 * t / 300),
        "is 2.00": lambda t: np.exp(-t / 300),
        "must not grow": lambda t: np.exp(t / 300),
        "start at 1": lambda t: 2 * np.exp(-2 * t / 300),
        "one for each step": lambda t: np.ones(3),
    },
}
