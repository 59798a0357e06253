"""Fresh blocks of the MLP on MNIST at a constant rate: fifteen runs each, judged as the page does.

Of all long runs these are the shortest, and the claims of the late stage are judged on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from regime_lib.chapters.part import LongRuns, Part
from regime_lib.chapters.three_times.late.decomposition import decomposition
from regime_lib.chapters.three_times.late.grid import points
from regime_lib.chapters.three_times.late.headline import headline
from regime_lib.chapters.three_times.late.refinement import refinement
from regime_lib.chapters.three_times.late.runs import VERSION, run_point, tables_of
from regime_lib.chapters.three_times.late.tables import WHOLE

#: The schedule of the runs of a block; it has every optimiser and seed of the committed ones.
SCHEDULE = "constant"
#: What these runs alone decide, by the functions that judge it.
CLAIMS = (
    "rc-late-mlp",
    "rc-early-change",
    "rc-late-inputs",
    *(
        f"rc-late-{what}-{o}"
        for what in ("path", "displacement", "loss", "test-loss", "clock")
        for o in ("sgd", "momentum", "adamw")
    ),
)


def block_points(first: int) -> list[dict[str, Any]]:
    """Return the runs of a block, whose seeds are `first`, `first` + 1, ..."""
    committed = [point for point in points(WHOLE) if point["schedule"] == SCHEDULE]
    return [{**point, "seed": first + point["seed"]} for point in committed]


def judged(runs: Iterable[tuple[Mapping[str, Any], list[dict[str, Any]]]]) -> Part:
    """Judge the runs of a block, of each its point and its rows, as the committed ones are."""
    tables = tables_of((WHOLE, 0.0, rows) for _, rows in runs)
    found = [part(tables).claims for part in (headline, decomposition, refinement)]
    claims = {claim: estimate for own in found for claim, estimate in own.items()}
    return Part({claim: claims[claim] for claim in CLAIMS}, {})


LONG_RUNS = LongRuns(block_points, run_point, judged, {"version": VERSION})
