"""What `make lab`, the Dockerfile and the development container promise.

Docker is not at hand where this was written: no image was built here, and what is checked is what
can be read; a workflow builds it. The environment beside another one is made for real, without a
network.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.test_setup import run

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
DEVCONTAINER = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
INSTRUCTION = re.compile(r"^([A-Z]+) +(.*)$", re.MULTILINE)


def instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [" ".join(rest.split()) for word, rest in INSTRUCTION.findall(joined) if word == name]


def targets() -> set[str]:
    rules = re.findall(r"^([^\s:#=]+):(?!=)", MAKEFILE, re.MULTILINE)
    lab = re.search(r"^LAB := (\S+)", MAKEFILE, re.MULTILINE)
    assert lab is not None
    return {rule.replace("$(LAB)", lab[1]) for rule in rules}


def made(command: str) -> list[str]:
    """Return the targets that a shell line asks make for."""
    found = re.search(r"\bmake ([^&|]*)", command)
    return [word for word in shlex.split(found[1]) if "=" not in word] if found else []


def test_the_image_starts_as_nobody_special_and_opens_lab() -> None:
    assert instructions("USER")[-1] != "root"
    (command,) = instructions("CMD")
    words = json.loads(command)
    assert words[:2] == ["make", "lab"]
    assert "--ip=0.0.0.0" in words[2]
    assert instructions("EXPOSE") == ["8888"]


def test_image_and_container_ask_make_for_targets_that_exist() -> None:
    lines = [*instructions("RUN"), shlex.join(json.loads(instructions("CMD")[0]))]
    asked = [target for line in [*lines, DEVCONTAINER["onCreateCommand"]] for target in made(line)]
    assert {"setup", "lab", ".venv-lab/.installed"} == set(asked)
    assert set(asked) <= targets()


def test_image_and_container_hold_a_python_that_the_project_supports() -> None:
    (image,) = instructions("FROM")
    promised = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert promised is not None
    for name in (image, DEVCONTAINER["image"]):
        found = re.search(r"python:3\.(\d+)", name)
        assert found is not None
        assert int(found[1]) >= int(promised[1])


def test_what_the_image_copies_is_there_and_what_is_made_again_is_not_copied() -> None:
    for line in instructions("COPY"):
        for name in line.split()[1:-1]:
            assert (ROOT / name).exists(), name
    for name in (".venv", ".venv-lab", ".venv-bench", "_build", "lab"):
        assert name in IGNORED
    for name in ("book", "notebooks", "regime_lib", "Makefile", ".ci"):
        assert name not in IGNORED


def test_ci_builds_the_image_and_asks_the_doctor_in_it() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/class.yml").read_text("utf-8"))["jobs"]
    commands = [step.get("run", "") for step in jobs["image"]["steps"]]
    assert any("docker build" in command for command in commands)
    assert any(command.endswith("regime doctor") for command in commands)


def test_no_package_index_is_named() -> None:
    assert not re.search(r"https?://", DOCKERFILE)


def test_ports_are_those_that_make_shows() -> None:
    assert DEVCONTAINER["forwardPorts"] == [8888, 8000]
    assert "PORT ?= 8000" in MAKEFILE


def test_lab_is_not_among_what_chapters_are_measured_with() -> None:
    pinned = (ROOT / "requirements-lab.txt").read_text(encoding="utf-8")
    assert re.search(r"^jupyterlab==\d", pinned, re.MULTILINE)
    assert "jupyterlab==" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_what_a_reader_edits_in_lab_is_not_committed() -> None:
    done = run("git", "-C", ROOT, "check-ignore", "lab/10_stability.ipynb", ".venv-lab/x")
    if done.returncode == 128:
        pytest.skip("no git, or no repository")
    assert done.stdout.split() == ["lab/10_stability.ipynb", ".venv-lab/x"]
    assert run("git", "-C", ROOT, "check-ignore", "regime_lib/lab/seeding.py").stdout == ""


def test_an_environment_beside_another_sees_it_and_is_stamped_last(tmp_path: Path) -> None:
    wanted, folder = tmp_path / "wanted.txt", tmp_path / "beside"
    wanted.write_text("--no-index\nno-such-package-at-all==1\n", encoding="utf-8")
    done = run("sh", ROOT / ".ci" / "beside", folder, sys.executable, wanted)
    assert done.returncode != 0
    assert not (folder / ".installed").exists()
    wanted.write_text("--no-index\nnumpy\n", encoding="utf-8")  # which the other one holds
    done = run("sh", ROOT / ".ci" / "beside", folder, sys.executable, wanted)
    assert done.returncode == 0, done.stderr
    assert (folder / ".installed").exists()
    code = "import numpy, sys; print(sys.prefix, numpy.__file__)"
    said = subprocess.run(
        [folder / "bin" / "python", "-c", code], capture_output=True, text=True, check=True
    ).stdout
    prefix, numpy = said.split()
    assert Path(prefix) == folder
    assert not Path(numpy).is_relative_to(folder)
