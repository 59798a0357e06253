"""Keys of runs: everything that a chapter's outputs depend on, part by part, and what changed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.closure import closure
from regime_lib.companion.book.notebooks import (
    INJECTED_TAG,
    Node,
    lasting_metadata,
    read_notebook,
    source_of,
    tags_of,
)
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.claims.claims import Claim, load_claims
from regime_lib.errors import RegimeError
from regime_lib.storage import sha256_of

#: How modules begin whose changes make no run stale.
EXERCISES = "exercises"

#: Under which name the key lies in an executed notebook's metadata.
METADATA_KEY = "regime"

_DIGITS = 16
# How a reason calls what changed in a part; a name alone says enough in the others.
_WORDS = {"claims": "claim ", "evidence": "evidence ", "data": "data set "}


@dataclass(frozen=True)
class RunKey:
    """What a run of a chapter depends on."""

    parts: dict[str, dict[str, str]]  # digests, by part such as "library" and by name in it
    parameters: dict[str, Value]  # the value of every declared parameter

    @property
    def digest(self) -> str:
        """One digest of all parts."""
        return digest_of(self.parts)

    def as_metadata(self) -> dict[str, Any]:
        """Return what is stored in the executed notebook."""
        return {"key": self.digest, "parts": self.parts, "parameters": self.parameters}


def run_key(project: Project, entry: Entry, parameters: Mapping[str, Value]) -> RunKey:
    """Compute the key of a run of `entry` with the given values of all its parameters."""
    claims = load_claims(project.claims_file)
    evidence = project.pages / "evidence"
    parts = {
        "source": {"the notebook's text or code": digest_of(_essence(entry.notebook))},
        "parameters": {name: json.dumps(value) for name, value in parameters.items()},
        **measurement_parts(project, entry.imports, parameters.values()),
        "claims": {c.id: _claim_digest(c) for c in claims.values() if c.chapter == entry.name},
        "evidence": {
            **_file_digests(_tables_of(entry, evidence), evidence),
            **_file_digests(
                (project.pages / "firmness").rglob(f"{entry.name}.parquet"), project.pages
            ),
        },
    }
    return RunKey(parts, dict(parameters))


def stored_key(path: Path) -> dict[str, Any] | None:
    """Return the key that an executed notebook carries; None where there is none to trust."""
    try:
        stored = read_notebook(path).get("metadata", {}).get(METADATA_KEY)
    except RegimeError:
        return None  # missing or damaged: an executed notebook can always be made again
    return stored if isinstance(stored, dict) and {"key", "parts"} <= stored.keys() else None


def reasons_to_run(wanted: RunKey, stored: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Say, one reason an item, why a run is needed; nothing where the stored one will do."""
    if stored is None:
        return ("never run",)
    reasons: list[str] = []
    for part, now in wanted.parts.items():
        before = stored["parts"].get(part, {})
        for name in sorted(now.keys() | before.keys()):
            if now.get(name) != before.get(name):
                reasons.append(_reason(part, name, before.get(name), now.get(name)))
    return tuple(reasons)


def measurement_parts(
    project: Project, modules: Iterable[str], values: Iterable[Value] = ()
) -> dict[str, dict[str, str]]:
    """Return digests of what measurements depend on, beside their settings.

    These are modules and what they import, the lock, and data sets that values of parameters name.
    """
    return {
        "library": library_digests(project, modules),
        "lock": _file_digests([project.lock_file], project.root),
        "data": data_digests(values),
    }


def library_digests(project: Project, modules: Iterable[str]) -> dict[str, str]:
    """Return the digest of every file of the project's code that importing some modules runs.

    Comments, docstrings and blank lines do not count, nor do the checks of exercises: what these
    say of a reader's function changes nothing that a chapter measured. A package's templates do.
    """
    roots = (project.library.parent, project.notebooks)
    found = closure(roots, modules, ignore=EXERCISES)
    texts = {path: module.code for path, module in found.items()}
    for package in (path.parent for path in found if path.name == "__init__.py"):
        for path in package.glob("templates/*.j2"):
            with reading_committed(path):
                texts[path] = path.read_text(encoding="utf-8")
    return {
        next(path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root)): (
            _sha256(text)
        )
        for path, text in texts.items()
    }


def _tables_of(entry: Entry, evidence: Path) -> Iterator[Path]:
    """Yield the files of the evidence that bears the chapter's name, or that its code names."""
    text = "".join(source_of(cell) for cell in entry.notebook["cells"])
    for folder in evidence.glob("*"):
        if folder.name == entry.name or f'"{folder.name}"' in text:
            yield from folder.glob("*")


def _reason(part: str, name: str, before: str | None, now: str | None) -> str:
    if part == "parameters":
        return f"parameter {name}: {before or 'undeclared'} → {now or 'undeclared'}"
    change = "is new" if before is None else "is gone" if now is None else "changed"
    return f"{_WORDS.get(part, '')}{name} {change}"


def _essence(notebook: Node) -> list[Any]:
    """Return what a notebook says and does, without its outputs and identifiers."""
    return [
        [cell["cell_type"], source_of(cell), lasting_metadata(cell.get("metadata", {}))]
        for cell in notebook["cells"]
        if INJECTED_TAG not in tags_of(cell)
    ]


def _claim_digest(claim: Claim) -> str:
    """Return the digest of what a card shows of a claim, and of what judges it."""
    return digest_of(dataclasses.asdict(claim))


def digest_of(content: object) -> str:
    """Return the digest of anything that JSON can hold."""
    return _sha256(json.dumps(content, sort_keys=True, ensure_ascii=False))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:_DIGITS]


def data_digests(values: Iterable[Value]) -> dict[str, str]:
    """Return one digest for each data set of ``$REGIME_DATA`` that a parameter names."""
    root = os.environ.get("REGIME_DATA")
    if not root or not Path(root).is_dir():
        return {}
    named = {_plain_name(value) for value in values if isinstance(value, str)}
    folders = [f for f in Path(root).iterdir() if f.is_dir() and _plain_name(f.name) in named]
    return {f.name: digest_of(_file_digests(f.rglob("*"), f)) for f in folders}


def _plain_name(name: str) -> str:
    """Compare tiny-shakespeare, tiny_shakespeare and tinyshakespeare as equal."""
    return name.lower().replace("-", "").replace("_", "")


def _file_digests(files: Iterable[Path], base: Path) -> dict[str, str]:
    found = sorted(path for path in files if path.is_file())
    return {path.relative_to(base).as_posix(): sha256_of(path)[:_DIGITS] for path in found}
