"""What an executed chapter must satisfy before it is published, checked without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from regime_lib.companion.book.notebooks import (
    IGNORE_TAG,
    INJECTED_TAG,
    PARAMETERS_TAG,
    Node,
    code_cells,
    markdown_of,
    outputs_of,
    source_of,
    tags_of,
    text_of,
)
from regime_lib.companion.claims.ledger import CLAIM_MIME, measurements_in
from regime_lib.companion.figures.drawn import FIGURE_MIME
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.errors import RegimeError

#: Headings that every chapter has, in this order.
HEADINGS = ("In one minute", "Where it fails", "Exercises")

# Types of output that differ from run to run: cards, figures, footers and glued numbers.
_VARYING = (CLAIM_MIME, FIGURE_MIME, PROVENANCE_MIME, "application/papermill.record/")
_PATH = re.compile(r"(?<![\w.:/<])(?:/(?:home|Users|tmp|root|var|opt|mnt|usr|srv)/\w|[A-Z]:\\\w)")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_RAW_TABLE = 'class="dataframe"'
_DATA_URI = re.compile(r"data:[\w/+.-]+;base64,[A-Za-z0-9+/=]+")
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"""\balt=(["'])(?P<alt>.*?)\1""", re.IGNORECASE | re.DOTALL)
_MARKDOWN_IMAGE = re.compile(r"!\[(?P<alt>[^\]]*)\]\(")
_NUMBER = re.compile(r"(?<![\w.,])[-−]?\d+\.\d+(?![\w.]*\d)")
_CODE_OR_MATH = re.compile(r"```.*?```|\{[\w:-]+\}`[^`]*`|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$", re.DOTALL)


def problems_of(notebook: Node) -> list[str]:
    """Return what is wrong with an executed chapter, one sentence per item, in reading order.

    Checked are the order of its parts, that every cell ran once from top to bottom, that outputs
    hold neither errors nor anything of the machine nor raw tables, that every picture has alt text,
    that cells which show numbers are left to the tolerance check, and that prose types no measured
    number.
    """
    checks = (_order, _execution, _outputs, _pictures, _comparison, _prose, _metadata)
    return [problem for check in checks for problem in check(notebook)]


def comparable_cells(notebook: Node) -> int:
    """Count the code cells whose outputs nbval compares: stored, textual, and not set aside."""
    return sum(
        1
        for cell in code_cells(notebook)
        if IGNORE_TAG not in tags_of(cell)
        and any("data" in output or output.get("text") for output in cell["outputs"])
    )


def _order(notebook: Node) -> Iterator[str]:
    cells = [cell for cell in notebook["cells"] if source_of(cell).strip()]
    if not cells or cells[0]["cell_type"] != "markdown" or not source_of(cells[0]).startswith("# "):
        yield "the first cell is not markdown that starts with '# Title'"
    headings = re.findall(r"^#{2,6}\s+(.*?)\s*$", markdown_of(notebook), re.MULTILINE)
    places = [headings.index(name) for name in HEADINGS if name in headings]
    for name in HEADINGS:
        if name not in headings:
            yield f"there is no heading '{name}'"
    if places != sorted(places):
        yield f"the headings {', '.join(HEADINGS)} do not come in this order"
    code = code_cells(notebook)
    tagged = [number for number, cell in enumerate(code) if PARAMETERS_TAG in tags_of(cell)]
    if tagged != [0]:
        yield f"the first code cell, and no other, must carry the tag '{PARAMETERS_TAG}'"
    if len(code) < 2 or "open_chapter(" not in source_of(code[1]):
        yield "the second code cell does not call open_chapter"
    if not code or ".provenance()" not in source_of(code[-1]):
        yield "the last code cell does not call chapter.provenance()"
    if not any(".summary()" in source_of(cell) for cell in code):
        yield "no cell calls chapter.summary()"


def _execution(notebook: Node) -> Iterator[str]:
    counts = [cell.get("execution_count") for cell in code_cells(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield "the code cells were not all executed once, in order, from a fresh start"
    if any(INJECTED_TAG in tags_of(cell) for cell in notebook["cells"]):
        yield "it was run with parameters other than its defaults"


def _outputs(notebook: Node) -> Iterator[str]:
    for position, output in outputs_of(notebook):
        place = f"cell {position + 1}"
        if output["output_type"] == "error":
            yield f"{place} ends in an error ({output.get('ename')})"
        if output.get("name") == "stderr":
            yield f"{place} writes to standard error; nbval would compare it"
        texts = [c for mime, c in output.get("data", {}).items() if mime.startswith("text/")]
        for text in (output.get("text", ""), *texts):
            plain = _DATA_URI.sub("", text_of(text))
            if match := _PATH.search(plain):
                yield f"{place} shows a path of this machine near '{match[0]}'"
            if match := _ADDRESS.search(plain):
                yield f"{place} shows a memory address, {match[0]}"
            if _RAW_TABLE in plain:
                yield f"{place} shows a frame as pandas writes it; show it with chapter.table"
    for number, cell in enumerate(notebook["cells"], start=1):
        if match := _PATH.search(source_of(cell)):
            yield f"cell {number} names a path of this machine near '{match[0]}'"


def _pictures(notebook: Node) -> Iterator[str]:
    for position, output in outputs_of(notebook):
        place = f"cell {position + 1}"
        metadata = notebook["cells"][position]["metadata"]
        data = output.get("data", {})
        if FIGURE_MIME in data:
            if not data[FIGURE_MIME]["alt"].strip():
                yield f"{place} shows a figure without alt text"
            continue
        named = metadata.get("mystnb", {}).get("image", {}).get("alt", "").strip()
        if any(mime.startswith("image/") for mime in data) and not named:
            yield f"{place} shows a picture without alt text; use chapter.figure"
        for tag in _IMAGE.findall(text_of(data.get("text/html", ""))):
            match = _ALT.search(tag)
            if match is None or not match["alt"].strip():
                yield f"{place} shows an <img> without alt text"
    for match in _MARKDOWN_IMAGE.finditer(markdown_of(notebook)):
        if not match["alt"].strip():
            yield "a picture in the prose has no alt text"


def _comparison(notebook: Node) -> Iterator[str]:
    for number, cell in enumerate(notebook["cells"], start=1):
        shown = [mime for output in cell.get("outputs", []) for mime in output.get("data", {})]
        if any(mime.startswith(_VARYING) for mime in shown) and IGNORE_TAG not in tags_of(cell):
            yield f"cell {number} shows numbers or a figure and lacks the tag '{IGNORE_TAG}'"
        if ".summary()" in source_of(cell) and IGNORE_TAG in tags_of(cell):
            yield f"cell {number} prints the summary and must not carry the tag '{IGNORE_TAG}'"
    if not comparable_cells(notebook):
        yield "nbval would compare nothing"


def _prose(notebook: Node) -> Iterator[str]:
    try:
        measured = measurements_in(notebook, "the chapter").values()
    except RegimeError as error:
        yield str(error)
        return
    typed = _NUMBER.findall(_CODE_OR_MATH.sub(" ", markdown_of(notebook)))
    for text in typed:
        number, digits = float(text.replace("−", "-")), len(text.rpartition(".")[2])
        for measurement in measured:
            value = measurement.value
            if digits >= 2 and value is not None and round(value, digits) == number:
                yield f"the prose types {text}, the value of {measurement.id}; glue it instead"


def _metadata(notebook: Node) -> Iterator[str]:
    if "papermill" in notebook["metadata"]:
        yield "the notebook carries papermill's timestamps; run it with: regime run"
    if "pygments_lexer" not in notebook["metadata"].get("language_info", {}):
        yield "metadata.language_info lacks pygments_lexer, so the book cannot colour its code"
    if len({cell.get("id") for cell in notebook["cells"]} - {None}) != len(notebook["cells"]):
        yield "not every cell has an id of its own"
