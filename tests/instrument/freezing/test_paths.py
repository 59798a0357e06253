"""The path form against the perceptron that it rewrites, and against a loop over paths."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from regime_lib.instrument.freezing.paths import path_features, path_weights, paths_of
from tests.companion.refusals import refused

SIZES = st.lists(st.integers(1, 4), min_size=3, max_size=5)


def layers(sizes: list[int], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    draw = torch.Generator().manual_seed(seed)
    pairs = list(pairwise(sizes))
    weights = [torch.randn(b, a, generator=draw, dtype=torch.float64) for a, b in pairs]
    return weights, [torch.randn(b, generator=draw, dtype=torch.float64) for _, b in pairs]


@given(sizes=SIZES, seed=st.integers(0, 1000))
def test_features_times_weights_are_the_gated_output(sizes: list[int], seed: int) -> None:
    weights, biases = layers(sizes, seed)
    draw = torch.Generator().manual_seed(seed + 1)
    x = torch.randn(6, sizes[0], generator=draw, dtype=torch.float64)
    gates = [torch.rand(6, size, generator=draw) < 0.5 for size in sizes[1:-1]]
    hidden = x
    for weight, bias, gate in zip(weights, biases, gates, strict=False):
        hidden = (hidden @ weight.T + bias) * gate
    truth = hidden @ weights[-1].T + biases[-1]
    features, free = path_features(x, gates), path_weights(weights, biases)
    assert features.shape[1] == len(free) == paths_of(sizes)
    torch.testing.assert_close(features @ free, truth)


def test_one_hidden_layer_path_by_path() -> None:
    weights, biases = layers([2, 3, 2], 0)
    free = path_weights(weights, biases)
    sources = [*weights[0].T, biases[0]]
    loops = [source[unit] * weights[1][:, unit] for source, unit in product(sources, range(3))]
    torch.testing.assert_close(free, torch.stack([*loops, biases[1]]))


@pytest.mark.parametrize("gates", [[], [torch.ones(5, 3, dtype=torch.bool)]])
def test_gates_of_other_samples_are_refused(gates: list[Tensor]) -> None:
    with refused("gates", "(4, units)"):
        path_features(torch.ones(4, 2), gates)


def test_too_many_paths_are_refused() -> None:
    gates = [torch.ones(50, 1000, dtype=torch.bool)] * 3
    with refused("paths, too many", "50"):
        path_features(torch.ones(50, 784), gates)


def test_layers_must_follow_each_other() -> None:
    with refused("layers that follow each other"):
        path_weights([torch.ones(3, 2), torch.ones(2, 4)], [torch.ones(3), torch.ones(2)])
    with refused("at least two layers"):
        path_weights([torch.ones(3, 2)], [torch.ones(3)])
