"""From a chapter's parameters to its measurements, kept until what they depend on changes.

A chapter's module `measure` holds ``Settings`` (a frozen dataclass of parameters), the values of
the profiles ``QUICK`` and ``PAPER``, a pure function per part, and ``measure``, which calls all.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import GenericAlias, ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.parameters import Value, check_value, refuse_unknown
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.keys import digest_of, measurement_parts
from regime_lib.errors import RegimeError
from regime_lib.keeping import dumps, loads
from regime_lib.storage import atomic_write

if TYPE_CHECKING:
    from regime_lib.estimate import Estimate

T = TypeVar("T")

PROFILES = ("quick", "paper")

_KEPT = 8  # results of a part that stay: a few settings, before and after a change

#: What a chapter may do with kept measurements. A runner sets it for the kernels that it starts:
#: "reuse" reads and writes them, "leave" computes afresh and writes. Anybody else does neither.
VARIABLE = "REGIME_MEASUREMENTS"


def with_profile(
    entry: Entry, values: Mapping[str, Value], module: ModuleType | None
) -> dict[str, Value]:
    """Fill the parameters that are None from the profile that is chosen."""
    quick, paper = (dict(getattr(module, name, {})) for name in ("QUICK", "PAPER"))
    if not quick and not paper:
        return dict(values)
    declared = {parameter.name: parameter for parameter in entry.parameters}
    if set(quick) != set(paper):
        raise RegimeError("the profiles quick and paper must give values to the same parameters")
    if values.get("profile") not in PROFILES:
        raise RegimeError(
            'a chapter with profiles declares `profile: str = "quick"  # [quick | paper]`'
        )
    for key, value in (*quick.items(), *paper.items()):
        refuse_unknown(key, declared, entry.name)
        check_value(declared[key], value, "the profile's value of")
    chosen = quick if values["profile"] == "quick" else paper
    return {k: chosen.get(k) if value is None else value for k, value in values.items()}


def settings_of(module: ModuleType, values: Mapping[str, Value]) -> Any:
    """Return the settings of a chapter's measurements: its parameters as a frozen dataclass."""
    names = [field.name for field in dataclasses.fields(module.Settings)]
    if strange := sorted(set(names) - set(values)):
        raise RegimeError(
            f"{module.__name__}.Settings has a field '{strange[0]}' that the chapter does not "
            "declare; add it to the parameters cell"
        )
    given = {name: values[name] for name in names}
    return module.Settings(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})


def claims_in(result: object) -> dict[str, Estimate]:
    """Return the estimate of every claim in a result and in the results that it holds."""
    found: dict[str, Estimate] = {}
    for claim, estimate in _claims(result):
        if claim in found:
            raise RegimeError(f"claim {claim} is measured by two parts; keep one")
        found[claim] = estimate
    return found


class Keeper:
    """The measurements of one chapter, each in a file under the digest of what it depends on.

    Attributes
    ----------
    saved : float
        Seconds that the measurements took when they were made which were read from files.
    """

    def __init__(self, project: Project, entry: Entry, values: Mapping[str, Value]) -> None:
        self._folder = project.measurements / entry.name
        self._mode = os.environ.get(VARIABLE, "")
        self._parts: dict[str, Any] = {}
        self.saved = 0.0
        if self._mode:  # now, before the reader can edit what this process has imported
            self._parts = measurement_parts(project, entry.measuring, values.values())

    def measured(self, part: Callable[..., T], settings: Any, *tables: Any) -> T:
        """Return what a part measures: kept, if it may be read and nothing changed, else afresh."""
        if not self._mode:
            return part(settings, *tables)
        path = self._path(part, settings, tables)
        kind: Any = GenericAlias(tuple, (get_type_hints(part)["return"], float))  # and its seconds
        if self._mode == "reuse":
            with suppress(OSError, RegimeError):  # missing or damaged: it is computed again
                known: tuple[T, float] = loads(kind, path.read_bytes())
                self.saved += known[1]
                return known[0]
        started = perf_counter()
        result = part(settings, *tables)
        content = dumps((result, perf_counter() - started))
        with suppress(OSError):  # a full disk costs what could be kept, not what was measured
            with atomic_write(path, durable=False) as temporary:
                temporary.write_bytes(content)
            _prune(path)
        fresh: tuple[T, float] = loads(kind, content)  # the same, kept or fresh
        return fresh[0]

    def _path(self, part: Callable[..., Any], settings: Any, tables: tuple[Any, ...]) -> Path:
        depends = {
            "part": f"{part.__module__}.{part.__qualname__}",
            "settings": dataclasses.asdict(settings),
            "tables": digest_of([dumps(table).hex() for table in tables]),
            **self._parts,
        }
        return self._folder / f"{part.__name__}-{digest_of(depends)}.npz"


def _claims(result: Any) -> Iterator[tuple[str, Estimate]]:
    if isinstance(result, tuple | list):
        for one in result:
            yield from _claims(one)
    for field in dataclasses.fields(result) if dataclasses.is_dataclass(result) else ():
        value = getattr(result, field.name)
        if field.name == "claims" and isinstance(value, dict):
            yield from value.items()
        else:
            yield from _claims(value)


def _prune(path: Path) -> None:
    """Remove what is kept of a part beside the last few results, of other settings or code."""
    part = path.name.rpartition("-")[0]
    kept = sorted(path.parent.glob(f"{part}-*.npz"), key=lambda p: p.stat().st_mtime)
    for old in kept[:-_KEPT]:
        old.unlink(missing_ok=True)
