"""One table of all points that were tried, with a manifest that says what it was made of."""

from __future__ import annotations

import hashlib
import io
import json
import platform
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import pandas as pd

from regime_lib import __version__
from regime_lib.sweeps.grid import Point
from regime_lib.sweeps.store import Store

TABLE, MANIFEST = "table.parquet", "manifest.json"
#: The column that says why a point failed.
ERROR = "error"


def collect(store: Store, depends: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Gather every point that was tried into a table; write and return it with its manifest.

    Rows come in the order of the parameters' values, whoever computed which point when. A point
    that failed has one row, with what explains it in the column `ERROR` and no result. Where
    nothing failed there is no such column.
    """
    points = store.plan()
    finished: dict[int, dict[str, Any]] = {}
    failed: dict[int, dict[str, Any]] = {}
    for key, point in sorted(points.items(), key=lambda item: _order(item[1])):
        rows = store.result(key)
        for row in rows or ():
            finished[len(finished) + len(failed)] = {**_flat(point), **row}
        if rows is None and (error := store.failure(key)) is not None:
            told = {name: _printable(value) for name, value in _flat(point).items()}
            failed[len(finished) + len(failed)] = {**told, ERROR: error}
    table = _joined(finished, failed)
    buffer = io.BytesIO()
    _storable(table).to_parquet(buffer, index=False)
    content = buffer.getvalue()
    status = store.status()
    manifest = {
        "points": len(points),
        "done": status.done,
        "failed": [{"point": point, "error": error} for point, error in status.errors],
        "missing": status.missing,
        "parameters": sorted({name for point in points.values() for name in point}),
        "depends": dict(depends),
        "compute_seconds": round(sum(map(store.seconds, points)), 3),
        "rows": len(table),
        "sha256": hashlib.sha256(content).hexdigest(),
        "versions": {
            "python": platform.python_version(),
            "regime-lib": __version__,  # of the package itself: a checkout need not be installed
            **{name: metadata.version(name) for name in ("numpy", "pandas")},
        },
    }
    store.write({TABLE: content, MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
    return table, manifest


def _joined(finished: Mapping[int, Any], failed: Mapping[int, Any]) -> pd.DataFrame:
    """Put failed points where they belong; whole numbers beside missing ones stay exact."""
    table = pd.DataFrame(list(finished.values()), index=list(finished))
    if not failed:
        return table
    whole = [name for name, kind in table.dtypes.items() if kind in ("int64", "bool")]
    table = table.astype({name: table[name].convert_dtypes().dtype for name in whole})
    beside = pd.DataFrame(list(failed.values()), index=list(failed))
    return pd.concat([table, beside]).sort_index()


def _printable(value: Any) -> Any:
    """Return a parameter as a table can hold it: it may be why its point failed."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value


def _order(point: Point) -> list[tuple[str, bool, float, str]]:
    """Sort numbers as numbers, then texts."""

    def value(given: Any) -> tuple[bool, float, str]:
        number = isinstance(given, int | float) and not isinstance(given, bool)
        return (not number, given if number else 0, json.dumps(given))

    return [(name, *value(given)) for name, given in point.items()]


def _flat(point: Point) -> dict[str, Any]:
    return {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in point.items()}


def _storable(table: pd.DataFrame) -> pd.DataFrame:
    """Give columns of mixed kinds one that Parquet has: text."""
    out = table.copy()
    for name in out.columns:
        kinds = {type(value) for value in out[name].dropna()}
        if len(kinds) > 1 and kinds != {int, float}:
            out[name] = [None if pd.isna(value) else str(value) for value in out[name]]
    return out
