"""Where the first-order law fails is read off made-up remainders."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from regime_lib.chapters.three_times.late.decomposition import decomposition
from regime_lib.chapters.three_times.late.looks import FACTORS
from regime_lib.chapters.three_times.late.tables import Tables
from tests.chapters.three_times.late.conftest import named

LOOKS = (5, 10, 500, 1000)


def flips() -> pd.DataFrame:
    """Let the first layer of the CNN miss by half late, all else by a twentieth at most."""
    rows = []
    for part, optimizer, seed, at, layer in product(
        ("mnist-mlp", "mnist-cnn"), ("sgd", "adamw"), range(3), LOOKS, (0, 1)
    ):
        wrong = part == "mnist-cnn" and layer == 0 and at >= 500
        factors = dict.fromkeys(FACTORS, 1.0)
        factors |= {"step": 10 / at, "remainder": 0.5 if wrong else 1.05}
        own = named(optimizer, "constant", seed) | {"part": part, "at": at, "layer": layer}
        shared = {"units": 4, "flips": factors["step"] * factors["remainder"]}
        rows.append({**own, **shared, **factors})
    return pd.DataFrame(rows)


def test_the_table_says_in_which_layers_and_when_the_law_fails(tables: Tables) -> None:
    found = decomposition({**tables, "flips": flips()})
    rows = found.remainders.set_index("part")
    assert rows.loc["mnist-mlp"].tolist() == pytest.approx([1.05] * 4 + [0])
    assert rows.loc["mnist-cnn"].tolist() == pytest.approx([1.05, 0.5, 1.05, 1.05, 1 / 4])
    assert found.numbers["first-order-worst"] == "0.50 in the first layer (CNN, MNIST)"
    assert (found.table["total"] - found.table[["step", "rest"]].sum(axis=1)).abs().max() < 1e-12
