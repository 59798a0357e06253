"""A long computation leaves word of how far it is; in a log file its bar becomes lines."""

from __future__ import annotations

import io
import sys
from itertools import count
from pathlib import Path

import pytest

from regime_lib import progress
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from regime_lib.progress import Lines, progress_bar, steps_told, word_of


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass between two looks at the clock."""
    ticks = count()
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))


def test_steps_are_what_they_were_and_word_of_them_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: None
) -> None:
    place = tmp_path / "word"
    monkeypatch.setenv(progress.VARIABLE, str(place))
    seen = []
    for step in steps_told("abcde", 1200):
        seen.append((step, word_of(place).rpartition(", ")[2]))
    told = ["step 1 of 1,200", "step 1 of 1,200", "step 3 of 1,200", "step 3 of 1,200"]
    assert seen == [*zip("abcd", told, strict=True), ("e", "step 5 of 1,200")]


def test_a_place_that_takes_no_word_and_no_place_at_all_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path))  # a folder
    assert list(steps_told(range(5), 5)) == [0, 1, 2, 3, 4]
    assert word_of(tmp_path) == ""
    monkeypatch.delenv(progress.VARIABLE)
    assert list(steps_told(range(5), 5)) == [0, 1, 2, 3, 4]


def test_a_training_is_the_same_and_tells_of_its_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, config = load_dataset("digits"), TrainingConfig(optimizer="sgd", lr=0.1, steps=3)
    before = train(MLP((64, 4, 10), 0), data, config, 0, evaluations=1).loss
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "word"))
    after = train(MLP((64, 4, 10), 0), data, config, 0, evaluations=1).loss
    assert (before == after).all()
    assert word_of(tmp_path / "word").endswith("step 1 of 3")


def test_in_a_log_file_a_bar_becomes_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with progress_bar(total=300, unit="cell") as bar:
        for _ in range(300):
            bar.update(1)
    first, *_, last = log.getvalue().splitlines()
    assert "0/300" in first
    assert "300/300" in last
    assert log.getvalue().count("\n") < 5
    assert "\r" not in log.getvalue()


def test_lines_come_seldom_and_the_last_one_always(clock: None) -> None:
    log = io.StringIO()
    lines = Lines(log, every=10)
    for number in range(25):
        lines.write(f"\r{number} of 25   ")
    lines.write("\n")
    lines.end()
    found = log.getvalue().splitlines()
    assert found[0] == "0 of 25"
    assert found[-1] == "24 of 25"
    assert 3 <= len(found) <= 5
