"""Options are stated once: signature, documentation and checks of the tracker come from there."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError, fields

import pytest

from regime_lib.instrument import RegimeTracker
from regime_lib.instrument.tracking.options import Options
from tests.instrument.cases import Plain, vectors
from tests.sentences import refusal


def test_the_trackers_signature_is_that_of_the_options() -> None:
    found = inspect.signature(RegimeTracker).parameters
    assert [*found][:2] == ["model", "probe"]
    options = {field.name: field.default for field in fields(Options)}
    assert {name: one.default for name, one in [*found.items()][2:]} == options
    assert all(one.kind is one.KEYWORD_ONLY for one in [*found.values()][2:])


def test_the_trackers_documentation_holds_every_option_once() -> None:
    text = inspect.getdoc(RegimeTracker) or ""
    for name in ("model", "probe", *(field.name for field in fields(Options))):
        assert text.count(f"\n{name} : ") == 1, name
    assert text.count("Parameters\n----------\n") == text.count("Raises\n------\n") == 1
    assert "<options>" not in text


def test_options_cannot_be_changed_behind_the_trackers_back() -> None:
    tracker = RegimeTracker(Plain(), vectors(), window=3)
    with pytest.raises(FrozenInstanceError):
        tracker.window = 4  # type: ignore[misc]
    assert tracker.window == 3


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(TypeError, match="snapshot"):
        RegimeTracker(Plain(), vectors(), snapshot=3)  # type: ignore[call-arg]


def test_when_the_network_and_its_average_are_due() -> None:
    usual = Options(ema=0.9)
    assert all(usual.due(step) and usual.ema_due(step) for step in range(1, 9))
    apart = Options(schedule=lambda step: step % 4 == 0, ema=0.9, ema_every=5)
    assert [step for step in range(1, 13) if apart.due(step)] == [3, 4, 7, 8, 11, 12]
    assert [step for step in range(1, 13) if apart.ema_due(step)] == [4, 5, 9, 10]
    assert all(Options(ema=0.9, ema_every=1).ema_due(step) for step in range(1, 9))
    refusal("pass ema=0.99", lambda: Options(ema_every=10))
    refusal("ema_every is 0", lambda: Options(ema=0.9, ema_every=0))
