"""Write requirements.lock and environment.yml from what the virtual environment holds.

Only what the project needs is written, directly or through something else: a package that was
installed by hand for another purpose does not slip in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def wanted(pyproject: Path) -> list[Requirement]:
    """Return what the project needs to build, run, render and test."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    lines = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in project["project"]["optional-dependencies"].values():
        lines += extra
    own = canonicalize_name(project["project"]["name"])
    needs = [Requirement(line) for line in lines]
    return [need for need in needs if canonicalize_name(need.name) != own]


def closure(needs: Iterable[Requirement]) -> dict[str, str]:
    """Return name and installed version of everything that `needs` lead to."""
    found: dict[str, str] = {}
    done: set[tuple[str, frozenset[str]]] = set()
    todo = list(needs)
    while todo:
        need = todo.pop()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in done:
            continue
        done.add(key)
        distribution = metadata.distribution(need.name)
        found[key[0]] = distribution.version.partition("+")[0]
        for line in distribution.requires or ():
            inner = Requirement(line)
            extras = need.extras or {""}
            if inner.marker is None or any(inner.marker.evaluate({"extra": e}) for e in extras):
                todo.append(inner)
    return found


def write(root: Path) -> None:
    """Write both files into `root`."""
    pins = [
        f"{name}=={version}"
        for name, version in sorted(closure(wanted(ROOT / "pyproject.toml")).items())
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
