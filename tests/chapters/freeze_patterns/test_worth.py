"""Forms of a step do the same learning, and are counted; nothing here is timed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.freeze_patterns.measure import speed_up
from regime_lib.chapters.freeze_patterns.worth import BATCH, SIZES, race, step_rounds


def test_products_are_counted_as_by_hand() -> None:
    rows = pd.DataFrame(step_rounds(rounds=1, steps=1)).set_index("form")
    layers = list(pairwise(SIZES))
    forward = sum(2 * BATCH * a * b for a, b in layers)
    # backward: each layer's weights, and the inputs of all but the first
    step = 2 * forward + sum(2 * BATCH * a * b for a, b in layers[1:])
    assert rows["flops"].to_dict() == {
        "ordinary": step,
        "stored patterns": step,
        "linear": step,
        "copy decides": step + forward,
    }
    assert (rows["seconds"] > 0).all()


def test_a_race_has_a_row_for_each_form() -> None:
    rows = pd.DataFrame(race(0, steps=40))
    assert list(rows["form"]) == ["ordinary", "ordinary, faster", "paths", "least squares"]
    # the goal lies below where ordinary training ends
    assert rows.set_index("form").loc["ordinary", "reached"]
    assert (rows["seconds"] > 0).all()


def test_a_speed_up_is_the_median_over_rounds() -> None:
    seconds = {"ordinary": [2.0, 3.0, 8.0], "stored patterns": [1.0, 1.0, 2.0]}
    speed = pd.DataFrame(
        {"what": "step", "form": form, "round": k, "seconds": s}
        for form, all_seconds in seconds.items()
        for k, s in enumerate(all_seconds)
    )
    found = speed_up(speed, "step", "stored patterns")
    assert found.value == pytest.approx(np.median([2, 3, 4]))
    assert speed_up(speed, "step", "linear").value is None
