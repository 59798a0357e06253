"""The tables of the chapter on three times earlier, in words: columns, and what names the rows."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from regime_lib.chapters.three_times.configs import NAMES
from regime_lib.chapters.three_times.late.figures import GROUP_NAMES
from regime_lib.chapters.three_times.late.grid import PARTS
from regime_lib.chapters.wording import DEFINED, written

_COLUMNS = {
    "network": "weights",
    "definition": "settled means",
    "part": "network and data",
    "optimizer": "optimiser",
    "pattern_time": "patterns settle, step",
    "weight_time": "weights settle, step",
    "censored": "never settles",
    "train_loss": "training loss",
    "train_accuracy": "training accuracy",
    "test_accuracy": "test accuracy",
    "lower": "at least",
    "upper": "at most",
    "between": "between bounds",
    "open": "no ratio",
    "bounded": "a bound",
    "patterns": "patterns settle, steps",
    "weights": "weights settle, steps",
    "earlier": "patterns earlier in",
    "total": "pattern change",
    "path_after": "path of the weights left",
    "moved_after": "distance left",
    "loss_after": "fall of the training loss left",
    "test_loss_after": "fall of the test loss left",
    "loss_factor": "training loss falls by a factor of",
    "accuracy_gain": "test accuracy gained, points",
    "final_inputs": "inputs final half-way",
    "settled": "runs that settle",
    "first_early": "first layer, early",
    "first_late": "first layer, late",
    "other_early": "other layers, early",
    "other_late": "other layers, late",
    "off": "off by over a tenth, share",
    **NAMES,
}
_FORMATS = dict.fromkeys(
    ("path_after", "moved_after", "loss_after", "test_loss_after", "final_inputs"), ".1%"
) | {"loss_factor": ",.1f", "accuracy_gain": ".1f", "settled": ".0%"}
_POWER = re.compile(r"\d[\d.]*e[+-]\d+")
_CELLS = {
    **NAMES,
    **DEFINED,
    "iterate": "as trained",
    "average": "moving average",
    "all": "all three",
}


def worded(table: pd.DataFrame, *index: str) -> pd.DataFrame:
    """Return a table with words over its columns, its rows named by the words of some of them.

    Parameters
    ----------
    table : DataFrame
        One of the chapter's measurements.
    *index : str
        Columns of it that name a row.
    """
    # Factors of the pattern change share the name "step" with nothing else here but the time.
    names = {**_COLUMNS, **(GROUP_NAMES if set(GROUP_NAMES) <= set(table.columns) else {})}
    cells: Mapping[str, str] = {**_CELLS, **{name: part.words for name, part in PARTS.items()}}
    said = table.map(lambda cell: _plain(cell) if isinstance(cell, str) else cell)
    rows = said.assign(
        **{name: table[name].astype(str).map(lambda cell: cells.get(cell, cell)) for name in index}
    ).set_index(list(index))
    return rows.rename(columns=names).rename_axis([names.get(name, name) for name in index])


def formats(table: pd.DataFrame) -> dict[str, str]:
    """Return how to write what is left of training, by the words over the columns."""
    return {_COLUMNS[name]: form for name, form in _FORMATS.items() if name in table}


def _plain(cell: str) -> str:
    """Return a text without the unit that its heading names, its numbers written as in print."""
    return _POWER.sub(lambda found: written(float(found[0]), ".2e"), cell.removesuffix(" steps"))
