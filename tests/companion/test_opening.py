"""Opening a chapter checks the parameters that the notebook really has, however they came there."""

from __future__ import annotations

import dataclasses
import math
import types
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.opening import open_chapter
from tests.companion.refusals import refused
from tests.companion.tiny import make_project

QUICK: dict[str, Any] = {"n_seeds": 4}
PAPER: dict[str, Any] = {"n_seeds": 16}


def measuring(quick: dict[str, Any] = QUICK, paper: dict[str, Any] = PAPER, **fields: Any) -> Any:
    """Return a module that measures with the given profiles."""
    module = types.ModuleType("measuring")
    kinds = [(name, Any) for name in fields or ("steps", "n_seeds")]
    settings = dataclasses.make_dataclass("Settings", kinds, frozen=True)
    module.__dict__.update(QUICK=quick, PAPER=paper, Settings=settings)
    return module


@pytest.fixture(autouse=True)
def _inside_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "project")
    monkeypatch.setenv("REGIME_ROOT", str(project.root))


def names(**changes: Any) -> dict[str, Any]:
    """Return the globals of a notebook whose parameters cell has run."""
    namespace = {
        "profile": "quick",
        "steps": 200,
        "rate": 0.1,
        "n_seeds": None,
        "dataset": "digits",
    }
    return {key: value for key, value in {**namespace, **changes}.items() if value is not ...}


def test_a_parameter_left_at_none_takes_its_profiles_value() -> None:
    quick = open_chapter("10_tiny", names(), measuring())
    paper = open_chapter("10_tiny", names(profile="paper"), measuring())
    given = open_chapter("10_tiny", names(n_seeds=7), measuring())
    found = [chapter.parameters.n_seeds for chapter in (quick, paper, given)]
    assert found == [4, 16, 7]


def test_a_chapter_without_profiles_keeps_none() -> None:
    assert open_chapter("10_tiny", names()).parameters.n_seeds is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 5}, ["'steps'", "10..1000"]),
        ({"steps": 20.0}, ["'steps'", "whole number"]),
        ({"rate": "1e-3"}, ["'rate'", "YAML", "1.0e-3"]),
        ({"n_seeds": 1}, ["'n_seeds'", "2..64"]),
        ({"profile": "fast"}, ["'profile'", "quick, paper"]),
        ({"steps": ...}, ["'steps'", "run the parameters cell"]),
        ({"stepz": 100}, ["'stepz'", "did you mean 'steps'"]),
        ({"bad": 1}, ["'bad'"]),
        ({"bad": None}, ["'bad'"]),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], words: list[str]) -> None:
    with refused(*words):
        open_chapter("10_tiny", names(**changes), measuring())


def test_imports_and_the_notebooks_own_machinery_are_not_parameters() -> None:
    others = {
        "__name__": "__main__",
        "math": math,
        "Path": Path,
        "open_chapter": open_chapter,
        "helper": lambda: None,
        "_oh": {},
        "_EDITOR_state": "x",
        "In": ["", "x"],
        "Out": {},
        "settings": types.SimpleNamespace(),
    }
    open_chapter("10_tiny", names(**others), measuring())


def test_a_reader_may_run_the_cell_again_after_the_story() -> None:
    namespace = names()
    namespace["chapter"] = open_chapter("10_tiny", namespace, measuring())
    namespace["curves"] = [1, 2, 3]
    open_chapter("10_tiny", namespace, measuring())


@pytest.mark.parametrize(
    ("quick", "paper", "words"),
    [
        (QUICK, {}, ["same parameters"]),
        ({"n_seed": 4}, {"n_seed": 8}, ["'n_seed'", "did you mean 'n_seeds'"]),
        ({"n_seeds": 4}, {"n_seeds": 400}, ["profile's value", "'n_seeds'", "2..64"]),
    ],
)
def test_profiles_are_checked_like_parameters(
    quick: dict[str, Any], paper: dict[str, Any], words: list[str]
) -> None:
    with refused(*words):
        open_chapter("10_tiny", names(), measuring(quick, paper))


def test_a_name_that_is_no_chapter_is_refused() -> None:
    with refused("'10_tinny'", "did you mean 10_tiny"):
        open_chapter("10_tinny", names())


def test_settings_take_declared_parameters_only() -> None:
    with refused("measuring.Settings", "'width'", "does not declare"):
        open_chapter("10_tiny", names(), measuring(width=3))


def test_without_settings_nothing_is_measured() -> None:
    with refused("10_tiny has no settings", "measure"):
        open_chapter("10_tiny", names()).measure(lambda settings: settings)
