"""How an exercise is checked: the reader's function is tried, and the first failure teaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import unwrap
from typing import Any, NoReturn, TypeVar

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


def _lacking(trial: Callable[[Any], None], solution: object) -> str:
    """Return what a trial finds missing in a solution; empty where it is solved."""
    try:
        trial(solution)
    except NotImplementedError:
        return "Replace `raise NotImplementedError` with your solution."
    except NotYetError as missing:
        return str(missing)
    except Exception as error:  # a reader's code may fail in any way; the notebook goes on
        return f"Your function raised {type(error).__name__}: {error}"
    return ""
