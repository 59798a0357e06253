"""What is declared, what is locked, what is installed and what is cited agree."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import regime_lib

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
DECLARED = [
    *PROJECT["build-system"]["requires"],
    *PROJECT["project"]["dependencies"],
    *(line for lines in EXTRAS.values() for line in lines),
]


def pins_of(lines: list[str]) -> dict[str, Version]:
    """Read lines such as ``numpy==2.4.6``; anything else is refused."""
    pins: dict[str, Version] = {}
    for line in lines:
        name, equals, version = line.partition("==")
        assert equals, f"{line!r} pins no exact version"
        assert canonicalize_name(name) not in pins, f"{name} is pinned twice"
        pins[canonicalize_name(name)] = Version(version)
    return pins


def lock() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return pins_of([line for line in lines if line and not line.startswith("#")])


def environment() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def unsatisfied(requirements: list[str], pins: dict[str, Version], own: str) -> list[str]:
    """Return the requirements that the pins do not meet."""
    needs = [Requirement(line) for line in requirements]
    return [
        str(need)
        for need in needs
        if canonicalize_name(need.name) != own
        and not (
            canonicalize_name(need.name) in pins
            and need.specifier.contains(pins[canonicalize_name(need.name)], prereleases=True)
        )
    ]


def test_the_lock_satisfies_every_declared_requirement() -> None:
    assert unsatisfied(DECLARED, lock(), PROJECT["project"]["name"]) == []


def test_an_unsatisfied_requirement_is_noticed() -> None:
    pins = pins_of(["numpy==1.26", "torch==2.13.0"])
    assert unsatisfied(["numpy>=2", "torch>=2.5", "rich"], pins, "own") == ["numpy>=2", "rich"]


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "--index-url https://example.org"])
def test_a_line_that_pins_nothing_is_noticed(line: str) -> None:
    with pytest.raises(AssertionError, match="pins no exact version"):
        pins_of([line])


def test_every_locked_version_is_the_installed_one() -> None:
    installed = {name: Version(metadata.version(name)).public for name in lock()}
    assert installed == {name: str(version) for name, version in lock().items()}


def test_torch_is_pinned_without_choosing_between_cpu_and_cuda() -> None:
    assert "torch==2.13.0\n" in (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert all(version.local is None for version in lock().values())


def test_no_file_names_a_package_index() -> None:
    for name in ("requirements.lock", "environment.yml", "pyproject.toml", "Makefile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"index-url|find-links|trusted-host|https?://\S*simple", text), name


def test_conda_gets_python_and_pip_and_the_locked_rest() -> None:
    python, pip, rest = environment()["dependencies"]
    assert (python, pip) == ("python=3.11", "pip")
    assert rest["pip"][-1] == "-e ."
    assert pins_of(rest["pip"][:-1]) == lock()


def test_python_bounds_agree() -> None:
    bounds = SpecifierSet(PROJECT["project"]["requires-python"])
    assert str(bounds) == ">=3.11"
    assert bounds.contains(environment()["dependencies"][0].partition("=")[2])
    assert PROJECT["tool"]["ruff"]["target-version"] == "py311"
    assert PROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert "< (3, 11)" in (ROOT / ".ci" / "venv").read_text(encoding="utf-8")


def test_every_place_that_tells_the_version_tells_the_same() -> None:
    version = PROJECT["project"]["version"]
    assert regime_lib.__version__ == version
    assert metadata.version(PROJECT["project"]["name"]) == version
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == version
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    latest = re.search(r"^## (\S+)", changelog, re.MULTILINE)
    assert latest is not None
    assert latest[1] == version


def test_the_citation_names_title_authors_and_both_licences() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    assert citation["title"] in (ROOT / "_config.yml").read_text(encoding="utf-8")


def test_the_extra_all_holds_every_other_extra() -> None:
    (everything,) = [Requirement(line) for line in EXTRAS["all"]]
    assert everything.name == PROJECT["project"]["name"]
    assert everything.extras == set(EXTRAS) - {"all"}
