"""What is declared, what is locked, what is installed and what is cited agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
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
from tests.test_setup import script

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CORE: list[str] = PROJECT["project"]["dependencies"]
EXTRAS: dict[str, list[str]] = PROJECT["project"]["optional-dependencies"]
GROUPS: dict[str, list[str | dict[str, str]]] = PROJECT["dependency-groups"]
DOORS: tuple[str, ...] = script("lock").DOORS
TOOLS = [line for lines in GROUPS.values() for line in lines if isinstance(line, str)]
DECLARED = [
    *PROJECT["build-system"]["requires"],
    *CORE,
    *(line for name, lines in EXTRAS.items() if name not in DOORS for line in lines),
    *TOOLS,
]

# A training of somebody's own, from the first look to what is read off and kept, where only what a
# plain installation brings can be imported.
TRACKED_RUN = """
import sys

class Without:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        absent = name.partition(".")[0] in ABSENT
        return None if absent else self.finder.find_spec(name, path, target)

ABSENT = set(sys.argv[1].split())
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]

import torch
from regime_lib import RegimeTracker, Trace, certify

torch.manual_seed(0)
inputs, targets = torch.randn(32, 5), torch.randn(32, 1)
model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
with RegimeTracker(model, inputs) as tracker:
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), targets).backward()
        optimizer.step()
        tracker.update()
trace = Trace.load(tracker.trace.save(sys.argv[2]))
for definition in ("peak@0.1", "fit"):
    print(trace.regime_change(definition))
print(len(trace.frame), certify(model, inputs))
loaded = ABSENT & {name.partition(".")[0] for name in sys.modules}
assert not loaded, loaded
"""


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


def installed_by(requirements: list[str]) -> set[str]:
    """Return every distribution that the requirements bring, themselves and what they need."""
    lock_script = script("lock")
    own = PROJECT["project"]["name"]
    needs = [need for line in requirements if (need := Requirement(line)).name != own]
    return set(lock_script.closure(needs, lock_script.oldest(PROJECT)))


@cache
def distributions() -> dict[str, set[str]]:
    """Return which distributions each importable name belongs to."""
    return {
        module: {canonicalize_name(name) for name in names}
        for module, names in metadata.packages_distributions().items()
    }


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


def test_every_locked_version_can_be_installed_on_the_oldest_promised_python() -> None:
    lock_script = script("lock")
    oldest = lock_script.oldest(PROJECT)
    assert oldest == Version("3.11.0")
    found = {name: metadata.distribution(name) for name in lock()}
    assert lock_script.refusal(found, oldest) is None


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
    told = [line for line in PROJECT["project"]["classifiers"] if ":: Python :: 3." in line]
    assert [line.rpartition(" ")[2] for line in told] == ["3.11", "3.12", "3.13"]


def test_every_place_that_tells_the_version_tells_the_same() -> None:
    version = regime_lib.__version__
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "regime_lib.__version__"}
    assert metadata.version(PROJECT["project"]["name"]) == version, "make setup installs it anew"
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


def test_the_extra_all_holds_every_other_extra_but_the_doors() -> None:
    (everything,) = [Requirement(line) for line in EXTRAS["all"]]
    assert everything.name == PROJECT["project"]["name"]
    assert everything.extras == set(EXTRAS) - {"all", *DOORS}


def test_a_tracker_needs_six_packages() -> None:
    names = {Requirement(line).name for line in CORE}
    assert names == {"jaxtyping", "numpy", "pandas", "pyarrow", "scipy", "torch"}


def test_a_training_is_tracked_with_nothing_else_installed(tmp_path: Path) -> None:
    here = installed_by(CORE) | {PROJECT["project"]["name"]}
    absent = {module for module, names in distributions().items() if not names & here}
    assert {"click", "tqdm", "yaml", "sklearn", "PIL", "matplotlib", "pytest"} <= absent
    done = subprocess.run(
        [sys.executable, "-c", TRACKED_RUN, " ".join(absent), str(tmp_path / "trace")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "settle (peak@0.1)" in done.stdout


def imports(tree: ast.AST, *, deep: bool) -> Iterator[str]:
    """Yield the packages that a module imports: as it loads, or with `deep` at any time."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        elif deep or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node, deep=deep)


# What a part of the library may import as it loads, besides what every installation has.
ROOMS: dict[str, list[str]] = {
    "instrument": EXTRAS["checkpoints"],  # to read files of that kind, when one is given
    "simulators": ["sympy"],  # in the proofs only, and torch brings it
    "lab": EXTRAS["lab"],
    "sweeps": EXTRAS["sweep"],
    "": [line for lines in EXTRAS.values() for line in lines],
}


def undeclared(path: Path, requirements: list[str], *, deep: bool) -> list[str]:
    """Return what a module imports that the requirements do not name."""
    named = {canonicalize_name(Requirement(line).name) for line in requirements}
    return sorted(
        module
        for module in set(imports(ast.parse(path.read_text(encoding="utf-8")), deep=deep))
        if module not in sys.stdlib_module_names | {"regime_lib"}
        and not distributions().get(module, {canonicalize_name(module)}) & named
    )


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_imports_is_declared_for_it(room: str) -> None:
    modules = sorted((ROOT / "regime_lib" / room).rglob("*.py"))
    assert modules
    for path in modules:
        assert undeclared(path, [*CORE, *ROOMS[room]], deep=False) == [], path
        assert undeclared(path, [*CORE, *ROOMS[""]], deep=True) == [], path


def test_an_undeclared_import_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import json\nimport numpy as np\ndef late():\n    from PIL import Image\n")
    assert undeclared(module, ["numpy>=2"], deep=False) == []
    assert undeclared(module, ["numpy>=2"], deep=True) == ["PIL"]
    assert undeclared(module, ["pillow"], deep=False) == ["numpy"]


def test_the_workflows_try_every_promised_python_and_name_tests_that_exist() -> None:
    workflows = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
    named = {name for text in workflows.values() for name in re.findall(r"tests/\S+", text)}
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
    jobs = yaml.safe_load(workflows["versions"])["jobs"]
    tried = set(jobs["newer"]["strategy"]["matrix"]["python"])
    book = yaml.safe_load(workflows["book"])["jobs"]["test"]["steps"]
    tried |= {step["with"]["python-version"] for step in book if "setup-python" in str(step)}
    told = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"]}
    assert {version for version in told if version.startswith("3.")} <= tried
