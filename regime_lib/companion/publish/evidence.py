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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.running.provenance import commit_of, loaded_versions
from regime_lib.errors import RegimeError
from regime_lib.storage import atomic_write, sha256_of, write_text

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
    folder, files = folder_of(project, chapter), {}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        with atomic_write(path) as temporary:
            table.to_parquet(temporary, index=False, compression="zstd")
        files[name] = {"rows": len(table), "sha256": sha256_of(path)}
    for name, picture in (pictures or {}).items():
        write_text(folder / f"{name}.json", json.dumps(dataclasses.asdict(picture)) + "\n")
    manifest = {
        "chapter": chapter,
        **facts,
        "commit": commit_of(project),
        "versions": loaded_versions(),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, one thread a run",
        "files": files,
        "pictures": {name: sha256_of(folder / f"{name}.json") for name in sorted(pictures or {})},
    }
    write_text(folder / _MANIFEST, json.dumps(manifest, indent=2) + "\n")
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
    import pandas as pd

    folder = folder_of(project or find_project(), chapter)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except OSError:
        raise RegimeError(
            f"no evidence of {chapter} was published; run regime evidence {chapter}"
        ) from None
    tables = {
        name: pd.read_parquet(_checked(folder / f"{name}.parquet", entry["sha256"], chapter))
        for name, entry in manifest["files"].items()
    }
    pictures = {}
    for name, digest in manifest.get("pictures", {}).items():
        path = _checked(folder / f"{name}.json", digest, chapter)
        pictures[name] = DrawnFigure(**json.loads(path.read_text(encoding="utf-8")))
    return Evidence(tables, manifest, pictures)


def _checked(path: Path, digest: str, chapter: str) -> Path:
    """Return a file of the evidence, if it is the one that the manifest names."""
    if not path.is_file() or sha256_of(path) != digest:
        raise RegimeError(
            f"{path.name} of the evidence of {chapter} is missing or not the one that its manifest "
            f"names; restore it or run regime evidence {chapter}"
        )
    return path


def folder_of(project: Project, chapter: str) -> Path:
    """Return where the evidence of a chapter lies, whether or not there is any."""
    return project.pages / "evidence" / chapter
