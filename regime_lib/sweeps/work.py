"""What a worker does with one point; the result is written here, not by who asked for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regime_lib.errors import RegimeError
from regime_lib.sweeps.grid import Point
from regime_lib.sweeps.store import Row, Store

#: Takes a point, returns a row of results or several.
Run = Callable[[Point], Mapping[str, Any] | Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Outcome:
    """How one point ended: ``computed``, ``found`` (finished by another), ``failed`` or
    ``unwritable``.
    """

    status: str
    error: str = ""


def work(run: Run, point: Point, key: str, place: str) -> Outcome:
    """Compute a point and keep its result, unless that is there already."""
    store = Store(place)
    try:
        with store.claim(key):
            return _compute(run, point, key, store)
    except OSError as error:
        return Outcome("unwritable", str(error))


def _compute(run: Run, point: Point, key: str, store: Store) -> Outcome:
    if store.result(key) is not None:
        return Outcome("found")
    start = time.perf_counter()
    try:
        rows = _rows(run(dict(point)))
    except Exception as error:  # a point may fail in any way; the sweep goes on
        words = str(error).strip().splitlines()
        told = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
        store.save_failure(key, point, told)
        return Outcome("failed", told)
    store.save_result(key, point, rows, time.perf_counter() - start)
    return Outcome("computed")


def _rows(result: Any) -> list[Row]:
    rows = [result] if isinstance(result, Mapping) else result
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise RegimeError(
            "the function must return a dict of numbers and texts, or a list of such dicts, not "
            f"{type(result).__name__}"
        )
    return [{str(name): _plain(name, value) for name, value in row.items()} for row in rows]


def _plain(name: object, value: Any) -> Any:
    scalar = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if scalar is None or isinstance(scalar, bool | int | float | str):
        return scalar
    raise RegimeError(
        f"the result '{name}' is of type {type(value).__name__}; return numbers and texts only"
    )
