"""YAML files that people write, read strictly: known keys, plain text, one sentence on a fault."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from regime_lib.errors import RegimeError

_DEEPEST = 50


def require_keys(
    entry: Mapping[Any, Any], required: set[str], optional: set[str], place: str
) -> None:
    """Refuse a mapping that lacks a required key or has one that is not known."""
    allowed = required | optional
    if unknown := sorted(str(key) for key in entry if key not in allowed):
        raise RegimeError(
            f"{place} has the unknown key '{unknown[0]}'; it may have {', '.join(sorted(allowed))}"
        )
    if missing := sorted(required - set(entry)):
        raise RegimeError(f"{place} lacks '{missing[0]}'")


def plain_text(value: object, key: str, place: str) -> str:
    """Return text on one line; refuse what is no text, or empty."""
    if not isinstance(value, str):
        raise RegimeError(f'{place}: {key} must be text, so write {key}: "{value}" in quotes')
    text = " ".join(value.split())
    if not text:
        raise RegimeError(f"{place}: {key} is empty")
    return text


def load_strictly(text: str, name: str) -> Any:
    """Read YAML from the file `name`, without its quietest trap: a key given twice is refused."""
    try:
        _require_shallow(text, name)
        return yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        raise RegimeError(f"{name} is not valid YAML: {_one_line(error)}") from None
    except (ValueError, TypeError) as error:  # a date that no calendar has, say
        if isinstance(error, RegimeError):
            raise
        raise RegimeError(f"{name} is not valid YAML: {error}") from None


def _require_shallow(text: str, name: str) -> None:
    """Refuse what is nested so deeply that the loader in C would end the process."""
    depth = 0
    for event in yaml.parse(text, _StrictLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise RegimeError(f"{name} is nested more than {_DEEPEST} levels deep; make it flatter")


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, in C where that was built, that refuses a key given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", node.start_mark
                )
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1})" if mark else " ".join(problem.split())
