"""Snapshots of a run of unknown length: evenly spread, and never more than there is room for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Snapshots(Generic[T]):
    """Keeps every k-th item offered, and doubles k whenever the room is full.

    Distances to the *final* state need earlier states when the final one is known at last. Keeping
    them all would take more memory than the training itself. At least half of the room is used once
    a run is longer than it.
    """

    def __init__(self, room: int, stride: int = 1) -> None:
        self._room = max(2, room)
        self.stride = stride
        self._offered = 0
        self.steps: list[int] = []
        self.items: list[T] = []
        self.spare: list[T] = []
        """Dropped items: `take` may write over them, as the system gives fresh memory slowly."""

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        kept = {"steps": self.steps, "items": self.items}
        return {"stride": self.stride, "offered": self._offered, **kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.stride, self._offered = state["stride"], state["offered"]
        self.steps, self.items, self.spare = list(state["steps"]), list(state["items"]), []

    def offer(self, step: int, take: Callable[[], T]) -> None:
        """Keep the item that `take` makes if its turn has come."""
        due = self._offered % self.stride == 0
        self._offered += 1
        if not due:
            return
        if len(self.items) == self._room:
            self.stride *= 2
            self.spare = self.items[1::2]
            self.steps, self.items = self.steps[::2], self.items[::2]
            if (self._offered - 1) % self.stride:
                return
        self.steps.append(step)
        self.items.append(take())
