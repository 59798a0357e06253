"""Networks whose runs lie innermost are those of the layout with runs first."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.deep_linear import innermost, problem
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import LinearTask


@pytest.mark.parametrize("sizes", [(2, 2), (3, 4, 2), (1, 5, 2, 3), (2, 3, 3, 3, 2)])
def test_products_and_velocities_are_those_of_either_layout(sizes: tuple[int, ...]) -> None:
    random = np.random.default_rng(0)
    layers = random_init(sizes, 1.0, random, runs=7)
    task = LinearTask(random.standard_normal((sizes[-1], sizes[0])))
    last = innermost.runs_last(layers)
    assert last[0].shape == (sizes[1], sizes[0], 7)
    np.testing.assert_allclose(
        np.moveaxis(innermost.product(last), -1, 0), problem.product(layers), atol=1e-13
    )
    moves = innermost.velocity(last, lambda network: task.target[..., None] - network)
    for found, expected in zip(moves, problem.velocity(layers, task), strict=True):
        np.testing.assert_allclose(np.moveaxis(found, -1, 0), expected, atol=1e-12)
