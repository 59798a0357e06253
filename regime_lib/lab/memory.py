"""Memory that a long computation freed, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Give memory that nobody uses back to the system, where that has to be asked for.

    Arrays of training runs lie between others on the heap, so that on Linux with the GNU C library
    what is freed stays with the process. Elsewhere this does nothing.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
