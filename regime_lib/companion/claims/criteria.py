"""Criteria of claims: a small language of predicates over a measurement, evaluated safely.

A criterion compares ``value``, ``low``, ``high`` and ``n`` with numbers: ``low >= 2``,
``0.9 <= value <= 1.1 and n >= 5``, ``abs(value - 1) < 0.05``. Nothing else parses. `in_words` says
one as the sentence that a verdict card prints under its number.
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
    """A condition on a measurement; it is checked when it is made.

    Attributes
    ----------
    text : str
        As it is written in the claims file.
    names : frozenset of str
        Which of `QUANTITIES` it asks for.

    Raises
    ------
    RegimeError
        If the text does not parse, or uses anything outside the language.
    """

    text: str
    names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        try:
            tree = self.tree
        except (SyntaxError, ValueError):  # ValueError: a null byte, before Python 3.12
            raise RegimeError(
                f"the criterion '{self.text}' does not parse; write e.g. 'low >= 2'"
            ) from None
        names: set[str] = set()
        _require_condition(tree, self.text, names)
        object.__setattr__(self, "names", frozenset(names))

    @property
    def tree(self) -> ast.expr:
        """The condition, parsed."""
        return ast.parse(self.text, mode="eval").body

    def holds(self, quantities: Mapping[str, float]) -> bool:
        """Evaluate the condition.

        Raises
        ------
        RegimeError
            If it divides by zero at these numbers.
        """
        known = {"__builtins__": {}, **_CALLS, **quantities}
        code = compile(ast.Expression(self.tree), "<criterion>", "eval")
        try:
            return bool(eval(code, known))  # nothing but what the check above lets through
        except ZeroDivisionError:
            raise RegimeError(f"the criterion '{self.text}' divides by zero here") from None


def parse_predicate(text: object) -> Predicate:
    """Check that `text` is a condition in the language of criteria.

    Raises
    ------
    RegimeError
        If it is not text, does not parse, or uses anything outside the language.
    """
    if not isinstance(text, str):
        raise RegimeError(f"a criterion must be text such as 'low >= 2', not {text!r}")
    return Predicate(text.strip())


def in_words(predicate: Predicate) -> str:
    """Say a criterion as part of an English sentence: ``the measured value is at least 2``."""
    return _condition(predicate.tree)


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


def _condition(node: ast.expr) -> str:
    match node:
        case ast.BoolOp(op=op, values=parts):
            joint = " and " if isinstance(op, ast.And) else " or "
            return joint.join(_grouped(part) for part in parts)
        case ast.UnaryOp(operand=inner):
            return f"it is not the case that {_condition(inner)}"
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparison([left, *others], ops)
    raise AssertionError(ast.dump(node))


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
        case ast.Constant(value=number):
            return f"{number:g}" if isinstance(number, float) else str(number)
        case ast.Name(id=name):
            return QUANTITIES[name]
        case ast.UnaryOp(op=sign, operand=inner):
            return f"{_SIGNS[type(sign)]}{_factor(inner)}"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return f"{_in_words(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.BinOp(left=left, op=op, right=right):
            return f"{_factor(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.Call(func=ast.Name(id="abs"), args=[inner]):
            return f"|{_in_words(inner)}|"
        case ast.Call(func=ast.Name(id=name), args=parts):
            extreme = "smallest" if name == "min" else "largest"
            return f"the {extreme} of ({', '.join(_in_words(part) for part in parts)})"
    raise AssertionError(ast.dump(node))


def _factor(node: ast.expr) -> str:
    """Say a number, in brackets where it is a sum or a product."""
    words = _in_words(node)
    return f"({words})" if isinstance(node, ast.BinOp) else words
