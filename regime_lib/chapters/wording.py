"""The words of captions and tables: names of definitions, and how numbers are listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

#: What each definition of "settled" asks, as short as a table needs it.
DEFINED = {
    "peak@0.5": "below 1/2 of peak",
    "peak@0.25": "below 1/4 of peak",
    "peak@0.1": "below 1/10 of peak",
    "peak@0.05": "below 1/20 of peak",
    "first@0.1": "first below 1/10",
    "init@0.1": "below 1/10 of start",
    "range@0.1": "below 1/10 of range",
    "floor@0.1": "1/10 above the floor",
    "cum@0.5": "1/2 of all change",
    "cum@0.9": "9/10 of all change",
    "auc": "area over peak",
    "auc0": "area over start",
    "fit": "fitted decay",
    "end@0.1": "9/10 of the way",
    "end@0.05": "19/20 of the way",
    "start@0.9": "9/10 from the start",
}

#: What may be written.
Number = float | int | np.floating | np.integer
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def listed(words: Sequence[str]) -> str:
    """Join words by commas, the last two by "and"."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def written(value: Number, form: str) -> str:
    """Write a number as ``format`` does, with a true minus and powers of ten."""
    mantissa, _, exponent = f"{value:{form}}".replace("-", "−").partition("e")
    if not exponent:
        return mantissa
    power = str(int(exponent.replace("−", "-"))).translate(_SUPERSCRIPTS)
    return f"10{power}" if mantissa == "1" else f"{mantissa}\u2009×\u200910{power}"


def each(values: Mapping[str, Number], form: str) -> str:
    """Write numbers, each with what it is of: ``each({"SGD": 0.5}, ".1f")`` is "0.5 (SGD)"."""
    return listed([f"{written(value, form)} ({name})" for name, value in values.items()])


def ranging(values: Iterable[Number], form: str) -> str:
    """Write the least and the greatest of some numbers, or the only one of them."""
    kept = list(values)
    low, high = (written(value, form) for value in (min(kept), max(kept)))
    return low if low == high else f"{low} to {high}"
