"""Contributions to the fall of the flips add up, whatever the layers do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.three_times.late.factors import GROUPS, contributions
from regime_lib.chapters.three_times.late.looks import FACTORS


def made_up(layers: int, seed: int, looks: int = 30) -> pd.DataFrame:
    """Return a table of flips in which every layer's factors multiply to them."""
    random = np.random.default_rng(seed)
    rows = []
    for at in range(looks):
        for layer in range(layers):
            factors = dict(zip(FACTORS, np.exp(random.normal(size=7)), strict=True))
            product = np.prod([v for k, v in factors.items() if k != "scale"]) / factors["scale"]
            rows.append(
                {"seed": 3, "at": at, "layer": layer, "units": 4 + layer, "flips": product}
                | factors
            )
    return pd.DataFrame(rows)


@given(layers=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_contributions_sum_to_the_whole_fall(layers: int, seed: int) -> None:
    table = made_up(layers, seed)
    found = contributions(table)
    assert found["total"].to_numpy() == pytest.approx(found[list(GROUPS)].sum(axis=1).to_numpy())
    flips = table.assign(all=table["flips"] * table["units"]).groupby("at")["all"].sum()
    units = table.loc[table["at"] == 0, "units"].sum()
    fall = np.log(flips / units)
    assert np.diff(found["total"]) == pytest.approx(np.diff(fall))


def test_with_one_layer_a_contribution_is_the_factor_itself() -> None:
    table = made_up(1, 0)
    found = contributions(table)
    assert np.diff(found["step"]) == pytest.approx(np.diff(np.log(table["step"])))
    scale = np.log(table["spread"] / table["scale"])
    assert np.diff(found["scale"]) == pytest.approx(np.diff(scale))


def test_only_the_factor_that_falls_contributes() -> None:
    table = made_up(3, 1)
    same = table.groupby("layer")[list(FACTORS)].transform("first")
    table[list(FACTORS)] = same
    table["step"] = np.exp(-0.1 * table["at"])
    table["flips"] = table[[f for f in FACTORS if f != "scale"]].prod(axis=1) / table["scale"]
    found = contributions(table)
    assert found["step"].to_numpy() == pytest.approx(found["total"].to_numpy())
    assert np.abs(found[[g for g in GROUPS if g != "step"]].to_numpy()).max() < 1e-9


def test_looks_without_flips_are_left_out() -> None:
    table = made_up(2, 2)
    table.loc[(table["at"] == 20) & (table["layer"] == 1), ["flips", "remainder"]] = 0.0, np.nan
    assert 20 not in contributions(table)["at"].to_numpy()
