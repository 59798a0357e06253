"""Grids of settings: every combination of the values of some parameters."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regime_lib.errors import RegimeError

#: One setting: parameter names and values that JSON can hold.
Point = dict[str, Any]

_TOKEN = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<values>\[[^\]]*\]|\w+\([^)]*\)|\S+)")
_CALL = re.compile(r"(?P<function>\w+)\((?P<arguments>[^)]*)\)")
_MOST_POINTS = 10_000_000
_EXAMPLE = 'write it like "optimizer=sgd,adam lr=logspace(-3,-1,5) seed=range(10)"'


@dataclass(frozen=True)
class Grid:
    """Every combination of some parameters' values; the last parameter varies fastest."""

    axes: tuple[tuple[str, tuple[Any, ...]], ...]  #: name and values of each parameter

    @classmethod
    def of(cls, values: Mapping[str, Sequence[Any]]) -> Grid:
        """Make a grid from a mapping of names to values, each at least one and none twice."""
        axes = []
        for name, given in values.items():
            if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray | range):
                raise RegimeError(f"the grid needs a sequence of values for {name}, not {given!r}")
            plain = tuple(getattr(value, "item", lambda value=value: value)() for value in given)
            if not plain:
                raise RegimeError(f"the grid has no value for {name}; give at least one")
            if len({repr(value) for value in plain}) < len(plain):
                raise RegimeError(f"the grid has a value of {name} twice; give each once")
            axes.append((name, plain))
        return cls(tuple(axes))

    def __len__(self) -> int:
        return math.prod(len(values) for _, values in self.axes)

    def __iter__(self) -> Iterator[Point]:
        names = [name for name, _ in self.axes]
        for values in itertools.product(*(values for _, values in self.axes)):
            yield dict(zip(names, values, strict=True))


def parse_grid(text: str) -> Grid:
    """Read a grid from text: ``name=values``, separated by spaces.

    Values are ``a,b,c`` or ``range(stop)``, ``range(start,stop[,step])``,
    ``linspace(start,stop,n)``, ``logspace(exponent,exponent,n)``; a list as one value is written
    ``[1,2]``. Numbers, ``true``, ``false`` and ``none`` are read as such, all else as text.

    Raises
    ------
    RegimeError
        If the text does not follow this.
    """
    axes: dict[str, tuple[Any, ...]] = {}
    rest = text.strip()
    while rest:
        match = _TOKEN.match(rest)
        if match is None or rest[match.end() : match.end() + 1].strip():
            word = rest.split()[0]
            raise RegimeError(f"the grid cannot be read from '{word}' on; {_EXAMPLE}")
        name = match["name"]
        if name in axes:
            raise RegimeError(f"the grid names {name} twice; give all its values at once")
        axes[name] = _values(name, match["values"])
        rest = rest[match.end() :].lstrip()
    if not axes:
        raise RegimeError(f"the grid is empty; {_EXAMPLE}")
    _require_few(math.prod(map(len, axes.values())))
    return Grid.of(axes)


def _require_few(points: int) -> None:
    if points > _MOST_POINTS:
        raise RegimeError(f"the grid has {points:.3g} points, more than {_MOST_POINTS:.0e}")


def _values(name: str, text: str) -> tuple[Any, ...]:
    if call := _CALL.fullmatch(text):
        return _expand(name, call["function"], call["arguments"])
    if text.startswith("["):
        return ([scalar(item) for item in text[1:-1].split(",") if item.strip()],)
    items = text.split(",")
    if not all(item.strip() for item in items):
        raise RegimeError(f"the grid has an empty value for {name} in '{text}'; {_EXAMPLE}")
    return tuple(scalar(item) for item in items)


def _expand(name: str, function: str, text: str) -> tuple[Any, ...]:
    arguments = [scalar(item) for item in text.split(",") if item.strip()]
    numbers = all(isinstance(a, int | float) and not isinstance(a, bool) for a in arguments)
    whole = all(isinstance(a, int) for a in arguments)
    if function == "range" and numbers and whole and 1 <= len(arguments) <= 3:
        if len(arguments) < 3 or arguments[2] != 0:
            values = range(*arguments)
            _require_few(-((values.start - values.stop) // values.step))
            return tuple(values)
    elif function in ("linspace", "logspace") and numbers and len(arguments) == 3:
        start, stop, count = arguments
        if isinstance(count, int) and count >= 1:
            _require_few(count)
            with np.errstate(over="ignore"):
                spaced = np.linspace(start, stop, count)
                spaced = 10.0**spaced if function == "logspace" else spaced
            if np.isfinite(spaced).all():
                return tuple(spaced.tolist())
    raise RegimeError(
        f"the grid cannot read {function}({text}) for {name}; there are range(stop), "
        "range(start,stop,step), linspace(start,stop,n) and logspace(exponent,exponent,n)"
    )


def scalar(text: str) -> Any:
    """Read one value: None, a truth value, a number, else text."""
    word = text.strip()
    named = {"none": None, "true": True, "false": False}
    if word.lower() in named:
        return named[word.lower()]
    for kind in (int, float):
        try:
            number = kind(word)
        except ValueError:
            continue
        return number if math.isfinite(number) else word
    return word
