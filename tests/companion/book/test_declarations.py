"""Declarations are read from the text of the parameters cell alone, and read strictly."""

from __future__ import annotations

from pathlib import Path

import papermill
import pytest

from regime_lib.companion.book.declarations import parameters_of, parse_declarations
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.parameters import Parameter
from tests.companion.refusals import refused
from tests.companion.tiny import PARAMETERS, code, write_notebook


def declared(line: str) -> Parameter:
    (parameter,) = parse_declarations(line, "10_x")
    return parameter


def test_every_part_of_a_declaration_is_read() -> None:
    assert declared("steps: int = 20  # how long to watch [steps, 10..1000]") == Parameter(
        name="steps",
        base="int",
        is_list=False,
        optional=False,
        default=20,
        help="how long to watch",
        unit="steps",
        low=10,
        high=1000,
    )


@pytest.mark.parametrize(
    ("bracket", "unit", "low", "high"),
    [
        ("[seeds, 0..64]", "seeds", 0, 64),
        ("[0..64, seeds]", "seeds", 0, 64),
        ("[0..1]", "", 0, 1),
        ("[-0.5..]", "", -0.5, None),
        ("[..1e-3]", "", None, 1e-3),
        ("[-1.5 .. 2]", "", -1.5, 2),
        ("[per step]", "per step", None, None),
        ("[]", "", None, None),
        ("", "", None, None),
    ],
)
def test_the_bracket_holds_an_optional_unit_and_an_optional_range(
    bracket: str, unit: str, low: float | None, high: float | None
) -> None:
    parameter = declared(f"x: float = 0.0  # some help {bracket}")
    assert (parameter.unit, parameter.low, parameter.high) == (unit, low, high)
    assert parameter.help == "some help"


@pytest.mark.parametrize(
    ("annotation", "default", "base", "is_list", "optional"),
    [
        ("int", "3", "int", False, False),
        ("float", "1e-3", "float", False, False),
        ("str", "'sgd'", "str", False, False),
        ("bool", "True", "bool", False, False),
        ("int | None", "None", "int", False, True),
        ("list[float]", "[0.1, 1]", "float", True, False),
        ("list[str] | None", "None", "str", True, True),
    ],
)
def test_the_types_are_those_of_the_contract(
    annotation: str, default: str, base: str, is_list: bool, optional: bool
) -> None:
    parameter = declared(f"x: {annotation} = {default}")
    assert (parameter.base, parameter.is_list, parameter.optional) == (base, is_list, optional)
    assert parameter.type_name == annotation


def test_choices_are_values_of_the_declared_type() -> None:
    assert declared("width: int = 32  # [16 | 32 | 64]").choices == (16, 32, 64)
    assert declared('rule: str = "sgd"  # which rule [sgd | adam]').choices == ("sgd", "adam")


def test_the_range_is_shown_as_it_was_written() -> None:
    assert declared("x: int = 3  # [steps, 1..40]").range_text == "1..40"
    assert declared("x: float = 3  # [0.25..]").range_text == "0.25.."
    assert declared("x: float = 3  # [1e-6..10]").range_text == "1e-6..10"
    assert declared("x: str = 'a'  # [a | b]").range_text == "a | b"
    assert declared("x: str = 'a'").range_text == ""


def test_whole_numbers_are_good_defaults_of_floats() -> None:
    default = declared("rate: float = 1").default
    assert default == 1
    assert isinstance(default, float)


def test_a_declaration_over_several_lines_keeps_its_comment() -> None:
    source = "rates: list[float] = [\n    0.1,\n    0.2,\n]  # learning rates [0..1]"
    assert declared(source).help == "learning rates"
    assert declared(source).high == 1


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("steps = 20", ["line 1", "name: type = default"]),
        ("import os", ["line 1", "name: type = default"]),
        ("a.b: int = 3", ["line 1"]),
        ("steps: int", ["no default"]),
        ("steps: int = 3\nsteps: int = 4", ["line 2", "second time"]),
        ("steps: int = (\n    3  # help [1..5]\n)", ["line 1", "over several lines", "# fmt: off"]),
        ("steps: complex = 3", ["complex", "int, float, str or bool"]),
        ("steps: dict[str, int] = {}", ["dict[str, int]"]),
        ("steps: int = 2 * n", ["2 * n", "plain value"]),
        ("steps: int = 2.5", ["steps", "whole number"]),
        ("steps: int = None", ["steps", "whole number"]),
        ("steps: int = 3  # [4..9]", ["steps", "4..9"]),
        ("rule: str = 'x'  # [sgd | adam]", ["rule", "sgd, adam"]),
        ("rule: str = 'x'  # [0..1]", ["numeric range", "str"]),
        ("x: int = 1  # [9..4]", ["empty range"]),
        ("x: int = 1  # [1..4, 1..5]", ["more than one range"]),
        ("x: int = 1  # [steps, seeds]", ["two units"]),
        ("x: int = 1  # [1 | b]", ["not all of type int"]),
        ("x: str = 'a'  # [a | a]", ["repeated"]),
        ("x: bool = True  # [yes | no]", ["bool"]),
        ("x: int = (", ["not Python"]),
    ],
)
def test_whatever_departs_from_the_form_is_refused(source: str, words: list[str]) -> None:
    with refused("10_x", *words):
        parse_declarations(source, "10_x")


def test_a_chapter_has_exactly_one_parameters_cell(tmp_path: Path) -> None:
    none = write_notebook(tmp_path / "none.ipynb", [code("x: int = 3")])
    two = write_notebook(tmp_path / "two.ipynb", [code("x: int = 3", "parameters")] * 2)
    with refused("10_x", "has 0", "exactly one"):
        parameters_of(read_notebook(none), "10_x")
    with refused("10_x", "has 2", "exactly one"):
        parameters_of(read_notebook(two), "10_x")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_papermill_reads_the_same_types_defaults_and_help(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "tiny.ipynb", [code(PARAMETERS, "parameters")])
    theirs = papermill.inspect_notebook(str(path))
    ours = parameters_of(read_notebook(path), "tiny")
    # papermill's own pattern knows no `|` in a type; it sets such parameters all the same
    assert list(theirs) == [parameter.name for parameter in ours if not parameter.optional]
    for parameter in ours:
        if not parameter.optional:
            seen = theirs[parameter.name]
            assert seen["inferred_type_name"] == parameter.type_name
            assert seen["default"].strip('"') == str(parameter.default)
            assert seen["help"].startswith(parameter.help)
