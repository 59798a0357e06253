"""An executed chapter as its page shows it: figures numbered, code folded, the finding first."""

from __future__ import annotations

import re
from collections.abc import Iterator

from regime_lib.companion.book.notebooks import (
    ONLY_ON_PAGES_TAG,
    Node,
    code_cells,
    outputs_of,
    source_of,
    tags_of,
)
from regime_lib.companion.claims.ledger import CLAIM_MIME
from regime_lib.companion.figures.drawn import FIGURE_MIME, DrawnFigure, figures_in
from regime_lib.companion.publish.figure_page import figure_html
from regime_lib.companion.running.provenance import PROVENANCE_MIME

#: Tags by which the page folds the code of a cell, or leaves it out.
FOLDED, LEFT_OUT = "hide-input", "remove-input"
#: A cell of which nothing is to be seen where its code is folded.
SILENT = "rl-silent"
#: The cell whose figure shows the chapter's finding; without one it is the first figure.
FINDING = "finding"

# a first line of cells that a formatter would break
_FORMATTERS_OFF = "# fmt: off\n"
_CHAPTER = re.compile(r"(\d+)_")
_SEEN = ("text/html", "image/png", "image/svg+xml", "text/latex", "text/markdown")


def chapter_page(notebook: Node, chapter: str, question: str = "") -> Node:
    """Return an executed chapter with figures as pages show them, code folded, the finding first.

    A question to the reader, as HTML, stands with the finding. What is not for readers is dropped:
    what is said to formatters, and types of output that myst-nb cannot draw, of which it warns.
    What an exercise gives to begin with stays in sight.
    """
    finding = finding_of(notebook)
    _fold(notebook["cells"])
    for cell in code_cells(notebook):
        cell["source"] = source_of(cell).removeprefix(_FORMATTERS_OFF)
    numbers, first = _numbers(chapter), ""
    for _, output in outputs_of(notebook):
        data = output.get("data", {})
        if FIGURE_MIME in data:
            figure = DrawnFigure.of_bundle(data)
            number = next(numbers)
            output["data"] = {"text/html": figure_html(figure, chapter, number=number)}
            if finding == figure.name:
                first = figure_html(figure, chapter, number=number, leads_to=f"#{finding}")
        for mime in (CLAIM_MIME, PROVENANCE_MIME):
            data.pop(mime, None)
    if question + first:
        _show_first(notebook["cells"], question + first)
    return notebook


def finding_of(notebook: Node) -> str | None:
    """Return the name of the figure that shows a chapter's finding; None where it has no figure."""
    first = None
    for cell in code_cells(notebook):
        for output in cell.get("outputs", []):
            if FIGURE_MIME in (data := output.get("data", {})):
                name = DrawnFigure.of_bundle(data).name
                if FINDING in tags_of(cell):
                    return name
                first = first or name
    return first


def numbered_figures(notebook: Node, chapter: str) -> Iterator[tuple[str, DrawnFigure]]:
    """Yield the figures of a chapter, each with its number."""
    return zip(_numbers(chapter), figures_in(notebook))  # noqa: B905  # numbers never end


def _numbers(chapter: str) -> Iterator[str]:
    """Yield the numbers of a chapter's figures, such as 10.1, one after the other."""
    found = _CHAPTER.match(chapter)
    count = 0
    while True:
        count += 1
        yield f"{int(found[1])}.{count}" if found else str(count)


def _fold(cells: list[Node]) -> None:
    """Mark which code is folded, and which cells show nothing then."""
    exercises = False
    for cell in cells:
        if cell["cell_type"] == "markdown":
            exercises = _section(source_of(cell), exercises)
        elif not exercises and LEFT_OUT not in tags_of(cell):
            tags = tags_of(cell) | {FOLDED}
            cell["metadata"]["tags"] = sorted(tags if _shows(cell) else tags | {SILENT})


def _section(text: str, exercises: bool) -> bool:
    """Return whether exercises go on after some text."""
    for heading in re.findall(r"^## (.+)$", text, re.MULTILINE):
        exercises = heading.strip() == "Exercises"
    return exercises


def _shows(cell: Node) -> bool:
    return any(
        output["output_type"] in ("stream", "error") or set(_SEEN) & output.get("data", {}).keys()
        for output in cell.get("outputs", [])
    )


def _show_first(cells: list[Node], html: str) -> None:
    """Put a figure right behind the chapter's first text."""
    output = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
    cell = {
        "cell_type": "code",
        "id": "the-finding",
        "metadata": {"tags": [LEFT_OUT, ONLY_ON_PAGES_TAG]},
        "source": "# the finding, shown before its place",  # a cell without a source is not drawn
        "outputs": [output],
        "execution_count": None,
    }
    after = next((n for n, one in enumerate(cells) if one["cell_type"] == "code"), len(cells))
    cells.insert(after, cell)
