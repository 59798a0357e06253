"""What a checker of an exercise must do with a right answer, a wrong one, and a stub."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def passes(check: Callable, answer: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that an answer is accepted."""
    check(answer)
    assert capsys.readouterr().out.strip().endswith("solved.")


def is_told(check: Callable, answer: Callable, hint: str, capsys: pytest.CaptureFixture) -> None:
    """Check that an answer is refused with a sentence that holds the hint."""
    check(answer)
    said = capsys.readouterr().out
    assert "not yet" in said
    assert hint in said


def greets_stub(check: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    """Check that a function which was not written yet is answered kindly."""

    def stub(*_: Any) -> Any:
        raise NotImplementedError

    check(stub)
    assert "Replace `raise NotImplementedError`" in capsys.readouterr().out
