"""How an exercise is checked: the reader's function is tried, and the first failure teaches."""

from __future__ import annotations

from collections.abc import Callable


class NotYetError(Exception):
    """What is still missing from a solution, in a sentence that helps."""


def expect(holds: object, hint: str) -> None:
    """Go on if something holds, else stop with a hint.

    Raises
    ------
    NotYetError
        With the hint.
    """
    if not holds:
        raise NotYetError(hint)


def report(exercise: str, trial: Callable[[], None]) -> None:
    """Try a solution and print one line: solved, or what is missing.

    Parameters
    ----------
    exercise : str
        Name of the exercise.
    trial : callable
        Calls the reader's function and `expect`.
    """
    try:
        trial()
    except NotImplementedError:
        print(f"{exercise}: not yet. Replace `raise NotImplementedError` with your solution.")
    except NotYetError as hint:
        print(f"{exercise}: not yet. {hint}")
    except Exception as error:  # a reader's code may fail in any way; the notebook goes on
        print(f"{exercise}: not yet. Your function raised {type(error).__name__}: {error}")
    else:
        print(f"{exercise}: solved.")
