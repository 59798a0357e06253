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
}
