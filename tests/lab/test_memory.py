"""Memory given back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from regime_lib.lab.memory import give_back


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing has to be asked for")
def test_what_was_freed_between_arrays_in_use_goes_back_to_the_system() -> None:
    arrays = [np.ones(10_000) for _ in range(2_000)]  # 160 MB in pieces that lie on the heap
    del arrays[:-1]
    before = resident()
    give_back()
    assert before - resident() > 100e6
