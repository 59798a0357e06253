"""A criterion reads like a sentence and says what its predicate says."""

from __future__ import annotations

import pytest

from regime_lib.companion.claims.criteria import parse_predicate


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("low >= 2", "the lower end of the interval is at least 2"),
        ("2 <= low", "the lower end of the interval is at least 2"),
        ("0.5 > value", "the measured value is below 0.5"),
        ("value == 4", "the measured value equals 4"),
        ("4 != value", "the measured value differs from 4"),
        ("0.9 <= value <= 1.1", "the measured value lies between 0.9 and 1.1"),
        ("0 < value < 1", "the measured value lies strictly between 0 and 1"),
        (
            "0 < value <= 1",
            "the measured value is above 0 and the measured value is at most 1",
        ),
        (
            "low >= 2 and n >= 5",
            "the lower end of the interval is at least 2 and the number of runs is at least 5",
        ),
        (
            "value > 1 or (low > 0 and n > 2)",
            "the measured value is above 1 or (the lower end of the interval is above 0 and the "
            "number of runs is above 2)",
        ),
        ("not value > 1", "it is not the case that the measured value is above 1"),
        ("abs(value - 1) < 0.05", "|the measured value − 1| is below 0.05"),
        (
            "high - low <= 2 * value",
            "the upper end of the interval − the lower end of the interval is at most "
            "2 × the measured value",
        ),
        (
            "value / (low + 1) > -2",
            "the measured value / (the lower end of the interval + 1) is above −2",
        ),
        ("min(low, 1) > 0", "the smallest of (the lower end of the interval, 1) is above 0"),
        ("value < 1e-8", "the measured value is below 1e-08"),
    ],
)
def test_criteria_in_words(text: str, words: str) -> None:
    assert parse_predicate(text).words == words
