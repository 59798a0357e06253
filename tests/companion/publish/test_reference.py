"""Accepting writes what the last run showed, and later runs are held against it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import CLAIM_MIME
from regime_lib.companion.publish.reference import accept, compare_with_reference
from tests.companion.refusals import refused


def snapshot(project: Project) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in project.root.rglob("*")
        if path.is_file() and "_build" not in path.parts
    }


def test_accepting_writes_chapters_numbers_and_the_readme(executed: Project) -> None:
    assert accept(executed) == ("10_tiny",)
    committed = executed.notebooks / "10_tiny.ipynb"
    assert committed.read_bytes() == (executed.executed / "10_tiny.ipynb").read_bytes()
    assert json.loads(executed.reference_file.read_text()) == {
        "10_tiny": {
            "rc-tiny-ratio": {
                "value": 2.5,
                "tolerance": 1.5,
                "unit": "1",
                "verdict": "reproduced",
            },
            "rc-tiny-steps": {
                "value": 200.0,
                "tolerance": 0.0,
                "unit": "steps",
                "verdict": "checked",
            },
        }
    }
    readme = (executed.root / "README.md").read_text()
    assert readme.startswith("# Tiny\n\n<!-- chapters:begin -->\n| chapter |")
    assert readme.endswith("|\n<!-- chapters:end -->\n\nThe end.\n")
    light, dark = (
        (executed.root / f"book/_static/hero-{theme}.png").read_bytes()
        for theme in ("light", "dark")
    )
    assert light != dark
    assert light.startswith(b"\x89PNG")
    assert dark.startswith(b"\x89PNG")


def test_accepting_twice_changes_nothing(executed: Project) -> None:
    accept(executed)
    before = snapshot(executed)
    accept(executed)
    assert snapshot(executed) == before


def test_nothing_is_accepted_unless_everything_is_fit(executed: Project) -> None:
    before = snapshot(executed)
    readme = executed.root / "README.md"
    readme.write_text("# Tiny\n")
    with refused("README.md", "chapters:begin"):
        accept(executed)
    readme.write_bytes(before[readme])
    (executed.notebooks / "tiny_core.py").write_text("def called(): 43")
    with refused("10_tiny", "notebooks/tiny_core.py changed", "regime run 10_tiny"):
        accept(executed)
    core = executed.notebooks / "tiny_core.py"
    core.write_bytes(before[core])
    path = executed.executed / "10_tiny.ipynb"
    path.write_text(path.read_text().replace("## Exercises", "## Tasks"))
    with refused("10_tiny", "not fit to publish", "'Exercises'"):
        accept(executed)
    assert snapshot(executed) == before


def change_numbers(project: Project, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the first measurement that the last run stored."""
    path = project.executed / "10_tiny.ipynb"
    notebook = json.loads(path.read_text())
    stored = [
        o["data"]
        for c in notebook["cells"]
        for o in c.get("outputs", [])
        if CLAIM_MIME in o.get("data", {})
    ]
    change(stored[0][CLAIM_MIME])
    path.write_text(json.dumps(notebook))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda m: m.update(value=4.0), ""),
        (lambda m: m.update(value=1.0), ""),
        (lambda m: m.update(value=4.01), "is 4.01, accepted 2.5 ± 1.5"),
        (lambda m: m.update(value=2.6, verdict="partly"), "is partly, accepted as reproduced"),
        (lambda m: m.update(unit="steps"), "is in 'steps', accepted in '1'"),
        (lambda m: m.update(id="rc-new"), "rc-new: is measured but was never accepted"),
    ],
)
def test_numbers_may_move_within_the_interval_and_verdicts_not_at_all(
    executed: Project, change: Callable[[dict[str, Any]], object], problem: str
) -> None:
    accept(executed)
    change_numbers(executed, change)
    comparison = compare_with_reference(executed)
    assert comparison.compared >= 2
    if problem:
        assert any(problem in text for text in comparison.problems), comparison.problems
    else:
        assert comparison.problems == ()


def test_a_claim_that_is_no_longer_measured_is_missed(executed: Project) -> None:
    accept(executed)
    change_numbers(executed, lambda m: m.update(id="rc-new"))
    problems = compare_with_reference(executed).problems
    assert "10_tiny, rc-tiny-ratio: was accepted but is no longer measured" in problems


def test_the_last_digit_may_differ_where_there_is_no_interval(executed: Project) -> None:
    accept(executed)
    reference = json.loads(executed.reference_file.read_text())
    for value, fits in ((200.001, True), (200.1, False)):
        reference["10_tiny"]["rc-tiny-steps"]["value"] = value
        executed.reference_file.write_text(json.dumps(reference))
        assert (compare_with_reference(executed).problems == ()) is fits


def test_runs_with_other_parameters_are_not_compared(executed: Project) -> None:
    accept(executed)
    path = executed.executed / "10_tiny.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["regime"]["parameters"]["steps"] = 80
    path.write_text(json.dumps(notebook))
    assert compare_with_reference(executed).compared == 0


def test_without_a_reference_one_is_told_to_accept(executed: Project) -> None:
    comparison = compare_with_reference(executed)
    assert comparison.compared == 0
    assert "regime accept" in comparison.problems[0]


def test_a_book_without_a_landing_figure_is_left_as_it_was(executed: Project) -> None:
    path = executed.executed / "10_tiny.ipynb"
    path.write_text(path.read_text().replace("fig-regions", "fig-other"))
    before = (executed.root / "README.md").read_text()
    with refused("fig-regions", "chapter.figure"):
        accept(executed)
    assert not executed.reference_file.exists()
    assert (executed.root / "README.md").read_text() == before


@pytest.mark.parametrize(
    ("accepted", "found", "same"),
    [
        ({"value": 1.3e-15}, {"value": 2.4e-15}, True),
        ({"value": 0.0}, {"value": -3e-9}, True),
        ({"value": 1.3e-15}, {"value": 2e-3}, False),
        ({"value": 3.0}, {"value": 4.0}, False),
        ({"value": 1.3e-15, "verdict": "reproduced"}, {"value": 2.4e-15}, False),
    ],
)
def test_what_rounding_leaves_of_an_identity_may_differ_on_another_processor(
    executed: Project, accepted: dict[str, Any], found: dict[str, Any], same: bool
) -> None:
    plain = {"low": None, "high": None, "verdict": "checked"}
    change_numbers(executed, lambda m: m.update({**plain, **found}))
    accept(executed)
    reference = json.loads(executed.reference_file.read_text())
    told = reference["10_tiny"]["rc-tiny-ratio"]
    told.update(accepted)
    executed.reference_file.write_text(json.dumps(reference))
    assert (compare_with_reference(executed).problems == ()) is same
