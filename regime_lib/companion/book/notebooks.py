"""Reading notebooks as plain JSON: cells, tags and outputs, without the weight of nbformat."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from regime_lib.companion.book.project import reading_committed
from regime_lib.storage import read_json, reading

#: A notebook or one of its cells or outputs, as JSON gives it.
Node = dict[str, Any]

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
IGNORE_TAG = "nbval-ignore-output"
#: A cell that a page adds to its chapter; no notebook that is downloaded has it.
ONLY_ON_PAGES_TAG = "rl-only-on-pages"

_GLUED = "application/papermill.record/text/plain"

# What a runner writes into a cell and that says nothing about the cell itself.
_VOLATILE_CELL_KEYS = frozenset({"papermill", "execution", "collapsed", "scrolled", "trusted"})


def read_notebook(path: Path) -> Node:
    """Read a notebook of format 4; what reads it further may rely on its form."""
    with reading_notebook(path):
        notebook: Node = read_json(path, dict)
        _require_form(notebook)
    return notebook


def reading_notebook(path: Path) -> AbstractContextManager[None]:
    """Tell what is wrong with a notebook: a run is made again, a committed one taken back."""
    if "_build" in path.parts:
        command = "evidence" if "evidence" in path.parts else "run"
        return reading(path, f"make it anew: regime {command} {path.name.partition('.')[0]}")
    if path.parent.name == "notebooks":
        return reading_committed(path)
    return reading(path, "open and save it in Jupyter, or take another copy")


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


def _require_form(notebook: Node) -> None:
    """Refuse what is no notebook of format 4: cells with text and tags, outputs with data."""
    if notebook.get("nbformat") != 4:
        raise ValueError("it is not a notebook of format 4")
    cells = notebook.get("cells")
    fit = isinstance(cells, list) and isinstance(notebook.get("metadata", {}), dict)
    if not fit or not all(map(_is_cell, cells or ())):
        raise ValueError("its cells or its metadata are not those of a notebook")


def _is_cell(cell: Any) -> bool:
    match cell:
        case {"cell_type": "code" | "markdown" | "raw"}:
            metadata, outputs = cell.get("metadata", {}), cell.get("outputs", [])
            return (
                _is_text(cell.get("source", ""))
                and isinstance(metadata, dict)
                and isinstance(metadata.get("tags", []), list)
                and _is_text(metadata.get("tags", []))
                and isinstance(outputs, list)
                and all(map(_is_output, outputs))
            )
    return False


def _is_output(output: Any) -> bool:
    names = ("data", "metadata")
    return isinstance(output, dict) and all(isinstance(output.get(n, {}), dict) for n in names)


def _is_text(value: Any) -> bool:
    lines = value if isinstance(value, list) else [value]
    return all(isinstance(line, str) for line in lines)
