"""A chapter's page folds its code, numbers its figures and shows the finding before the rest."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import ONLY_ON_PAGES_TAG, source_of, tags_of
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.publish.chapter_page import FOLDED, SILENT, chapter_page, finding_of
from regime_lib.companion.teaching.downloads import downloadable
from tests.companion.pictures import tiny_pictures


def text(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    metadata = {"tags": list(tags)}
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": list(outputs)}


def figure(name: str) -> dict[str, Any]:
    drawn = DrawnFigure(name, "It falls. Much.", "A line falls.", tiny_pictures())
    return {"output_type": "display_data", "data": drawn.bundle()}


def notebook() -> dict[str, Any]:
    printed = {"output_type": "stream", "name": "stdout", "text": "1"}
    glued = {"output_type": "display_data", "data": {"application/papermill.record/text/plain": 1}}
    return {
        "metadata": {},
        "cells": [
            text("# T\n\n## In one minute\n\n- x"),
            code("seed = 0", tags=("parameters",)),
            code("print(1)", printed),
            code("glue()", glued),
            code("a()", figure("fig-a")),
            code("b()", figure("fig-b"), tags=("finding",)),
            text("## Exercises"),
            code("def f(): ...", printed),
            text("## Verdicts of this chapter"),
            code("chapter.summary()", printed),
        ],
    }


def cells_of(page: dict[str, Any]) -> dict[str, frozenset[str]]:
    return {source_of(cell): tags_of(cell) for cell in page["cells"]}


def test_code_is_folded_but_for_what_an_exercise_gives() -> None:
    tags = cells_of(chapter_page(notebook(), "10_tiny"))
    folded = {source for source, own in tags.items() if FOLDED in own}
    assert folded == {"seed = 0", "print(1)", "glue()", "a()", "b()", "chapter.summary()"}
    assert {source for source, own in tags.items() if SILENT in own} == {"seed = 0", "glue()"}


def test_figures_are_numbered_and_the_finding_comes_right_after_the_first_text() -> None:
    page = chapter_page(notebook(), "10_tiny")
    first = page["cells"][1]
    assert ONLY_ON_PAGES_TAG in tags_of(first)
    shown = first["outputs"][0]["data"]["text/html"]
    assert 'id="fig-b-first"' in shown
    assert "Figure 10.2" in shown
    html = [o["data"]["text/html"] for c in page["cells"][2:] if c["cell_type"] == "code"
            for o in c["outputs"] if "text/html" in o.get("data", {})]  # fmt: skip
    assert [one.count(f"Figure 10.{n}") for n, one in enumerate(html, 1)] == [1, 1]


def test_without_a_mark_the_first_figure_is_the_finding_and_without_figures_none() -> None:
    unmarked = notebook()
    unmarked["cells"][5]["metadata"]["tags"] = []
    assert finding_of(unmarked) == "fig-a"
    bare = notebook()
    bare["cells"] = [bare["cells"][0], bare["cells"][2]]
    assert finding_of(bare) is None
    page = chapter_page(copy.deepcopy(bare), "10_tiny")
    assert [source_of(cell) for cell in page["cells"]] == [source_of(c) for c in bare["cells"]]


def test_a_download_has_no_cell_that_only_the_page_has() -> None:
    page = chapter_page(notebook(), "10_tiny")
    ready = downloadable(page, {})
    assert not [cell for cell in ready["cells"] if ONLY_ON_PAGES_TAG in tags_of(cell)]
    assert len(ready["cells"]) == len(notebook()["cells"]) + 1  # how to get what it needs


@pytest.mark.parametrize("chapter", ["10_tiny", "tiny"])
def test_a_chapter_without_a_number_counts_its_figures_all_the_same(chapter: str) -> None:
    page = chapter_page(notebook(), chapter)
    assert ("Figure 10.2" if chapter[0] == "1" else "Figure 2") in str(page)
