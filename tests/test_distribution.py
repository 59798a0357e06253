"""A source archive makes a wheel, pip installs it from a file, and it works outside the project."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = ROOT / "regime_lib"
BUILD = "import sys; from setuptools import build_meta as b; print(b.build_{}(sys.argv[1]))"
# The five lines of the README, on a model that is trained for a moment.
SMOKE = """\
import sys, pathlib
import regime_lib
assert pathlib.Path(regime_lib.__file__).is_relative_to(sys.argv[1]), regime_lib.__file__
import torch
from regime_lib import RegimeTracker
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(16, 4)
with RegimeTracker(model, x) as tracker:
    for _ in range(5):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
        tracker.update()
print(len(tracker.trace.frame))
"""


def call(*command: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "REGIME_ROOT")}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive, the wheel made of it, and what pip installed of that."""
    here = tmp_path_factory.mktemp("distribution")
    tree = here / "tree"
    shutil.copytree(LIBRARY, tree / "regime_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    done = call(sys.executable, "-c", BUILD.format("sdist"), here, cwd=tree)
    assert done.returncode == 0, done.stderr
    (archive,) = here.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(here / "unpacked", filter="data")
    (unpacked,) = (here / "unpacked").iterdir()
    done = call(sys.executable, "-c", BUILD.format("wheel"), here, cwd=unpacked)
    assert done.returncode == 0, done.stderr
    (wheel,) = here.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--no-index", "--no-deps", "--no-compile"]
    done = call(*install, "--target", here / "installed", wheel, cwd=here)
    assert done.returncode == 0, done.stderr
    return here


def test_the_wheel_holds_every_file_of_the_library_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in LIBRARY.rglob("*")
        if path.suffix in (".py", ".j2", ".csv", ".typed", ".ttf", ".txt")
    }
    assert held == expected


def test_the_wheel_tells_licence_and_version(built: Path) -> None:
    (information,) = (built / "installed").glob("*.dist-info")
    metadata = (information / "METADATA").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "([^"]+)"', (LIBRARY / "__init__.py").read_text("utf-8"))
    assert version is not None
    assert f"\nVersion: {version[1]}\n" in metadata
    assert "License-Expression: MIT" in metadata
    assert list(information.rglob("LICENSE"))


def test_a_training_is_tracked_outside_the_project(built: Path, tmp_path: Path) -> None:
    place = built / "installed"
    done = call(sys.executable, "-c", SMOKE, place, cwd=tmp_path, path=place)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--help"], 0, "Run the chapters of Regimes of Learning"),
        (["list"], 2, "no project found: go to a folder that holds notebooks/"),
        (["doctor"], 1, "No project found: go to a folder"),
        (["teach", "student", "10"], 2, "no project found"),
    ],
)
def test_the_command_says_what_it_lacks_outside_the_project(
    arguments: list[str], code: int, says: str, built: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "regime_lib", *arguments]
    done = call(*command, cwd=tmp_path, path=built / "installed")
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_inside_a_copy_of_the_book_the_installed_command_works(built: Path) -> None:
    command = [sys.executable, "-m", "regime_lib", "teach", "student", "60", "--sheet", "-o"]
    done = call(*command, built / "class", cwd=ROOT / "book", path=built / "installed")
    assert done.returncode == 0, done.stderr
    assert (built / "class" / "60_neuron_modes.ipynb").is_file()
