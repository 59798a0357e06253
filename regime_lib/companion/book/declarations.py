"""Reading the declared parameters of a chapter from its `parameters` cell, without running it.

One line declares one parameter, in the form that papermill can inspect::

    steps: int = 2000            # optimiser steps per seed [steps, 10..100000]
    optimiser: str = "sgd"       # which rule trains the network [sgd | momentum | adam]
    n_seeds: int | None = None   # None takes the profile's value [seeds, 2..64]
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

from regime_lib.companion.book.notebooks import PARAMETERS_TAG, Node, code_cells, source_of, tags_of
from regime_lib.companion.book.parameters import BASES, Parameter, Value, check_value, plain
from regime_lib.errors import RegimeError

FORM = "`name: type = default  # help [unit, range]`"

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"^({_NUMBER})?\s*\.\.\s*({_NUMBER})?$")
_BRACKET = re.compile(r"^(?P<help>.*?)\s*\[(?P<inside>[^\[\]]*)\]\s*$")


def parameters_of(notebook: Node, where: str) -> tuple[Parameter, ...]:
    """Read the declared parameters of a notebook, which errors call `where`."""
    cells = [cell for cell in code_cells(notebook) if PARAMETERS_TAG in tags_of(cell)]
    if len(cells) != 1:
        raise RegimeError(
            f"{where} has {len(cells)} code cells tagged '{PARAMETERS_TAG}'; a chapter needs "
            f"exactly one, with lines of the form {FORM}"
        )
    return parse_declarations(source_of(cells[0]), where)


def parse_declarations(source: str, where: str) -> tuple[Parameter, ...]:
    """Parse the source of a `parameters` cell; see the module's first lines for the form."""
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise RegimeError(
            f"the parameters cell of {where} is not Python (line {error.lineno}: {error.msg})"
        ) from None
    comments = _comments(source)
    found: dict[str, Parameter] = {}
    for node in body:
        place = f"line {node.lineno} of the parameters cell of {where}"
        comment = comments.get(node.end_lineno or node.lineno, "")
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            raise RegimeError(f"{place} is not of the form {FORM}")
        if any(line in comments for line in range(node.lineno, node.end_lineno or 0)):
            raise RegimeError(
                f"{place} declares '{node.target.id}' over several lines with a comment inside; "
                "keep it on one (a first line `# fmt: off` keeps formatters away)"
            )
        parameter = _declaration(node, node.target.id, comment, place)
        if parameter.name in found:
            raise RegimeError(f"{place} declares '{parameter.name}' a second time")
        check_value(parameter, parameter.default, f"{place}: the default of")
        found[parameter.name] = parameter
    return tuple(found.values())


def _declaration(node: ast.AnnAssign, name: str, comment: str, place: str) -> Parameter:
    if node.value is None:
        raise RegimeError(f"{place}: '{name}' has no default; write {FORM}")
    base, is_list, optional = _parse_type(ast.unparse(node.annotation), place)
    try:
        default = ast.literal_eval(node.value)
    except ValueError:
        raise RegimeError(
            f"{place}: the default of '{name}' must be a plain value such as 3, 0.1, 'sgd', True "
            f"or None, not {ast.unparse(node.value)}"
        ) from None
    if base == "float" and type(default) is int:
        default = float(default)
    match = _BRACKET.match(comment)
    text, inside = (match["help"], match["inside"]) if match else (comment, "")
    unit, low, high, choices = _parse_bracket(inside, base, place)
    return Parameter(name, base, is_list, optional, default, text, unit, low, high, choices)


def _parse_type(annotation: str, place: str) -> tuple[str, bool, bool]:
    """Return the base type, whether it is a list of it, and whether None is allowed."""
    inner = annotation.removesuffix(" | None")
    match = re.fullmatch(r"list\[(\w+)\]", inner)
    base = match[1] if match else inner
    if base not in BASES:
        raise RegimeError(
            f"{place} has the type {annotation}; use int, float, str or bool, list[…] of one of "
            "them, and '| None' where None is allowed"
        )
    return base, match is not None, annotation != inner


def _parse_bracket(
    inside: str, base: str, place: str
) -> tuple[str, float | None, float | None, tuple[Value, ...]]:
    """Split ``unit, range`` into unit, bounds and choices; each may be missing."""
    parts = [part for piece in inside.split(",") if (part := piece.strip())]
    ranges = [found for part in parts if (found := _RANGE.match(part))]
    options = [part for part in parts if "|" in part]
    units = [part for part in parts if "|" not in part and not _RANGE.match(part)]
    if len(units) > 1:
        raise RegimeError(f"{place} names two units, '{units[0]}' and '{units[1]}'; keep one")
    if len(ranges) + len(options) > 1:
        raise RegimeError(f"{place} gives more than one range in [{inside}]; keep one")
    ends = ranges[0].groups() if ranges else (None, None)
    low, high = (None if end is None else float(end) for end in ends)
    if ranges and base not in ("int", "float"):
        raise RegimeError(f"{place} gives a numeric range to a {base}; use choices: [a | b]")
    if low is not None and high is not None and low > high:
        raise RegimeError(f"{place} gives an empty range: {plain(low)} is above {plain(high)}")
    choices = _parse_choices(options[0], base, place) if options else ()
    return "".join(units), low, high, choices


def _parse_choices(part: str, base: str, place: str) -> tuple[Value, ...]:
    texts = [text.strip() for text in part.split("|")]
    if "" in texts or len(set(texts)) != len(texts):
        raise RegimeError(f"{place} has an empty or repeated choice in [{part}]")
    if base == "bool":
        raise RegimeError(f"{place} gives choices to a bool, which has True and False already")
    try:
        return tuple(BASES[base](text) for text in texts)
    except ValueError:
        raise RegimeError(f"{place}: the choices [{part}] are not all of type {base}") from None


def _comments(source: str) -> dict[int, str]:
    """Return the comment that ends each line, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("#").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
