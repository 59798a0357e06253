"""What sweeps found about claims: published tables, and how a verdict changes over a grid."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import chapter_names
from regime_lib.companion.book.project import Project, find_project, reading_committed
from regime_lib.companion.claims.claims import Claim, Verdict, load_claims
from regime_lib.companion.claims.ledger import COLUMNS, judge
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing, read_json, read_table, sha256_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class VerdictShare:
    """How one claim fares over the settings of a sweep."""

    points: int  # settings of the sweep
    verdicts: dict[Verdict, int]  # settings by verdict, in the order of `Verdict`
    parameters: tuple[str, ...]  # what was varied


def publish_sweep(
    project: Project, chapter: str, table: pd.DataFrame, manifest: Mapping[str, Any]
) -> Path:
    """Put a sweep's table among the pages of the book, from where the scorecard draws it.

    Points that failed are named in the manifest only.
    """
    if not {"claim", "verdict"} <= set(table.columns):
        raise RegimeError(
            f"the sweep of {chapter} measured no claim, so there is nothing to publish"
        )
    place = project.pages / "sweeps" / f"{chapter}.parquet"
    table = table[table["claim"].notna()].drop(columns="error", errors="ignore")
    with all_or_nothing() as beside:
        table.to_parquet(written := beside(place), index=False)
        content = json.dumps({**manifest, "sha256": sha256_of(written)}, indent=2) + "\n"
        beside(place.with_suffix(".json")).write_text(content, encoding="utf-8")
    return place


def published_sweep(chapter: str, project: Project | None = None) -> pd.DataFrame:
    """Return the published sweep of a chapter: a row for each claim at each setting.

    Parameters
    ----------
    chapter : str
        Its name.
    project : Project, optional
        The book; the one around the working directory by default.

    Raises
    ------
    RegimeError
        If no sweep of the chapter was published, or its table is not the one that was.
    """
    path = (project or find_project()).pages / "sweeps" / f"{chapter}.parquet"
    if not path.exists() and not path.with_suffix(".json").exists():
        raise RegimeError(
            f"no sweep of {chapter} was published; run regime sweep {chapter} --grid … --publish"
        )
    return _published(path)[0]


def read_shares(project: Project) -> dict[str, VerdictShare]:
    """Return, for every claim that a published sweep covers, how its verdict changes.

    Verdicts follow from the stored numbers and the criterion as it is written today; a setting at
    which a claim has no row gave no number, and leaves it undetermined. Claims that the manifest
    calls superseded are left out: their numbers are of a quantity that was defined anew since. A
    table of a chapter or a claim that is not there any more is refused.
    """
    claims = load_claims(project.claims_file)
    shares: dict[str, VerdictShare] = {}
    folder = project.pages / "sweeps"
    files = [*folder.glob("*.parquet"), *folder.glob("*.json")]
    for stem in sorted({path.stem for path in files}):
        path = folder / f"{stem}.parquet"
        if stem not in chapter_names(project):
            raise RegimeError(orphaned(project, path))
        shares |= _shares_of(path, project.show(path), claims)
    return shares


def orphaned(project: Project, table: Path) -> str:
    """Say that a published table has no chapter, and what to do."""
    notebook = f"notebooks/{table.stem}.ipynb"
    return (
        f"{project.show(table)} belongs to no chapter; take that back: git checkout -- {notebook}, "
        "or remove the table"
    )


def _published(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a published table and its manifest, if the table is the one that this names."""
    again = f"regime sweep {path.stem} --grid … --publish"
    with reading_committed(manifest_file := path.with_suffix(".json"), again):
        manifest = read_json(manifest_file, dict)
        digest, _ = manifest["sha256"], int(manifest["done"])
        _ = dict(manifest.get("superseded", {}))
    with reading_committed(path, again):
        if sha256_of(path) != digest:
            raise ValueError("it is not the one that its manifest names")
        return read_table(path, ["claim"]), manifest


def _shares_of(path: Path, where: str, claims: Mapping[str, Claim]) -> dict[str, VerdictShare]:
    table, manifest = _published(path)
    names = [name for name in table.columns if name not in COLUMNS]
    varied = tuple(name for name in names if len(table[name].unique()) > 1)
    found = {}
    superseded = manifest.get("superseded", {})
    for claim, rows in table[~table["claim"].isin(superseded)].groupby("claim", sort=False):
        if claim not in claims:
            raise RegimeError(
                f"{where} holds a claim {claim} that claims.yml does not; sweep again"
            )
        counts = Counter(judge(claims[str(claim)], row) for row in rows.to_dict("records"))
        points = int(manifest["done"])
        counts[Verdict.UNDETERMINED] += points - len(rows)
        verdicts = {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}
        found[str(claim)] = VerdictShare(points, verdicts, varied)
    return found
