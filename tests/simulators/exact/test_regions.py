"""Regions cover the box, hold one pattern each, and carry the network's own affine map."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from regime_lib.simulators.exact.regions import Region, linear_regions

BOX: tuple[Any, Any] = ((-2, -2), (2, 2))


def drawn(sizes: tuple[int, ...], seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    random = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return [random.standard_normal(s) for s in shapes], [
        random.standard_normal(s[0]) for s in shapes
    ]


def exact(values: np.ndarray) -> Any:
    if values.ndim == 2:
        return [exact(row) for row in values]
    return [Fraction(float(value)) for value in values]


def run(weights: list[np.ndarray], biases: list[np.ndarray], x: np.ndarray) -> tuple[Any, Any]:
    on: list[bool] = []
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        z = weight @ x + bias
        on += [bool(v > 0) for v in z]
        x = np.maximum(z, 0)
    return tuple(on), weights[-1] @ x + biases[-1]


def inside(region: Region) -> np.ndarray:
    return np.array(region.corners, dtype=float).mean(axis=0)


@pytest.mark.parametrize("seed", range(3))
def test_with_fractions_the_areas_add_up_exactly(seed: int) -> None:
    weights, biases = drawn((2, 4, 3, 2), seed)
    regions = linear_regions(list(map(exact, weights)), list(map(exact, biases)), *BOX)
    assert sum(region.area for region in regions) == 16
    assert all(region.area > 0 for region in regions)


@pytest.mark.parametrize("seed", range(3))
def test_every_region_has_the_networks_pattern_and_map(seed: int) -> None:
    weights, biases = drawn((2, 6, 6, 2), seed)
    regions = linear_regions(weights, biases, *BOX, tolerance=1e-12)
    for region in regions:
        if region.area < 1e-6:
            continue
        x = inside(region)
        pattern, outputs = run(weights, biases, x)
        assert region.pattern == pattern
        assert np.allclose([a * x[0] + b * x[1] + c for a, b, c in region.outputs], outputs)


def test_no_pattern_is_missed() -> None:
    weights, biases = drawn((2, 6, 6, 2), 7)
    known = {region.pattern for region in linear_regions(weights, biases, *BOX, tolerance=1e-12)}
    random = np.random.default_rng(0)
    for x in random.uniform(-2, 2, size=(3000, 2)):
        assert run(weights, biases, x)[0] in known


def test_lines_in_general_position_make_the_known_number_of_regions() -> None:
    angles = np.linspace(0, np.pi, 6)[:-1] + 0.1
    weight = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    bias = 0.1 * np.array([1.0, -0.7, 0.5, -0.3, 0.9])
    regions = linear_regions([weight, np.ones((1, 5))], [bias, np.zeros(1)], (-9, -9), (9, 9))
    assert len(regions) == 1 + 5 + 10  # one, plus lines, plus crossings


def test_a_line_crosses_a_region_in_two_points_or_not_at_all() -> None:
    (region,) = linear_regions([[[1, 0]]], [[0]], (0, 0), (1, 1))
    half = Fraction(1, 2)
    ends = region.crossing((1, 0, -half))
    assert ends is not None
    assert set(ends) == {(half, 0), (half, 1)}
    assert region.crossing((1, 0, -5)) is None
    assert region.crossing((0, 0, 1)) is None
