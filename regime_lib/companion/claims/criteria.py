"""What a claim allows: ranges in interval notation, and where a measured interval lies."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum

from regime_lib.errors import RegimeError

_NUMBER = r"[+-]?(?:inf|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
_RANGE = re.compile(rf"([\[(])\s*({_NUMBER})\s*,\s*({_NUMBER})\s*([\])])")


class Position(StrEnum):
    """Where a measured interval lies with respect to a range; the text completes a sentence."""

    INSIDE = "the interval lies inside the claimed range"
    OVERLAPPING = "the interval reaches into the claimed range and out of it"
    BELOW = "the interval lies below the claimed range"
    ABOVE = "the interval lies above the claimed range"
    WIDER = "the interval is wider than the claimed range"


@dataclass(frozen=True)
class Range:
    """A range of numbers in interval notation, such as ``[2, 4.5]`` or ``(0, inf)``.

    Parameters
    ----------
    text : str
        Two ends, the lower first, which may be ``-inf`` and ``inf``; square brackets hold the end,
        round ones do not.

    Raises
    ------
    RegimeError
        If the text is no such range, or the range is empty.
    """

    text: str
    low: float = field(init=False)
    high: float = field(init=False)
    low_open: bool = field(init=False)
    high_open: bool = field(init=False)

    def __post_init__(self) -> None:
        found = _RANGE.fullmatch(self.text.strip())
        if found is None:
            raise RegimeError(
                f"'{self.text}' is no range; write two ends in brackets, such as '[2, 4.5]', "
                "'(0, inf)' or '(-inf, 0.1]'"
            )
        opening, low, high, closing = found.groups()
        ends = float(low), float(high)
        is_open = tuple(
            bracket in "()" or math.isinf(end)
            for bracket, end in zip((opening, closing), ends, strict=True)
        )
        if ends[0] > ends[1] or (ends[0] == ends[1] and any(is_open)):
            raise RegimeError(f"the range '{self.text}' is empty; write the lower end first")
        values = {"low": ends[0], "high": ends[1], "low_open": is_open[0], "high_open": is_open[1]}
        self.__dict__.update(values, text=f"{opening}{low}, {high}{closing}")

    def __contains__(self, number: float) -> bool:
        above = number > self.low if self.low_open else number >= self.low
        below = number < self.high if self.high_open else number <= self.high
        return above and below

    def __str__(self) -> str:
        return self.text

    @property
    def bounded(self) -> bool:
        """Whether both ends are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def words(self) -> str:
        """What lies in the range, as the end of a sentence: "is at least 2"."""
        low, high = (f"{end:g}".replace("-", "−") for end in (self.low, self.high))
        if self.low == self.high:
            return f"equals {low}"
        if self.bounded:
            return f"lies between {low} and {high}"
        if math.isfinite(self.low):
            return f"is {'above' if self.low_open else 'at least'} {low}"
        if math.isfinite(self.high):
            return f"is {'below' if self.high_open else 'at most'} {high}"
        return "is any number"

    def position(self, low: float, high: float) -> Position:
        """Return where the closed interval from `low` to `high` lies; the two may be equal."""
        if low in self and high in self:
            return Position.INSIDE
        if high < self.low or (high == self.low and self.low_open):
            return Position.BELOW
        if low > self.high or (low == self.high and self.high_open):
            return Position.ABOVE
        if self.bounded and low <= self.low and high >= self.high:
            return Position.WIDER
        return Position.OVERLAPPING
