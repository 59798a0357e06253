"""Every exercise accepts a right solution, and says what is wrong with one that is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from regime_lib.chapters.checking import checks, hint
from tests.chapters.attraction_basins.answers import ANSWERS as ATTRACTION_BASINS
from tests.chapters.deep_linear.answers import ANSWERS as DEEP_LINEAR
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
        (lambda: False, "the law: not yet. Mind the sign.\n"),
        (stub, "the law: not yet. Replace `raise NotImplementedError` with your solution.\n"),
        (lambda: {}["units"], "the law: not yet. Your function raised KeyError: 'units'\n"),
    ],
)
def test_a_trial_is_reported_in_one_line(
    solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checks(law, name="the law")(solution)
    assert capsys.readouterr().out == says
