"""Criteria of claims: a small language of predicates over a measurement, evaluated safely.

A criterion compares ``value``, ``low``, ``high`` and ``n`` with numbers: ``low >= 2``,
``0.9 <= value <= 1.1 and n >= 5``, ``abs(value - 1) < 0.05``. Nothing else is one: what cannot be
said as the sentence that a verdict card prints under its number is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from regime_lib.errors import RegimeError

#: What a criterion may ask about a measurement, and how it is called in a sentence.
QUANTITIES = {
    "value": "the measured value",
    "low": "the lower end of the interval",
    "high": "the upper end of the interval",
    "n": "the number of runs",
}

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "is below",
    ast.LtE: "is at most",
    ast.Gt: "is above",
    ast.GtE: "is at least",
    ast.Eq: "equals",
    ast.NotEq: "differs from",
}
_MIRROR: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "−",
    ast.Mult: "×",
    ast.Div: "/",
}
_SIGNS: dict[type[ast.unaryop], str] = {ast.USub: "−", ast.UAdd: ""}
_CALLS: dict[str, Callable[..., float]] = {"abs": abs, "min": min, "max": max}


@dataclass(frozen=True)
class Predicate:
    """A condition on a measurement; it is checked when it is made."""

    text: str  # as it is written in the claims file
    words: str = field(init=False)  # part of a sentence: "the measured value is at least 2"
    names: frozenset[str] = field(init=False)  # which of `QUANTITIES` it asks for

    def __post_init__(self) -> None:
        try:
            tree = self._tree
        except (SyntaxError, ValueError):  # ValueError: a null byte, before Python 3.12
            raise RegimeError(
                f"the criterion '{self.text}' does not parse; write e.g. 'low >= 2'"
            ) from None
        try:
            object.__setattr__(self, "words", _condition(tree))
        except RegimeError as error:
            raise RegimeError(f"the criterion '{self.text}' {error}") from None
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        object.__setattr__(self, "names", frozenset(names & set(QUANTITIES)))

    @property
    def _tree(self) -> ast.expr:
        return ast.parse(self.text, mode="eval").body

    def holds(self, quantities: Mapping[str, float]) -> bool:
        """Evaluate the condition."""
        known = {"__builtins__": {}, **_CALLS, **quantities}
        code = compile(ast.Expression(self._tree), "<criterion>", "eval")
        try:
            return bool(eval(code, known))  # nothing but what could be said in words
        except ZeroDivisionError:
            raise RegimeError(f"the criterion '{self.text}' divides by zero here") from None


def parse_predicate(text: object) -> Predicate:
    """Check that `text` is a condition in the language of criteria."""
    if not isinstance(text, str):
        raise RegimeError(f"a criterion must be text such as 'low >= 2', not {text!r}")
    return Predicate(text.strip())


def _condition(node: ast.expr) -> str:
    match node:
        case ast.BoolOp(op=op, values=parts):
            joint = " and " if isinstance(op, ast.And) else " or "
            return joint.join(_grouped(part) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return f"it is not the case that {_condition(inner)}"
        case ast.Compare(left=left, ops=ops, comparators=others) if all(
            type(op) in _COMPARE for op in ops
        ):
            return _comparison([left, *others], ops)
    raise RegimeError(f"has '{ast.unparse(node)}' where a comparison is needed")


def _grouped(node: ast.expr) -> str:
    """Put a nested condition in brackets, so that 'and' and 'or' cannot be misread."""
    words = _condition(node)
    return words if isinstance(node, ast.Compare) else f"({words})"


def _comparison(sides: list[ast.expr], ops: list[ast.cmpop]) -> str:
    kinds = [type(op) for op in ops]
    if kinds in ([ast.LtE, ast.LtE], [ast.Lt, ast.Lt]) and not isinstance(sides[1], ast.Constant):
        strictly = "strictly " if kinds[0] is ast.Lt else ""
        low, middle, high = (_in_words(side) for side in sides)
        return f"{middle} lies {strictly}between {low} and {high}"
    phrases = [
        _pair(left, kind, right)
        for left, kind, right in zip(sides[:-1], kinds, sides[1:], strict=True)
    ]
    return " and ".join(phrases)


def _pair(left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> str:
    if isinstance(left, ast.Constant):
        left, kind, right = right, _MIRROR.get(kind, kind), left
    return f"{_in_words(left)} {_COMPARE[kind]} {_in_words(right)}"


def _in_words(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return f"{number:g}" if isinstance(number, float) else str(number)
        case ast.Name(id=name) if name in QUANTITIES:
            return QUANTITIES[name]
        case ast.UnaryOp(op=sign, operand=inner) if type(sign) in _SIGNS:
            return f"{_SIGNS[type(sign)]}{_factor(inner)}"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return f"{_in_words(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() as op, right=right):
            return f"{_factor(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.Call(func=ast.Name(id="abs"), args=[inner], keywords=[]):
            return f"|{_in_words(inner)}|"
        case ast.Call(
            func=ast.Name(id="min" | "max" as name), args=[_, _, *_] as parts, keywords=[]
        ):
            extreme = "smallest" if name == "min" else "largest"
            return f"the {extreme} of ({', '.join(_in_words(part) for part in parts)})"
    raise RegimeError(
        f"uses '{ast.unparse(node)}'; it may use {', '.join(QUANTITIES)}, numbers, + - * /, abs, "
        "min and max"
    )


def _factor(node: ast.expr) -> str:
    """Say a number, in brackets where it is a sum or a product."""
    words = _in_words(node)
    return f"({words})" if isinstance(node, ast.BinOp) else words
