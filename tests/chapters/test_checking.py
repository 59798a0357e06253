"""A check says that an exercise is solved, or what is missing, and never stops the notebook."""

from __future__ import annotations

import pytest

from regime_lib.chapters.checking import expect, report


def unwritten() -> None:
    raise NotImplementedError


def broken() -> None:
    raise KeyError("units")


@pytest.mark.parametrize(
    ("trial", "line"),
    [
        (lambda: None, "law: solved.\n"),
        (lambda: expect(1 < 2, "never shown"), "law: solved.\n"),
        (lambda: expect(1 > 2, "Mind the sign."), "law: not yet. Mind the sign.\n"),
        (unwritten, "law: not yet. Replace `raise NotImplementedError` with your solution.\n"),
        (broken, "law: not yet. Your function raised KeyError: 'units'\n"),
    ],
)
def test_a_trial_is_reported_in_one_line(
    trial: object, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    report("law", trial)  # type: ignore[arg-type]
    assert capsys.readouterr().out == line
