"""A chapter that was downloaded reads well in any Jupyter, and says how to get what it needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from regime_lib.companion.book.catalogue import chapter_names
from regime_lib.companion.book.notebooks import read_notebook, source_of
from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.downloads import prepare_downloads

PROJECT = find_project()


@pytest.mark.parametrize("name", chapter_names(PROJECT))
def test_a_download_is_the_chapter_in_plain_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir()
    shutil.copy(PROJECT.notebooks / path.name, path)
    before = read_notebook(path)
    assert prepare_downloads(tmp_path, PROJECT.pages / "references.bib") == (path,)
    after = read_notebook(path)
    nbformat.validate(nbformat.from_dict(after))
    code = [cell for cell in after["cells"] if cell["cell_type"] == "code"]
    assert code[0]["id"] == "edition-package"
    assert code[1:] == [cell for cell in before["cells"] if cell["cell_type"] == "code"]
    prose = "\n\n".join(source_of(c) for c in after["cells"] if c["cell_type"] == "markdown")
    prose = re.sub(r"\$[^$]*\$", "", prose)
    assert not re.search(r"\{[a-z:]+\}`|^:::|solution-", prose, re.MULTILINE)
    assert prose.count("**Solution.**") == sum(
        "{solution-start}" in source_of(cell) for cell in before["cells"]
    )
    written = path.read_bytes()
    assert prepare_downloads(tmp_path, PROJECT.pages / "references.bib") == ()
    assert path.read_bytes() == written


def test_the_first_cell_says_how_to_get_the_library_only_where_it_is_missing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "10_stability.ipynb"
    shutil.copy(PROJECT.notebooks / path.name, path)
    prepare_downloads(tmp_path, tmp_path / "none.bib")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (first,) = (source_of(cell) for cell in cells if cell["id"] == "edition-package")
    alone = [sys.executable, "-I", "-S", "-c", first]  # sees no installed package
    said = subprocess.run(alone, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert said.startswith("This notebook needs the package regime_lib")
    assert len(said.splitlines()) == 1
    here = [sys.executable, "-c", first]
    assert subprocess.run(here, capture_output=True, check=True, cwd=PROJECT.root).stdout == b""
