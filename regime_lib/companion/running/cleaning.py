"""Cleaning executed notebooks, so that a rerun on the same machine writes the same bytes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from regime_lib.companion.book.notebooks import INJECTED_TAG, Node, lasting_metadata, tags_of
from regime_lib.companion.running.keys import METADATA_KEY

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# No version: it would differ between readers. The lexer is what the book needs to show code.
_LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
_VOLATILE = frozenset({"papermill", "widgets", "kernelspec", "language_info", METADATA_KEY})
_ERROR_TAG = "papermill-error-cell-tag"


def clean_notebook(executed: Node, source: Node, key: Mapping[str, Any]) -> Node:
    """Return an executed notebook without timestamps, paths and random identifiers.

    Parameters
    ----------
    executed : dict
        What the runner wrote.
    source : dict
        The notebook that was run; its cells lend their identifiers.
    key : mapping
        What to store under ``metadata.regime``.
    """
    notebook = copy.deepcopy(executed)
    kept = {k: v for k, v in notebook.get("metadata", {}).items() if k not in _VOLATILE}
    notebook["metadata"] = {
        **kept,
        "kernelspec": dict(_KERNEL),
        "language_info": dict(_LANGUAGE),
        METADATA_KEY: dict(key),
    }
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    notebook["cells"] = [cell for cell in notebook["cells"] if _ERROR_TAG not in tags_of(cell)]
    names = iter(_identifiers(source))
    for cell in notebook["cells"]:
        cell["id"] = INJECTED_TAG if INJECTED_TAG in tags_of(cell) else next(names)
        cell["metadata"] = lasting_metadata(cell.get("metadata", {}))
    return notebook


def _identifiers(source: Node) -> list[str]:
    """Return the identifier of each cell: its own, or one made from its position."""
    cells = [cell for cell in source["cells"] if INJECTED_TAG not in tags_of(cell)]
    return [cell.get("id", f"cell-{number:02d}") for number, cell in enumerate(cells)]
