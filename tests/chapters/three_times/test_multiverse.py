"""Specifications are gathered over seeds: bounds stay bounds, and intervals are of settings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime_lib.chapters.three_times.multiverse import BOUNDS, Multiverse, multiverse
from regime_lib.errors import RegimeError
from regime_lib.estimate import Method

KINDS = ("", "patterns", "weights", "both")
INF = float("inf")


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


def test_specifications_of_one_setting_are_resampled_together() -> None:
    ratios = np.exp(np.random.default_rng(0).normal(size=12))
    both = [rows({"a": [r], "b": [2 * r]}, dataset=str(i)) for i, r in enumerate(ratios)]
    found = multiverse(pd.concat(both)).estimate(lambda known: known[1::2].sum() / known[::2].sum())
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))
    assert (found.n, found.method) == (12, Method.BCA)


def test_the_interval_is_that_of_a_loop_which_draws_settings() -> None:
    random = np.random.default_rng(1)
    ratios = np.exp(random.normal(size=(24, 3)))
    middle = np.median(ratios, axis=1)
    drawn = [np.median(random.choice(middle, size=24)) for _ in range(4000)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    found = settings_of(ratios)
    for made in (found.median(), found.estimate(np.median)):
        assert made.value == pytest.approx(np.median(middle), rel=0.15)  # of 24, one of the middle
        assert (made.low, made.high) == pytest.approx((low, high), abs=0.3 * (high - low))
    # more definitions of the same settings are no more settings
    many = pd.concat(
        rows({name: list(row) for name in "abcdefgh"}, dataset=str(i))
        for i, row in enumerate(ratios)
    )
    assert multiverse(many).median().low == pytest.approx(found.median().low)
    assert found.median().n == 24


def test_over_seeds_the_settings_stay_what_they_are() -> None:
    ratios = np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [3.0, 4.0, 5.0]])
    found = settings_of(ratios).median("seeds")
    assert (found.value, found.low, found.high, found.n) == (3.0, 2.0, 4.0, 3)
    assert found.over == "3 seeds of 3 settings"


def test_few_settings_get_the_range_of_single_ones_and_missing_runs_change_no_value() -> None:
    found = multiverse(
        pd.concat([rows({"a": [1.0, 3.0, 2.0]}), rows({"a": [2.0, 2.0, 5.0]}, dataset="mnist")])
    ).median()
    assert (found.low, found.high, found.method) == (2.0, 2.0, Method.RANGE)
    uneven = multiverse(
        pd.concat([rows({"a": [1.0, 2.0, 9.0]}, dataset="x"), rows({"a": [4.0, 6.0]}, dataset="y")])
    )
    assert uneven.table["seeds"].tolist() == [3, 2]
    assert uneven.estimate(np.sum).value == 2 + 5


def test_the_worst_setting_of_each_seed() -> None:
    found = multiverse(
        pd.concat(
            [
                rows({"a": [2.0, 5.0, 3.0]}, {"a": ["", "weights", ""]}),
                rows({"a": [4.0, 6.0, 1.0]}, dataset="mnist"),
            ]
        )
    )
    smallest, largest = found.by_seed(np.min), found.by_seed(np.max)
    # smallest: 2, between 5 and 6, 1; largest: 4, at least 6, 3
    assert (smallest.value, smallest.low, smallest.high, smallest.n) == (2.0, 1.0, 6.0, 3)
    assert not largest.known


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.5, 1.0, 2.0, 4.0]), st.sampled_from(KINDS)),
        min_size=1,
        max_size=7,
    )
)
def test_a_median_over_seeds_lies_between_its_limits_however_they_are_filled(
    runs: list[tuple[float, str]],
) -> None:
    ratios = [np.nan if kind == "both" else ratio for ratio, kind in runs]
    row = multiverse(rows({"a": ratios}, {"a": [kind for _, kind in runs]})).table.iloc[0]
    random = np.random.default_rng(0)
    fills = []
    for size in (0.0, 1.0, 1e9):  # each censored ratio as small, somewhere, or as large as can be
        fills.append(
            np.median(
                [
                    {
                        "": ratio,
                        "weights": ratio + size * random.random(),
                        "patterns": ratio / (1 + size),
                        "both": size,
                    }[kind]
                    for ratio, kind in runs
                ]
            )
        )
    assert all(row["least"] - 1e-6 <= fill <= row["most"] + 1e-6 for fill in fills)
    assert row["bound"] in BOUNDS
    assert (row["bound"] == "exact") == (row["least"] == row["most"])
    assert np.isnan(row["ratio"]) == (row["bound"] == "open")


@pytest.mark.parametrize(
    ("ratios", "censored", "bound", "ratio"),
    [
        ([1.0, 2.0, 9.0], ["", "", "weights"], "exact", 2.0),  # the third cannot move the middle
        ([1.0, 2.0, 9.0], ["", "weights", "weights"], "lower", 2.0),
        ([1.0, 2.0, 9.0], ["patterns", "patterns", ""], "upper", 2.0),
        ([1.0, 2.0, np.nan], ["", "", "both"], "between", 1.5),
        ([1.0, np.nan, np.nan], ["", "both", "both"], "open", np.nan),
        ([1.0, np.nan, 9.0], ["patterns", "both", "weights"], "open", np.nan),
    ],
)
def test_what_three_seeds_say_of_their_median(
    ratios: list[float], censored: list[str], bound: str, ratio: float
) -> None:
    row = multiverse(rows({"a": ratios}, {"a": censored})).table.iloc[0]
    assert row["bound"] == bound
    assert row["ratio"] == pytest.approx(ratio, nan_ok=True)


@pytest.mark.parametrize(
    ("ratios", "censored", "words"),
    [
        ([1.0, 2.0, 9.0], ["", "", ""], "2.00 (1.00 to 9.00)"),
        ([2.0], [""], "2.00"),
        ([1.0, 2.0, 9.0], ["", "weights", "weights"], "at least 2.00"),
        ([1.0, 2.0, 9.0], ["patterns", "patterns", ""], "at most 2.00"),
        ([1.0, 2.0, np.nan], ["", "", "both"], "1.00 to 2.00"),
        ([1.0, np.nan, np.nan], ["", "both", "both"],
         "unknown (in 2 of 3 runs neither series settles)"),
    ],
)  # fmt: skip
def test_a_median_in_words_always_says_something(
    ratios: list[float], censored: list[str], words: str
) -> None:
    assert multiverse(rows({"a": ratios}, {"a": censored})).words == words


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
    assert share.surely == pytest.approx(2 / 6)  # a and c
    assert share.perhaps == pytest.approx(3 / 6)  # d, e and f
    assert mixed.counts == {"exact": 2, "lower": 2, "upper": 1, "between": 0, "open": 1}


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
