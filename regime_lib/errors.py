"""The one exception that the library raises for a user's mistake: a sentence, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RegimeError(ValueError):
    """Bad input, explained in one sentence: what was wrong, what was expected, what to do."""

    def _render_traceback_(self) -> list[str]:
        """Show the sentence alone in a notebook, where a traceback would bury it."""
        return [f"RegimeError: {self}"]


class RegimeWarning(UserWarning):
    """Something that does not stop a measurement but that its reader must know."""


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra of the package to install where an import in the block finds nothing."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise RegimeError(
            f'{error.name} is not installed; run: pip install "regime-lib[{name}]"'
        ) from None
