"""Tables of claims that were measured several times over, committed with a manifest each.

Verdicts are not stored: they follow from the numbers and the criteria as they are written today.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import chapter_names
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.claims.claims import Claim, Verdict
from regime_lib.companion.claims.ledger import COLUMNS, judge
from regime_lib.companion.claims.sweep_tables import orphaned
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing, read_json, read_table, sha256_of

if TYPE_CHECKING:
    import pandas as pd

Rows = Sequence[Mapping[Hashable, Any]]


@dataclass(frozen=True)
class Repeated:
    """One sort of such tables: a file per chapter, a row per claim and repetition."""

    folder: str  # below ``book``
    column: str  # numbers the repetitions
    again: str  # the command that makes it, for a chapter

    def place(self, project: Project, chapter: str) -> Path:
        """Return where the table of a chapter lies, or would."""
        return project.pages / self.folder / f"{chapter}.parquet"

    def chapters(self, project: Project) -> Iterator[str]:
        """Yield the chapters that have a table; one that is no chapter is refused."""
        folder = project.pages / self.folder
        found = sorted({path.stem for path in [*folder.glob("*.parquet"), *folder.glob("*.json")]})
        for chapter in found:
            if chapter not in chapter_names(project):
                raise RegimeError(orphaned(project, self.place(project, chapter)))
            yield chapter

    def publish(
        self, project: Project, chapter: str, table: pd.DataFrame, facts: Mapping[str, Any]
    ) -> Path:
        """Put a table and its manifest among the pages of the book; returns the table's place."""
        if list(table.columns) != [self.column, *COLUMNS] or table.empty:
            raise RegimeError(f"no claim of {chapter} was measured; there is nothing to publish")
        place = self.place(project, chapter)
        with all_or_nothing() as beside:
            table.to_parquet(written := beside(place), index=False, compression="zstd")
            manifest = {"chapter": chapter, **facts}
            manifest |= {"rows": len(table), "sha256": sha256_of(written)}
            content = json.dumps(manifest, indent=2) + "\n"
            beside(place.with_suffix(".json")).write_text(content, encoding="utf-8")
        return place

    def committed(self, project: Project, chapter: str) -> Rows:
        """Return the rows of a chapter's table, if it is the one that its manifest names."""
        place = self.place(project, chapter)
        again = self.again.format(chapter=chapter)
        manifest_file = place.with_suffix(".json")
        if not place.exists() and not manifest_file.exists():
            return []
        with reading_committed(manifest_file, again):
            digest = read_json(manifest_file, dict)["sha256"]
        with reading_committed(place, again):
            if digest != sha256_of(place):
                raise ValueError("it is not the table that its manifest names")
            return read_table(place, [self.column, *COLUMNS]).to_dict("records")


#: Whole measurements with seeds that a page does not use.
FRESH = Repeated("firmness", "block", "regime firm {chapter} --publish")
#: The same of runs that are too long for a page, which judges committed ones.
LONG = Repeated("firmness/long_runs", "block", "regime firm {chapter} --long-runs --publish")
#: Committed runs that were judged again, each time without one of their seeds.
WITHOUT = Repeated("firmness/without_a_seed", "seed", "regime firm all --without-a-seed --publish")


def verdict_of(claim: Claim, row: Mapping[Hashable, Any]) -> Verdict:
    """Return what today's criterion says of a row; a row in another unit is refused."""
    if row["unit"] != claim.unit:
        raise RegimeError(
            f"the blocks of {claim.chapter} hold {claim.id} in '{row['unit']}', the claim is in "
            f"'{claim.unit}'; run regime firm {claim.chapter} --publish"
        )
    return judge(claim, row)
