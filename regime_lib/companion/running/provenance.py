"""The footer of a chapter: from which commit, library, parameters and versions it came."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.notebooks import Node, bundles_of
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.keys import digest_of, library_digests

#: Under which type the footer's content lies in the output of its cell.
PROVENANCE_MIME = "application/vnd.regime.provenance+json"

# Modules whose version can change a number, and what is installed for one of another name.
_MODULES = ("matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch")
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Provenance:
    """Where a chapter's outputs come from."""

    chapter: str
    commit: str  # that was checked out, and whether files differed from it
    library: str  # digest of the files of the project's code
    parameters: dict[str, Value]  # what the chapter ran with, profile filled in
    seeds: dict[str, Value]  # those of the parameters that set or count seeds
    versions: dict[str, str]  # Python and the packages that were loaded
    seconds: float  # up to the footer, with those that kept measurements took when they were made
    kept: float  # of these seconds, those of kept measurements

    def rows(self) -> list[tuple[str, str]]:
        """Return name and text of each line of the footer."""
        return [
            ("Commit", self.commit),
            ("Library", f"regime_lib {self.library}"),
            ("Parameters", _listed(self.parameters)),
            ("Seeds", _listed(self.seeds) or "none set"),
            ("Versions", _listed(self.versions)),
            ("Run time", self._run_time()),
        ]

    def _run_time(self) -> str:
        kept = f", {self.kept:.0f} s of it by an earlier run of the same code"
        return f"{self.seconds:.0f} s{kept if self.kept >= 1 else ''}"


def describe_run(
    project: Project,
    entry: Entry,
    parameters: Mapping[str, Value],
    seconds: float,
    kept: float,
) -> Provenance:
    """Gather where the outputs of a run come from, which took some seconds beside those kept."""
    return Provenance(
        chapter=entry.name,
        commit=commit_of(project),
        library=digest_of(library_digests(project, entry.imports)),
        parameters=dict(parameters),
        seeds={name: value for name, value in parameters.items() if "seed" in name},
        versions=loaded_versions(),
        seconds=round(seconds + kept, 1),
        kept=round(kept, 1),
    )


def seconds_in(notebook: Node) -> list[float]:
    """Return how long the run took that left its footer in a notebook; nothing without a footer."""
    return [float(footer["seconds"]) for footer in bundles_of(notebook, PROVENANCE_MIME)]


def commit_of(project: Project) -> str:
    """Return the commit that is checked out, and whether files differ from it."""
    described = ["describe", "--always", "--exclude=*", "--abbrev=12"]
    command = ["git", "-C", str(project.root), *described, "--dirty= with uncommitted changes"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or no repository
        return "not under version control"
    return done.stdout.strip()


def loaded_versions() -> dict[str, str]:
    """Return the versions of Python and of the loaded packages that can change a number."""
    loaded = sorted(_DISTRIBUTIONS.get(name, name) for name in _MODULES if name in sys.modules)
    packages = {name: metadata.version(name) for name in loaded}
    return {"python": platform.python_version(), **packages}


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
