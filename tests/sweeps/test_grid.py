"""Grids are read as they are written, and every mistake is told in a sentence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.sweeps.grid import Grid, parse_grid
from tests.companion.refusals import refused

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in ("none", "true", "false")
)
values = st.lists(st.integers(-9, 9) | st.sampled_from(["sgd", "adam"]), min_size=1, unique=True)


@given(st.dictionaries(names, values, min_size=1, max_size=3))
def test_a_grid_that_is_written_is_read_again(axes: dict[str, list[object]]) -> None:
    text = " ".join(f"{name}={','.join(map(str, own))}" for name, own in axes.items())
    expected = [
        dict(zip(axes, combination, strict=True))
        for combination in itertools.product(*axes.values())
    ]
    grid = parse_grid(text)
    assert list(grid) == expected
    assert len(grid) == len(expected)


def test_functions_stand_for_their_values() -> None:
    grid = parse_grid("lr=logspace(-3,-1,5) seed=range(2,6,2) a=range(3) w=linspace(0, 1, 3)")
    axes = dict(grid.axes)
    assert axes["lr"] == pytest.approx(np.geomspace(1e-3, 1e-1, 5))
    assert axes["seed"] == (2, 4)
    assert axes["a"] == (0, 1, 2)
    assert axes["w"] == (0.0, 0.5, 1.0)


def test_words_numbers_and_lists_keep_their_kind() -> None:
    (point,) = parse_grid("a=1 b=1e-3 c=true d=None e=sgd f=[1,2] g=1.0")
    assert point == {"a": 1, "b": 1e-3, "c": True, "d": None, "e": "sgd", "f": [1, 2], "g": 1.0}
    assert [type(value) for value in point.values()][:3] == [int, float, bool]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty", "optimizer=sgd,adam"]),
        ("lr", ["'lr'", "seed=range(10)"]),
        ("lr=", ["'lr='"]),
        ("lr=1 seed", ["'seed'"]),
        ("lr=1,,2", ["empty value", "lr"]),
        ("lr=1,1", ["lr twice"]),
        ("lr=1 lr=2", ["names lr twice"]),
        ("lr=logspace(1,2)", ["logspace(1,2)", "lr", "linspace(start,stop,n)"]),
        ("lr=logspace(1,2,x)", ["logspace(1,2,x)"]),
        ("lr=range(1,5,0)", ["range(1,5,0)"]),
        ("lr=range(0)", ["no value for lr"]),
        ("lr=eval(1)", ["eval(1)"]),
        ("lr=range(4)x", ["cannot be read"]),
        ("a=range(100000) b=range(100000)", ["1e+10 points"]),
        ("a=range(1000000000000)", ["1e+12 points"]),
        ("a=range(0,-1000000000000000000000,-1)", ["1e+21 points"]),
        ("a=linspace(1,2,999999999)", ["1e+09 points"]),
        ("a=logspace(1,400,3)", ["logspace(1,400,3)"]),
    ],
)
def test_what_is_no_grid_is_refused(text: str, words: list[str]) -> None:
    with refused(*words):
        parse_grid(text)


@pytest.mark.parametrize("given", [{"x": "abc"}, {"x": 3}, {"x": []}, {"x": [1, 1]}])
def test_mappings_that_are_no_grid_are_refused(given: dict[str, object]) -> None:
    with refused("x"):
        Grid.of(given)  # type: ignore[arg-type]


def test_numbers_of_numpy_become_plain() -> None:
    (_, values) = Grid.of({"x": np.arange(2.0)}).axes[0]
    assert [type(value) for value in values] == [float, float]
