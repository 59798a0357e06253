"""Committed evidence of a chapter: tables of runs too long to repeat with it, and their manifest.

They lie in ``book/evidence/CHAPTER/`` and are part of the key of a run, so that a chapter is run
again when its evidence changes.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.project import Project, find_project, reading_committed
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.running.provenance import commit_of, loaded_versions
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing, read_json, read_table, sha256_of

if TYPE_CHECKING:
    import pandas as pd

_MANIFEST = "manifest.json"


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured once and committed."""

    tables: dict[str, pd.DataFrame]  # by name
    manifest: dict[str, Any]  # settings, runs done and missing, versions, commit, seconds
    pictures: dict[str, DrawnFigure]  # figures of the run, by name


def publish_evidence(
    project: Project,
    chapter: str,
    tables: Mapping[str, pd.DataFrame],
    facts: Mapping[str, Any],
    pictures: Mapping[str, DrawnFigure] | None = None,
) -> Path:
    """Write tables as Parquet, and figures, and say in a manifest where they come from.

    The manifest has `facts`, versions, commit, class of machine and digests. Returns the folder.
    """
    folder, files, shown = folder_of(project, chapter), {}, {}
    with all_or_nothing() as beside:
        for name, table in tables.items():
            place = beside(folder / f"{name}.parquet")
            table.to_parquet(place, index=False, compression="zstd")
            files[name] = {"rows": len(table), "sha256": sha256_of(place)}
        for name, picture in sorted((pictures or {}).items()):
            place = beside(folder / f"{name}.json")
            place.write_text(json.dumps(dataclasses.asdict(picture)) + "\n", encoding="utf-8")
            shown[name] = sha256_of(place)
        manifest = {
            "chapter": chapter,
            **facts,
            "commit": commit_of(project),
            "versions": loaded_versions(),
            "machine": f"{platform.machine()}, {os.cpu_count()} processors, one thread a run",
            "files": files,
            "pictures": shown,
        }
        beside(folder / _MANIFEST).write_text(
            json.dumps(manifest, indent=2) + "\n", encoding="utf-8"
        )
    return folder


def published_evidence(chapter: str, project: Project | None = None) -> Evidence:
    """Return the committed evidence of a chapter.

    Parameters
    ----------
    chapter : str
        Its name.
    project : Project, optional
        The book; the one around the working directory by default.

    Raises
    ------
    RegimeError
        If there is none, or a table is not the one that the manifest names.
    """
    project = project or find_project()
    folder, manifest = folder_of(project, chapter), manifest_of(project, chapter)
    if manifest is None:
        raise RegimeError(f"no evidence of {chapter} was published; run regime evidence {chapter}")
    tables, pictures = {}, {}
    for name in manifest["files"]:
        with _reading(path := folder / f"{name}.parquet", chapter):
            tables[name] = read_table(path)
    for name in manifest.get("pictures", {}):
        with _reading(path := folder / f"{name}.json", chapter):
            pictures[name] = DrawnFigure(**read_json(path, dict))
    return Evidence(tables, manifest, pictures)


def manifest_of(project: Project, chapter: str) -> dict[str, Any] | None:
    """Return the manifest of a chapter's evidence; None where there is no folder of it.

    Raises
    ------
    RegimeError
        If the manifest is damaged, or a file that it names is missing or another one.
    """
    folder = folder_of(project, chapter)
    if not folder.exists():
        return None
    with _reading(folder / _MANIFEST, chapter):
        manifest = read_json(folder / _MANIFEST, dict)
        digests = {f"{name}.parquet": entry["sha256"] for name, entry in manifest["files"].items()}
        shown = manifest.get("pictures", {}).items()
    for name, digest in {**digests, **{f"{name}.json": digest for name, digest in shown}}.items():
        with _reading(folder / name, chapter):
            if sha256_of(folder / name) != digest:
                raise ValueError("it is not the one that the manifest names")
    return manifest


def _reading(path: Path, chapter: str) -> AbstractContextManager[None]:
    return reading_committed(path, f"regime evidence {chapter}")


def folder_of(project: Project, chapter: str) -> Path:
    """Return where the evidence of a chapter lies, whether or not there is any."""
    return project.pages / "evidence" / chapter
