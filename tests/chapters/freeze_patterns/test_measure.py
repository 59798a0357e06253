"""What chapter 24 measures has every claim of the ledger, and repeats with the same seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.chapters.freeze_patterns import measure as chapter
from regime_lib.chapters.freeze_patterns.measure import Settings, exact, freezing, long, paths
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence

ROOT = Path(__file__).resolve().parents[3]
TINY = Settings(n_seeds=3, steps=120, hidden=8, head=4, head_steps=40, seed=0)


@pytest.mark.untyped
def test_every_claim_of_the_chapter_is_measured() -> None:
    tables = published_evidence("24_freeze_patterns", Project(ROOT)).tables
    judged = long(TINY, tables)
    found = {
        **exact(TINY).claims,
        **freezing(TINY).claims,
        **paths(TINY).claims,
        **judged.claims,
        **judged.frozen.claims,
    }
    ledger = load_claims(ROOT / "book" / "claims.yml")
    asked = {name for name, claim in ledger.items() if claim.chapter == "24_freeze_patterns"}
    assert set(found) == asked
    for name, estimate in found.items():
        assert estimate.value is None or estimate.unit == ledger[name].unit, name


def test_what_depends_on_chance_is_named() -> None:
    assert set(chapter.EMPIRICAL) <= set(chapter.PARTS)
    assert exact not in chapter.EMPIRICAL
