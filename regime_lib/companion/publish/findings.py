"""Everything that is known of every claim, gathered for the pages, and how it is counted.

The papers' own empirical claims are counted first and alone: that a law of a solvable model holds,
or that an identity checks out, says nothing about what training does. What this book asks on its
own account enters no count of the papers, nor are its comparisons corrected together with theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Claim, Kind, Paper, Verdict
from regime_lib.companion.claims.comparisons import Comparisons, compare_with_no_effect
from regime_lib.companion.claims.firmness import Firmness, read_firmness
from regime_lib.companion.claims.ledger import Measurement, Record, read_ledger
from regime_lib.companion.claims.sweep_tables import VerdictShare, read_shares
from regime_lib.companion.publish.markup import note_of
from regime_lib.companion.publish.paper_scale import paper_scale_of_claims


class Group(StrEnum):
    """Which claims are counted together, in the order of their weight; the text is a heading."""

    OWN = "The papers’ own empirical claims"
    LAWS = "Laws of solvable models"
    IDENTITIES = "Identities: checks of our code and the algebra"
    OURS = "Our own questions"


def group_of(claim: Claim) -> Group:
    """Return where a claim counts."""
    if claim.asked_here:
        return Group.OURS
    if claim.kind is Kind.EMPIRICAL:
        return Group.OWN if claim.own else Group.OURS
    return Group.LAWS if claim.kind is Kind.LAW else Group.IDENTITIES


@dataclass(frozen=True)
class Counts:
    """How many claims there are, how many of each verdict, and how many of these are not firm."""

    total: int
    verdicts: dict[Verdict, int]
    shaky: dict[Verdict, int]


@dataclass(frozen=True)
class Findings:
    """What the last runs measured, and what is known of it beside them, by claim."""

    records: tuple[Record, ...]  # every claim, in the order of the claims file
    large: Mapping[str, Measurement] = field(default_factory=dict)  # what long runs measured
    shares: Mapping[str, VerdictShare] = field(default_factory=dict)  # verdicts over sweeps
    firmness: Mapping[str, Firmness] = field(default_factory=dict)  # verdicts over fresh seeds

    @cached_property
    def papers(self) -> Findings:
        """What is known of the claims on the five papers' account."""
        return replace(self, records=tuple(r for r in self.records if not r.claim.asked_here))

    @cached_property
    def ours(self) -> Findings:
        """What is known of the questions that this book asks on its own account."""
        return replace(self, records=tuple(r for r in self.records if r.claim.asked_here))

    @cached_property
    def comparisons(self) -> Comparisons:
        """Which measurements differ from no effect, of all claims here together."""
        return compare_with_no_effect(self.records)

    def firm(self, claim: Claim) -> bool | None:
        """Whether fresh blocks of seeds repeat the verdict; None: not measured.

        No seed can turn what rests on algebra alone.
        """
        if not claim.drawn:
            return True
        found = self.firmness.get(claim.id)
        return found.firm if found and found.blocks else None

    def count(self, records: Iterable[Record]) -> Counts:
        """Count claims by verdict, and among them those whose verdict other seeds often turn."""
        own = tuple(records)
        shaky = (record for record in own if self.note(record))
        return Counts(len(own), tally(own), tally(shaky))

    def note(self, record: Record) -> str:
        """What qualifies a verdict on its badge; empty where nothing does."""
        return note_of(record.verdict, self.firm(record.claim))

    def chance(self, record: Record) -> bool:
        """Whether a verdict speaks of an effect that may be chance, seen with those it belongs to.

        Papers' claims are seen with papers' claims, and our own questions with ours.
        """
        others = self.ours if record.claim.asked_here else self.papers
        return record.claim.id in others.comparisons.chance


def read_findings(project: Project) -> Findings:
    """Gather what is known of every claim of the project."""
    return Findings(
        read_ledger(project),
        paper_scale_of_claims(project),
        read_shares(project),
        read_firmness(project),
    )


def tally(records: Iterable[Record | Measurement]) -> dict[Verdict, int]:
    """Count the claims by verdict, in the order of `Verdict`, leaving out what does not occur."""
    counts = Counter(record.verdict for record in records)
    return {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}


def of_paper(records: Iterable[Record], paper: Paper) -> list[Record]:
    """Return the claims of one paper."""
    return [record for record in records if record.claim.paper == paper]


def by_group(records: Iterable[Record]) -> dict[Group, list[Record]]:
    """Sort claims into groups, in their order, leaving out what is empty."""
    groups: dict[Group, list[Record]] = {group: [] for group in Group}
    for record in records:
        groups[group_of(record.claim)].append(record)
    return {group: own for group, own in groups.items() if own}
