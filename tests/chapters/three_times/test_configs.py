"""A run knows how it is trained, and refuses what does not go together."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from regime_lib.chapters.three_times.configs import LEARNING_RATES, RunConfig
from tests.sentences import refusal

CONFIG = RunConfig(dataset="digits", architecture="mlp", optimizer="adamw", steps=200)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dataset": "imagenet"}, "tiny-shakespeare"),
        ({"architecture": "rnn"}, "transformer"),
        ({"optimizer": "lion"}, "adamw"),
        ({"schedule": "linear"}, "warm-up"),
        ({"dataset": "sst2"}, "use transformer"),
        ({"decay": 1.0}, "above 0, below 1"),
        ({"decay": 0.0}, "above 0, below 1"),
        ({"dataset": "sst2", "architecture": "transformer", "redraw": True}, "one split is known"),
        ({"average_every": 0}, "at least 1 step"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], says: str) -> None:
    refusal(says, lambda: replace(CONFIG, **change))


def test_a_warm_up_grows_over_the_first_tenth_and_then_stays() -> None:
    training, lr = replace(CONFIG, schedule="warm-up").training, LEARNING_RATES["mlp", "adamw"]
    rates = [training.learning_rate(step) / lr for step in (0, 9, 19, 100, 199)]
    assert rates == pytest.approx([1 / 20, 10 / 20, 1, 1, 1])


def test_a_point_of_a_sweep_gives_the_run_back() -> None:
    full = replace(CONFIG, batch_size=None, seed=7)
    assert RunConfig(**asdict(full)) == full
    assert full.choices["batch"] == "full"
