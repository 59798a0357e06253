"""The headline of the runs to the end, on made-up tables."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.three_times.late.headline import headline
from regime_lib.chapters.three_times.late.tables import Tables
from regime_lib.instrument.settling.candidates import DEFINITIONS


def test_the_headline_is_the_median_of_what_is_known(tables: Tables) -> None:
    found = headline(tables)
    assert found.claims["rc-three-times-cosine"].value == pytest.approx(2)
    assert not found.claims["rc-three-times-warm-up"].known  # no such run
    assert found.claims["rc-late-mlp"].value == pytest.approx(2)
    assert found.claims["rc-three-times"].low == pytest.approx(2)
    assert not found.claims["rc-mean-speedup"].known  # one setting has no upper limit
    assert found.numbers["late-constant-lower"] == len(DEFINITIONS)


def test_a_median_has_no_value_if_most_settings_have_no_upper_limit(tables: Tables) -> None:
    rows = tables["specifications"]
    open_ = rows["optimizer"].isin(["adamw", "momentum"])
    rows.loc[open_, ["censored", "ratio"]] = "both", np.nan
    found = headline(tables)
    assert not found.claims["rc-three-times"].known
    assert not found.claims["rc-late-mlp"].known
