"""Every exercise accepts a right solution, and says what is wrong with one that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.checking import checks, hint
from tests.chapters.attraction_basins.answers import ANSWERS as ATTRACTION_BASINS
from tests.chapters.deep_linear.answers import ANSWERS as DEEP_LINEAR
from tests.chapters.edge_of_stability.answers import ANSWERS as EDGE_OF_STABILITY
from tests.chapters.freeze_patterns.answers import ANSWERS as FREEZE_PATTERNS
from tests.chapters.grokking.answers import ANSWERS as GROKKING
from tests.chapters.multi_phase.answers import ANSWERS as MULTI_PHASE
from tests.chapters.neuron_modes.answers import ANSWERS as NEURON_MODES
from tests.chapters.stability.answers import ANSWERS as STABILITY
from tests.chapters.three_times.answers import ANSWERS as THREE_TIMES
from tests.chapters.tracking.answers import ANSWERS as TRACKING
from tests.chapters.training_response.answers import ANSWERS as TRAINING_RESPONSE

Check = Callable[[Any], None]
#: By exercise and by what is said of them, right and wrong solutions.
ANSWERS: Mapping[Any, Mapping[str, Any]] = (
    ATTRACTION_BASINS
    | DEEP_LINEAR
    | EDGE_OF_STABILITY
    | FREEZE_PATTERNS
    | GROKKING
    | MULTI_PHASE
    | NEURON_MODES
    | STABILITY
    | THREE_TIMES
    | TRACKING
    | TRAINING_RESPONSE
)
#: Thousands of events: too slow with every call checked.
UNTYPED = {check: [pytest.mark.untyped] for check in MULTI_PHASE}


def stub(*_: Any) -> Any:
    raise NotImplementedError


def law(solution: Callable[[], bool]) -> None:
    if not solution():
        hint("Mind the sign.")


@pytest.mark.parametrize(
    ("check", "says", "solution"),
    [
        pytest.param(check, says, solution, marks=UNTYPED.get(check, []))
        for check, answers in ANSWERS.items()
        for says, solution in answers.items()
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Check, says: str, solution: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    said = capsys.readouterr().out
    assert says in said
    assert ("not yet" in said) == (says != "solved")


@pytest.mark.parametrize("check", ANSWERS)
def test_every_exercise_has_a_solution_and_greets_a_stub(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "solved" in ANSWERS[check]
    check(stub)
    assert "Replace `raise NotImplementedError`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("solution", "says"),
    [
        (lambda: True, "the law: solved.\n"),
        (lambda: False, "the law: not yet. Mind the sign. Your function returned False.\n"),
        (stub, "the law: not yet. Replace `raise NotImplementedError` with your solution.\n"),
        (lambda: {}["units"], "the law: not yet. Your function raised KeyError: 'units'\n"),
    ],
)
def test_a_trial_is_reported_in_one_line(
    solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(law, name="the law")(solution)
    assert capsys.readouterr().out == says


def one_third(solution: Callable[[], Any]) -> None:
    found = solution()
    hint(f"It is 0.333, you say {found:.3f}." if isinstance(found, float) else "It is one third.")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (0.25, "It is 0.333, you say 0.250."),
        (3, "It is one third. Your function returned 3."),
        (None, "It is one third. Your function returned None."),
        ((0.12345678, np.inf), "It is one third. Your function returned (0.12346, inf)."),
        (np.arange(6), "It is one third. Your function returned an array of shape (6,): 0, 1, 2,"),
        (["x" * 200], "It is one third. Your function returned ['xxx"),
    ],
)
def test_what_a_solution_returned_is_said_once_and_on_one_line(
    value: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(one_third, name="one third")(lambda: value)
    said = capsys.readouterr().out
    assert said.startswith(f"one third: not yet. {says}")
    assert said.count("\n") == 1
    assert len(said) < 200


def test_the_value_that_raised_a_check_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    def trial(solution: Callable[[], Any]) -> None:
        solution() + 1

    checks(trial, name="sum")(lambda: "one")
    assert "raised TypeError" in (said := capsys.readouterr().out)
    assert "Your function returned 'one'." in said
