"""Exact networks: agreement with floating point, proven radii, attacks that cannot be rounded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from regime_lib.simulators.exact.attacks import attack_exactly
from regime_lib.simulators.exact.networks import ExactNetwork
from tests.sentences import refusal


def drawn(sizes: tuple[int, ...], seed: int) -> tuple[ExactNetwork, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    net = ExactNetwork.of(
        [random.standard_normal(shape) for shape in shapes],
        [random.standard_normal(shape[0]) for shape in shapes],
    )
    return net, random.standard_normal(sizes[0])


def test_preactivations_are_those_of_floating_point_without_its_errors() -> None:
    net, x = drawn((4, 6, 5, 3), 0)
    activation = x
    for weight, bias, exact in zip(net.weights, net.biases, net.preactivations(x), strict=True):
        z = weight.astype(float) @ activation + bias.astype(float)
        assert np.allclose(exact.astype(float), z)
        activation = np.maximum(z, 0)
    assert all(isinstance(v, Fraction) for v in net.preactivations(x)[-1])
    assert net.parameters == 4 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3


def test_the_radius_of_one_unit_is_exact() -> None:
    net = ExactNetwork.of([[[Fraction(1), Fraction(-2)]]], [[Fraction(1, 3)]])
    x = [Fraction(3), Fraction(1)]  # z = 4/3, and |x| + 1 = 5
    largest = Fraction(4, 15)
    assert not net.keeps(x, largest)
    assert net.keeps(x, largest - Fraction(1, 10**30))
    assert largest * (1 - Fraction(1, 2**28)) < net.radius(x) < largest


def test_a_preactivation_of_zero_has_no_radius() -> None:
    net = ExactNetwork.of([[[Fraction(1)]]], [[Fraction(-1)]])
    assert net.radius([Fraction(1)]) == 0
    assert net.pattern([Fraction(1)]) == ((False,),)


@pytest.mark.parametrize("sizes", [(2, 3), (2, 3, 2), (3, 5, 4, 2), (4, 6, 6, 6)])
def test_no_attack_below_the_radius_succeeds(sizes: tuple[int, ...]) -> None:
    for seed in range(3):
        net, x = drawn(sizes, seed)
        found = attack_exactly(net, x, net.radius(x), np.random.default_rng(seed))
        assert found.flips == 0
        assert found.attempts == 20 + sum(sizes[1:])
        assert 0.3 < found.ratio <= 1


def test_attacks_refute_a_radius_that_is_too_large() -> None:
    net, x = drawn((2, 3), 0)
    found = attack_exactly(net, x, net.radius(x) * Fraction(11, 10), np.random.default_rng(0))
    assert found.flips > 0


def test_the_worst_direction_is_the_sign_of_the_gradient() -> None:
    net, x = drawn((3, 4, 3), 1)
    z = net.preactivations(x)[1][2]
    direction = net.worst_direction(x, 1, 2)
    towards = -1 if z > 0 else 1
    step = Fraction(1, 10**9)
    flat = np.concatenate([part.ravel() for part in direction])
    shapes = [part.shape for part in direction]
    for k in range(len(flat)):
        single = np.zeros(len(flat), dtype=object)
        single[k] = 1
        cuts = np.cumsum([np.prod(shape) for shape in shapes])[:-1].astype(int)
        parts = [p.reshape(s) for p, s in zip(np.split(single, cuts), shapes, strict=True)]
        slope = (net.moved(parts, step).preactivations(x)[1][2] - z) / step
        assert (slope > 0) - (slope < 0) == towards * flat[k]


def test_shapes_that_do_not_fit_are_refused() -> None:
    refusal("do not fit", lambda: ExactNetwork.of([np.ones((2, 3)), np.ones((2, 3))], [[1, 1]] * 2))
    refusal("do not fit", lambda: ExactNetwork.of([], []))
