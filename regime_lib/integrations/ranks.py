"""Trackers in training on several processes: who looks, and one trace of what all of them saw."""

from __future__ import annotations

from torch import distributed

from regime_lib.instrument.tracking.merging import merge_parts
from regime_lib.instrument.tracking.trace import Trace


def is_first_rank() -> bool:
    """Whether this process is alone, or the first of its group."""
    return not _several() or distributed.get_rank() == 0


def gather(trace: Trace) -> Trace | None:
    """Merge the traces of all ranks, of which each looked at its own part of the probe.

    Every rank must call this; the first one is given the trace of the whole probe, see
    `merge_parts`, and the others None. A process that is alone is given its own trace.
    """
    if not _several():
        return trace
    first = distributed.get_rank() == 0
    found: list[Trace] | None = [trace] * distributed.get_world_size() if first else None
    distributed.gather_object(trace, found, dst=0)
    return merge_parts(found) if found is not None else None


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
