"""Cells of the notebooks that a course gets, and what a copy keeps of the book's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regime_lib.companion.book.notebooks import Node, lasting_metadata, source_of

#: Under which name a notebook's metadata says which edition of which chapter it is.
EDITION_KEY = "regime_edition"


_PACKAGE = """\
import importlib.util

if importlib.util.find_spec("regime_lib") is None:
    print(
        "This notebook needs the package regime_lib, which is not installed here: "
        "in the book's folder run `make lab`, or in your own environment "
        "`pip install -e 'FOLDER[book]'`, FOLDER being the book's, and restart the kernel."
    )"""


def markdown(name: str, source: str) -> Node:
    """Return a cell of text, called `name`."""
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(name: str, source: str, metadata: Mapping[str, Any] | None = None) -> Node:
    """Return a cell of code that was not run, called `name`."""
    return {
        "cell_type": "code",
        "id": name,
        "metadata": dict(metadata or {}),
        "source": source.rstrip("\n"),
        "outputs": [],
        "execution_count": None,
    }


def copied(cell: Node, *, outputs: bool) -> Node:
    """Return a copy of a cell without a runner's traces, with its outputs or without."""
    kept = {
        **cell,
        "source": source_of(cell),
        "metadata": lasting_metadata(cell.get("metadata", {})),
    }
    if cell["cell_type"] == "code" and not outputs:
        kept |= {"outputs": [], "execution_count": None}
    return kept


def notebook_of(cells: list[Node], like: Node, edition: Mapping[str, Any]) -> Node:
    """Return a notebook of some cells, for the kernel that another one is for."""
    kept = {key: like["metadata"][key] for key in ("kernelspec", "language_info")
            if key in like["metadata"]}  # fmt: skip
    return {
        "cells": cells,
        "metadata": {**kept, EDITION_KEY: dict(edition)},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def package_source() -> str:
    """Return code that says in one sentence how to get the library, where it is missing."""
    return _PACKAGE


def output_text(cell: Node) -> str:
    """Return what a cell printed when it was run last."""
    streams = [output for output in cell.get("outputs", []) if output["output_type"] == "stream"]
    return "".join(
        text if isinstance(text := output["text"], str) else "".join(text) for output in streams
    )
