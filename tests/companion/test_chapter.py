"""What a notebook can do with its chapter, looked at through what it displays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.chapter import Chapter
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.claims.ledger import CLAIM_MIME, COLUMNS, Measurement, as_measurement
from regime_lib.companion.claims.repeated_tables import FRESH
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.estimate import Estimate, Method, no_number, number
from tests.companion.refusals import refused
from tests.companion.tiny import make_project

Shown = list[dict[str, Any]]
GLUED = "application/papermill.record/text/plain"


@pytest.fixture
def chapter(tmp_path: Path, shown: Shown) -> Chapter:
    project = make_project(tmp_path / "project")
    parameters = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": 4, "dataset": "digits"}
    return Chapter(project, load_entry(project, "10_tiny"), parameters)


def ratio(value: float = 3, low: float = 2, high: float = 4, n: int | None = None) -> Estimate:
    return Estimate(value, low, high, n, "8 seeds", Method.RANGE)


def steps(value: float, n: int | None = 4) -> Estimate:
    return number(value, n=n, over="4 seeds", unit="steps")


def glued(shown: Shown) -> dict[str, str]:
    return {
        output["metadata"]["scrapbook"]["name"]: output["data"][GLUED]
        for output in shown
        if GLUED in output["data"]
    }


def test_record_shows_a_card_keeps_the_measurement_and_glues_its_numbers(
    chapter: Chapter, shown: Shown
) -> None:
    kept = chapter.record("rc-tiny-ratio", ratio(3.14159265, 2.5, 4, 8))
    assert kept == Measurement(
        "rc-tiny-ratio",
        3.14159,
        2.5,
        4.0,
        8,
        "1",
        Verdict.REPRODUCED,
        "8 seeds",
        "range of runs",
        "the interval lies inside the claimed range",
    )
    data = shown[0]["data"]
    assert BeautifulSoup(data["text/html"], "html.parser").select_one("#claim-rc-tiny-ratio")
    assert data["text/plain"] == "rc-tiny-ratio: reproduced, 3.14159 [2.5, 4], n = 8"
    assert json.loads(json.dumps(data[CLAIM_MIME])) == {
        "id": "rc-tiny-ratio",
        "value": 3.14159,
        "low": 2.5,
        "high": 4.0,
        "n": 8,
        "unit": "1",
        "verdict": "reproduced",
        "over": "8 seeds",
        "method": "range of runs",
        "reason": "the interval lies inside the claimed range",
    }
    assert glued(shown) == {
        "rc-tiny-ratio": "3.14159",
        "rc-tiny-ratio-low": "2.5",
        "rc-tiny-ratio-high": "4.0",
        "rc-tiny-ratio-n": "8",
        "rc-tiny-ratio-verdict": "'reproduced'",
    }


def test_numbers_of_numpy_are_glued_as_plain_ones(chapter: Chapter, shown: Shown) -> None:
    chapter.record("rc-tiny-ratio", ratio(np.float32(3), np.float64(2.5), np.int64(4), np.int64(8)))
    chapter.glue("area", np.float64(0.1234567))
    chapter.glue("count", np.int64(12))
    chapter.glue("rule", "sgd")
    found = glued(shown)
    assert found["rc-tiny-ratio"] == "3.0"
    assert (found["area"], found["count"], found["rule"]) == ("0.123457", "12", "'sgd'")


def test_a_record_that_ends_a_cell_shows_its_card_and_nothing_more(
    chapter: Chapter, shown: Shown
) -> None:
    from IPython import get_ipython

    kept = chapter.record("rc-tiny-ratio", ratio())
    assert get_ipython().display_formatter.format(kept) == ({}, {})


def test_prose_is_told_how_fresh_seeds_judge_empirical_claims(tmp_path: Path, shown: Shown) -> None:
    project = make_project(tmp_path / "project")
    entry = load_entry(project, "10_tiny")
    Chapter(project, entry, {}).glue_firmness()
    left = {"rc-tiny-ratio-without": "'not judged without its seeds one at a time'"}
    assert glued(shown) == {"rc-tiny-ratio-firm": "'not measured'", **left}
    claim = load_claims(project.claims_file)["rc-tiny-ratio"]
    rows = [
        {"block": block, **as_measurement(claim, ratio(value, value, 6, 8)).as_dict()}
        for block, value in enumerate((3, 1.5, 4))
    ]
    table = pd.DataFrame(rows).rename(columns={"id": "claim"})[["block", *COLUMNS]]
    FRESH.publish(project, "10_tiny", table, {})
    shown.clear()
    Chapter(project, entry, {}).glue_firmness()
    assert glued(shown) == {
        "rc-tiny-ratio-firm": "'reproduced in 2 of 3 fresh blocks of 8 seeds, partly in 1'",
        **left,
    }


def test_what_has_no_interval_glues_none(chapter: Chapter, shown: Shown) -> None:
    chapter.record("rc-tiny-steps", steps(200))
    assert glued(shown).keys() == {"rc-tiny-steps", "rc-tiny-steps-n", "rc-tiny-steps-verdict"}


def test_no_number_is_recorded_as_undetermined(chapter: Chapter, shown: Shown) -> None:
    kept = chapter.record("rc-tiny-ratio", no_number("8 runs, all censored"))
    assert (kept.value, kept.verdict) == (None, Verdict.UNDETERMINED)
    data = shown[0]["data"]
    assert "no number" in data["text/html"]
    assert data["text/plain"] == "rc-tiny-ratio: undetermined, no number"
    assert glued(shown) == {
        "rc-tiny-ratio": "'no number'",
        "rc-tiny-ratio-verdict": "'undetermined'",
    }


def test_records_that_cannot_be_meant_are_refused(chapter: Chapter) -> None:
    with refused("'rc-tiny-ration'", "did you mean rc-tiny-ratio"):
        chapter.record("rc-tiny-ration", ratio())
    with refused("mp-later", "belongs to chapter 40_later"):
        chapter.record("mp-later", number(4))
    with refused("'1'", "'steps'"):
        chapter.record("rc-tiny-ratio", steps(3))
    with refused("rc-tiny-ratio", "a float", "Estimate"):
        chapter.record("rc-tiny-ratio", 3.0)  # type: ignore[arg-type]
    chapter.record("rc-tiny-ratio", ratio())
    with refused("rc-tiny-ratio", "recorded already"):
        chapter.record("rc-tiny-ratio", ratio())


def test_a_refused_record_leaves_nothing_behind(chapter: Chapter, shown: Shown) -> None:
    with refused("measured in '1'"):
        chapter.record("rc-tiny-ratio", steps(3))
    assert shown == []
    chapter.record("rc-tiny-ratio", ratio())


def test_glue_takes_each_name_once_and_only_numbers_and_text(chapter: Chapter) -> None:
    chapter.glue("area", 1.5)
    with refused("'area'", "already"):
        chapter.glue("area", 2)
    with refused("'rc-tiny-ratio' is a claim"):
        chapter.glue("rc-tiny-ratio", 2)
    for value in (None, [1], {"a": 1}, np.zeros(3), True, float("inf")):
        with refused("'odd'"):
            chapter.glue("odd", value)


def test_the_summary_is_sorted_and_holds_no_number(
    chapter: Chapter, capsys: pytest.CaptureFixture[str]
) -> None:
    with refused("no claim"):
        chapter.summary()
    chapter.record("rc-tiny-steps", steps(900))
    chapter.record("rc-tiny-ratio", ratio())
    chapter.summary()
    assert capsys.readouterr().out == ("rc-tiny-ratio : reproduced\nrc-tiny-steps : failed\n")


def test_a_figure_is_shown_once_under_its_name(chapter: Chapter, shown: Shown) -> None:
    texts = {"name": "fig-x", "caption": "A line.", "alt": "A straight line from zero to one."}
    chapter.figure(lambda theme: theme.panels()[0], **texts)
    assert shown[0]["data"]["text/plain"] == "Figure fig-x: A straight line from zero to one."
    assert DrawnFigure.of_bundle(shown[0]["data"]).name == "fig-x"
    with refused("fig-x", "already"):
        chapter.figure(lambda theme: theme.panels()[0], **texts)


def test_a_table_is_shown_in_words_and_as_plain_text(chapter: Chapter, shown: Shown) -> None:
    rows = pd.DataFrame({"training loss": [0.12345]}, index=pd.Index(["SGD"], name="optimiser"))
    chapter.table(rows, "At the end.", ".2f")
    (output,) = shown
    table = BeautifulSoup(output["data"]["text/html"], "html.parser")
    assert [cell.text for cell in table.select("th, td")] == [
        "optimiser", "training loss", "SGD", "0.12",
    ]  # fmt: skip
    assert output["data"]["text/plain"].startswith("At the end.\n")
    with refused("train_loss"):
        chapter.table(rows.rename(columns={"training loss": "train_loss"}), "At the end.")


def test_the_footer_says_where_the_numbers_come_from(chapter: Chapter, shown: Shown) -> None:
    chapter.provenance()
    content = shown[0]["data"][PROVENANCE_MIME]
    assert content["chapter"] == "10_tiny"
    assert content["parameters"]["steps"] == 200
    assert content["seeds"] == {"n_seeds": 4}
    assert content["commit"] == "not under version control"
    assert "python" in content["versions"]
    assert content["versions"]["numpy"] == np.__version__
    assert 0 <= content["seconds"] < 600
    assert "rl-provenance" in shown[0]["data"]["text/html"]
    assert "n_seeds 4" in shown[0]["data"]["text/plain"]


def test_parameters_are_read_as_attributes_and_cannot_be_changed(chapter: Chapter) -> None:
    assert chapter.parameters.steps == 200
    assert dict(chapter.parameters)["rate"] == 0.1
    assert "steps = 200" in repr(chapter.parameters)
    with refused("'stepz'", "did you mean 'steps'"):
        _ = chapter.parameters.stepz
    with refused("'steps'", "read-only"):
        chapter.parameters.steps = 3
