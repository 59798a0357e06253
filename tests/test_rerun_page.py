"""What the page *Rerun it yourself* shows works as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import find_chapters
from regime_lib.companion.book.project import find_project
from regime_lib.companion.running.sweep_chapter import check_points
from regime_lib.sweeps.grid import parse_grid

PAGE = (Path(__file__).resolve().parents[1] / "book" / "rerun.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)
SWEEPS = re.findall(r'regime sweep (\w+) --grid "([^"]+)"', PAGE)


def test_the_function_of_your_own_is_swept(tmp_path: Path) -> None:
    (script,) = (block for block in BLOCKS if "__main__" in block)
    (tmp_path / "mine.py").write_text(script)
    command = [sys.executable, "-W", "error", "mine.py"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    lines = run.stdout.strip().splitlines()
    assert lines[0].split() == ["lr", "seed", "loss"]
    assert len(lines) == 1 + 3 * 4
    assert (tmp_path / "results" / "table.parquet").is_file()


@pytest.mark.parametrize(("chapter", "grid"), SWEEPS)
def test_the_grids_fit_their_chapters(chapter: str, grid: str) -> None:
    points = parse_grid(grid)
    (entry,) = find_chapters(find_project(), [chapter])
    assert len(check_points(entry, {}, points)) == len(points)


def test_there_are_grids_to_look_at() -> None:
    assert len(SWEEPS) >= 2


@pytest.mark.parametrize("block", BLOCKS)
def test_every_example_is_python(block: str) -> None:
    compile(block, "rerun.md", "exec")
