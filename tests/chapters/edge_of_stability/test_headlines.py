"""Headlines of the chapter on the edge of stability say the measured numbers."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.edge_of_stability import headlines as h
from regime_lib.chapters.edge_of_stability.windows import kinds
from tests.chapters.edge_of_stability.test_figures import GROUPS, QUADRATIC, RUNS
from tests.chapters.headlines import one_sentence

HEADLINES = {
    "law": (h.law(QUADRATIC), "two-step ratio is 9.0; the closed form says 9.0"),
    "steps": (h.over_steps(RUNS), "(rate 1)"),
    "windows": (h.by_window(GROUPS), "close to the threshold"),
    "layers": (h.layers(RUNS), "from 8.0 (rate 0.5) and from 8.0 (rate 1)"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said)


def test_windows_that_show_signs_are_counted_by_their_kind() -> None:
    deep = [kinds(own).deep for own in RUNS.values()]
    shown = sum(
        int((own.signs.ratio[where] >= 4).sum())
        for own, where in zip(RUNS.values(), deep, strict=True)
    )
    count = sum(int(np.sum(where)) for where in deep)
    assert f"{shown} of {count} windows deep at the edge" in one_sentence(h.margins(RUNS))
