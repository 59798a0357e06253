"""A claim is as firm as fresh blocks of seeds repeat its verdict."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict
from regime_lib.companion.claims.firmness import (
    Firmness,
    firmness_sentence,
    read_firmness,
)
from regime_lib.companion.claims.ledger import COLUMNS, read_ledger
from regime_lib.companion.claims.repeated_tables import FRESH, WITHOUT
from tests.companion.refusals import refused

REPRODUCED, PARTLY, NOT = Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED


def row(block: int, low: float | None, high: float | None, **more: Any) -> dict[str, Any]:
    low, high = (None if end is None else float(end) for end in (low, high))
    value = None if low is None or high is None else (low + high) / 2
    stored = {"claim": "rc-tiny-ratio", "value": value, "low": low, "high": high, "n": 8,
              "unit": "1", "verdict": "stale", "over": "8 seeds, each a start",
              "method": "range of runs"}  # fmt: skip
    return {"block": block, **stored, **more}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["block", *COLUMNS])


TABLE = table(
    row(0, 2.1, 3.0),
    row(1, 2.5, 7.0, over="7 of 8 seeds"),
    row(2, 1.5, 3.0),
    row(3, 0.5, 1.5),
    row(4, 9.0, 12.0, over="6 seeds"),
    row(5, None, None),
    row(6, 1.0, 20.0),
    row(7, 2.0, 8.0),
)


def test_verdicts_follow_from_the_numbers_and_the_criterion_of_today(executed: Project) -> None:
    FRESH.publish(executed, "10_tiny", TABLE, {"blocks": 8})
    (published,) = (r for r in read_ledger(executed) if r.claim.id == "rc-tiny-ratio")
    found = read_firmness(executed)["rc-tiny-ratio"]
    assert found.verdicts == {
        REPRODUCED: 3,
        Verdict.MORE: 1,
        PARTLY: 1,
        Verdict.UNDETERMINED: 2,
        NOT: 1,
    }
    assert (found.blocks, found.block, found.published) == (8, "8 seeds", published.verdict)
    assert found.same == 3  # by hand: the page's four seeds lie between 2 and 4
    text = executed.claims_file.read_text().replace("[2, 8]", "[0.1, 8]")
    executed.claims_file.write_text(text)
    assert read_firmness(executed)["rc-tiny-ratio"].verdicts[REPRODUCED] == 5


@pytest.mark.parametrize(
    ("counts", "firm"),
    [({REPRODUCED: 15, NOT: 5}, True), ({REPRODUCED: 14, NOT: 6}, False),
     ({REPRODUCED: 19}, False), ({NOT: 20}, False), ({REPRODUCED: 30, PARTLY: 11}, False)],
)  # fmt: skip
def test_firm_is_15_of_20_or_better(counts: dict[Verdict, int], firm: bool) -> None:
    assert Firmness(counts, REPRODUCED).firm is firm


@pytest.mark.parametrize(
    ("counts", "block", "sentence"),
    [
        ({REPRODUCED: 17, PARTLY: 3}, "8 seeds",
         "reproduced in 17 of 20 fresh blocks of 8 seeds, partly in 3"),
        ({REPRODUCED: 2, PARTLY: 1, NOT: 17}, "",
         "not reproduced in 17 of 20 fresh blocks, reproduced in 2, partly in 1"),
        ({REPRODUCED: 1}, "8 seeds", "reproduced in 1 of 1 fresh block of 8 seeds"),
        ({}, "", "not measured"),
    ],
)  # fmt: skip
def test_the_distribution_is_a_sentence(
    counts: dict[Verdict, int], block: str, sentence: str
) -> None:
    assert Firmness(counts, REPRODUCED, block).sentence == sentence


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ({REPRODUCED: 5}, "reproduced without any one of its 5 seeds"),
        ({NOT: 1, PARTLY: 4}, "without one of its 5 seeds at a time partly in 4 of 5 cases, "
         "not reproduced in 1"),
    ],
)  # fmt: skip
def test_leaving_out_a_seed_is_told_and_firms_nothing(
    executed: Project, without: dict[Verdict, int], sentence: str
) -> None:
    bounds = {REPRODUCED: (3, 4), PARTLY: (1.5, 3), NOT: (0.5, 1.5)}
    ends = [bounds[verdict] for verdict, count in without.items() for _ in range(count)]
    rows = [row(0, *pair) | {"seed": seed} for seed, pair in enumerate(ends)]
    WITHOUT.publish(executed, "10_tiny", pd.DataFrame(rows)[["seed", *COLUMNS]], {})
    found = read_firmness(executed)["rc-tiny-ratio"]
    assert found.without == without
    assert (found.blocks, found.firm, found.jackknife) == (0, False, sentence)
    assert found.sentence == f"not measured; {sentence}"
    FRESH.publish(executed, "10_tiny", TABLE, {"blocks": 8})
    both = read_firmness(executed)["rc-tiny-ratio"]
    assert (both.blocks, both.without) == (8, without)


def test_a_sentence_for_the_prose(executed: Project) -> None:
    assert firmness_sentence("rc-tiny-ratio", executed) == "not measured"
    FRESH.publish(executed, "10_tiny", table(row(0, 3, 4), row(1, 3, 4)), {})
    assert (
        firmness_sentence("rc-tiny-ratio", executed)
        == "reproduced in 2 of 2 fresh blocks of 8 seeds"
    )
    with refused("'rc-none'"):
        firmness_sentence("rc-none", executed)


@pytest.mark.parametrize(
    ("over", "n", "block"),
    [
        ("24 seeds", 24, "24 seeds"),
        ("23 of 24 networks; each its own split", 23, "24 networks"),
        ("the seeds in 12 runs", 12, "12 runs"),
        ("", 1, "1 run"),
        ("", None, ""),
    ],
)
def test_what_a_block_is_of(executed: Project, over: str, n: int | None, block: str) -> None:
    FRESH.publish(executed, "10_tiny", table(row(0, 3, 4, over=over, n=n)), {})
    assert read_firmness(executed)["rc-tiny-ratio"].block == block


def test_only_empirical_claims_that_there_are_have_it(executed: Project) -> None:
    rows = table(
        row(0, 3, 4),
        row(0, 100, 100, claim="rc-tiny-steps", unit="steps"),
        row(0, 3, 4, claim="rc-gone"),
        row(1, 3, 4, claim="rc-gone"),
    )
    FRESH.publish(executed, "10_tiny", rows, {})
    found = read_firmness(executed)
    assert found.keys() == {"rc-tiny-ratio"}
    assert found["rc-tiny-ratio"].verdicts == {REPRODUCED: 1, Verdict.UNDETERMINED: 1}


def test_without_blocks_nothing_is_said(executed: Project) -> None:
    assert read_firmness(executed) == {}


def test_what_does_not_fit_is_refused(executed: Project) -> None:
    with refused("10_tiny", "nothing to publish"):
        FRESH.publish(executed, "10_tiny", table(), {})
    place = FRESH.publish(executed, "11_gone", TABLE, {})
    with refused("11_gone", "no chapter"):
        read_firmness(executed)
    place.unlink()
    FRESH.publish(executed, "10_tiny", table(row(0, 3, 4, unit="steps")), {})
    with refused("rc-tiny-ratio", "'steps'", "regime firm"):
        read_firmness(executed)


@pytest.mark.parametrize("damage", ["table", "manifest", "no manifest"])
def test_a_table_must_be_the_one_its_manifest_names(executed: Project, damage: str) -> None:
    place = FRESH.publish(executed, "10_tiny", TABLE, {"blocks": 8})
    manifest = place.with_suffix(".json")
    assert json.loads(manifest.read_text())["rows"] == 8
    if damage == "table":
        TABLE.head(3).to_parquet(place)
    elif damage == "manifest":
        manifest.write_text("{}")
    else:
        manifest.unlink()
    name = "10_tiny.parquet" if damage == "table" else "10_tiny.json"
    with refused(f"book/firmness/{name}", "git checkout -- ", "--publish"):
        read_firmness(executed)
