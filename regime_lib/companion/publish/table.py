"""Tables as a reader meets them: words over the columns, and numbers written out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from regime_lib.companion.publish.markup import number, template
from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    import pandas as pd

_NONE = "–"


def table_html(
    rows: pd.DataFrame, caption: str, formats: str | Mapping[str, str] | None = None
) -> str:
    """Return a table: its index names the rows, and what is missing is a dash.

    Parameters
    ----------
    rows : DataFrame
        What to show. Levels of the index and columns have names in words; where several rows share
        their first names, those are written once.
    caption : str
        What it shows; stands above it.
    formats : str or mapping, optional
        How to write numbers, as ``format`` takes it, such as ``.3f`` or ``.0%``: for all columns
        but those of integers, or by column. Without it: integers in full, other numbers with four
        significant digits.

    Returns
    -------
    str
        A ``table`` element.

    Raises
    ------
    RegimeError
        If a heading is a name of code, the caption is empty, or a format is of no column or cannot
        write a number.
    """
    _check(rows, caption, formats)
    keys = [key if isinstance(key, tuple) else (key,) for key in rows.index]
    columns = [
        (str(name), [_cell(value, *_format_of(str(name), formats)) for value in values])
        for name, values in rows.items()
    ]
    numeric = [all(is_number for _, is_number in cells) for _, cells in columns]
    names = _spanning([[_cell(name)[0] for name in key] for key in keys])
    texts = [[cells[row][0] for _, cells in columns] for row in range(len(rows))]
    return template("table.html.j2").render(
        caption=caption,
        names=[str(name or "") for name in rows.index.names],
        columns=list(zip([name for name, _ in columns], numeric, strict=True)),
        rows=[
            (own, list(zip(line, numeric, strict=True)))
            for own, line in zip(names, texts, strict=True)
        ],
    )


def table_text(rows: pd.DataFrame, caption: str) -> str:
    """Return a table as plain text, for viewers without HTML."""
    return f"{caption}\n{rows.to_string(na_rep=_NONE)}"


def _check(rows: pd.DataFrame, caption: str, formats: str | Mapping[str, str] | None) -> None:
    if not caption.strip():
        raise RegimeError("a table needs a caption that says what it shows")
    for name in [*rows.index.names, *rows.columns]:
        if "_" in str(name or ""):
            raise RegimeError(f"'{name}' over a column is a name of code; rename it to words")
    if isinstance(formats, Mapping) and (strange := sorted(set(formats) - set(rows.columns))):
        raise RegimeError(f"there is no column '{strange[0]}' to format")


def _format_of(column: str, formats: str | Mapping[str, str] | None) -> tuple[str, str]:
    """Return how to write the fractions of a column, and its integers."""
    if isinstance(formats, str):
        return formats, ""
    form = (formats or {}).get(column, "")
    return form, form


def _cell(value: object, form: str = "", whole: str = "") -> tuple[Markup | str, bool]:
    """Return what stands in a cell, and whether it is a number or the lack of one."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _NONE, True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return {"True": "yes", "False": "no"}.get(str(value), str(value)), False
    return written(value, whole if isinstance(value, int) else form), True


def written(value: float, form: str = "") -> Markup:
    """Write a number for a reader: integers without a format in full.

    Raises
    ------
    RegimeError
        If the format writes no numbers.
    """
    try:
        return number(value, form or ("," if isinstance(value, int) else ""))
    except ValueError:
        raise RegimeError(f"'{form}' is no format of a number, such as .3f or .0%") from None


def _spanning(names: list[list[str]]) -> list[list[tuple[str, int]]]:
    """Return, for each row, the names that begin there, each with the number of rows it names."""
    found: list[list[tuple[str, int]]] = []
    for row, own in enumerate(names):
        begins = []
        for level, name in enumerate(own):
            # Rows share a name only if they share all before it; the last one is each row's own.
            shared, last = own[: level + 1], level == len(own) - 1
            if last or row == 0 or names[row - 1][: level + 1] != shared:
                alike = [other[: level + 1] == shared for other in names[row:]] + [False]
                begins.append((name, 1 if last else alike.index(False)))
        found.append(begins)
    return found
