"""One table of all finished points, with a manifest that says what it was made of."""

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


def collect(store: Store, depends: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Gather every finished point into a table, and write and return it with its manifest.

    Rows come in the order of the parameters' values, whoever computed which point when.
    """
    points = store.plan()
    table = pd.DataFrame(
        {**_flat(point), **row}
        for key, point in sorted(points.items(), key=lambda item: _order(item[1]))
        for row in store.result(key) or ()
    )
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
        kinds = {type(value) for value in out[name] if value is not None and value == value}
        if len(kinds) > 1 and kinds != {int, float}:
            out[name] = [None if value is None else str(value) for value in out[name]]
    return out
