"""What most parts of a chapter hold beside the arrays of their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from regime_lib.estimate import Estimate

#: Numbers and texts that the prose quotes.
Numbers = dict[str, float | int | str]
#: The parameters of a run, and what it measures.
Point = Mapping[str, Any]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Part:
    """The claims of a part, by their ids, and what the prose quotes of it."""

    claims: dict[str, Estimate]
    numbers: Numbers


@dataclass(frozen=True)
class LongRuns:
    """Runs that are too long for a page, but not for blocks of fresh seeds.

    The page judges committed ones. Fresh ones are made one at a time, and judged as those are.
    """

    points: Callable[[int], Iterable[Point]]
    """The runs of a block, given its first seed."""
    run: Callable[[Point], Rows]
    """Computes one; other processes import it."""
    judge: Callable[[Iterable[tuple[Point, Rows]]], Part]
    """The claims that the runs of one block decide."""
    depends: Mapping[str, Any]
    """What results depend on beside the point."""
