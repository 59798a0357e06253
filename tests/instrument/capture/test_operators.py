"""What a call compares, read from its arguments; and codes that tell a window's elements apart."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from regime_lib.instrument.capture.operators import (
    FUNCTIONS,
    OPERATORS,
    Kind,
    code_type,
    pool_with_winners,
)

Z = torch.randn(3, 4)


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "thresholds"),
    [
        (torch.relu, (Z,), {}, (0.0,)),
        (F.relu, (), {"input": Z}, (0.0,)),
        (Tensor.relu_, (Z,), {}, (0.0,)),
        (torch.clamp, (Z, 0), {}, (0.0,)),
        (torch.clamp, (Z,), {"min": 0.0}, (0.0,)),
        (torch.clamp, (Z,), {"min": torch.zeros(())}, (0.0,)),
        (torch.clamp, (Z,), {"max": 0}, (0.0,)),
        (Tensor.clip, (Z, -1, 2), {}, (-1.0, 2.0)),
        (Tensor.clamp_, (Z, -1), {"max": 2}, (-1.0, 2.0)),
        (torch.clamp_min, (Z, 0), {}, (0.0,)),
        (torch.clamp_max, (Z, 0), {}, (0.0,)),
        (F.threshold, (Z, 0.5, 0.0), {}, (0.5,)),
        (F.hardtanh, (Z,), {}, (-1.0, 1.0)),
        (F.hardtanh, (Z, -2.0), {"max_val": 3.0}, (-2.0, 3.0)),
        (F.relu6, (Z,), {}, (0.0, 6.0)),
        (F.hardswish, (Z,), {}, (-3.0, 3.0)),
        (F.hardsigmoid, (Z,), {}, (-3.0, 3.0)),
        (F.softshrink, (Z,), {}, (-0.5, 0.5)),
        (F.hardshrink, (Z,), {"lambd": 0.2}, (-0.2, 0.2)),
        (torch.maximum, (Z, torch.tensor(0.0)), {}, (0.0,)),
        (F.leaky_relu, (Z, 0.3), {}, (0.0,)),
        (torch.gt, (Z, 2.0), {}, (2.0,)),
        (torch.lt, (Z, torch.zeros(3, 4)), {}, (0.0,)),
        (torch.clamp, (Z,), {"min": torch.zeros(3, 4)}, (0.0,)),
        (torch.lt, (torch.zeros(3, 4), Z), {}, (0.0,)),
        (torch.maximum, (torch.zeros(3, 4), Z), {}, (0.0,)),
        (F.gelu, (Z,), {"approximate": "tanh"}, (0.0,)),
    ],
)
def test_a_call_is_read_from_its_arguments(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], thresholds: tuple[float, ...]
) -> None:
    reading = FUNCTIONS[function].read(args, kwargs)
    assert reading is not None
    assert reading.counts
    assert torch.equal(reading.settled(reading.values is not Z).values, Z)
    assert reading.thresholds == thresholds


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (torch.clamp, (Z,), {"min": 1e-6}),
        (torch.clamp, (Z,), {"max": 1.0}),
        (torch.clamp_min, (Z, 0.1), {}),
        (torch.clamp_max, (Z, 3), {}),
        (torch.max, (Z,), {}),
        (torch.max, (Z, 1), {}),
        (torch.max, (Z,), {"dim": 1}),
        (torch.maximum, (torch.ones(2, dtype=torch.int64), torch.ones(2, dtype=torch.int64)), {}),
        (torch.gt, (torch.ones(2, dtype=torch.int64), 0), {}),
    ],
)
def test_a_guard_or_a_reduction_is_no_rectifier(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    reading = FUNCTIONS[function].read(args, kwargs)
    assert reading is None or not reading.counts


def test_the_larger_of_two_tensors_is_the_sign_of_their_difference() -> None:
    other = torch.randn(3, 4)
    reading = FUNCTIONS[torch.maximum].read((Z, other), {})
    assert reading is not None
    for swapped, above in ((False, other < Z), (True, other > Z)):
        settled = reading.settled(swapped)
        assert torch.equal(settled.values > settled.thresholds[0], above)


@pytest.mark.parametrize(
    "rule",
    sorted({*FUNCTIONS.values(), *OPERATORS.values()}, key=lambda rule: rule.op),
    ids=lambda rule: rule.op,
)
def test_every_rule_has_its_functions_and_operators(rule: Any) -> None:
    assert rule in FUNCTIONS.values() or rule.kind is Kind.GATE
    assert rule in OPERATORS.values()


@pytest.mark.parametrize(
    ("op", "shape", "args", "kwargs"),
    [
        ("max_pool1d", (2, 3, 10), (2,), {}),
        ("max_pool1d", (2, 3, 10), (), {"kernel_size": 3, "stride": 1, "padding": 1}),
        ("max_pool2d", (2, 3, 8, 8), (2, 2), {}),
        ("max_pool2d", (2, 3, 8, 9), ((2, 3),), {"stride": 2, "padding": (1, 1)}),
        ("max_pool2d", (2, 3, 9, 9), (3, 2, 1, 2), {"ceil_mode": True}),
        ("max_pool2d", (3, 8, 8), ([2, 2],), {"return_indices": False}),
        ("max_pool3d", (2, 3, 4, 6, 6), (2,), {}),
        ("adaptive_max_pool1d", (2, 3, 10), (4,), {}),
        ("adaptive_max_pool2d", (2, 3, 8, 8), ((3, 2),), {}),
        ("adaptive_max_pool2d", (2, 3, 8, 8), (), {"output_size": (None, 2)}),
        ("adaptive_max_pool3d", (2, 3, 4, 4, 4), (2,), {}),
    ],
)
def test_a_max_pool_that_tells_its_winners_gives_the_same_values(
    op: str, shape: tuple[int, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    x = torch.randn(shape)
    output, winners = pool_with_winners(op, (x, *args), kwargs)
    assert torch.equal(output, getattr(F, op)(x, *args, **kwargs))
    space = 1 if op.endswith("1d") else 2 if op.endswith("2d") else 3
    flat = x.flatten(-space)
    assert torch.equal(flat.gather(-1, winners.flatten(-space)).view_as(output), output)


@pytest.mark.parametrize("width", [5, 16, 126, 127, 128, 129, 255, 256, 257])
@pytest.mark.parametrize("kernel", [(1, 2), (2, 2), (2, 3), (3, 2), (5, 5), (17, 17)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_one_byte_is_used_exactly_where_it_tells_a_windows_elements_apart(
    width: int, kernel: tuple[int, int], dilation: int
) -> None:
    x = torch.zeros(1, 1, 64, width)
    found = code_type("max_pool2d", (x, kernel), {"dilation": dilation})
    positions = [
        (row * width + column) * dilation % 256
        for row, column in itertools.product(range(kernel[0]), range(kernel[1]))
    ]
    assert (found is torch.uint8) == (len(set(positions)) == len(positions))


def test_windows_of_adaptive_pools_keep_whole_positions() -> None:
    assert code_type("adaptive_max_pool2d", (torch.zeros(1, 1, 4, 4), 2), {}) is torch.int32
