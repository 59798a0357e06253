"""Exact linear algebra on fractions: rank and inertia, where rounding would blur a zero."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from jaxtyping import Shaped

from regime_lib.errors import RegimeError

#: An array of Python integers or fractions (dtype object).
Exact = Shaped[np.ndarray, "..."]  # of fractions: matrices, and vectors where one is read
Number = int | Fraction


@dataclass(frozen=True)
class Inertia:
    """How many eigenvalues of a symmetric matrix are negative, zero and positive."""

    negative: int
    zero: int
    positive: int


def exact(matrix: object) -> Exact:
    """Return whole numbers and, where need be, fractions; floats at their binary value."""
    entries = np.array(matrix, dtype=object)
    try:
        flat = [entry if type(entry) is int else _exactly(entry) for entry in entries.flat]
    except (TypeError, ValueError, OverflowError):
        raise RegimeError("an exact matrix holds finite real numbers only") from None
    converted = np.empty(entries.size, dtype=object)
    converted[:] = flat
    return converted.reshape(entries.shape)


def rank(matrix: Exact) -> int:
    """Return the rank, by Gaussian elimination on fractions."""
    rows = exact(matrix)
    found = 0
    for column in range(rows.shape[1]):
        below = [row for row in range(found, len(rows)) if rows[row, column] != 0]
        if not below:
            continue
        rows[[found, below[0]]] = rows[[below[0], found]]
        for row in range(found + 1, len(rows)):
            if rows[row, column] != 0:
                ratio = _over(rows[row, column], rows[found, column])
                rows[row] = rows[row] - rows[found] * ratio
        found += 1
    return found


def inertia(matrix: Exact) -> Inertia:
    """Return the inertia of a symmetric matrix, by congruence (Sylvester's law).

    A nonzero diagonal entry is a pivot and gives its sign; where the whole diagonal vanishes, a
    nonzero entry beside it is a pivot of two rows and gives one sign of each kind.
    """
    rest = exact(matrix)
    if rest.ndim != 2 or rest.shape[0] != rest.shape[1] or (rest != rest.T).any():
        raise RegimeError("inertia is that of a symmetric matrix; this one is not symmetric")
    negative = positive = 0
    while len(rest):
        keep = [k for k in range(len(rest)) if rest[k, k] != 0][:1]
        if keep:
            sign = rest[keep[0], keep[0]] > 0
            positive, negative = positive + sign, negative + (not sign)
        else:
            beside = np.argwhere(rest != 0)
            if len(beside) == 0:
                break
            keep = [int(k) for k in beside[0]]
            positive, negative = positive + 1, negative + 1
        rest = _schur(rest, keep)
    return Inertia(int(negative), len(rest), int(positive))


def _schur(matrix: Exact, keep: list[int]) -> Exact:
    """Return the Schur complement of a nonzero diagonal entry, or of a pair with zero diagonal."""
    others = [k for k in range(len(matrix)) if k not in keep]
    rest = matrix[np.ix_(others, others)].copy()
    if len(keep) == 1:
        column, pivot = matrix[others, keep[0]], matrix[keep[0], keep[0]]
        touched = [k for k in range(len(others)) if column[k] != 0]
        for k in touched:
            rest[k, touched] -= column[touched] * _over(column[k], pivot)
        return rest
    first, second, pivot = matrix[others, keep[0]], matrix[others, keep[1]], matrix[tuple(keep)]
    touched = [k for k in range(len(others)) if first[k] != 0 or second[k] != 0]
    for k in touched:
        rest[k, touched] -= second[touched] * _over(first[k], pivot)
        rest[k, touched] -= first[touched] * _over(second[k], pivot)
    return rest


def _exactly(entry: Any) -> Number:
    return _plain(Fraction(entry.item() if hasattr(entry, "item") else entry))


def _over(number: Number, pivot: Number) -> Number:
    return _plain(Fraction(number, pivot))


def _plain(number: Fraction) -> Number:
    """Return a whole number as Python's own integer, which computes several times faster."""
    return number.numerator if number.denominator == 1 else number
