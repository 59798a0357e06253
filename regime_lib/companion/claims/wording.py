"""Criteria in words: the sentence that a verdict card prints under its number."""

from __future__ import annotations

import ast

from regime_lib.companion.claims.criteria import Predicate

_QUANTITIES = {
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


def in_words(predicate: Predicate) -> str:
    """Say a criterion as part of an English sentence: ``the measured value is at least 2``."""
    return _condition(predicate.tree)


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
        low, middle, high = (_number(side) for side in sides)
        return f"{middle} lies {strictly}between {low} and {high}"
    phrases = [
        _pair(left, kind, right)
        for left, kind, right in zip(sides[:-1], kinds, sides[1:], strict=True)
    ]
    return " and ".join(phrases)


def _pair(left: ast.expr, kind: type[ast.cmpop], right: ast.expr) -> str:
    if isinstance(left, ast.Constant):
        left, kind, right = right, _MIRROR.get(kind, kind), left
    return f"{_number(left)} {_COMPARE[kind]} {_number(right)}"


def _number(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=number):
            return f"{number:g}" if isinstance(number, float) else str(number)
        case ast.Name(id=name):
            return _QUANTITIES[name]
        case ast.UnaryOp(op=sign, operand=inner):
            return f"{'−' if isinstance(sign, ast.USub) else ''}{_factor(inner)}"
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
            return f"{_number(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.BinOp(left=left, op=op, right=right):
            return f"{_factor(left)} {_ARITHMETIC[type(op)]} {_factor(right)}"
        case ast.Call(func=ast.Name(id="abs"), args=[inner]):
            return f"|{_number(inner)}|"
        case ast.Call(func=ast.Name(id=name), args=parts):
            extreme = "smallest" if name == "min" else "largest"
            return f"the {extreme} of ({', '.join(_number(part) for part in parts)})"
    raise AssertionError(ast.dump(node))


def _factor(node: ast.expr) -> str:
    """Say a number, in brackets where it is a sum or a product."""
    words = _number(node)
    return f"({words})" if isinstance(node, ast.BinOp) else words
