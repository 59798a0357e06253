"""Specifications are gathered over seeds: bounds stay bounds, and intervals are of seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime_lib.chapters.three_times.multiverse import Multiverse, multiverse
from regime_lib.errors import RegimeError
from regime_lib.instrument import RegimeChange
from regime_lib.instrument.settling.definitions import Definition

KINDS = ("", "patterns", "weights", "both")


def rows(
    ratios: dict[str, list[float]], censored: dict[str, list[str]] | None = None
) -> pd.DataFrame:
    """Return specifications of one setting by definition, a ratio a seed."""
    censored = censored or {}
    return pd.DataFrame(
        [
            {
                "dataset": "digits",
                "architecture": "mlp",
                "optimizer": "sgd",
                "schedule": "constant",
                "batch": "mini",
                "seed": seed,
                "network": "iterate",
                "size": "absolute",
                "definition": definition,
                "ratio": ratio,
                "censored": censored.get(definition, [""] * len(values))[seed],
            }
            for definition, values in ratios.items()
            for seed, ratio in enumerate(values)
        ]
    )


def test_a_specification_is_the_median_over_its_seeds_with_their_spread() -> None:
    found = multiverse(rows({"a": [1.0, 2.0, 9.0], "b": [4.0, 4.0, 4.0]})).table.set_index(
        "definition"
    )
    assert found["ratio"].to_dict() == {"a": 2.0, "b": 4.0}
    assert (found.loc["a", "low"], found.loc["a", "high"]) == (1.0, 9.0)
    assert (found.loc["b", "low"], found.loc["b", "high"]) == (4.0, 4.0)


def test_definitions_of_one_setting_are_resampled_together() -> None:
    same = multiverse(rows({"a": [1.0, 2.0, 9.0, 5.0], "b": [2.0, 4.0, 18.0, 10.0]}))
    assert np.allclose(2 * same.resampled[0], same.resampled[1])


def test_the_bootstrap_of_two_seeds_has_its_three_values_in_their_shares() -> None:
    found = multiverse(rows({"a": [1.0, 3.0]}), resamples=4000).resampled[0]
    values, counts = np.unique(found, return_counts=True)
    assert values.tolist() == [1.0, 2.0, 3.0]
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7))
def test_what_a_median_is_worth_is_said_as_the_instrument_says_it(kinds: list[str]) -> None:
    ratios = [np.nan if kind == "both" else 2.0 for kind in kinds]
    found = multiverse(rows({"a": ratios}, {"a": kinds}), resamples=2).table["bound"].iloc[0]
    counts = tuple(kinds.count(kind) for kind in KINDS[1:])
    usual = Definition.parse("peak@0.1")
    nothing = float("nan")
    told = RegimeChange(
        1.0,
        2.0,
        2.0,
        nothing,
        nothing,
        usual,
        0.95,
        "",
        len(kinds),
        counts,  # type: ignore[arg-type]
    )
    assert found == told.bound


@pytest.fixture
def mixed() -> Multiverse:
    return multiverse(
        rows(
            {"a": [4.0], "b": [0.5], "c": [5.0], "d": [2.0], "e": [9.0], "f": [np.nan]},
            {"c": ["weights"], "d": ["weights"], "e": ["patterns"], "f": ["both"]},
        )
    )


def test_shares_count_what_is_sure_and_what_is_open(mixed: Multiverse) -> None:
    share = mixed.share_above(3.0)
    assert share.above.value == pytest.approx(1 / 2)  # a, of the exact a and b
    assert share.surely == pytest.approx(2 / 6)  # a and c
    assert share.perhaps == pytest.approx(3 / 6)  # d, e and f


def test_only_the_exact_ones_enter_exact(mixed: Multiverse) -> None:
    assert sorted(mixed.exact.table["definition"]) == ["a", "b"]
    estimate = mixed.exact.estimate(np.median)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (2.25, 2.25, 2.25, 2)


def test_choices_narrow_the_multiverse(mixed: Multiverse) -> None:
    assert len(mixed.only(definition=("a", "b"), optimizer="sgd")) == 2
    with pytest.raises(RegimeError, match="no choice 'optimiser'"):
        mixed.only(optimiser="sgd")
    with pytest.raises(RegimeError, match="is left"):
        mixed.only(optimizer="adamw")
    with pytest.raises(RegimeError, match="no specifications"):
        multiverse(pd.DataFrame())
