"""What a worker does with one point; the result is written here, not by who asked for it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from regime_lib.errors import RegimeError
from regime_lib.sweeps.grid import Point
from regime_lib.sweeps.store import Row, Store, told

#: Takes a point, returns a row of results or several.
Run = Callable[[Point], Mapping[str, Any] | Sequence[Mapping[str, Any]]]

_LARGEST = 2**63  # the table's whole numbers have 64 bits, one for the sign


@dataclass(frozen=True)
class Outcome:
    """How one point ended."""

    status: str  # computed, found (finished by another), busy (in other hands), failed, unwritable
    error: str = ""


def work(run: Run, point: Point, key: str, place: str, wait: bool = True) -> Outcome:
    """Compute a point and keep its result, unless that is there or, with no `wait`, under way."""
    store = Store(place)
    try:
        with store.claim(key, wait) as mine:
            return _compute(run, point, key, store) if mine else Outcome("busy")
    except OSError as error:
        return Outcome("unwritable", error.strerror or str(error))


def _compute(run: Run, point: Point, key: str, store: Store) -> Outcome:
    if store.result(key) is not None:
        return Outcome("found")
    start = time.perf_counter()
    try:
        rows = _rows(point, run(dict(point)))
    except BaseException as error:  # a point may fail in any way; the sweep goes on
        if isinstance(error, KeyboardInterrupt) and _is_ctrl_c():
            raise
        store.save_failure(key, point, told(error))
        return Outcome("failed", told(error))
    store.save_result(key, point, rows, time.perf_counter() - start)
    return Outcome("computed")


def _is_ctrl_c() -> bool:
    """Whether an interrupt may come from the keyboard: not in a worker, which ignores that."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def _rows(point: Point, result: Any) -> list[Row]:
    rows = [result] if isinstance(result, Mapping) else result
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise RegimeError(
            "the function must return a dict of numbers and texts, or a list of such dicts, not "
            f"{type(result).__name__}"
        )
    plain = [{str(name): _plain(str(name), row[name]) for name in row} for row in rows]
    for name, value in point.items():
        _require_storable(f"the parameter {name!r}", value)
        if any(row.get(name, value) != value for row in plain):
            raise RegimeError(f"the result {name!r} has the name of a parameter; give it another")
    return plain


def _plain(name: str, value: Any) -> Any:
    scalar = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if scalar is not None and not isinstance(scalar, bool | int | float | str):
        raise RegimeError(
            f"the result {name!r} is of type {type(value).__name__}; return numbers and texts only"
        )
    _require_storable("the name of a result", name)
    _require_storable(f"the result {name!r}", scalar)
    return scalar


def _require_storable(what: str, value: Any) -> None:
    """Refuse whole numbers and texts that the table cannot hold."""
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise RegimeError(f"{what} needs more than the 64 bits of the table; make it a float")
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise RegimeError(f"{what} has a character that UTF-8 does not") from None
