"""A published sweep says how a claim's verdict changes over its settings."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from pandas.testing import assert_frame_equal

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict
from regime_lib.companion.claims.ledger import read_ledger
from regime_lib.companion.claims.sweep_tables import (
    VerdictShare,
    publish_sweep,
    published_sweep,
    read_shares,
)
from regime_lib.companion.publish.findings import Findings, read_findings
from regime_lib.companion.publish.markup import SIGNS
from regime_lib.companion.publish.scorecard import paper_claims, scorecard
from tests.companion.refusals import refused


def row(steps: int, claim: str, value: float, **more: Any) -> dict[str, Any]:
    base = {"low": None, "high": None, "n": 4, "unit": "1", "verdict": "not tested"}
    return {"steps": steps, "seed": 0, "claim": claim, "value": value, **base, **more}


TABLE = pd.DataFrame(
    [
        row(100, "rc-tiny-ratio", 2.5, low=2.1, high=3.0),
        row(100, "rc-tiny-steps", 100, unit="steps"),
        row(200, "rc-tiny-ratio", 1.7, low=1.2, high=3.0),
        row(200, "rc-tiny-steps", 200, unit="steps"),
        row(900, "rc-tiny-steps", 900, unit="steps"),
    ]
)


def test_verdicts_are_counted_by_the_criterion_of_today(executed: Project) -> None:
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3})
    shares = read_shares(executed)
    assert shares == {
        "rc-tiny-ratio": VerdictShare(
            3, {Verdict.REPRODUCED: 1, Verdict.PARTLY: 1, Verdict.UNDETERMINED: 1}, ("steps",)
        ),
        "rc-tiny-steps": VerdictShare(3, {Verdict.CHECKED: 2, Verdict.FAILED: 1}, ("steps",)),
    }
    text = executed.claims_file.read_text().replace("(-inf, 500]", "(-inf, 150]")
    executed.claims_file.write_text(text)
    assert read_shares(executed)["rc-tiny-steps"].verdicts[Verdict.CHECKED] == 1


def test_stored_verdicts_do_not_count_nor_does_an_interval_that_is_missing(
    executed: Project,
) -> None:
    old = TABLE.assign(verdict="partly").drop(columns=["n"])
    publish_sweep(executed, "10_tiny", old, {"done": 3})
    shares = read_shares(executed)
    assert shares["rc-tiny-ratio"].verdicts[Verdict.REPRODUCED] == 1
    assert shares["rc-tiny-steps"].verdicts == {Verdict.UNDETERMINED: 3}  # its criterion needs n
    bare = TABLE.assign(low=None, high=None)
    publish_sweep(executed, "10_tiny", bare, {"done": 3})
    shares = read_shares(executed)
    assert shares["rc-tiny-ratio"].verdicts == {Verdict.UNDETERMINED: 3}  # empirical: needs one
    assert shares["rc-tiny-steps"].verdicts == {Verdict.CHECKED: 2, Verdict.FAILED: 1}


def test_numbers_of_a_quantity_that_was_defined_anew_are_left_out(executed: Project) -> None:
    later = {"rc-tiny-ratio": "it is smoothed since"}
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3, "superseded": later})
    assert read_shares(executed).keys() == {"rc-tiny-steps"}


def test_a_chapter_reads_its_published_sweep(executed: Project) -> None:
    with refused("10_tiny", "--publish"):
        published_sweep("10_tiny", executed)
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3})
    assert_frame_equal(published_sweep("10_tiny", executed), TABLE)


def test_without_a_sweep_there_are_no_shares(executed: Project) -> None:
    assert read_shares(executed) == {}


def test_the_scorecard_shows_them_beside_their_claims(executed: Project) -> None:
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3})
    page = BeautifulSoup(scorecard(read_findings(executed)), "html.parser")
    texts = [" ".join(item.get_text(" ").split()) for item in page.select("li.rl-row")]
    (ratio,) = (text for text in texts if "rc-tiny-ratio" in text)
    (steps,) = (text for text in texts if "rc-tiny-steps" in text)
    told = [f"{SIGNS[v]} 1 {v}" for v in (Verdict.REPRODUCED, Verdict.PARTLY, Verdict.UNDETERMINED)]
    assert f"In a sweep of 3 settings over steps : {', '.join(told)}" in ratio
    assert f"{SIGNS[Verdict.CHECKED]} 2 checked, {SIGNS[Verdict.FAILED]} 1 failed" in steps
    assert sum("sweep" in text for text in texts) == 2


def test_the_bar_is_divided_as_the_counts_are(executed: Project) -> None:
    share = VerdictShare(8, {Verdict.REPRODUCED: 5, Verdict.NOT_REPRODUCED: 3}, ())
    records = read_ledger(executed)
    page = paper_claims(Findings(records, shares={"rc-tiny-ratio": share}), records)
    bar = BeautifulSoup(page, "html.parser").select(".rl-bar > span")
    assert [(part["class"], part["style"]) for part in bar] == [
        (["rl-reproduced"], "flex-grow:5"),
        (["rl-not-reproduced"], "flex-grow:3"),
    ]
    assert "settings: ✓ 5" in page


def test_a_sweep_that_measured_nothing_cannot_be_published(executed: Project) -> None:
    with refused("10_tiny", "nothing to publish"):
        publish_sweep(executed, "10_tiny", pd.DataFrame({"steps": [1]}), {"done": 1})


@pytest.mark.parametrize(
    ("chapter", "table", "words"),
    [
        ("11_gone", TABLE, ["11_gone", "no chapter"]),
        ("10_tiny", TABLE.replace("rc-tiny-steps", "rc-gone"), ["rc-gone", "sweep again"]),
    ],
)
def test_a_table_of_what_is_gone_is_refused(
    executed: Project, chapter: str, table: pd.DataFrame, words: list[str]
) -> None:
    publish_sweep(executed, chapter, table, {"done": 3})
    with refused(*words):
        read_shares(executed)
    assert (executed.root / "book" / "sweeps" / f"{chapter}.parquet").is_file()
