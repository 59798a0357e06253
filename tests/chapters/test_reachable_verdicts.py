"""Every verdict of the book could have come out otherwise, at the runs and the estimator it has."""

from __future__ import annotations

from pathlib import Path

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Kind
from regime_lib.companion.claims.ledger import read_ledger
from regime_lib.companion.claims.reachability import unreachable

ROOT = Path(__file__).resolve().parents[2]


def test_no_criterion_is_decided_before_the_runs() -> None:
    records = read_ledger(Project(ROOT))
    assert len(records) > 100
    found = [unreachable(record.claim, record.measurement) for record in records]
    said = [sentence for sentence in found if sentence]
    assert not said, "\n".join([f"{len(said)} criteria leave a verdict out of reach:", *said])


def test_no_interval_over_fewer_than_eight_runs_says_95_percent() -> None:
    few = [
        f"{record.claim.id}: {measured.method} of n = {measured.n}"
        for record in read_ledger(Project(ROOT))
        if record.claim.kind is Kind.EMPIRICAL
        and (measured := record.measurement) is not None
        and measured.n is not None
        and measured.n < 8
        and "95 %" in measured.method
    ]
    assert not few
