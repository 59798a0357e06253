"""The sampled type checker sees every early call of a test, and a steady share of later ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import beartype
import numpy as np
import pytest
from jaxtyping import Float, TypeCheckError

from tests.sampled import ALL, ONE_IN, sampled, start_counting

VECTOR, MATRIX = np.ones(2), np.ones((2, 2))


def twice(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    return 2 * values


def calls_refused(first: int, last: int) -> list[int]:
    """Return which calls from `first` to `last` of one test notice that a matrix is no vector."""
    checked, refused = sampled(twice, typechecker=beartype.beartype), []
    start_counting()
    for call in range(1, last + 1):
        try:
            checked(MATRIX if call >= first else VECTOR)
        except TypeCheckError:
            refused.append(call)
    return refused


def test_every_early_call_is_checked() -> None:
    assert calls_refused(1, ALL) == list(range(1, ALL + 1))


def test_of_later_calls_one_in_so_many_is_checked() -> None:
    refused = calls_refused(ALL + 1, ALL + 5 * ONE_IN)
    assert len(refused) == 5
    assert set(np.diff(refused)) == {ONE_IN}


def test_the_next_test_is_checked_from_its_first_call() -> None:
    checked = sampled(twice, typechecker=beartype.beartype)
    for _ in range(ALL + 1):
        checked(VECTOR)
    start_counting()
    with pytest.raises(TypeCheckError):
        checked(MATRIX)


def test_a_function_that_is_made_again_and_again_is_counted_as_one() -> None:
    def made() -> Callable:
        @sampled(typechecker=beartype.beartype)
        def inner(values: Float[np.ndarray, " n"]) -> None:
            pass

        return inner

    start_counting()
    for _ in range(ALL):
        made()(VECTOR)
    refused = 0
    for _ in range(2 * ONE_IN):
        try:
            made()(MATRIX)
        except TypeCheckError:
            refused += 1
    assert refused == 2


def test_methods_and_results_are_checked() -> None:
    class Doubled:
        @sampled(typechecker=beartype.beartype)
        def by(self, factor: float) -> Float[np.ndarray, " n"]:
            return factor * MATRIX

    start_counting()
    with pytest.raises(TypeCheckError, match="return value"):
        Doubled().by(2.0)
    assert sampled(twice, typechecker=beartype.beartype)(VECTOR).tolist() == [2, 2]


def test_a_dataclass_is_checked_as_a_function_is() -> None:
    @sampled(typechecker=beartype.beartype)
    @dataclasses.dataclass(frozen=True)
    class Row:
        values: Float[np.ndarray, " n"]

    start_counting()
    for _ in range(ALL):
        Row(VECTOR)
    refused = []
    for call in range(ONE_IN):
        try:
            Row(MATRIX)
        except TypeCheckError:
            refused.append(call)
    assert len(refused) == 1


@pytest.mark.skipif("not config.getoption('--jaxtyping-packages')")
def test_the_library_is_decorated_so() -> None:
    from regime_lib.simulators.deep_linear.problem import product

    start_counting()
    with pytest.raises(TypeCheckError):
        product((VECTOR,))
    for _ in range(ALL):
        product((MATRIX,))
    codes = product.__code__
    assert codes.co_filename.endswith("sampled.py")
