"""The committed runs on MNIST are read, judged by today's criteria, and hold what pages show."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.publish.paper_scale import read_paper_scale

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Project(ROOT)
#: Claims that were restated in another quantity since the runs, and are not judged by them.
RESTATED = {
    "60_neuron_modes": {"nd-slope-flat-start", "nd-truncation"},
    "61_attraction_basins": {"nd-depth-width", "nd-depth-optimum"},
    "62_grokking": {"nd-grok-phase-two"},
}


@pytest.mark.parametrize("chapter", RESTATED)
def test_every_row_is_judged_or_of_a_claim_that_was_restated(chapter: str) -> None:
    claims = load_claims(PROJECT.claims_file)
    own = {name: claim for name, claim in claims.items() if claim.chapter == chapter}
    found = read_paper_scale(PROJECT, chapter, own)
    assert found is not None
    table = published_evidence(chapter, PROJECT).tables["claims"].set_index("id")
    assert set(table.index) == found.measurements.keys() | RESTATED[chapter]
    for name, measurement in found.measurements.items():
        row = table.loc[name]
        assert isinstance(row, pd.Series)
        assert (measurement.value, measurement.n) == (row["value"], row["n"])
        assert measurement.verdict is not Verdict.NOT_TESTED


@pytest.mark.parametrize("chapter", RESTATED)
def test_the_page_shows_nothing_that_the_run_lacks(chapter: str) -> None:
    claims = load_claims(PROJECT.claims_file)
    own = {name: claim for name, claim in claims.items() if claim.chapter == chapter}
    found = read_paper_scale(PROJECT, chapter, own)
    assert found is not None
    notebook = json.loads((ROOT / "notebooks" / f"{chapter}.ipynb").read_text(encoding="utf-8"))
    text = "".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    shown = set(
        re.findall(r"\{glue:text\}`([a-z0-9-]+)-paper(?:-(?:low|high|n|verdict))?[:`]", text)
    )
    assert shown
    assert shown <= found.measurements.keys() | found.glued.keys()
