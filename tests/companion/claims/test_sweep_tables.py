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
            3, {Verdict.REPRODUCED: 1, Verdict.PARTLY: 1, Verdict.NOT_TESTED: 1}, ("steps",)
        ),
        "rc-tiny-steps": VerdictShare(
            3, {Verdict.REPRODUCED: 2, Verdict.NOT_REPRODUCED: 1}, ("steps",)
        ),
    }
    text = executed.claims_file.read_text().replace("value <= 500", "value <= 150")
    executed.claims_file.write_text(text)
    assert read_shares(executed)["rc-tiny-steps"].verdicts[Verdict.REPRODUCED] == 1


def test_a_chapter_reads_its_published_sweep(executed: Project) -> None:
    with refused("10_tiny", "--publish"):
        published_sweep("10_tiny", executed)
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3})
    assert_frame_equal(published_sweep("10_tiny", executed), TABLE)


def test_without_a_sweep_there_are_no_shares(executed: Project) -> None:
    assert read_shares(executed) == {}


def test_the_scorecard_shows_them_beside_their_claims(executed: Project) -> None:
    publish_sweep(executed, "10_tiny", TABLE, {"done": 3})
    page = BeautifulSoup(scorecard(read_ledger(executed), read_shares(executed)), "html.parser")
    texts = [" ".join(item.get_text(" ").split()) for item in page.select("li.rl-row")]
    assert "In a sweep of 3 settings over steps : ✓ 1 reproduced, ◐ 1 partly" in texts[0]
    assert "✓ 2 reproduced, ✗ 1 not reproduced" in texts[1]
    assert "sweep" not in texts[2]


def test_the_bar_is_divided_as_the_counts_are(executed: Project) -> None:
    share = VerdictShare(8, {Verdict.REPRODUCED: 5, Verdict.NOT_REPRODUCED: 3}, ())
    line = paper_claims(read_ledger(executed), {"rc-tiny-ratio": share})
    bar = BeautifulSoup(line, "html.parser").select(".rl-bar > span")
    assert [(part["class"], part["style"]) for part in bar] == [
        (["rl-reproduced"], "flex-grow:5"),
        (["rl-not-reproduced"], "flex-grow:3"),
    ]
    assert "settings: ✓ 5" in line


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
