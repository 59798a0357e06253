"""The README's example prints the result that the README states."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_example_prints_what_the_readme_says() -> None:
    (example, _), (stated,) = blocks("python"), blocks("text")
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", example], capture_output=True, text=True, check=True
    )
    printed = run.stdout.strip()
    assert NUMBER.sub("#", printed) == NUMBER.sub("#", stated.strip())
    # full batches in double precision: rounding on another processor moves a time by a step at most
    for found, said in zip(NUMBER.findall(printed), NUMBER.findall(stated), strict=True):
        assert abs(float(found) - float(said)) <= 0.02 * float(said), printed


def test_the_five_lines_are_there() -> None:
    example, _ = blocks("python")
    for line in (
        "from regime_lib import RegimeTracker",
        "with RegimeTracker(model, probe) as tracker:",
        "tracker.update()",
        "trace = tracker.trace",
        "print(trace.regime_change())",
    ):
        assert line in example


def test_the_door_has_five_lines_that_can_be_run() -> None:
    _, door = blocks("python")
    compile(door, "README.md", "exec")
    assert len([line for line in door.splitlines() if line]) == 5
    module = re.search(r"from (regime_lib\.\S+) import", door)
    assert module is not None
    assert (ROOT / (module[1].replace(".", "/") + ".py")).is_file()


def test_the_pictures_that_the_readme_shows_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r'src(?:set)?="([^"]+)"', text)
    assert len(shown) == 2
    assert all((ROOT / path).is_file() for path in shown)
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert all((ROOT / path).exists() for path in links if "://" not in path)
