"""A result that holds some of its fields only: those that a test needs."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


def bare(kind: type[T], **fields: Any) -> T:
    """Return an instance of a frozen dataclass without calling it."""
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made
