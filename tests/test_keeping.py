"""What is kept comes back equal, type for type; what cannot be kept or read is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from jaxtyping import Bool, Float

from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, Method, no_number, number
from regime_lib.keeping import dumps, loads


class Kind(StrEnum):
    FAST = "fast"


@dataclass(frozen=True)
class Inner:
    field: Float[np.ndarray, "rows columns"]
    pairs: dict[tuple[str, int], float]


@dataclass(frozen=True)
class Outer:
    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    inner: Inner
    several: tuple[Inner, ...]
    masks: dict[int, Bool[np.ndarray, " n"]]
    plain: np.ndarray
    limit: float
    missing: Float[np.ndarray, " n"] | None
    table: pd.DataFrame
    kind: Kind
    pair: tuple[int, str]
    names: list[str]


def outer() -> Outer:
    inner = Inner(np.arange(6.0).reshape(2, 3), {("a", 1): float("nan"), ("b", 2): 2.0})
    return Outer(
        claims={"x": Estimate(2, 1, 3, 5, "5 seeds", Method.RANGE), "y": no_number("8 runs")},
        numbers={"a": 1, "b": 2.5, "c": "six of six"},
        inner=inner,
        several=(inner, inner),
        masks={3: np.array([True, False])},
        plain=np.array(["a", "bc"]),
        limit=float("inf"),
        missing=None,
        table=pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, np.nan]}),
        kind=Kind.FAST,
        pair=(1, "a"),
        names=["a"],
    )


def same(one: Any, other: Any) -> bool:
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return type(one) is type(other) and all(
            same(getattr(one, n), getattr(other, n)) for n in names
        )
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype == float)
    if isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, check_dtype=False)
        return True
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or one != one)


def test_a_result_comes_back_equal_and_of_the_same_types() -> None:
    assert same(outer(), loads(Outer, dumps(outer())))


def test_the_same_result_is_the_same_file() -> None:
    assert dumps(outer()) == dumps(loads(Outer, dumps(outer())))


@given(
    arrays.arrays(st.sampled_from([np.float32, np.int64, bool]), arrays.array_shapes(min_side=0))
)
def test_arrays_keep_their_bits(values: np.ndarray) -> None:
    found = loads(np.ndarray, dumps(values))
    assert found.dtype == values.dtype
    assert found.tobytes() == values.tobytes()
    assert found.shape == values.shape


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array([object()]), print])
def test_what_no_file_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(RegimeError, match="no file of results can hold"):
        dumps({"x": value})


def test_damaged_files_and_other_types_are_refused() -> None:
    whole = dumps(outer())
    for content in (b"", whole[: len(whole) // 2], dumps(number(3.0)), b"PK\x03\x04" + bytes(99)):
        with pytest.raises(RegimeError, match="holds no Outer"):
            loads(Outer, content)


def test_pickles_are_not_read() -> None:
    import io

    content = io.BytesIO()
    np.savez(content, tree=np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(RegimeError, match="holds no dict"):
        loads(dict, content.getvalue())
