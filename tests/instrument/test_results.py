"""Results that hold arrays print in a line, compare and hash by identity."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

import regime_lib.instrument


def holders() -> list[type]:
    """Every frozen dataclass of the instrument with a field that is, or holds, arrays."""
    found: dict[str, type] = {}
    for info in pkgutil.walk_packages(regime_lib.instrument.__path__, "regime_lib.instrument."):
        module = importlib.import_module(info.name)
        for one in vars(module).values():
            if isinstance(one, type) and dataclasses.is_dataclass(one):
                frozen = one.__dataclass_params__.frozen  # type: ignore[attr-defined]
                if frozen and one.__module__ == info.name and _holds_arrays(one):
                    found[one.__name__] = one
    return [found[name] for name in sorted(found)]


def _hints(kind: type) -> dict[str, Any]:
    own = {field.name for field in dataclasses.fields(kind)}
    return {name: hint for name, hint in typing.get_type_hints(kind).items() if name in own}


def _holds_arrays(hint: Any) -> bool:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return any(map(_holds_arrays, _hints(hint).values()))
    if typing.get_origin(hint) is Callable:
        return False
    is_array = hasattr(hint, "array_type") or hint in (np.ndarray, torch.Tensor)
    return is_array or any(map(_holds_arrays, typing.get_args(hint)))


def _filled(hint: Any) -> Any:
    """Make a large value of a type."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        made = object.__new__(hint)
        for name, own in _hints(hint).items():
            object.__setattr__(made, name, _filled(own))
        return made
    if hasattr(hint, "array_type") or hint in (np.ndarray, torch.Tensor):
        shape = [200] + [7] * (len(getattr(hint, "dim_str", "").split()) - 1)
        numbers = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
        is_tensor = torch.Tensor in (hint, getattr(hint, "array_type", None))
        return torch.from_numpy(numbers) if is_tensor else numbers
    if origin in (tuple, list):
        return tuple(_filled(args[0]) for _ in range(40))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {f"layer {number}": _filled(args[1]) for number in range(40)}
    if args and (origin is types.UnionType or not isinstance(origin, type)):
        return _filled(args[0])  # a union
    return {str: "a layer's name", int: 3, float: 0.25, bool: True}.get(hint, "something")


@pytest.mark.untyped
@pytest.mark.parametrize("kind", holders(), ids=lambda kind: kind.__name__)
def test_results_print_in_a_line_and_are_compared_by_identity(kind: type) -> None:
    one, other = _filled(kind), _filled(kind)
    assert len(repr(one)) < 400, repr(one)
    assert kind.__name__ in repr(one)
    assert (one == one, one == other) == (True, False)
    assert len({one, other}) == 2


def test_a_trace_is_among_them_and_prints_what_it_holds() -> None:
    from tests.instrument.runs import small_run

    names = [kind.__name__ for kind in holders()]
    assert {"Trace", "Series", "Norms", "FlipStatistics", "PatternBlock", "Basins"} <= {*names}
    trace = small_run(6)
    assert repr(trace) == "Trace(10 quantities, 2 layers, steps 0 to 6)"
    assert "float64[7, 3, 1]" in repr(trace.all_series[1])
    assert trace == trace
    assert trace != small_run(6)
