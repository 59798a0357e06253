"""ARCHITECTURE.md is true: its tables are those of the files, and every package has one."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_tables_of_files_are_those_of_the_modules() -> None:
    spec = importlib.util.spec_from_file_location("files", ROOT / ".ci" / "files.py")
    assert spec is not None
    assert spec.loader is not None
    files = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(files)
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    assert page == files.drawn(page), "run: make files"
    for package in (ROOT / "regime_lib").rglob("__init__.py"):
        folder = package.parent.relative_to(ROOT).as_posix()
        if len(list(package.parent.glob("*.py"))) > 1:
            assert f"<!-- files: {folder} -->" in page, f"no files of {folder} are listed"
