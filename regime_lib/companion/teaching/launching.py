"""Links by which a reader opens a chapter on somebody else's machine, once there is an address."""

from __future__ import annotations

from regime_lib.companion.book.notebooks import ONLY_ON_PAGES_TAG, Node
from regime_lib.companion.book.repository import Repository


def with_launch_links(notebook: Node, chapter: str, repository: Repository | None) -> Node:
    """Return a chapter's page with links to Binder and Colab below its first text.

    Without an address it is returned as it is.
    """
    if repository is None:
        return notebook
    links = [f"[Binder]({repository.binder(chapter)})"]
    if colab := repository.colab(chapter):
        links.append(f"[Colab]({colab})")
    cell = {
        "cell_type": "markdown",
        "id": "launch",
        "metadata": {"tags": [ONLY_ON_PAGES_TAG]},
        "source": f":::{{div}} rl-launch\nRun this chapter in {' or in '.join(links)}.\n:::",
    }
    cells = notebook["cells"]
    first = 1 if cells and cells[0]["cell_type"] == "markdown" else 0
    return {**notebook, "cells": [*cells[:first], cell, *cells[first:]]}
