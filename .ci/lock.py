"""Write requirements.lock and environment.yml from what the virtual environment holds.

Only what the project needs is written, directly or through something else: a package that was
installed by hand for another purpose does not slip in. A version that the oldest promised Python
cannot install is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]

LOCK_HEADER = """\
# The exact versions that `make` installs. Written by `make lock`; do not edit by hand.
# torch carries no local suffix: pip's own configuration decides between its CPU and CUDA builds.
"""
ENVIRONMENT_HEADER = """\
# The same versions as requirements.lock, for conda. Written by `make lock`; do not edit by hand.
# A test holds the two files against each other and against what is installed. conda itself was not
# exercised: no channel was at hand where this file was made. `make` uses venv and pip.
#
#   conda env create -f environment.yml && conda activate regimes-of-learning
"""


def read(pyproject: Path) -> dict[str, Any]:
    """Return what `pyproject` declares."""
    return tomllib.loads(pyproject.read_text(encoding="utf-8"))


def group_lines(declared: Mapping[str, Any]) -> list[str]:
    """Return the requirements of every dependency group; those that include others add nothing."""
    groups = declared.get("dependency-groups", {}).values()
    return [line for group in groups for line in group if isinstance(line, str)]


#: Extras that lead to the trainers and files of others: large, and needed by nothing here.
DOORS = ("accelerate", "checkpoints", "lightning", "transformers")


def wanted(declared: Mapping[str, Any]) -> list[Requirement]:
    """Return what the project needs to build, run, render and test; without the doors."""
    project = declared["project"]
    lines = [*declared["build-system"]["requires"], *project["dependencies"]]
    for name, extra in project["optional-dependencies"].items():
        lines += extra if name not in DOORS else []
    own = canonicalize_name(project["name"])
    needs = [Requirement(line) for line in [*lines, *group_lines(declared)]]
    return [need for need in needs if canonicalize_name(need.name) != own]


def oldest(declared: Mapping[str, Any]) -> Version:
    """Return the oldest Python that the project promises to run on."""
    (bound,) = SpecifierSet(declared["project"]["requires-python"])
    assert bound.operator == ">="
    return Version(bound.version)


def closure(needs: Iterable[Requirement], python: Version) -> dict[str, metadata.Distribution]:
    """Return name and distribution of everything that `needs` lead to on this `python`."""
    target = {
        "python_version": f"{python.major}.{python.minor}",
        "python_full_version": f"{python.major}.{python.minor}.{python.micro}",
    }
    found: dict[str, metadata.Distribution] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    todo = list(needs)
    while todo:
        need = todo.pop()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in done:
            continue
        done.add(key)
        found[key[0]] = distribution = metadata.distribution(need.name)
        for line in distribution.requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(
                inner.marker.evaluate({**target, "extra": extra}) for extra in need.extras or {""}
            ):
                todo.append(inner)
    return found


def refusal(found: Mapping[str, metadata.Distribution], python: Version) -> str | None:
    """Say in one sentence which of the distributions this `python` cannot install."""
    too_new = [
        f"{name} {distribution.version} needs Python {bound}"
        for name, distribution in sorted(found.items())
        if (bound := distribution.metadata.get("Requires-Python"))
        and not SpecifierSet(bound).contains(python)
    ]
    if not too_new:
        return None
    return (
        f"{' and '.join(too_new)}, but pyproject.toml promises {python} or newer: install an older "
        "one into this environment, then write the lock again."
    )


def write(root: Path) -> None:
    """Write both files into `root`, unless the oldest promised Python could not install them."""
    declared = read(ROOT / "pyproject.toml")
    python = oldest(declared)
    found = closure(wanted(declared), python)
    if sentence := refusal(found, python):
        raise SystemExit(sentence)
    pins = [
        f"{name}=={distribution.version.partition('+')[0]}"
        for name, distribution in sorted(found.items())
    ]
    (root / "requirements.lock").write_text(LOCK_HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    pip_lines = "".join(f"      - {pin}\n" for pin in pins)
    (root / "environment.yml").write_text(
        f"{ENVIRONMENT_HEADER}name: regimes-of-learning\nchannels: [conda-forge]\n"
        f"dependencies:\n  - python=3.11\n  - pip\n  - pip:\n{pip_lines}      - -e .\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    write(ROOT)
