"""How far ratios move under other readings of a definition, limits counted as limits."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.three_times.late.fragility import READINGS, fragility, movements
from tests.chapters.three_times.test_censored import row

USUAL = (0, 51)
KINDS = ("", "weights", "patterns", "both")


def run(seed: int, usual: tuple[float, str], **others: tuple[float, str]) -> list[dict]:
    """Return the rows of one run, with the ratio and what is censored in every reading."""
    return [
        row(
            seed,
            10.0,
            10 * ratio,
            kind,
            skipped=skipped,
            window=window,
            ratio=np.nan if kind == "both" else ratio,
        )
        for (skipped, window), (ratio, kind) in {
            USUAL: usual,
            **{steps: others.get(name, usual) for name, steps in READINGS.items()},
        }.items()
    ]


def verdict(*runs: list[dict]) -> pd.Series:
    (only,) = fragility(pd.DataFrame(list(itertools.chain(*runs)))).iterrows()
    return only[1]


def test_one_reading_in_half_of_the_runs_makes_a_definition_fragile() -> None:
    moved = run(0, (3.0, ""), **{"without 10 steps": (1.0, ""), "half the window": (3.3, "")})
    still = [run(seed, (2.0, ""), **{"half the window": (2.2, "")}) for seed in (1, 2)]
    found = verdict(moved, still[0])
    assert (found["verdict"], found["surely"], found["runs"]) == ("fragile", 0.5, 2)
    assert found["reading"] == "without 10 steps"
    assert found["least"] == found["most"] == pytest.approx((3 + 1.1) / 2)
    assert verdict(moved, *still)["verdict"] == "robust"


def test_limits_decide_where_they_can() -> None:
    # at least 9 instead of 3, at most 1 instead of 3: surely moved
    for after in ((9.0, "weights"), (1.0, "patterns")):
        found = verdict(run(0, (3.0, ""), **{"twice the window": after}))
        assert (found["verdict"], found["least"]) == ("fragile", pytest.approx(3))
        assert np.isinf(found["most"])
    # at least 2 instead of 3, and anything at all: open
    for after in ((2.0, "weights"), (5.0, "both")):
        found = verdict(run(0, (3.0, ""), **{"twice the window": after}))
        assert (found["verdict"], found["least"], found["reading"]) == ("open", 1, "")


READING = st.tuples(st.floats(0.1, 100), st.sampled_from(KINDS))


@given(READING, READING, st.floats(0, 1), st.floats(0, 1))
def test_the_movement_of_ratios_within_their_limits_lies_between(
    before: tuple[float, str], after: tuple[float, str], one: float, other: float
) -> None:
    table = pd.DataFrame(run(0, before, **{"half the window": after}))
    found = movements(table).set_index("reading").loc["half the window"]

    def filled(ratio: float, kind: str, at: float) -> float:
        low = ratio if kind in ("", "weights") else 1e-3
        high = ratio if kind in ("", "patterns") else 1e4
        return low * (high / low) ** at

    quotient = filled(*after, other) / filled(*before, one)
    moved = max(quotient, 1 / quotient)
    assert found["least"] * (1 - 1e-9) <= moved <= found["most"] * (1 + 1e-9)


def test_a_shorter_horizon_and_relative_sizes_do_not_count() -> None:
    own = pd.DataFrame(run(0, (3.0, "")))
    other = pd.DataFrame(run(0, (3.0, ""), **{"half the window": (90.0, "")}))
    more = [own, other.assign(horizon=200), other.assign(size="relative")]
    assert fragility(pd.concat(more))["verdict"].tolist() == ["robust"]
