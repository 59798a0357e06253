"""The committed chapters keep the contract: checked from their files, without a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import chapter_names, load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.ledger import measurements_in
from regime_lib.companion.publish.checks import problems_of
from regime_lib.companion.running.keys import run_key, stored_key

PROJECT = Project(Path(__file__).resolve().parents[2])
CHAPTERS = chapter_names(PROJECT)


def test_there_is_a_chapter_to_check() -> None:
    assert CHAPTERS


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_keeps_the_contract(name: str) -> None:
    assert problems_of(load_entry(PROJECT, name).notebook) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_names_no_folder_of_the_machine_that_ran_it(name: str) -> None:
    text = load_entry(PROJECT, name).path.read_text(encoding="utf-8")
    assert str(PROJECT.root) not in text
    assert str(Path.home()) + "/" not in text


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_outputs_are_those_of_the_committed_source(name: str) -> None:
    entry = load_entry(PROJECT, name)
    stored = stored_key(entry.path)
    assert stored is not None, f"{name} was not written by: regime accept"
    defaults = {parameter.name: parameter.default for parameter in entry.parameters}
    assert stored["parameters"] == defaults
    now = run_key(PROJECT, entry, defaults)
    assert stored["parts"]["source"] == now.parts["source"], (
        f"{name} was edited after it was run; run: regime run {name} && regime accept"
    )


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_chapter_records_the_claims_that_it_is_there_for(name: str) -> None:
    claims = load_claims(PROJECT.claims_file).values()
    expected = {claim.id for claim in claims if claim.chapter == name}
    recorded = measurements_in(load_entry(PROJECT, name).notebook, name)
    assert recorded.keys() == expected
    assert expected
