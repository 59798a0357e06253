"""Memory that was freed and is still held: given back to the system, now and then in a long run.

Tensors of many sizes that come and go leave holes between small objects that stay. The allocator of
Linux keeps them, and a run of ten thousand steps grows by gigabytes that nothing uses.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def give_back() -> None:
    """Return freed memory to the system, where the allocator offers to; costs milliseconds."""
    if (trim := _malloc_trim()) is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    """Return the function of glibc, or None: other systems and other C libraries have none."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
