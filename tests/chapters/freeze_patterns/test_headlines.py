"""Headlines of the chapter on freezing say from when on it costs little, or that it never does."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from regime_lib.chapters.freeze_patterns import headlines as h
from tests.chapters.freeze_patterns.test_figures import HEADS, SPEED, both, found, networks
from tests.chapters.headlines import one_sentence

HEADLINES: dict[str, tuple[Callable[[], str], str]] = {
    "costs": (lambda: h.costs_over_time(found()), "The median run loses less than 0.5 points"),
    "networks": (lambda: h.other_networks(networks()), "(Transformer, text)"),
    "predictions": (lambda: h.predictions(both()), "(others) with when freezing becomes free"),
    "partly": (lambda: h.partly(both()), "(digits)"),
    "heads": (lambda: h.heads(HEADS), "Least squares on the paths"),
    "worth": (lambda: h.worth(SPEED), "times as long as an ordinary step"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said())


def test_freezing_that_always_costs_is_not_called_cheap() -> None:
    dear = found().table.assign(cost=2.0)
    assert "after no share that was tried" in h.other_networks({"cnn": pd.DataFrame(dear)})
    free = found().table.assign(cost=0.0)
    assert "after 0%" in h.other_networks({"cnn": pd.DataFrame(free)})
