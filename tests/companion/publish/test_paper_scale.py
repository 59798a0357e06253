"""Long runs: what is committed of them comes back judged anew, beside the run at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.claims.ledger import CLAIM_MIME, as_measurement
from regime_lib.companion.figures.drawn import VARIANTS, DrawnFigure
from regime_lib.companion.opening import open_chapter
from regime_lib.companion.publish.evidence import publish_evidence, published_evidence
from regime_lib.companion.publish.paper_scale import (
    collect_paper_scale,
    comparison,
    has_paper_profile,
    paper_scale_of_claims,
    pictures_of,
    publish_many,
    read_paper_scale,
)
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, Method, number
from tests.companion.tiny import make_project

CHAPTER = "10_tiny"
FOOTER = {
    "chapter": CHAPTER, "commit": "0123456789ab", "parameters": {"profile": "paper", "steps": 400},
    "versions": {"python": "3.11"}, "seconds": 90.4,
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def executed(path: Path, footer: dict[str, Any] | None, *claims: tuple[str, float]) -> Path:
    """Write a notebook as an executed chapter leaves it."""
    bundles: list[dict[str, Any]] = [
        {CLAIM_MIME: {"id": name, "value": value, "low": value - 1, "high": value + 1, "n": 3,
                      "unit": "steps" if "steps" in name else "1", "verdict": "not reproduced"}}
        for name, value in claims
    ]  # fmt: skip
    bundles += [{PROVENANCE_MIME: footer}] if footer else []
    outputs = [{"output_type": "display_data", "metadata": {}, "data": data} for data in bundles]
    for name, text in (("tiny-area", "0.25"), ("tiny-word", "'6 of 6'"), ("a-paper", "1")):
        data = {"application/papermill.record/text/plain": text}
        metadata = {"scrapbook": {"name": name}}
        outputs.append({"output_type": "display_data", "metadata": metadata, "data": data})
    cell = {"cell_type": "code", "metadata": {}, "source": "", "outputs": outputs,
            "execution_count": 1}  # fmt: skip
    book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book), encoding="utf-8")
    return path


def publish(project: Project, *claims: tuple[str, float]) -> None:
    tables, facts = collect_paper_scale(executed(project.root / "run.ipynb", FOOTER, *claims))
    publish_evidence(project, CHAPTER, tables, facts)


def test_a_long_run_comes_back_judged_by_the_criteria_of_today(project: Project) -> None:
    publish(project, ("rc-tiny-ratio", 4.0), ("rc-tiny-steps", 600.0))
    claims = load_claims(project.claims_file)
    found = read_paper_scale(project, CHAPTER, claims)
    assert found is not None
    ratio = found.measurements["rc-tiny-ratio"]
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == (4.0, 3.0, 5.0, 3)
    assert ratio.verdict == Verdict.REPRODUCED  # not what the notebook's bundle says
    assert found.measurements["rc-tiny-steps"].verdict == Verdict.FAILED  # an identity
    assert found.parameters == FOOTER["parameters"]
    assert (found.seconds, found.commit) == (90, "0123456789ab")
    assert found.glued == {"tiny-area": 0.25, "tiny-word": "6 of 6"}
    assert paper_scale_of_claims(project) == found.measurements


def test_claims_without_an_interval_or_a_count_come_back_so(project: Project) -> None:
    table = pd.DataFrame(
        [{"id": "rc-tiny-ratio", "value": 1.6, "low": 1.5, "high": 1.7, "n": None, "unit": "1"},
         {"id": "gone", "value": 1.0, "low": None, "high": None, "n": 2, "unit": "1"}]
    )  # fmt: skip
    facts = {"parameters": {}, "compute_seconds": 1, "run_commit": "a"}
    nothing = pd.DataFrame({"name": [], "value": []})
    publish_evidence(project, CHAPTER, {"claims": table, "glued": nothing}, facts)
    found = read_paper_scale(project, CHAPTER, load_claims(project.claims_file))
    assert found is not None
    assert found.measurements.keys() == {"rc-tiny-ratio"}  # a claim that is gone is left out
    assert found.measurements["rc-tiny-ratio"].n is None


def test_nothing_is_committed_and_nothing_comes_back(project: Project) -> None:
    assert read_paper_scale(project, CHAPTER, load_claims(project.claims_file)) is None
    assert paper_scale_of_claims(project) == {}


def test_a_claim_in_another_unit_is_refused(project: Project) -> None:
    publish(project, ("rc-tiny-ratio", 4.0))
    text = project.claims_file.read_text(encoding="utf-8")
    project.claims_file.write_text(text.replace('unit: "1"', "unit: nats", 1), encoding="utf-8")
    with pytest.raises(RegimeError, match="holds rc-tiny-ratio in '1', the claim is in 'nats'"):
        paper_scale_of_claims(project)


@pytest.mark.parametrize(
    ("footer", "claims", "words"),
    [
        (None, [("rc-tiny-ratio", 4.0)], "holds no finished run"),
        (FOOTER, [], "holds no finished run"),
        ({**FOOTER, "parameters": {"profile": "quick"}}, [("rc-tiny-ratio", 4.0)], "'quick'"),
    ],
)
def test_other_notebooks_are_no_evidence(
    tmp_path: Path, footer: dict[str, Any] | None, claims: list[tuple[str, float]], words: str
) -> None:
    path = executed(tmp_path / "run.ipynb", footer, *claims)
    with pytest.raises(RegimeError, match=words):
        collect_paper_scale(path)


def test_runs_stand_beside_each_other(project: Project) -> None:
    publish(project, ("rc-tiny-ratio", 4.0))
    claims = load_claims(project.claims_file)
    there = read_paper_scale(project, CHAPTER, claims)
    assert there is not None
    here = {
        "rc-tiny-steps": as_measurement(claims["rc-tiny-steps"], number(300, n=2, unit="steps"))
    }
    markup, text = comparison(claims.values(), here, there)
    assert text.splitlines() == [
        "rc-tiny-ratio: not tested | reproduced, 4 [3, 5], n = 3",
        "rc-tiny-steps: checked, 300 steps, n = 2 | not tested",
    ]
    assert markup.count("<li") == 2  # the claim that neither recorded is left out
    assert 'href="#claim-rc-tiny-ratio"' in markup


def test_a_chapter_shows_and_glues_its_long_run(
    project: Project, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project, ("rc-tiny-ratio", 4.0))
    monkeypatch.chdir(project.root)
    glued = _glued(monkeypatch)
    values = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": 4, "dataset": "digits"}
    chapter = open_chapter(CHAPTER, values)
    chapter.record("rc-tiny-ratio", Estimate(1.6, 1.4, 2.8, 4, "4 seeds", Method.RANGE))
    chapter.glue("tiny-area", 0.5)
    chapter.glue("tiny-word", "2 of 6")
    with pytest.raises(RegimeError, match="'tiny-other' was not glued in this run"):
        chapter.at_paper_scale("tiny-other")
    chapter.at_paper_scale("tiny-area", "tiny-word")
    assert (glued["tiny-area-paper"], glued["tiny-word-paper"]) == (0.25, "6 of 6")
    assert glued["rc-tiny-ratio-paper"] == 4.0
    assert glued["rc-tiny-ratio-paper-verdict"] == "reproduced"
    assert glued["rc-tiny-steps-paper"] == "–"
    assert glued["paper-same"] == "0 of 1"
    assert glued["paper-minutes"] == pytest.approx(1.5)
    assert "partly, 1.6 [1.4, 2.8], n = 4 | reproduced" in shown[-1]["data"]["text/plain"]


def test_a_card_shows_the_larger_run_first(
    project: Project, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(project, ("rc-tiny-ratio", 4.0))
    monkeypatch.chdir(project.root)
    _glued(monkeypatch)
    values = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": 4, "dataset": "digits"}
    chapter = open_chapter(CHAPTER, values)
    chapter.record("rc-tiny-ratio", Estimate(1.6, 1.4, 2.8, 4, "4 seeds", Method.RANGE))
    card = shown[-1]["data"]["text/html"]
    assert card.index("At larger scale") < card.index("On this page") < card.index("Criterion")
    there = read_paper_scale(project, CHAPTER, load_claims(project.claims_file))
    assert there is not None
    larger = replace(there, parameters={"dataset": "mnist"})
    assert larger.scale({"dataset": "digits"}) == "On MNIST"
    assert larger.scale({"dataset": "mnist"}) == "At larger scale"


def test_without_a_long_run_a_chapter_says_so(
    project: Project,
    shown: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project.root)
    glued = _glued(monkeypatch)
    values = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": 4, "dataset": "digits"}
    chapter = open_chapter(CHAPTER, values)
    chapter.at_paper_scale()
    assert "no run of 10_tiny at larger scale is committed" in capsys.readouterr().out
    assert set(glued.values()) == {"–", "0 of 0"}


def test_figures_of_the_long_run_are_shown_beside_the_own(
    project: Project, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = dict.fromkeys(VARIANTS, "iVBORw0KGgo=")
    figure = DrawnFigure("fig-a", "It falls.", "A falling line.", pictures)
    path = executed(project.root / "run.ipynb", FOOTER, ("rc-tiny-ratio", 4.0))
    notebook = json.loads(path.read_text(encoding="utf-8"))
    output = {"output_type": "display_data", "metadata": {}, "data": figure.bundle()}
    notebook["cells"][0]["outputs"].append(output)
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(RegimeError, match="shows no figure 'fig-b'; it has fig-a"):
        pictures_of(path, ["fig-b"])
    tables, facts = collect_paper_scale(path)
    publish_evidence(project, CHAPTER, tables, facts, pictures_of(path, ["fig-a"]))

    monkeypatch.chdir(project.root)
    values = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": 4, "dataset": "digits"}
    chapter = open_chapter(CHAPTER, values)
    with pytest.raises(RegimeError, match="without the figure 'fig-b'; it has fig-a"):
        chapter.paper_figure("fig-b")
    chapter.paper_figure("fig-a")
    own = replace(figure, name="fig-a-paper", note="At larger scale.")
    assert DrawnFigure.of_bundle(shown[-1]["data"]) == own
    with pytest.raises(RegimeError, match="shown already"):
        chapter.paper_figure("fig-a")


def test_a_chapter_has_a_paper_scale_if_it_has_profiles(project: Project) -> None:
    assert has_paper_profile(load_entry(project, CHAPTER))


def _glued(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Collect what is glued."""
    found: dict[str, Any] = {}
    glue: Callable[..., None] = lambda name, value, display: found.update({name: value})  # noqa: E731
    monkeypatch.setattr("myst_nb.glue", glue)
    return found


def test_many_short_runs_take_the_place_of_the_long_one_claim_by_claim(project: Project) -> None:
    publish(project, ("rc-tiny-ratio", 4.0), ("rc-tiny-steps", 600.0))
    many = {"rc-tiny-ratio": Estimate(2.0, 1.5, 2.5, 10, "10 runs", Method.BCA, "1")}
    rows = pd.DataFrame({"seed": range(10), "value": 2.0})
    publish_many(project, CHAPTER, many, {"tiny-area": 0.5, "runs": 10}, rows, {"steps": 60})
    found = read_paper_scale(project, CHAPTER, load_claims(project.claims_file))
    assert found is not None
    ratio, steps = (found.measurements[f"rc-tiny-{name}"] for name in ("ratio", "steps"))
    assert (ratio.value, ratio.low, ratio.high, ratio.n) == (2.0, 1.5, 2.5, 10)
    assert (steps.value, steps.n) == (600.0, 3)
    assert (ratio.over, ratio.method) == ("10 runs", str(Method.BCA))
    assert steps.origin == "long run"
    own = {"tiny-area": 0.5, "tiny-word": "6 of 6", "runs": 10}
    long = {"rc-tiny-ratio-long": 4.0, "tiny-area-long": 0.25}
    assert found.glued == {**own, **long}
    kept = published_evidence(CHAPTER, project)
    publish_many(project, CHAPTER, many, {}, rows, {"steps": 60})  # once more: nothing is lost
    again = read_paper_scale(project, CHAPTER, load_claims(project.claims_file))
    assert again is not None
    assert again.glued == found.glued
    assert kept.tables["many"].equals(rows)
    assert kept.manifest["many"]["steps"] == 60
    assert kept.manifest["many"]["claims"] == ["rc-tiny-ratio"]
    assert kept.manifest["many"]["numbers"] == ["runs", "tiny-area"]
    assert kept.manifest["run_commit"] == FOOTER["commit"]
    assert found.seconds == 90
