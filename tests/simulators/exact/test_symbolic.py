"""The algebra agrees with counting, with evaluation at numbers and with hand-made exceptions."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from regime_lib.simulators.exact.blueprints import (
    Blueprint,
    Unit,
    convolution,
    dense,
    residual,
    tied,
)
from regime_lib.simulators.exact.symbolic import (
    check_every_pattern,
    check_with_masks,
    masks_agree,
    vanishing_without_biases,
)
from regime_lib.simulators.exact.transformer import check_transformer
from tests.sentences import refusal

WITH_BIAS = [
    dense((2, 3, 2)),
    dense((2, 3, 3, 2)),
    dense((1, 2, 2, 2, 1)),
    convolution(4, (1, 2, 2), 3),
    residual(2, 2, 2),
]


def ids(network: Blueprint) -> str:
    return network.name


@pytest.mark.parametrize("network", WITH_BIAS, ids=ids)
def test_with_biases_every_zero_set_is_a_graph_and_both_ways_say_so(network: Blueprint) -> None:
    one_by_one, at_once = check_every_pattern(network), check_with_masks(network)
    assert one_by_one.polynomials == one_by_one.pairs == at_once.pairs == network.pairs
    assert at_once.polynomials == sum(map(len, network.layers))
    for check in (one_by_one, at_once):
        assert check.vanishing == 0
        assert check.graphs
        assert check.affine


@pytest.mark.parametrize(
    "network", [*WITH_BIAS[:3], convolution(3, (1, 2, 1), 3), WITH_BIAS[4]], ids=ids
)
def test_masks_become_every_pattern(network: Blueprint) -> None:
    assert masks_agree(network)


@pytest.mark.parametrize("sizes", [(2, 3, 2), (2, 2, 2, 2, 2), (3, 1, 2), (2, 3, 3, 2), (4, 5)])
def test_without_biases_what_has_a_dead_layer_below_vanishes(sizes: tuple[int, ...]) -> None:
    check = check_every_pattern(dense(sizes, bias=False))
    assert check.vanishing == vanishing_without_biases(sizes) == counted(sizes)
    assert check.with_own_bias == 0
    assert check.affine


def counted(sizes: tuple[int, ...]) -> int:
    total = 0
    for layer in range(1, len(sizes)):
        hidden = sizes[1:layer]
        for pattern in itertools.product(*(itertools.product((0, 1), repeat=d) for d in hidden)):
            total += sizes[layer] * any(not any(part) for part in pattern)
    return total


def test_a_skip_heals_dead_layers() -> None:
    assert check_every_pattern(residual(2, 2, 2, bias=False)).vanishing == 0


def test_a_convolution_without_biases_loses_units_too() -> None:
    check = check_every_pattern(convolution(4, (1, 2, 2), 3, bias=False))
    assert 0 < check.vanishing < check.polynomials


def test_shared_layers_feed_a_bias_back_and_are_told_apart() -> None:
    check = check_every_pattern(tied(2, 3))
    assert check.vanishing == 0  # the other theorem still covers them
    assert not check.graphs
    assert not check.affine
    assert check.affine_in_inputs == check.polynomials


def test_a_unit_with_twice_its_bias_is_no_graph_of_slope_one() -> None:
    fed = Unit((("w1", 0), ("w1", 0)), "b1")
    twice = Blueprint("twice", 1, ((Unit((("w0", 0),), "b1"),), (fed,)))
    assert check_with_masks(twice).with_own_bias == 1
    squared = Blueprint("squared", 1, ((Unit((("w", 0),), None),), (Unit((("w", 0),), None),)))
    assert check_every_pattern(squared).affine_in_layers == 2  # w x, and 0 or ...
    assert check_with_masks(squared).affine_in_layers == 1  # ... w times m w x


def test_the_convolution_is_the_usual_one() -> None:
    network = convolution(5, (2, 3), 3)
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 5))
    weight, bias = random.standard_normal((3, 2, 3)), random.standard_normal(3)
    values = {f"w1_{o}_{i}_{k}": weight[o, i, k] for o, i, k in np.ndindex(3, 2, 3)}
    values |= {f"b1_{o}": bias[o] for o in range(3)}
    padded = np.pad(x, ((0, 0), (1, 1)))
    for number, unit in enumerate(network.layers[0]):
        out, place = divmod(number, 5)
        ours = sum(values[w] * x.ravel()[k] for w, k in unit.terms) + values[unit.bias or ""]
        assert ours == pytest.approx((weight[out] * padded[:, place : place + 3]).sum() + bias[out])


def test_pairs_and_patterns_are_counted() -> None:
    network = dense((2, 3, 2))
    assert (network.hidden, network.pairs) == (3, 3 + 2 * 8)
    assert dense((8, 16, 16, 4)).pairs == 16 + 16 * 2**16 + 4 * 2**32


def test_what_is_too_large_or_misshapen_is_refused() -> None:
    refusal("check_with_masks", lambda: check_every_pattern(dense((4, 16, 16, 2))))
    refusal("at least two", lambda: dense((3,)))
    refusal("odd", lambda: convolution(4, (1, 1), 2))


def test_transformers_pass_whatever_attention_does_unless_blocks_are_shared() -> None:
    for blocks in (1, 2):
        check = check_transformer(blocks)
        assert check.units == check.with_own_bias == blocks * 4
    shared = check_transformer(2, tied=True)
    assert (shared.units, shared.with_own_bias) == (8, 4)


def test_without_sympy_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "sympy":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sympy", None)
    refusal("needs sympy", lambda: check_with_masks(dense((1, 1))))
    refusal("needs sympy", check_transformer)
