"""How an exercise is checked: the reader's function is tried, and the first failure teaches."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from inspect import unwrap
from typing import Any, NoReturn, TypeVar

import numpy as np

Solution = TypeVar("Solution")


class NotYetError(Exception):
    """What is still missing from a solution, in a sentence that helps."""


def hint(sentence: str) -> NoReturn:
    """Stop a trial, and say what is missing."""
    raise NotYetError(sentence)


def checks(trial: Callable[[Solution], None], name: str = "") -> Callable[[Solution], None]:
    """Make a trial of a solution print one line: solved, or what is missing."""
    name = name or trial.__name__.replace("_", " ")

    @wraps(trial)
    def check(solution: Solution) -> None:
        lacking = _lacking(trial, solution)
        said = f"not yet. {lacking}" if lacking else "solved."
        print(f"{name}: {said}")

    return check


def require_solved(check: Callable[[Any], None], solution: object) -> None:
    """Raise what a check says where a solution is not there yet, as automatic grading needs it."""
    if lacking := _lacking(unwrap(check), solution):
        raise NotYetError(lacking)


def _lacking(trial: Callable[[Any], None], solution: Any) -> str:
    """Return what a trial finds missing in a solution, and what that returned last; "" if solved.

    A reader who is told what is expected sees beside it what came.
    """
    returned: list[object] = []

    def watched(*arguments: Any) -> Any:
        returned[:] = []
        returned.append(solution(*arguments))
        return returned[0]

    try:
        trial(watched if callable(solution) else solution)
    except NotImplementedError:
        return "Replace `raise NotImplementedError` with your solution."
    except NotYetError as missing:
        return _with_echo(str(missing), returned)
    except Exception as error:  # a reader's code may fail in any way; the notebook goes on
        return _with_echo(f"Your function raised {type(error).__name__}: {error}", returned)
    return ""


def _with_echo(sentence: str, returned: list[object]) -> str:
    """Add what a solution returned last, unless the sentence says it already."""
    if not returned or _says(sentence, returned[0]):
        return sentence
    return f"{sentence} Your function returned {_short(returned[0])}."


def _says(sentence: str, value: object) -> bool:
    """Whether a sentence holds a number, to the digits that it shows."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        return False
    told = [float(word) for word in re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", sentence)]
    return bool(np.isclose(told, float(value), rtol=5e-3, atol=5e-3).any())


def _short(value: object) -> str:
    """Write a value on one line: numbers in full, arrays by their first entries and shape."""
    if isinstance(value, np.ndarray) and value.size > 1:
        shown = np.array2string(value.ravel()[:4], precision=4, separator=", ")[1:-1]
        more = ", …" if value.size > 4 else ""
        return f"an array of shape {value.shape}: {' '.join(shown.split())}{more}"
    if isinstance(value, float | np.number):
        return f"{float(value):.5g}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_short, value))})"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:79]}…"
