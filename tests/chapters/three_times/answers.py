"""The exercises on the multiverse accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.three_times import exercises as three_times


def honest(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    surely = ((kinds == "exact") | (kinds == "lower")) & (ratios > level)
    surely_not = ((kinds == "exact") | (kinds == "upper")) & (ratios <= level)
    return float(surely.mean()), float(1 - (surely | surely_not).mean())


def careless(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    return float((ratios > level).mean()), 0.0


def only_exact(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    return float(((kinds == "exact") & (ratios > level)).mean()), float((kinds != "exact").mean())


def none_left_open(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    return honest(ratios, bounds, level)[0], 0.0


def counted(states: np.ndarray) -> float:
    return float((states[1:] != states[:-1]).sum() / (states[0] != states[-1]).sum())


def of_the_bits(states: np.ndarray) -> float:
    return float((states[1:] != states[:-1]).sum() / states.shape[1])


ONES = np.ones(20)


ANSWERS = {
    three_times.share_above: {
        "solved": honest,
        "upper bound": careless,
        "lower bound of 5": only_exact,
        "leave it open": none_left_open,
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
        "three flips": of_the_bits,
    },
    three_times.between_floors: {
        "solved": lambda: 0.1,
        "both settle": lambda: 0.5,
        "not even the patterns": lambda: 0.04,
        "between 0 and 1": lambda: 2.0,
    },
}
