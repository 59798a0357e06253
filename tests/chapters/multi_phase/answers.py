"""Right answers to the exercises on the four phases, and usual mistakes with their hints."""

from __future__ import annotations

import math

import numpy as np

from regime_lib.chapters.multi_phase import exercises as multi_phase


def living(p: float, delta: float) -> float:
    phi = math.atan2(math.sin(delta), p - math.cos(delta))
    return (math.pi / 2 + delta + phi) / (4 * math.pi)


def slide(pull: float, push: float, delta: float) -> tuple[float, float]:
    return push * math.cos(delta) / pull, push * math.sin(delta) ** 2


def plateau(p: float) -> tuple[float, float]:
    return math.log(p) / 2, 2 * math.sqrt(p) / (1 + p)


def accuracy(p: float, delta: float, plus: float, minus: float) -> float:
    half = 2 * (1 + p) / (math.sqrt(p) * math.sin(delta) ** 2 * (plus + minus))
    return half * (math.sqrt(p) - 1)


def couple(inputs: np.ndarray, labels: np.ndarray, active: np.ndarray, a: np.ndarray) -> np.ndarray:
    shared = np.einsum("k,ki,kj->ij", a**2, active, active)
    return shared * (inputs @ inputs.T) * np.outer(labels, labels)


def down(p: float, delta: float) -> float:
    return -math.hypot(p - math.cos(delta), math.sin(delta)) / (1 + p)


ANSWERS = {
    multi_phase.living_negative: {
        "solved": living,
        "A quarter holds for positive": lambda p, delta: 0.25,
        "Only half": lambda p, d: 2 * living(p, d),
    },
    multi_phase.sliding: {
        "solved": slide,
        "0..1": lambda a, b, d: (1.5, 0.0),
        "makes it stay": lambda a, b, d: (b / a / 2, 0.0),
        "Put the share": lambda a, b, d: (slide(a, b, d)[0], b),
    },
    multi_phase.plateau: {
        "solved": plateau,
        "derivative": lambda p: (math.log(p), 1.0),
        "Average": lambda p: (math.log(p) / 2, 2 * math.sqrt(p)),
    },
    multi_phase.accuracy_time: {
        "solved": accuracy,
        "squared": lambda p, d, a, b: accuracy(p, d, a, b) / d,
        "Solve": lambda p, d, a, b: accuracy(p, d, a, b) / 2,
    },
    multi_phase.coupling: {
        "solved": couple,
        "shape is": lambda x, y, on, a: np.eye(3),
        "both labels": lambda x, y, on, a: couple(x, np.ones(5), on, a),
    },
    multi_phase.way_down: {
        "solved": down,
        "way down": lambda p, d: -down(p, d),
        "mixed": lambda p, d: 2 * down(p, d),
    },
}
