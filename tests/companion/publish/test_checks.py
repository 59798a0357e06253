"""Each rule of the chapter contract is broken once, and the check must name it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.figures.drawn import FIGURE_MIME
from regime_lib.companion.publish.checks import comparable_cells, problems_of
from tests.companion.tiny import code, markdown

Notebook = dict[str, Any]
# Positions of the cells of the tiny chapter.
TITLE, PARAMETERS, SETUP, STORY, FIGURE, RECORD, SUMMARY, FAILS, EXERCISES, FOOTER = range(10)


@pytest.fixture(scope="module")
def good(executed_once: Project) -> Notebook:
    return read_notebook(executed_once.executed / "10_tiny.ipynb")


def retag(position: int, *tags: str) -> Callable[[Notebook], object]:
    return lambda n: n["cells"][position]["metadata"].update(tags=list(tags))


def say(position: int, text: str) -> Callable[[Notebook], object]:
    def change(notebook: Notebook) -> None:
        cell = notebook["cells"][position]
        cell["source"] = "".join(cell["source"]) + "\n\n" + text

    return change


def show(position: int, **output: Any) -> Callable[[Notebook], object]:
    return lambda n: n["cells"][position]["outputs"].append(
        {"output_type": "display_data", "metadata": {}, **output}
    )


def drop(position: int) -> Callable[[Notebook], object]:
    return lambda n: n["cells"].pop(position)


def swap(first: int, second: int) -> Callable[[Notebook], object]:
    def change(notebook: Notebook) -> None:
        cells = notebook["cells"]
        cells[first], cells[second] = cells[second], cells[first]

    return change


def mute(position: int) -> Callable[[Notebook], object]:
    """Take a figure's alt text away."""
    return lambda n: n["cells"][position]["outputs"][0]["data"][FIGURE_MIME].update(alt=" ")


def add(position: int, cell: dict[str, Any]) -> Callable[[Notebook], object]:
    return lambda n: n["cells"].insert(position, cell)


def stream(text: str) -> Callable[[Notebook], object]:
    return show(STORY, output_type="stream", name="stdout", text=text)


BREAKS: list[tuple[Callable[[Notebook], object], str]] = [
    (drop(TITLE), "# Title"),
    (drop(PARAMETERS), "must carry the tag 'parameters'"),
    (retag(STORY, "parameters"), "must carry the tag 'parameters'"),
    (retag(PARAMETERS), "must carry the tag 'parameters'"),
    (drop(SETUP), "does not call open_chapter"),
    (drop(SUMMARY), "no cell calls chapter.summary()"),
    (drop(FOOTER), "does not call chapter.provenance()"),
    (drop(FAILS), "no heading 'Where it fails'"),
    (drop(EXERCISES), "no heading 'Exercises'"),
    (swap(FAILS, EXERCISES), "in this order"),
    (lambda n: n["cells"][STORY].update(execution_count=None), "not all executed once"),
    (lambda n: n["cells"][STORY].update(execution_count=9), "not all executed once"),
    (add(2, code("steps = 3", "injected-parameters")), "other than its defaults"),
    (show(STORY, output_type="error", ename="KeyError"), "error (KeyError)"),
    (show(STORY, output_type="stream", name="stderr", text="warning"), "standard error"),
    (stream("saved to /home/me/x"), "path of this machine"),
    (stream("C:\\Users\\me"), "path of this machine"),
    (show(STORY, data={"text/html": "<p>/var/x</p>"}), "path of this machine"),
    (say(STORY, "open('/Users/me/data.csv')"), "names a path of this machine"),
    (show(STORY, data={"text/plain": "<Net object at 0x7f3c5a1b2c40>"}), "memory address"),
    (show(STORY, data={"text/html": '<table border="1" class="dataframe">'}), "chapter.table"),
    (show(STORY, data={"image/png": "iVBORw0KGgo="}), "picture without alt text"),
    (show(STORY, data={"text/html": '<img title="a" src="x.png">'}), "<img> without alt text"),
    (show(STORY, data={"text/html": '<img alt=" " src="x.png">'}), "<img> without alt text"),
    (mute(FIGURE), "figure without alt text"),
    (say(FAILS, "![](plot.png)"), "no alt text"),
    (retag(RECORD), "lacks the tag 'nbval-ignore-output'"),
    (retag(FIGURE), "lacks the tag 'nbval-ignore-output'"),
    (retag(FOOTER), "lacks the tag 'nbval-ignore-output'"),
    (retag(SUMMARY, "nbval-ignore-output"), "must not carry the tag"),
    (say(FAILS, "The ratio was 2.50 here."), "types 2.50, the value of rc-tiny-ratio"),
    (lambda n: n["cells"][RECORD]["outputs"].extend(n["cells"][RECORD]["outputs"][:1]), "twice"),
    (lambda n: n["metadata"].update(papermill={}), "papermill's timestamps"),
    (lambda n: n["metadata"]["language_info"].pop("pygments_lexer"), "pygments_lexer"),
    (lambda n: n["cells"][STORY].update(id=n["cells"][SETUP]["id"]), "id of its own"),
    (lambda n: n["cells"][STORY].pop("id"), "id of its own"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BREAKS)))
def test_every_breach_is_named(good: Notebook, number: int) -> None:
    change, words = BREAKS[number]
    broken = copy.deepcopy(good)
    change(broken)
    assert any(words in problem for problem in problems_of(broken)), problems_of(broken)


@pytest.mark.parametrize(
    "change",
    [
        say(FAILS, "The paper says 3.85, we glue {glue:text}`rc-tiny-ratio:.2f` and $2.50$."),
        say(FAILS, "Version 2.50.1 and `2.50` and the number 2.5 are something else."),
        say(FAILS, "See https://example.org/home/page and and/or, or [a link](/book/index)."),
        show(
            STORY, data={"text/html": f'<img alt="a" src="data:image/png;base64,{"/var/x" * 9}">'}
        ),
        lambda n: n["cells"].insert(-1, markdown("")),
        lambda n: n["cells"].insert(-1, code("")),
    ],
)
def test_what_only_looks_like_a_breach_is_let_pass(
    good: Notebook, change: Callable[[Notebook], object]
) -> None:
    notebook = copy.deepcopy(good)
    change(notebook)
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"c{number}"
    assert problems_of(notebook) == []


def test_cells_that_nbval_compares_are_counted(good: Notebook) -> None:
    assert comparable_cells(good) == 2  # the story and the summary
    never_run = copy.deepcopy(good)
    for cell in never_run["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    assert comparable_cells(never_run) == 0
    assert "nbval would compare nothing" in problems_of(never_run)
