"""A chapter as a plain function: parameters in, what it measured out. For sweeps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any

from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.ledger import COLUMNS, as_measurement
from regime_lib.companion.running.keys import digest_of, measurement_parts
from regime_lib.companion.running.measuring import claims_in, settings_of, with_profile
from regime_lib.companion.running.threads import use_one_thread
from regime_lib.errors import RegimeError


def chapter_function(project: Project, name: str, given: Mapping[str, Value]) -> Any:
    """Return the function of one chapter: takes a point, returns a row per measured claim."""
    return partial(_run_in, str(project.root), name, dict(given))


def check_points(
    entry: Entry, given: Mapping[str, str | Value], grid: Any
) -> list[dict[str, Value]]:
    """Return the points of a grid as checked values of the chapter's parameters."""
    points = []
    for point in grid:
        if both := sorted(point.keys() & given.keys()):
            raise RegimeError(f"parameter '{both[0]}' is set and in the grid; give it once")
        text = {k: v if v is None or isinstance(v, list) else str(v) for k, v in point.items()}
        values = resolve_values(entry.parameters, {**given, **text}, entry.name)
        points.append({key: values[key] for key in point})
    return points


def dependencies(
    project: Project,
    entry: Entry,
    given: Mapping[str, str | Value],
    points: Iterable[Mapping[str, Value]] = (),
) -> dict[str, Any]:
    """Return digests of what the points of a chapter's sweep depend on beside their parameters.

    A point keeps numbers; their verdicts follow from the criteria of whoever reads them.
    """
    values = resolve_values(entry.parameters, given, entry.name)
    named = {v for point in points for v in point.values() if isinstance(v, str)}
    parts = measurement_parts(project, entry.measuring, [*values.values(), *sorted(named)])
    shared = {key: digest_of(part) for key, part in parts.items()}
    return {"chapter": entry.name, "given": {k: values[k] for k in given}, **shared}


def run_point(project: Project, name: str, given: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Measure what a chapter measures with these parameters; return a row per claim."""
    (entry,) = find_chapters(project, [name])
    values = resolve_values(entry.parameters, given, entry.name)
    module = measure_module(project, entry)
    return rows_of_parts(project, entry, with_profile(entry, values, module), [module.measure])


def rows_of_parts(
    project: Project,
    entry: Entry,
    values: Mapping[str, Value],
    parts: Iterable[Callable[[Any], Any]],
) -> list[dict[str, Any]]:
    """Return what parts of a chapter measure at the value of every parameter, a row per claim."""
    module = measure_module(project, entry)
    use_one_thread()
    settings = settings_of(module, values)
    claims = load_claims(project.claims_file)
    rows = []
    for claim, estimate in claims_in([part(settings) for part in parts]).items():
        if claim not in claims or claims[claim].chapter != entry.name:
            raise RegimeError(
                f"{entry.measure} measures {claim}, which is no claim of {entry.name}"
            )
        found = {"claim": claim, **as_measurement(claims[claim], estimate).as_dict()}
        rows.append({key: found[key] for key in COLUMNS})
    return rows


def measure_module(project: Project, entry: Entry) -> ModuleType:
    """Import the module that a chapter gives to `open_chapter`; it may lie beside the notebook."""
    if entry.measure is None:
        raise RegimeError(
            f"chapter {entry.name} has no module that measures, so it cannot be swept; give one to "
            "open_chapter as its third argument"
        )
    beside = str(project.notebooks)
    if beside not in sys.path:
        sys.path.insert(0, beside)
    return import_module(entry.measure)


def _run_in(root: str, name: str, shared: dict[str, Value], point: dict[str, Value]) -> Any:
    os.environ["REGIME_ROOT"] = root
    return run_point(find_project(), name, {**shared, **point})
