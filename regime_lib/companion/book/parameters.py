"""Typed parameters of a chapter: what a value may be, and what is said when it is not."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from regime_lib.errors import RegimeError

#: The value of a parameter: what JSON can hold and a command line can say.
Value = bool | int | float | str | list[Any] | None

BASES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}

_WORDS = {"int": "a whole number", "float": "a number", "str": "text", "bool": "True or False"}
_INTEGER = re.compile(r"[+-]?\d+(?:_\d+)*")


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of a chapter."""

    name: str  # the variable's
    base: str  # int, float, str or bool
    is_list: bool  # whether the value is a list of `base`
    optional: bool  # whether it may be None
    default: Value
    help: str = ""
    unit: str = ""
    low: float | None = None  # inclusive bounds; None where there is none
    high: float | None = None
    choices: tuple[Value, ...] = ()  # the allowed values; empty where any is allowed

    @property
    def type_name(self) -> str:
        """The declared type, as it is written."""
        inner = f"list[{self.base}]" if self.is_list else self.base
        return f"{inner} | None" if self.optional else inner

    @property
    def range_text(self) -> str:
        """The allowed values in the notation of the declaration; empty where any is allowed."""
        if self.choices:
            return " | ".join(str(choice) for choice in self.choices)
        if self.low is None and self.high is None:
            return ""
        return f"{plain(self.low)}..{plain(self.high)}"


def plain(bound: float | None) -> str:
    """Write a bound as in a declaration: 64 for 64.0, 1e-6 for 1e-06, nothing for None."""
    return "" if bound is None else f"{bound:.12g}".replace("e-0", "e-").replace("e+0", "e")


def parse_value(parameter: Parameter, text: str) -> Value:
    """Turn the text of a command line, such as ``1,2``, ``[1, 2]`` or ``none``, into a value."""
    stripped = text.strip()
    if parameter.optional and stripped.lower() == "none":
        return None
    value: Value
    if parameter.is_list:
        inside = re.sub(r"^\[(.*)\]$", r"\1", stripped)
        items = [item.strip() for item in inside.split(",")] if inside.strip() else []
        value = [_parse_scalar(parameter, item) for item in items]
    else:
        value = _parse_scalar(parameter, stripped)
    return check_value(parameter, value)


def check_value(parameter: Parameter, value: object, prefix: str = "parameter") -> Value:
    """Return `value` if it is of the declared type and in range; else refuse it by its name."""
    name = f"{prefix} '{parameter.name}'"
    if value is None and parameter.optional:
        return None
    if parameter.is_list:
        if not isinstance(value, list):
            raise RegimeError(f"{name} must be a list of {parameter.base}, not {value!r}")
        return [_check_scalar(parameter, item, f"{name}, item {i}") for i, item in enumerate(value)]
    return _check_scalar(parameter, value, name)


def resolve_values(
    declared: Iterable[Parameter], given: Mapping[str, str | Value], chapter: str
) -> dict[str, Value]:
    """Return the value of every declared parameter: the given one, read if text, or the default."""
    by_name = {parameter.name: parameter for parameter in declared}
    for name in given:
        refuse_unknown(name, by_name, chapter)
    return {
        name: parse_value(parameter, value)
        if isinstance(value := given.get(name), str)
        else check_value(parameter, given.get(name, parameter.default))
        for name, parameter in by_name.items()
    }


def refuse_unknown(name: str, known: Iterable[str], chapter: str) -> None:
    """Refuse a name that is not among the `known` parameters, suggesting the nearest one."""
    names = sorted(known)
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'" if near else f"it has {', '.join(names) or 'none'}"
    raise RegimeError(f"chapter {chapter} has no parameter '{name}'; {hint}")


def _parse_scalar(parameter: Parameter, text: str) -> Value:
    if parameter.base == "str":
        return text.strip("'\"") if parameter.is_list else text
    lowered = text.lower()
    if parameter.base == "bool" and lowered in ("true", "false"):
        return lowered == "true"
    if parameter.base == "int" and _INTEGER.fullmatch(text):
        return int(text)
    if parameter.base == "float":
        try:
            return float(text)
        except ValueError:
            pass  # refused below, in the words that every type shares
    raise RegimeError(
        f"parameter '{parameter.name}' needs {_WORDS[parameter.base]} ({parameter.type_name}), "
        f"not '{text}'"
    )


def _check_scalar(parameter: Parameter, value: object, name: str) -> Value:
    base = BASES[parameter.base]
    if base is float and type(value) is int:
        value = float(value)
    if type(value) is not base:
        kind = "the text " if isinstance(value, str) else ""
        raise RegimeError(
            f"{name} needs {_WORDS[parameter.base]} ({parameter.type_name}), "
            f"not {kind}{value!r}{_yaml_hint(base, value)}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise RegimeError(f"{name} needs a finite number, not {value}")
    if parameter.choices and value not in parameter.choices:
        options = ", ".join(str(choice) for choice in parameter.choices)
        raise RegimeError(f"{name} is {value!r} but must be one of {options}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        below = parameter.low is not None and value < parameter.low
        above = parameter.high is not None and value > parameter.high
        if below or above:
            given = f"{value:.12g} {parameter.unit}".strip()
            raise RegimeError(f"{name} is {given} but must lie in {parameter.range_text}")
    return value  # type: ignore[return-value]


def _yaml_hint(base: type, value: object) -> str:
    """Explain the trap that `papermill -y` sets: YAML reads 1e-3 as text."""
    if base is not float or not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    mantissa, _, exponent = value.lower().partition("e")
    if not exponent or not math.isfinite(number):
        return "; write it without quotes"
    repaired = mantissa if "." in mantissa else f"{mantissa}.0"
    signed = exponent if exponent[0] in "+-" else f"+{exponent}"
    return f"; YAML reads {value} as text, so write {repaired}e{signed}"


class ChapterParameters(Mapping[str, Value]):
    """The checked parameters of a running chapter, read as attributes: ``p.steps``."""

    def __init__(self, values: Mapping[str, Value], chapter: str) -> None:
        object.__setattr__(self, "_values", dict(values))
        object.__setattr__(self, "_chapter", chapter)

    _values: dict[str, Value]
    _chapter: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse_unknown(name, self._values, self._chapter)
        return self._values[name]

    def __setattr__(self, name: str, value: object) -> None:
        raise RegimeError(
            f"parameter '{name}' is read-only here; set it in the parameters cell or with -p"
        )

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {value!r}" for name, value in self._values.items())
