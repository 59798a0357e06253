"""The choices that a tracker is made with, checked before anything is run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from numbers import Integral

from regime_lib.errors import RegimeError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `RegimeTracker` was asked for (see there).

    Raises
    ------
    RegimeError
        If a value is of the wrong kind or out of range, or two choices exclude each other.
    """

    schedule: Callable[[int], bool] | None
    layers: Collection[str] | None
    smooth: bool
    members: int
    batch_axis: int
    samples: int | None
    group: int | None
    preactivations: bool
    batches: int | None
    snapshots: int
    window: int | None = None
    ema: float | None = None
    oui: int | None = None
    oui_seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("members", 1),
            ("batch_axis", 0),
            ("samples", 1),
            ("group", 1),
            ("batches", 1),
            ("snapshots", 1),
            ("window", 1),
            ("oui", 1),
            ("oui_seed", 0),
        ):
            _check_whole(name, getattr(self, name), least)
        if self.schedule is not None and not callable(self.schedule):
            raise RegimeError(
                f"the schedule is {self.schedule!r}; expected a function from a step to True or "
                "False, such as lambda step: step % 10 == 0"
            )
        if self.keep is not None and not self.keep:
            raise RegimeError("layers is empty; name the layers to track, or leave it out for all")
        if self.ema is not None and not (isinstance(self.ema, float) and 0 < self.ema < 1):
            raise RegimeError(
                f"ema is {self.ema!r}; expected the decay of the average, a number between 0 and 1 "
                "such as 0.99"
            )
        for name in ("preactivations", "group", "window", "ema", "oui"):
            if self.batches is not None and getattr(self, name):
                raise RegimeError(
                    f"{name} is for a probe, but batches={self.batches} takes the patterns from "
                    f"the training's own forward passes; leave out one of the two"
                )

    @property
    def keep(self) -> frozenset[str] | None:
        """Names of the layers to track; None for all."""
        if self.layers is None:
            return None
        return frozenset([self.layers] if isinstance(self.layers, str) else self.layers)


def _check_whole(name: str, number: object, least: int) -> None:
    if number is None and name not in ("members", "batch_axis", "snapshots", "oui_seed"):
        return
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    if not whole or number < least:  # type: ignore[operator]
        raise RegimeError(f"{name} is {number!r}; expected a whole number of at least {least}")
