"""Tables on pages: what a frame holds is there once, in words, with its numbers written out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.publish.table import table_html, table_text, written
from regime_lib.errors import RegimeError

ROWS = pd.DataFrame(
    {
        "runs": [3, 12000],
        "loss": [0.01234, np.nan],
        "says": ["< 1 & more", None],
        "holds": [True, False],
    },
    index=pd.Index(["SGD", "Adam"], name="optimiser"),
)


def cells_of(markup: str) -> list[list[str]]:
    """Read the cells of a table, row by row."""
    page = BeautifulSoup(markup, "html.parser")
    return [[cell.text for cell in row.select("th, td")] for row in page.select("tr")]


def test_a_table_shows_its_words_and_numbers() -> None:
    markup = table_html(ROWS, "What came of `it`.", {"loss": ".3f"})
    assert cells_of(markup) == [
        ["optimiser", "runs", "loss", "says", "holds"],
        ["SGD", "3", "0.012", "< 1 & more", "yes"],
        ["Adam", "12,000", "–", "–", "no"],
    ]
    page = BeautifulSoup(markup, "html.parser")
    assert page.caption is not None
    assert page.caption.text == "What came of it."
    assert [head.text for head in page.select("thead .rl-num")] == ["runs", "loss"]


def test_one_format_for_all_is_of_fractions_and_rows_may_be_named_by_numbers() -> None:
    rows = ROWS[["runs", "loss"]].set_axis(pd.Index([1e-5, 2.5], name="scale"))
    assert cells_of(table_html(rows, "x", ".2f")) == [
        ["scale", "runs", "loss"],
        ["1\u2009×\u200910−5", "3", "0.01"],
        ["2.5", "12,000", "–"],
    ]


@given(st.lists(st.tuples(*[st.sampled_from("ab")] * 3), min_size=1, max_size=12))
def test_every_row_is_named_by_what_names_it_in_the_frame(names: list[tuple[str, ...]]) -> None:
    index = pd.MultiIndex.from_tuples(names, names=["first", "second", "third"])
    page = BeautifulSoup(
        table_html(pd.DataFrame({"n": range(len(names))}, index=index), "x"), "html.parser"
    )
    # Lay the table out as a browser does: a cell takes the first free column of its rows.
    grid: dict[tuple[int, int], str] = {}
    for row, line in enumerate(page.select("tbody tr")):
        for cell in line.select("th, td"):
            column = next(c for c in range(9) if (row, c) not in grid)
            for below in range(int(str(cell.get("rowspan", "1")))):
                assert (row + below, column) not in grid
                grid[row + below, column] = cell.text
    for row, name in enumerate(names):
        assert [grid[row, column] for column in range(4)] == [*name, str(row)]


@given(st.floats(-1e300, 1e300))
def test_a_written_number_is_the_number(value: float) -> None:
    def read(text: str) -> float:
        plain = text.replace("−", "-").replace(",", "").replace("</sup>", "")
        return float(plain.replace("\u2009×\u200910<sup>", "e"))

    assert math.isclose(read(written(value)), value, rel_tol=1e-3, abs_tol=1e-300)
    assert math.isclose(read(written(value, ".2e")), value, rel_tol=1e-2, abs_tol=1e-300)


def test_a_share_and_a_negative_number_are_written_as_in_print() -> None:
    assert written(0.25, ".0%") == "25\u2009%"
    assert written(-2.5, ".1f") == "−2.5"


def test_text_for_other_viewers_holds_the_caption_and_the_numbers() -> None:
    assert table_text(ROWS, "What came.").startswith("What came.\n")
    assert "0.01234" in table_text(ROWS, "What came.")


@pytest.mark.parametrize(
    ("rows", "caption", "formats", "says"),
    [
        (ROWS, " ", None, "caption"),
        (ROWS.rename(columns={"loss": "final_loss"}), "x", None, "'final_loss'"),
        (ROWS.rename_axis("opt_name"), "x", None, "'opt_name'"),
        (ROWS, "x", {"lost": ".2f"}, "no column 'lost'"),
        (ROWS, "x", {"loss": ".2q"}, "'.2q'"),
    ],
)
def test_what_no_reader_could_read_is_refused(
    rows: pd.DataFrame, caption: str, formats: dict[str, str] | None, says: str
) -> None:
    with pytest.raises(RegimeError, match=says):
        table_html(rows, caption, formats)
