"""A run that the reader brings to a page, read from what a tracker saves or a table holds.

It is shipped to the page as it stands, with series of the book's own runs beside it. The page has
turned Parquet into columns, as JSON, before Python sees it.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

#: Beside this file: series of runs of the book, by optimiser and quantity.
BOOK = "book_runs.json"

Series = dict[str, tuple[Int[np.ndarray, " steps"], Float[np.ndarray, " steps"]]]

_WHOLE = "all"  # the layer that stands for the whole network
_LONG = {"step", "quantity", "value"}


def read_trace(path: Path, member: int = 0) -> Series:
    """Return the series of a run, each as its steps and values, by quantity.

    Parameters
    ----------
    path : Path
        A table of CSV or JSON. Either it is what a tracker saves, with columns step, layer,
        quantity, member and value, or it has a column of steps and one for each quantity.
    member : int
        Which network of an ensemble.

    Raises
    ------
    ValueError
        If the file is no such table.
    """
    columns = _columns(path)
    if set(columns) >= _LONG:
        return _of_long(columns, member)
    if "step" not in columns or len(columns) < 2:
        raise ValueError(
            f"{path.name} has the columns {', '.join(columns) or 'none'}; a run has 'step' and "
            "a column for each quantity, or 'step', 'quantity' and 'value'"
        )
    steps = np.array(columns["step"], dtype=float).astype(int)
    return {
        name: (steps, np.array(values, dtype=float))
        for name, values in columns.items()
        if name.startswith(("pattern_", "weight_"))
    }


def book_run(optimiser: str = "sgd") -> Series:
    """Return series of a run of the book: a small network on MNIST, at a constant rate.

    Raises
    ------
    ValueError
        If the book has no run with this optimiser.
    """
    runs = json.loads(Path(__file__).with_name(BOOK).read_text(encoding="utf-8"))
    if optimiser not in runs:
        raise ValueError(f"the book has no run with {optimiser!r}; take {', '.join(runs)}")
    return {
        name: (np.array(told["steps"]), np.array(told["values"]))
        for name, told in runs[optimiser].items()
    }


def over_peak(
    series: tuple[Int[np.ndarray, " steps"], Float[np.ndarray, " steps"]], window: int = 1
) -> tuple[list[int], list[float]]:
    """Return trailing means of a series, over the largest of them, with their steps."""
    steps, values = series
    sums = np.cumsum([0.0, *values])
    ends = np.arange(1, len(sums))
    begins = np.maximum(ends - window, 0)
    means = (sums[ends] - sums[begins]) / (ends - begins)
    return steps.tolist(), (means / (means.max(initial=0) or 1.0)).tolist()


def _of_long(columns: dict[str, list[Any]], member: int) -> Series:
    quantity, layers = np.array(columns["quantity"]), columns.get("layer")
    kept = np.full(len(quantity), True) if layers is None else np.array(layers) == _WHOLE
    if "member" in columns:
        members = np.array(columns["member"], dtype=float).astype(int)
        if member not in members:
            raise ValueError(f"there is no member {member}; they are 0 to {members.max()}")
        kept &= members == member
    steps = np.array(columns["step"], dtype=float).astype(int)
    values = np.array(columns["value"], dtype=float)
    found = {}
    for name in dict.fromkeys(quantity[kept].tolist()):
        own = kept & (quantity == name)
        found[str(name)] = (steps[own], values[own])
    return found


def _columns(path: Path) -> dict[str, list[Any]]:
    """Return the columns of a table by name."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix.lower() != ".json":
        rows = [row for row in csv.reader(text.splitlines()) if row]
        head, body = (rows[0], rows[1:]) if rows else ([], [])
        if any(len(row) != len(head) for row in body):
            raise ValueError(f"the lines of {path.name} have not all as many entries as the first")
        return {name.strip(): [row[n] for row in body] for n, name in enumerate(head)}
    try:
        told = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{path.name} is no JSON: {error}") from None
    match told:
        case {"columns": [*names], "data": [*rows]}:  # pandas, orient="split"
            return {str(name): [row[n] for row in rows] for n, name in enumerate(names)}
        case [{}, *_] as rows if all(isinstance(row, dict) for row in rows):  # orient="records"
            return {str(name): [row.get(name) for row in rows] for name in rows[0]}
        case {} as table:  # lists, or what pandas writes by default
            return {
                str(name): list(values.values()) if isinstance(values, dict) else list(values)
                for name, values in table.items()
                if isinstance(values, dict | list)
            }
    raise ValueError(f"{path.name} holds no table")
