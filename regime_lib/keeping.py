"""Typed results as files: dataclasses of numbers, arrays, tables and estimates, without pickle.

A file is a NumPy archive: the arrays, and one text that says in JSON where they belong. Reading
takes the type that is expected, so that nothing in a file decides what is built from it.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin

import numpy as np

from regime_lib.errors import RegimeError

T = TypeVar("T")

_TREE = "tree"
_ARRAY, _TABLE, _ITEMS, _NUMBER = "@array", "@table", "@items", "@number"


def dumps(result: object) -> bytes:
    """Return a result as the content of a file.

    Parameters
    ----------
    result : object
        A frozen dataclass, or a plain value, array, table (its index is not kept) or container.

    Raises
    ------
    RegimeError
        If it holds something that a file cannot.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _flatten(result, arrays, type(result).__name__)
    arrays[_TREE] = np.frombuffer(json.dumps(tree, allow_nan=False).encode(), dtype=np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def loads(kind: type[T], content: bytes) -> T:
    """Return the result of type `kind` that `dumps` made a file of.

    Raises
    ------
    RegimeError
        If the content is damaged, or of another type.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        tree = json.loads(arrays.pop(_TREE).tobytes())
        found: T = _builder(arrays)(tree, kind)
    except Exception as error:  # a damaged file can fail in any way
        words = f"{type(error).__name__}: {error}".splitlines()[0]
        raise RegimeError(f"the file holds no {_name(kind)} ({words})") from None
    return found


def _flatten(value: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    """Return a value as JSON has it; arrays are set aside under numbers."""
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return _flatten(value.item(), arrays, where)
    if isinstance(value, float):
        return value if np.isfinite(value) else {_NUMBER: repr(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _flatten(getattr(value, field.name), arrays, f"{where}.{field.name}")
            for field in dataclasses.fields(value)
            if field.init
        }
    if isinstance(value, dict):
        pairs = [[_flatten(one, arrays, where) for one in pair] for pair in value.items()]
        return dict(pairs) if all(isinstance(key, str) for key in value) else {_ITEMS: pairs}
    if isinstance(value, tuple | list):
        return [_flatten(one, arrays, where) for one in value]
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        columns = {str(name): value[name] for name in value.columns}
        return {_TABLE: {name: _column(one, arrays, where) for name, one in columns.items()}}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcUS":
        arrays[name := f"a{len(arrays)}"] = value
        return {_ARRAY: name}
    raise RegimeError(
        f"{where} is a {type(value).__name__}, which no file of results can hold; keep numbers, "
        "texts, arrays and tables"
    )


def _column(column: Any, arrays: dict[str, np.ndarray], where: str) -> Any:
    values = column.to_numpy()
    return _flatten(values.tolist() if values.dtype.kind == "O" else values, arrays, where)


def _builder(arrays: dict[str, np.ndarray]) -> Callable[[Any, Any], Any]:
    """Return the function that builds a value of a type from what JSON holds."""
    from cattrs import Converter
    from cattrs.strategies import configure_union_passthrough

    converter = Converter(forbid_extra_keys=True)
    configure_union_passthrough(bool | int | float | str | None, converter)

    def number(value: Any, _: Any) -> float:
        return float(value[_NUMBER] if isinstance(value, dict) else value)

    def items(value: Any, kind: Any) -> Any:
        key, one = get_args(kind)
        pairs = value[_ITEMS] if _ITEMS in value else value.items()
        return {_hashable(build(k, key)): build(v, one) for k, v in pairs}

    def table(value: Any, _: Any) -> Any:
        import pandas as pd

        def column(one: Any) -> Any:
            if isinstance(one, dict):
                return arrays[one[_ARRAY]]
            return [number(x, float) if isinstance(x, dict) else x for x in one]

        return pd.DataFrame({name: column(one) for name, one in value[_TABLE].items()})

    converter.register_structure_hook(float, number)
    converter.register_structure_hook_func(_is_array, lambda value, _: arrays[value[_ARRAY]])
    converter.register_structure_hook_func(_is_dict, items)
    converter.register_structure_hook_func(
        lambda kind: getattr(kind, "__name__", "") == "DataFrame", table
    )
    build = converter.structure
    return build


def _is_array(kind: Any) -> bool:
    """Whether a type stands for NumPy arrays, with a shape of jaxtyping's or without."""
    kind = get_origin(kind) or kind
    return getattr(kind, "array_type", kind) is np.ndarray


def _is_dict(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is dict


def _hashable(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))
