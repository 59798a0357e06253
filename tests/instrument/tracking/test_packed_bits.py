"""Packed patterns against plain boolean arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from regime_lib.instrument.tracking.packed_bits import (
    NumpyPackedBits,
    TogetherPacked,
    TorchPackedBits,
    WinnerBuffer,
    pack,
    popcount,
    row_bytes,
)

CPU = torch.device("cpu")
SIZES = [
    (1, 1, 1),
    (1, 5, 7),
    (1, 3, 8),
    (2, 4, 64),
    (3, 6, 65),
    (1, 2, 1000),
    (2, 1, 130),
    (1, 40, 16),
]


def room_for(kind: str, slots: int, planes: int, size: tuple[int, int, int]) -> Any:
    if kind == "numpy":
        return NumpyPackedBits(slots, planes, *size)
    return TorchPackedBits(slots, planes, *size, CPU)


def filled(
    kind: str, values: NDArray, thresholds: tuple[float, ...], group: int | None = None
) -> Any:
    """Store values of shape (slots, members, samples, units), some samples at a time."""
    slots, *size = values.shape
    packed = room_for(kind, slots, len(thresholds), (size[0], size[1], size[2]))
    step = group or size[1]
    for slot in range(slots):
        for start in range(0, size[1], step):
            rows = slice(start, min(start + step, size[1]))
            packed.store(slot, rows, torch.from_numpy(values[slot, :, rows]), thresholds)
    return packed


def states(values: NDArray, thresholds: tuple[float, ...]) -> NDArray:
    """Plain version: in how many-th piece each value lies."""
    return sum((values > threshold).astype(int) for threshold in thresholds)


kinds = pytest.mark.parametrize("kind", ["numpy", "torch"])
sizes = pytest.mark.parametrize("size", SIZES, ids=str)
planes = pytest.mark.parametrize("thresholds", [(0.0,), (-0.3, 0.5)], ids=["on", "clip"])


def draw(size: tuple[int, int, int], slots: int = 4, seed: int = 0) -> NDArray:
    """Values of which many units do not change, and some are on or off throughout."""
    random = np.random.default_rng(seed)
    start = random.normal(size=size) + 2 * random.normal(size=(size[0], 1, size[2]))
    moves = random.normal(size=(slots, *size)) * (random.uniform(size=(slots, *size)) < 0.2)
    return (start + np.cumsum(moves, axis=0)).astype(np.float32)


@kinds
@sizes
@planes
def test_changes_are_those_of_plain_arrays(
    kind: str, size: tuple[int, int, int], thresholds: tuple[float, ...]
) -> None:
    values = draw(size)
    packed, plain = filled(kind, values, thresholds), states(values, thresholds)
    for count in (1, 2, 3):
        expected = (plain[1 : count + 1] != plain[:count]).sum(axis=-1)
        assert np.array_equal(packed.changed(count), expected)
        flipped = (plain[1 : count + 1] != plain[:count]).any(axis=2)
        assert np.array_equal(packed.flipped(count), flipped)


@kinds
@sizes
@planes
def test_distances_to_a_first_pattern_are_those_of_plain_arrays(
    kind: str, size: tuple[int, int, int], thresholds: tuple[float, ...]
) -> None:
    values, origin = draw(size), draw(size, slots=1, seed=1)
    packed, first = filled(kind, values, thresholds), filled(kind, origin, thresholds)
    expected = (states(values, thresholds)[1:] != states(origin, thresholds)).sum(axis=-1)
    assert np.array_equal(packed.from_first(first, 3), expected)


@kinds
@sizes
@planes
def test_copies_and_unpacked_bits_are_those_of_plain_arrays(
    kind: str, size: tuple[int, int, int], thresholds: tuple[float, ...]
) -> None:
    values = draw(size)
    packed, plain = filled(kind, values, thresholds), states(values, thresholds)
    assert np.array_equal(packed.unpacked(), plain > 0)
    earlier = packed.octets(1).copy()
    packed.data[1] = 0
    assert np.array_equal(packed.distance(3, earlier), (plain[3] != plain[1]).sum(axis=-1))


@kinds
@sizes
@planes
def test_constant_units_are_those_of_plain_arrays_and_counting_changes_nothing(
    kind: str, size: tuple[int, int, int], thresholds: tuple[float, ...]
) -> None:
    values = draw(size)
    packed, plain = filled(kind, values, thresholds), states(values, thresholds)[1:]
    before = np.asarray(packed.data).copy()
    dead, always_on = packed.constant(3)
    assert np.array_equal(dead, (plain == 0).all(axis=2).sum(axis=-1))
    assert np.array_equal(always_on, (plain == 1).all(axis=2).sum(axis=-1))
    assert np.array_equal(before, np.asarray(packed.data))


@kinds
@sizes
@pytest.mark.parametrize("group", [1, 3])
def test_storing_some_samples_at_a_time_is_storing_all(
    kind: str, size: tuple[int, int, int], group: int
) -> None:
    values = draw(size)
    whole, parts = filled(kind, values, (0.0,)), filled(kind, values, (0.0,), group)
    assert np.array_equal(np.asarray(whole.data), np.asarray(parts.data))


@sizes
@planes
def test_both_kinds_keep_the_same_bytes(
    size: tuple[int, int, int], thresholds: tuple[float, ...]
) -> None:
    values = draw(size)
    one, other = (filled(kind, values, thresholds) for kind in ("numpy", "torch"))
    assert np.array_equal(one.data, other.data.numpy())


@kinds
def test_the_last_look_becomes_the_one_before(kind: str) -> None:
    values = draw((2, 5, 13))
    packed = filled(kind, values, (0.0,))
    packed.restart(3)
    packed.store(1, slice(0, 5), torch.from_numpy(values[0]), (0.0,))
    assert np.array_equal(packed.changed(1)[0], ((values[0] > 0) != (values[3] > 0)).sum(axis=-1))


@kinds
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_special_values_are_on_exactly_if_greater_than_zero(kind: str, dtype: torch.dtype) -> None:
    tiny = torch.finfo(dtype).smallest_normal / 4  # denormal
    values = torch.tensor([0.0, -0.0, tiny, -tiny, torch.inf, -torch.inf, 1.0, -1.0], dtype=dtype)
    packed = room_for(kind, 1, 1, (1, 1, 8))
    packed.store(0, slice(0, 1), values[None, None], (0.0,))
    assert np.unpackbits(np.asarray(packed.data)).tolist() == [0, 0, 1, 0, 1, 0, 1, 0]


@kinds
@pytest.mark.parametrize("units", [7, 8, 16, 65])
def test_values_need_not_be_contiguous(kind: str, units: int) -> None:
    values = torch.randn(2, units, 6).transpose(1, 2)
    packed = room_for(kind, 1, 1, (2, 6, units))
    packed.store(0, slice(0, 6), values, (0.0,))
    bits = np.unpackbits(np.asarray(packed.data)[0, 0], axis=-1)[..., :units]
    assert np.array_equal(bits, (values > 0).numpy())


@kinds
def test_a_unit_takes_one_bit(kind: str) -> None:
    packed = room_for(kind, 1, 1, (1, 100, 800))
    assert np.asarray(packed.data).nbytes == 100 * 800 / 8
    assert [row_bytes(units) for units in (1, 8, 9, 64, 65)] == [1, 1, 2, 8, 9]


# --- winners --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
@pytest.mark.parametrize("units", [1, 7, 8, 64, 100])
def test_winners_are_compared_window_by_window(dtype: torch.dtype, units: int) -> None:
    random = np.random.default_rng(0)
    codes = random.integers(0, 4, size=(4, 2, 5, units)) * 77  # distinct modulo 256
    packed, first = (WinnerBuffer(4, 2, 5, units, dtype, CPU) for _ in "ab")
    for slot in range(4):
        packed.store(slot, slice(0, 5), torch.from_numpy(codes[slot]))
    first.store(0, slice(0, 5), torch.from_numpy(codes[2]))
    assert np.array_equal(packed.changed(3), (codes[1:] != codes[:-1]).sum(axis=-1))
    assert np.array_equal(packed.from_first(first, 3), (codes[1:] != codes[2]).sum(axis=-1))
    assert all(np.isnan(count).all() and count.shape == (3, 2) for count in packed.constant(3))
    packed.restart(3)
    assert np.array_equal(
        np.asarray(packed.data[0, 0]), codes[3].astype(np.asarray(packed.data).dtype)
    )


# --- packing --------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.booleans(), min_size=13, max_size=13), min_size=1, max_size=5))
def test_packing_is_that_of_numpy(rows: list[list[bool]]) -> None:
    for width in (1, 8, 13):
        bits = np.array(rows)[:, :width]
        assert np.array_equal(pack(torch.from_numpy(bits)).numpy(), np.packbits(bits, axis=-1))


def test_every_byte_has_its_number_of_bits() -> None:
    octets = torch.arange(256, dtype=torch.uint8)
    assert popcount(octets).tolist() == [n.bit_count() for n in range(256)]


@pytest.mark.parametrize("group", [None, 3], ids=["at once", "in groups"])
def test_layers_packed_together_hold_what_they_hold_apart(group: int | None) -> None:
    thresholds = (0.0,), (-0.3, 0.5), (0.0,)
    values = [draw((2, 7, units), seed=units) for units in (8, 24, 64)]
    apart = [filled("numpy", *pair) for pair in zip(values, thresholds, strict=True)]
    sizes = zip(thresholds, values, strict=True)
    layers = [NumpyPackedBits(4, len(own), 2, 7, x.shape[-1]) for own, x in sizes]
    assert TogetherPacked.suits(layers)
    together = TogetherPacked(layers)
    for slot in range(4):
        for start in range(0, 7, group or 7):
            rows = slice(start, min(start + (group or 7), 7))
            for layer, own, limits in zip(layers, values, thresholds, strict=True):
                layer.store(slot, rows, torch.from_numpy(own[slot, :, rows]), limits)
        together.pack(slot)
    for mine, plain in zip(layers, apart, strict=True):
        assert np.array_equal(mine.data, plain.data)
        assert np.array_equal(mine.changed(3), plain.changed(3))
        assert np.array_equal(mine.octets(2), plain.octets(2))
        assert all(map(np.array_equal, mine.constant(3), plain.constant(3)))
        mine.restart(2)
        assert np.array_equal(mine.data[0], plain.data[2])


def test_layers_that_do_not_fill_bytes_or_the_cache_are_packed_apart() -> None:
    assert not TogetherPacked.suits(
        [NumpyPackedBits(2, 1, 1, 5, 8), NumpyPackedBits(2, 1, 1, 5, 9)]
    )
    assert not TogetherPacked.suits([NumpyPackedBits(2, 1, 1, 1024, 1024)])
    assert not TogetherPacked.suits([TorchPackedBits(2, 1, 1, 5, 8, CPU)])
