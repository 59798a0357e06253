"""The committed runs on MNIST, as the figures of chapter 61 take them: nothing is trained here."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from regime_lib.chapters.attraction_basins.depths import numbers_of_depths
from regime_lib.chapters.attraction_basins.many_runs import (
    SIZES,
    beside_long_run,
    classes_of,
    depth_scans,
    start_scan,
)
from regime_lib.chapters.attraction_basins.measure import Classes, Depth, Starts


@dataclass(frozen=True)
class OnMnist:
    """What was measured on MNIST, part by part."""

    numbers: dict[str, float | int | str]
    """How many runs each part has, how long they are, and the widths of its networks."""
    depth: Depth
    starts: Starts
    classes: Classes


def on_mnist(rows: pd.DataFrame) -> OnMnist:
    """Put the parts together again.

    Parameters
    ----------
    rows : DataFrame
        Those of `many_runs`: the table ``many`` of the chapter's evidence.
    """
    parts = {str(part): own for part, own in rows.groupby("part")}
    by_width, basins = depth_scans(parts["depths"])
    found = classes_of(parts["depths"])
    scans = {start: start_scan(parts["starts"], start) for start in ("usual", "fixed")}
    numbers: dict[str, float | int | str] = {"mnist-width": max(by_width)}
    for name, one in beside_long_run(rows).items():
        known = {"": one.value, "-low": one.low, "-high": one.high}
        short = name.removeprefix("nd-")
        numbers |= {f"mnist-{short}{end}": "–" if x is None else x for end, x in known.items()}
    for part, steps in SIZES["steps"].items():
        numbers[f"mnist-runs-{part}"] = parts[part]["seed"].nunique()
        numbers[f"mnist-steps-{part}"] = steps
    names = tuple(str(digit) for digit in range(found.basin.shape[1]))
    return OnMnist(
        numbers,
        Depth({}, numbers_of_depths(by_width), by_width, basins),
        Starts({}, {}, scans),
        Classes({}, {}, names, found),
    )
