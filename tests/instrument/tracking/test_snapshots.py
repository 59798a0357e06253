"""Snapshots are evenly spread, bounded in number, and taken only where they are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.instrument.tracking.snapshots import Snapshots


@given(room=st.integers(1, 40), length=st.integers(1, 300), stride=st.integers(1, 5))
def test_kept_items_are_every_kth_offered(room: int, length: int, stride: int) -> None:
    snapshots: Snapshots[int] = Snapshots(room, stride)

    def take(number: int) -> int:
        if snapshots.spare:
            snapshots.spare.pop()  # its room is used again
        return number

    for number in range(length):
        snapshots.offer(10 * number, lambda number=number: take(number))
        assert not set(snapshots.spare) & set(snapshots.items)
        assert len(snapshots.spare) + len(snapshots.items) <= max(2, room)
    k = snapshots.stride
    assert snapshots.items == list(range(0, length, k))
    assert snapshots.steps == [10 * number for number in snapshots.items]
    assert k % stride == 0
    assert (k // stride).bit_count() == 1
    room = max(2, room)
    assert len(snapshots.items) <= room
    if length > 2 * room * stride:
        assert len(snapshots.items) >= room / 2


@pytest.mark.parametrize("room", [2, 5, 16])
def test_an_item_is_made_only_if_it_is_kept(room: int) -> None:
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    snapshots: Snapshots[int] = Snapshots(room)
    for number in range(200):
        snapshots.offer(number, lambda number=number: make(number))
        assert made[-1] == snapshots.items[-1]
    assert len(made) < 10 * room
