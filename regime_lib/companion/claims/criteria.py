"""Criteria of claims: a small language of predicates over a measurement, evaluated safely.

A criterion compares ``value``, ``low``, ``high`` and ``n`` with numbers: ``low >= 2``,
``0.9 <= value <= 1.1 and n >= 5``, ``abs(value - 1) < 0.05``. Nothing else parses.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from regime_lib.errors import RegimeError

#: What a criterion may ask about a measurement.
QUANTITIES = ("value", "low", "high", "n")

_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: dict[type[ast.unaryop], Callable[[float], float]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
_CALLS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}


@dataclass(frozen=True)
class Predicate:
    """A condition on a measurement.

    Attributes
    ----------
    text : str
        As it is written in the claims file.
    names : frozenset of str
        Which of `QUANTITIES` it asks for.
    """

    text: str
    names: frozenset[str]

    def holds(self, quantities: Mapping[str, float]) -> bool:
        """Evaluate the condition.

        Raises
        ------
        RegimeError
            If it divides by zero at these numbers.
        """
        try:
            return _truth(self.tree, quantities)
        except ZeroDivisionError:
            raise RegimeError(f"the criterion '{self.text}' divides by zero here") from None

    @property
    def tree(self) -> ast.expr:
        """The condition, parsed."""
        return ast.parse(self.text, mode="eval").body


def parse_predicate(text: object) -> Predicate:
    """Check that `text` is a condition in the language of criteria.

    Raises
    ------
    RegimeError
        If it is not text, does not parse, or uses anything outside the language.
    """
    if not isinstance(text, str):
        raise RegimeError(f"a criterion must be text such as 'low >= 2', not {text!r}")
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):  # ValueError: a null byte, before Python 3.12
        raise RegimeError(f"the criterion '{text}' does not parse; write e.g. 'low >= 2'") from None
    names: set[str] = set()
    _require_condition(body, text, names)
    return Predicate(text.strip(), frozenset(names))


def _require_condition(node: ast.expr, text: str, names: set[str]) -> None:
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                _require_condition(part, text, names)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            _require_condition(inner, text, names)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARE for op in ops
        ):
            for part in (left, *others):
                _require_number(part, text, names)
        case _:
            raise RegimeError(
                f"the criterion '{text}' has '{ast.unparse(node)}' where a comparison is needed"
            )


def _require_number(node: ast.expr, text: str, names: set[str]) -> None:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return
        case ast.Name(id=name) if name in QUANTITIES:
            names.add(name)
        case ast.UnaryOp(op=sign, operand=inner) if type(sign) in _SIGNS:
            _require_number(inner, text, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _require_number(left, text, names)
            _require_number(right, text, names)
        case ast.Call(func=ast.Name(id=name), args=parts, keywords=[]) if _arity_fits(name, parts):
            for part in parts:
                _require_number(part, text, names)
        case _:
            raise RegimeError(
                f"the criterion '{text}' uses '{ast.unparse(node)}'; it may use "
                f"{', '.join(QUANTITIES)}, numbers, + - * /, abs, min and max"
            )


def _arity_fits(name: str, parts: list[ast.expr]) -> bool:
    return len(parts) == 1 if name == "abs" else name in _CALLS and len(parts) >= 2


def _truth(node: ast.expr, quantities: Mapping[str, float]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_truth(part, quantities) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_truth(part, quantities) for part in parts)
        case ast.UnaryOp(operand=inner):
            return not _truth(inner, quantities)
        case ast.Compare(left=left, ops=ops, comparators=others):
            numbers = [_number(part, quantities) for part in (left, *others)]
            pairs = itertools.pairwise(numbers)
            return all(_COMPARE[type(op)](a, b) for op, (a, b) in zip(ops, pairs, strict=True))
    raise AssertionError(ast.dump(node))


def _number(node: ast.expr, quantities: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return quantities[name]
        case ast.UnaryOp(op=sign, operand=inner):
            return _SIGNS[type(sign)](_number(inner, quantities))
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_number(left, quantities), _number(right, quantities))
        case ast.Call(func=ast.Name(id=name), args=parts):
            return _CALLS[name](*(_number(part, quantities) for part in parts))
    raise AssertionError(ast.dump(node))
