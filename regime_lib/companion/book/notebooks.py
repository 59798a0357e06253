"""Reading notebooks as plain JSON: cells, tags and outputs, without the weight of nbformat."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from regime_lib.errors import RegimeError

#: A notebook or one of its cells or outputs, as JSON gives it.
Node = dict[str, Any]

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
IGNORE_TAG = "nbval-ignore-output"

_GLUED = "application/papermill.record/text/plain"

# What a runner writes into a cell and that says nothing about the cell itself.
_VOLATILE_CELL_KEYS = frozenset({"papermill", "execution", "collapsed", "scrolled", "trusted"})


def read_notebook(path: Path) -> Node:
    """Read a notebook of format 4."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RegimeError(f"there is no notebook {path.name} in {path.parent.name}/") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RegimeError(
            f"{path.name} is not a readable notebook ({error}); open and save it in Jupyter"
        ) from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        raise RegimeError(f"{path.name} is not a notebook of format 4; save it again in Jupyter")
    return notebook


def text_of(value: str | list[str]) -> str:
    """Join what nbformat may store as one string or as a list of lines."""
    return value if isinstance(value, str) else "".join(value)


def source_of(cell: Node) -> str:
    """Return the source of a cell as one string."""
    return text_of(cell.get("source", ""))


def tags_of(cell: Node) -> frozenset[str]:
    """Return the tags of a cell."""
    return frozenset(cell.get("metadata", {}).get("tags", []))


def code_cells(notebook: Node) -> list[Node]:
    """Return the code cells that hold code, in order."""
    return [c for c in notebook["cells"] if c["cell_type"] == "code" and source_of(c).strip()]


def markdown_of(notebook: Node) -> str:
    """Return the text of all markdown cells, separated by blank lines."""
    return "\n\n".join(source_of(c) for c in notebook["cells"] if c["cell_type"] == "markdown")


def outputs_of(notebook: Node) -> Iterator[tuple[int, Node]]:
    """Yield every output together with the position of its cell in the notebook."""
    for position, cell in enumerate(notebook["cells"]):
        for output in cell.get("outputs", []):
            yield position, output


def bundles_of(notebook: Node, mime: str) -> Iterator[Any]:
    """Yield the content stored under a MIME type of JSON in each output that has one."""
    for _, output in outputs_of(notebook):
        if mime in (data := output.get("data", {})):
            yield data[mime]


def glued_values(notebook: Node) -> dict[str, int | float | str]:
    """Return the numbers and texts that an executed notebook glued for its prose, by name."""
    found: dict[str, int | float | str] = {}
    for _, output in outputs_of(notebook):
        name = output.get("metadata", {}).get("scrapbook", {}).get("name")
        if name and (text := output.get("data", {}).get(_GLUED)):
            found[name] = ast.literal_eval(text_of(text))  # what `glue` wrote with `repr`
    return found


def lasting_metadata(metadata: Mapping[str, Any]) -> Node:
    """Return a cell's metadata without what a runner or a viewer wrote into it."""
    kept = {key: value for key, value in metadata.items() if key not in _VOLATILE_CELL_KEYS}
    if not kept.get("tags", True):
        del kept["tags"]  # papermill adds an empty list to every cell
    return kept


def title_of(notebook: Node) -> str:
    """Return the text of the first level-one heading, or an empty string."""
    found = re.search(r"^# +(.*)", markdown_of(notebook), re.MULTILINE)
    return found[1].strip() if found else ""
