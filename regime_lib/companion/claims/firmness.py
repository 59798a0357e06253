"""How firm verdicts are: each claim that depends on chance, measured over fresh blocks of seeds.

A block is one whole measurement of a chapter, as its page shows it, with seeds that the page does
not use. Tables lie in ``book/firmness``; verdicts follow from their numbers and the criteria as
they are written today.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import chapter_names
from regime_lib.companion.book.project import Project, find_project, reading_committed
from regime_lib.companion.claims.claims import Claim, Verdict, load_claims
from regime_lib.companion.claims.ledger import COLUMNS, judge, read_ledger
from regime_lib.companion.claims.sweep_tables import orphaned
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing, read_json, read_table, sha256_of

if TYPE_CHECKING:
    import pandas as pd

#: Blocks that it takes to call a verdict firm, and the share of them that must agree with it.
BLOCKS = 20
SHARE = 0.75

#: What is said of a claim that no committed block measured.
NOT_MEASURED = "not measured"

# What a block is of, in what an interval is over: "23 of 24 seeds, each its own start".
_RUNS = re.compile(r"(?:\d[\d,]* of )?(\d[\d,]* [^,;:(]*[^,;:(\s])")

_Rows = Sequence[Mapping[Hashable, Any]]


@dataclass(frozen=True)
class Firmness:
    """How often fresh blocks of seeds repeat the verdict of one claim."""

    verdicts: dict[Verdict, int]  # blocks by verdict, in the order of `Verdict`
    published: Verdict  # the one on the claim's card
    block: str = ""  # what a block is of, such as "8 seeds"; empty where that is not known

    @property
    def blocks(self) -> int:
        """How many blocks were run."""
        return sum(self.verdicts.values())

    @property
    def same(self) -> int:
        """How many blocks give the published verdict."""
        return self.verdicts.get(self.published, 0)

    @property
    def firm(self) -> bool:
        """Whether at least 15 of 20 blocks give the published verdict."""
        return self.blocks >= BLOCKS and self.same >= SHARE * self.blocks

    @property
    def sentence(self) -> str:
        """The distribution in words: "reproduced in 17 of 20 fresh blocks of 8 seeds, …"."""
        if not self.blocks:
            return NOT_MEASURED
        (first, count), *rest = sorted(self.verdicts.items(), key=lambda item: -item[1])
        plural = "" if self.blocks == 1 else "s"
        of = f" of {self.block}" if self.block else ""
        said = f"{first} in {count} of {self.blocks} fresh block{plural}{of}"
        return ", ".join([said, *(f"{verdict} in {number}" for verdict, number in rest)])

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "blocks": self.blocks,
            "same": self.same,
            "verdicts": {str(verdict): count for verdict, count in self.verdicts.items()},
            "block": self.block,
            "firm": self.firm,
        }


def read_firmness(project: Project) -> dict[str, Firmness]:
    """Return how firm the verdict of every claim is that committed blocks measured.

    Rows of claims that are gone, or that do not depend on chance any more, say nothing. A table
    that is not the one its manifest names is refused, and one in another unit than its claim's.
    """
    published = {record.claim.id: record.verdict for record in read_ledger(project)}
    claims = load_claims(project.claims_file)
    found: dict[str, Firmness] = {}
    files = [*_folder(project).glob("*.parquet"), *_folder(project).glob("*.json")]
    for chapter in sorted({path.stem for path in files}):
        if chapter not in chapter_names(project):
            raise RegimeError(orphaned(project, _place(project, chapter)))
        found |= firmness_of_blocks(_committed(project, chapter), claims, published)
    return found


def firmness_of_chapter(
    project: Project, chapter: str, published: Mapping[str, Verdict]
) -> dict[str, Firmness]:
    """Return the same for one chapter, given its verdicts; nothing where no block is committed."""
    claims = load_claims(project.claims_file)
    return firmness_of_blocks(_committed(project, chapter), claims, published)


def firmness_sentence(claim: str, project: Project | None = None) -> str:
    """Say how fresh blocks of seeds judge a claim; "not measured" where none was run.

    Parameters
    ----------
    claim : str
        The id under which claims.yml has it.
    project : Project, optional
        Whose blocks are read; those of the book that one works in if it is left out.

    Raises
    ------
    RegimeError
        If claims.yml does not have it, or the table of blocks is not as it was published.
    """
    project = project or find_project()
    known = load_claims(project.claims_file).get(claim)
    if known is None:
        raise RegimeError(f"book/claims.yml holds no claim '{claim}'")
    found = firmness_of_chapter(project, known.chapter, {}).get(claim)
    return found.sentence if found else NOT_MEASURED


def firmness_of_blocks(
    rows: _Rows, claims: Mapping[str, Claim], published: Mapping[str, Verdict]
) -> dict[str, Firmness]:
    """Return how firm each claim is, from what blocks measured, a row per claim each.

    A block without a row of a claim that others have gave no number, and leaves it undetermined.
    """
    blocks = len({row["block"] for row in rows})
    of_claim: dict[str, list[Mapping[Hashable, Any]]] = {}
    for row in rows:
        of_claim.setdefault(row["claim"], []).append(row)
    found = {}
    for claim, own in of_claim.items():
        if claim not in claims or not claims[claim].drawn:
            continue
        counts = Counter(_verdict(claims[claim], row) for row in own)
        counts[Verdict.UNDETERMINED] += blocks - len(own)
        verdicts = {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}
        found[claim] = Firmness(verdicts, published.get(claim, Verdict.NOT_TESTED), _block(own))
    return found


def publish_firmness(
    project: Project, chapter: str, table: pd.DataFrame, facts: Mapping[str, Any]
) -> Path:
    """Put what fresh blocks measured among the pages of the book; returns the table's place."""
    if list(table.columns) != ["block", *COLUMNS] or table.empty:
        raise RegimeError(f"the blocks of {chapter} measured no claim; there is nothing to publish")
    place = _place(project, chapter)
    with all_or_nothing() as beside:
        table.to_parquet(written := beside(place), index=False, compression="zstd")
        manifest = {"chapter": chapter, **facts, "rows": len(table), "sha256": sha256_of(written)}
        content = json.dumps(manifest, indent=2) + "\n"
        beside(place.with_suffix(".json")).write_text(content, encoding="utf-8")
    return place


def _committed(project: Project, chapter: str) -> _Rows:
    """Return the rows of a committed table, if it is the one that its manifest names."""
    place, again = _place(project, chapter), f"regime firm {chapter} --publish"
    manifest_file = place.with_suffix(".json")
    if not place.exists() and not manifest_file.exists():
        return []
    with reading_committed(manifest_file, again):
        digest = read_json(manifest_file, dict)["sha256"]
    with reading_committed(place, again):
        if digest != sha256_of(place):
            raise ValueError("it is not the table that its manifest names")
        return read_table(place, ["block", *COLUMNS]).to_dict("records")


def _verdict(claim: Claim, row: Mapping[Hashable, Any]) -> Verdict:
    if row["unit"] != claim.unit:
        raise RegimeError(
            f"the blocks of {claim.chapter} hold {claim.id} in '{row['unit']}', the claim is in "
            f"'{claim.unit}'; run regime firm {claim.chapter} --publish"
        )
    return judge(claim, row)


def _block(rows: _Rows) -> str:
    """Say what most blocks are of: what an interval is over, else the number of runs."""
    said = Counter(filter(None, map(_runs, rows)))
    return said.most_common(1)[0][0] if said else ""


def _runs(row: Mapping[Hashable, Any]) -> str:
    over, n = row["over"], row["n"]
    if isinstance(over, str) and (found := _RUNS.match(over)):
        return found[1]
    known = n is not None and n == n  # a table has NaN where a number is missing
    return f"{n:.0f} run{'' if n == 1 else 's'}" if known else ""


def _folder(project: Project) -> Path:
    return project.pages / "firmness"


def _place(project: Project, chapter: str) -> Path:
    return _folder(project) / f"{chapter}.parquet"
