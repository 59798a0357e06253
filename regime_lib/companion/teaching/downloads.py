"""Chapters as a reader downloads them from the rendered book: readable in any Jupyter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from regime_lib.companion.book.notebooks import (
    ONLY_ON_PAGES_TAG,
    Node,
    glued_values,
    markdown_of,
    read_notebook,
    source_of,
    tags_of,
)
from regime_lib.companion.book.repository import Repository
from regime_lib.companion.teaching.cells import EDITION_KEY, code, package_source
from regime_lib.companion.teaching.facts import Facts, with_facts
from regime_lib.companion.teaching.plain_text import Known, titles_in, works_in, written_out
from regime_lib.storage import write_text

_KIND = "download"


def prepare_downloads(
    folder: Path,
    bibliography: Path,
    facts: Mapping[str, Facts] | None = None,
    repository: Repository | None = None,
) -> tuple[Path, ...]:
    """Make the notebooks below a folder of the rendered book ready to leave it.

    What is told of exercises, and where the project is published, is written into them. Returns
    those that were changed; the second time there are none.
    """
    works = works_in(bibliography)
    changed = []
    for path in sorted(folder.rglob("*.ipynb")):
        notebook = read_notebook(path)
        if notebook["metadata"].get(EDITION_KEY, {}).get("kind") != _KIND:
            ready = downloadable(with_facts(notebook, facts or {}, page=False), works, repository)
            write_text(path, json.dumps(ready, indent=1, ensure_ascii=False) + "\n")
            changed.append(path)
    return tuple(changed)


def downloadable(
    notebook: Node, works: Mapping[str, str], repository: Repository | None = None
) -> Node:
    """Return a chapter with plain prose, and a cell that says how to get what it needs.

    Code, solutions and outputs are as they are in the book; numbers in the text are those of the
    run that the outputs show.
    """
    known = Known(glued_values(notebook), works, titles_in(markdown_of(notebook)))
    cells = [
        {**cell, "source": written_out(source_of(cell), known)}
        if cell["cell_type"] == "markdown"
        else cell
        for cell in notebook["cells"]
        if ONLY_ON_PAGES_TAG not in tags_of(cell)
    ]
    first = 1 if cells and cells[0]["cell_type"] == "markdown" else 0
    cells.insert(first, code("edition-package", package_source(repository)))
    metadata = {**notebook["metadata"], EDITION_KEY: {"kind": _KIND}}
    return {**notebook, "cells": [cell for cell in cells if source_of(cell)], "metadata": metadata}
