"""Freed memory is given back although something that stays lies above it."""

from __future__ import annotations

import sys

import psutil
import pytest

from regime_lib.lab.memory import _malloc_trim, give_back


@pytest.mark.skipif(_malloc_trim() is None, reason="this system's allocator has no malloc_trim")
def test_what_is_freed_between_things_that_stay_is_given_back() -> None:
    process = psutil.Process()
    large, small = [], []
    for i in range(3000):  # each below the size from which the allocator asks the system
        large.append(bytearray(90_000))
        small.append(bytearray(600 + i % 7))
    for one in large:
        one[::4096] = b"x" * len(one[::4096])
    full = process.memory_info().rss
    del large, one
    held = process.memory_info().rss
    give_back()
    left = process.memory_info().rss
    assert full - left > 150e6
    assert left <= held
    assert len(small) == 3000


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _malloc_trim.cache_clear()
    monkeypatch.setattr(sys, "platform", "win32")
    assert _malloc_trim() is None
    give_back()
    _malloc_trim.cache_clear()
