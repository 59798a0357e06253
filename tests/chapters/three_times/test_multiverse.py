"""Specifications are gathered over seeds: bounds stay bounds, and intervals are of seeds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime_lib.chapters.three_times.multiverse import Multiverse, multiverse
from regime_lib.chapters.three_times.multiverse import _medians as medians
from regime_lib.errors import RegimeError
from regime_lib.estimate import Method, number
from regime_lib.instrument import RegimeChange
from regime_lib.instrument.settling.definitions import Definition

KINDS = ("", "patterns", "weights", "both")


def rows(
    ratios: dict[str, list[float]],
    censored: dict[str, list[str]] | None = None,
    dataset: str = "digits",
) -> pd.DataFrame:
    """Return specifications of one setting by definition, a ratio per seed."""
    censored = censored or {}
    return pd.DataFrame(
        [
            {
                "dataset": dataset,
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


def settings_of(ratios: np.ndarray) -> Multiverse:
    """Return settings of one definition, shape (settings, seeds)."""
    own = [rows({"a": list(row)}, dataset=str(i)) for i, row in enumerate(ratios)]
    return multiverse(pd.concat(own))


def test_definitions_of_one_setting_are_resampled_together() -> None:
    ratios = np.exp(np.random.default_rng(0).normal(size=12)).tolist()
    same = multiverse(rows({"a": ratios, "b": [2 * ratio for ratio in ratios]}))
    found = same.estimate(lambda known: known[1] / known[0])
    assert (found.value, found.low, found.high) == (2, 2, 2)
    assert (found.n, found.method) == (12, Method.BCA)


def test_settings_are_not_resampled_but_their_seeds_are() -> None:
    constant = np.repeat(np.arange(1.0, 13.0)[:, None], 3, axis=1)
    found = settings_of(constant).estimate(np.mean)
    assert (found.value, found.low, found.high, found.n) == (6.5, 6.5, 6.5, 36)


def test_the_interval_is_that_of_a_loop_which_draws_seeds_within_settings() -> None:
    random = np.random.default_rng(1)
    ratios = 2 + random.normal(size=(20, 3))
    found = settings_of(ratios).estimate(np.mean)
    drawn = [
        np.mean([np.median(random.choice(row, size=3)) for row in ratios]) for _ in range(2000)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    assert found.value == pytest.approx(np.median(ratios, axis=1).mean())
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.25 * (high - low))


def test_few_runs_get_the_range_of_single_ones_and_missing_runs_change_no_value() -> None:
    found = multiverse(rows({"a": [1.0, 3.0, 2.0], "b": [2.0, 2.0, 5.0]})).estimate(np.max)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 5.0)
    assert found.method is Method.RANGE
    uneven = multiverse(
        pd.concat([rows({"a": [1.0, 2.0, 9.0]}, dataset="x"), rows({"a": [4.0, 6.0]}, dataset="y")])
    )
    assert uneven.table["seeds"].tolist() == [3, 2]
    assert uneven.estimate(np.sum).value == 2 + 5


def test_a_weighted_median_is_that_of_repeated_numbers() -> None:
    random = np.random.default_rng(2)
    ordered = np.sort(np.where(random.random((200, 5)) < 0.2, np.nan, random.normal(size=(200, 5))))
    times = random.integers(3, size=(200, 5))
    for row, count, found in zip(ordered, times, medians(ordered, times), strict=True):
        taken = np.repeat(row, count)
        taken = taken[np.isfinite(taken)]
        assert found == (np.median(taken) if taken.size else pytest.approx(np.nan, nan_ok=True))


@settings(max_examples=40)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=7))
def test_what_a_median_is_worth_is_said_as_the_instrument_says_it(kinds: list[str]) -> None:
    ratios = [np.nan if kind == "both" else 2.0 for kind in kinds]
    found = multiverse(rows({"a": ratios}, {"a": kinds})).table["bound"].iloc[0]
    counts = tuple(kinds.count(kind) for kind in KINDS[1:])
    usual = Definition.parse("peak@0.1")
    told = RegimeChange(1.0, 2.0, number(2.0), usual, len(kinds), counts)  # type: ignore[arg-type]
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
    assert share.exact.value == pytest.approx(1 / 2)  # a, of the exact a and b
    assert share.surely == pytest.approx(2 / 6)  # a and c
    assert share.perhaps == pytest.approx(3 / 6)  # d, e and f


def test_only_the_exact_ones_enter_exact(mixed: Multiverse) -> None:
    assert sorted(mixed.exact.table["definition"]) == ["a", "b"]
    assert mixed.exact.estimate(np.median).value == 2.25
    assert not mixed.only(bound="lower").exact.estimate(np.median).known


def test_choices_narrow_the_multiverse(mixed: Multiverse) -> None:
    assert len(mixed.only(definition=("a", "b"), optimizer="sgd")) == 2
    with pytest.raises(RegimeError, match="no choice 'optimiser'"):
        mixed.only(optimiser="sgd")
    with pytest.raises(RegimeError, match="is left"):
        mixed.only(optimizer="adamw")
    with pytest.raises(RegimeError, match="no specifications"):
        multiverse(pd.DataFrame())
