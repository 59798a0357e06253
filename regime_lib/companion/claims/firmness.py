"""How firm verdicts are: each claim that depends on chance, measured over fresh blocks of seeds.

A block is one whole measurement of a chapter, as its page shows it, with seeds that the page does
not use. Claims on committed runs, which take hours, have such blocks where these were computed
apart from the page. Where twenty would take days, they are judged again without each of their seeds
instead: that says whether one run decides a verdict, and not what others would.
Tables lie in ``book/firmness``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.claims.claims import Claim, Verdict, load_claims
from regime_lib.companion.claims.ledger import read_ledger
from regime_lib.companion.claims.repeated_tables import FRESH, LONG, WITHOUT, Rows, verdict_of
from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    pass

#: Blocks that it takes to call a verdict firm, and the share of them that must agree with it.
BLOCKS = 20
SHARE = 0.75

#: What is said of a claim that no committed block measured.
NOT_MEASURED = "not measured"

#: What is said of one that nobody judged without its seeds.
NOT_LEFT_OUT = "not judged without its seeds one at a time"

# What a block is of, in what an interval is over: "23 of 24 seeds, each its own start".
_RUNS = re.compile(r"(?:\d[\d,]* of )?(\d[\d,]* [^,;:(]*[^,;:(\s])")


@dataclass(frozen=True)
class Firmness:
    """How often fresh blocks of seeds repeat the verdict of one claim."""

    verdicts: dict[Verdict, int]  # blocks by verdict, in the order of `Verdict`
    published: Verdict  # the one on the claim's card
    block: str = ""  # what a block is of, such as "8 seeds"; empty where that is not known
    without: dict[Verdict, int] = field(default_factory=dict)
    """Of committed runs: verdicts when one seed is left out, and on how many seeds each."""

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
            return f"{NOT_MEASURED}; {self.jackknife}" if self.without else NOT_MEASURED
        (first, count), *rest = sorted(self.verdicts.items(), key=lambda item: -item[1])
        plural = "" if self.blocks == 1 else "s"
        of = f" of {self.block}" if self.block else ""
        said = f"{first} in {count} of {self.blocks} fresh block{plural}{of}"
        return ", ".join([said, *(f"{verdict} in {number}" for verdict, number in rest)])

    @property
    def jackknife(self) -> str:
        """What leaving out one seed does: "reproduced without any one of its 5 seeds"."""
        if not self.without:
            return NOT_LEFT_OUT
        seeds = sum(self.without.values())
        (first, count), *rest = sorted(self.without.items(), key=lambda item: -item[1])
        if not rest:
            return f"{first} without any one of its {seeds} seeds"
        said = f"without one of its {seeds} seeds at a time {first} in {count} of {seeds} cases"
        return ", ".join([said, *(f"{verdict} in {number}" for verdict, number in rest)])

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "blocks": self.blocks,
            "same": self.same,
            "verdicts": {str(verdict): count for verdict, count in self.verdicts.items()},
            "block": self.block,
            "firm": self.firm,
            "without_a_seed": {str(verdict): count for verdict, count in self.without.items()},
        }


def read_firmness(project: Project) -> dict[str, Firmness]:
    """Return how firm the verdict of every claim is that committed blocks measured.

    Rows of claims that are gone, or that do not depend on chance any more, say nothing. A table
    that is not the one its manifest names is refused, and one in another unit than its claim's.
    """
    published = {record.claim.id: record.verdict for record in read_ledger(project)}
    found: dict[str, Firmness] = {}
    for chapter in chain(*(sort.chapters(project) for sort in (FRESH, LONG, WITHOUT))):
        found |= firmness_of_chapter(project, chapter, published)
    return found


def firmness_of_chapter(
    project: Project, chapter: str, published: Mapping[str, Verdict]
) -> dict[str, Firmness]:
    """Return the same for one chapter, given its verdicts; nothing where no table is committed."""
    claims = load_claims(project.claims_file)
    found: dict[str, Firmness] = {}
    for blocks in (FRESH, LONG):
        found |= firmness_of_blocks(blocks.committed(project, chapter), claims, published)
    left_out = left_out_of_rows(WITHOUT.committed(project, chapter), claims, published)
    for claim, own in left_out.items():
        found[claim] = replace(found.get(claim, own), without=own.without)
    return found


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
    rows: Rows, claims: Mapping[str, Claim], published: Mapping[str, Verdict]
) -> dict[str, Firmness]:
    """Return how firm each claim is, from what blocks measured, a row per claim each.

    A block without a row of a claim that others have gave no number, and leaves it undetermined.
    """
    blocks = len({row["block"] for row in rows})
    found = {}
    for claim, own in _by_claim(rows, claims):
        counts = Counter(verdict_of(claims[claim], row) for row in own)
        counts[Verdict.UNDETERMINED] += blocks - len(own)
        verdicts = {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}
        found[claim] = Firmness(verdicts, published.get(claim, Verdict.NOT_TESTED), _block(own))
    return found


def left_out_of_rows(
    rows: Sequence[Mapping[Any, Any]], claims: Mapping[str, Claim], published: Mapping[str, Verdict]
) -> dict[str, Firmness]:
    """Return what is known of claims on committed runs: their verdicts without one seed."""
    found = {}
    for claim, own in _by_claim(rows, claims):
        counts = Counter(verdict_of(claims[claim], row) for row in own)
        verdicts = {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}
        known = published.get(claim, Verdict.NOT_TESTED)
        found[claim] = Firmness({}, known, without=verdicts)
    return found


def _by_claim(rows: Rows, claims: Mapping[str, Claim]) -> Iterable[tuple[str, Rows]]:
    """Gather rows by claim, leaving out claims that are gone or do not depend on chance."""
    of_claim: dict[str, list[Mapping[Hashable, Any]]] = {}
    for row in rows:
        of_claim.setdefault(row["claim"], []).append(row)
    return [
        (claim, own) for claim, own in of_claim.items() if claim in claims and claims[claim].drawn
    ]


def _block(rows: Rows) -> str:
    """Say what most blocks are of: what an interval is over, else the number of runs."""
    said = Counter(filter(None, map(_runs, rows)))
    return said.most_common(1)[0][0] if said else ""


def _runs(row: Mapping[Hashable, Any]) -> str:
    over, n = row["over"], row["n"]
    if isinstance(over, str) and (found := _RUNS.match(over)):
        return found[1]
    known = n is not None and n == n  # a table has NaN where a number is missing
    return f"{n:.0f} run{'' if n == 1 else 's'}" if known else ""
