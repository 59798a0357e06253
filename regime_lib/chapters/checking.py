"""How an exercise is checked: the reader's function is tried, and the first failure teaches."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, TypeVar

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
        try:
            trial(solution)
        except NotImplementedError:
            said = "not yet. Replace `raise NotImplementedError` with your solution."
        except NotYetError as missing:
            said = f"not yet. {missing}"
        except Exception as error:  # a reader's code may fail in any way; the notebook goes on
            said = f"not yet. Your function raised {type(error).__name__}: {error}"
        else:
            said = "solved."
        print(f"{name}: {said}")

    return check
