"""The numbers of the last run agree with the accepted ones, and their verdicts are the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.reference import compare_with_reference

PROJECT = Project(Path(__file__).resolve().parents[2])


def test_the_last_run_agrees_with_the_accepted_numbers() -> None:
    if not PROJECT.executed.is_dir():
        pytest.skip("no chapter has been run here yet; run: regime run all")
    comparison = compare_with_reference(PROJECT)
    assert comparison.problems == ()
    assert comparison.compared > 0, "nothing was compared"
