"""Headlines of the chapter on three times earlier count what they say."""

from __future__ import annotations

import pandas as pd
import pytest

from regime_lib.chapters.three_times import headlines as h
from regime_lib.chapters.three_times.worded import worded
from tests.chapters.headlines import one_sentence
from tests.chapters.three_times.test_figures import CHANGED, HEAT, SHARES, TABLE, USUAL

HEADLINES = {
    "curve": (h.specification_curve(TABLE), "8 have no ratio"),
    "shares": (h.shares(SHARES), "certain to exceed 3 in 5% (here)"),
    "where": (h.where_it_holds(HEAT), "32 of 48 (constant rate) and 0 of 32 (cosine rate)"),
    "data": (h.by_data(USUAL), "The median of the exact ratios is"),
    "parallel": (h.parallel(0.97), "power of 0.97"),
    "choices": (h.choices(TABLE), "settings (AdamW)"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said)


def test_a_warm_up_is_told_only_where_both_ratios_are_known() -> None:
    rows = pd.DataFrame(
        {
            "change": ["as trained", "with warm-up", "as trained"],
            "architecture": ["mlp", "mlp", "cnn"],
            "optimizer": "adamw",
            "ratio": [4.0, 1.5, 9.0],
        }
    )
    assert h.causes(rows) == "A warm-up takes the ratio of AdamW from 4.00 to 1.50 (MLP)."
    assert h.causes(rows[:1]).startswith("For no network")
    assert one_sentence(h.causes(CHANGED))


def test_a_table_in_words_keeps_its_numbers() -> None:
    table = pd.DataFrame(
        {"part": ["mnist-mlp-gelu"], "optimizer": ["sgd"], "train_loss": [0.5], "step": [3]}
    )
    rows = worded(table, "part", "optimizer")
    assert rows.index.tolist() == [("MLP with GELU, MNIST", "SGD")]
    assert rows.loc[("MLP with GELU, MNIST", "SGD"), "training loss"] == 0.5
    assert not [name for name in rows.columns if "_" in name]
    times = pd.DataFrame({"schedule": ["cosine"], "patterns": ["5 [1e-06, 9] steps"]})
    assert (
        worded(times, "schedule").loc["cosine", "patterns settle, steps"]
        == "5 [1.00\u2009×\u200910⁻⁶, 9]"
    )
