"""Cells of the notebooks that a course gets, and what a copy keeps of the book's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from regime_lib.companion.book.notebooks import Node, lasting_metadata, source_of
from regime_lib.companion.book.repository import Repository

#: Under which name a notebook's metadata says which edition of which chapter it is.
EDITION_KEY = "regime_edition"


_PACKAGE = """\
import importlib.util

if importlib.util.find_spec("regime_lib") is None:
    print(
        "This notebook needs the package regime_lib, which is not installed here: "
        "HOWand restart the kernel."
    )"""

_FROM_FOLDER = """\
in the book's folder run `make lab`, or in your own environment "
        "`pip install -e 'FOLDER[book]'`, FOLDER being the book's, """

_FROM_ADDRESS = """\
run `git clone --depth 1 -b BRANCH URL book && pip install -e 'book[book]'`, "
        "start Jupyter in the folder book, """

# Colab opens a notebook without its neighbours: it fetches the book and reads it from there.
_COLAB = """\
import os
import subprocess
import sys

if "google.colab" in sys.modules and not os.path.isdir("/content/book"):
    for command in (
        "git clone --quiet --depth 1 -b BRANCH URL /content/book",
        f"{sys.executable} -m pip install --quiet -e /content/book[book]",
    ):
        subprocess.run(command.split(), check=True)
    sys.path.insert(0, "/content/book")
    os.environ["REGIME_ROOT"] = "/content/book"
"""


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


def package_source(repository: Repository | None = None) -> str:
    """Return code that says in one sentence how to get the library, where it is missing.

    Once the project is published it names its address.
    """
    if repository is None:
        return _PACKAGE.replace("HOW", _FROM_FOLDER)
    return _addressed(_PACKAGE.replace("HOW", _FROM_ADDRESS), repository)


def standing_alone_source(repository: Repository) -> str:
    """Return code that fetches and installs the published book, if the notebook runs in Colab."""
    return _addressed(_COLAB, repository) + "\n" + package_source(repository)


def _addressed(source: str, repository: Repository) -> str:
    return source.replace("BRANCH", repository.branch).replace("URL", repository.url)


def output_text(cell: Node) -> str:
    """Return what a cell printed when it was run last."""
    streams = [output for output in cell.get("outputs", []) if output["output_type"] == "stream"]
    return "".join(
        text if isinstance(text := output["text"], str) else "".join(text) for output in streams
    )
