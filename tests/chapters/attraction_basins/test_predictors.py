"""Rank correlations against SciPy, and made-up networks whose accuracy follows one number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from regime_lib.chapters.attraction_basins import figures_networks as draw
from regime_lib.chapters.attraction_basins.measure import QUICK, Settings, predictors
from regime_lib.chapters.attraction_basins.predictors import (
    Predictors,
    against_rivals,
    correlation,
    hundred_of,
    mean_correlation,
    repeatability,
)
from regime_lib.companion.figures.theme import Theme
from tests.chapters.attraction_basins.networks import SETTINGS as N
from tests.chapters.attraction_basins.networks import made_up

SETTINGS = Settings(**QUICK, draws=8, lr=0.001, batch_size=64, seed=0)
RANDOM = np.random.default_rng(5)


@pytest.fixture(scope="module")
def found() -> Predictors:
    return predictors(SETTINGS, {"networks": made_up()})


def test_it_is_spearmans_within_a_run_and_the_mean_over_runs() -> None:
    x = RANDOM.integers(0, 9, (40, 3)).astype(float)  # with ties
    y = x + RANDOM.normal(0, 4, x.shape)
    expected = np.mean([spearmanr(x[:, k], y[:, k]).statistic for k in range(3)])
    assert mean_correlation(x, y) == pytest.approx(expected)


def test_beyond_a_design_it_is_the_partial_correlation_of_ranks() -> None:
    z = RANDOM.normal(size=(50, 1))
    x, y = z + RANDOM.normal(size=z.shape), z + RANDOM.normal(size=z.shape)
    ranks = {n: rankdata(v[:, 0]) for n, v in (("x", x), ("y", y))}
    xy, xz, yz = (
        np.corrcoef(a, b)[0, 1]
        for a, b in (
            (ranks["x"], ranks["y"]), (ranks["x"], z[:, 0]), (ranks["y"], z[:, 0]),
        )
    )  # fmt: skip
    partial = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    design = np.stack([np.ones_like(z), z], axis=2)
    assert mean_correlation(x, y, design) == pytest.approx(partial)


def test_what_the_accuracy_follows_is_found_and_nothing_else(found: Predictors) -> None:
    for dataset in ("mnist", "digits"):
        assert found.plain[dataset]["sample basin"].value == pytest.approx(1)
        assert found.beyond[dataset]["sample basin"].value > 0.8  # type: ignore[operator]
        assert abs(found.plain[dataset]["sharpness"].value) < 0.5  # type: ignore[operator]
    assert found.claims["nd-sample-basin-predicts"].value == pytest.approx(1)
    lead = found.claims["nd-basins-against-rivals"]
    assert lead.n == N
    assert lead.low is not None
    assert lead.low > 0


def test_a_rival_counts_with_the_sign_under_which_it_is_proposed() -> None:
    networks = made_up()
    networks = networks[(networks["family"] == "hundred") & (networks["dataset"] == "mnist")].copy()
    networks["norm"] = -networks["sample_basin"]
    own = hundred_of(networks)
    assert correlation(own, "norm", 0).value == pytest.approx(1)
    assert against_rivals(own, 0).value == pytest.approx(0)


def test_settings_that_miss_the_loss_are_left_out() -> None:
    networks = made_up()
    networks = networks[(networks["family"] == "hundred") & (networks["dataset"] == "mnist")].copy()
    networks.loc[(networks["setting"] == 4) & (networks["run"] == 1), "steps"] = np.nan
    own = hundred_of(networks.sample(frac=1, random_state=1))
    kept = networks[networks["setting"] != 4]
    first = kept[kept["run"] == 0].sort_values("setting")
    assert own.accuracy[:, 0] == pytest.approx(first["test_accuracy"].to_numpy())
    assert own.depth.tolist() == first["depth"].tolist()
    assert own.design.shape[:2] == own.accuracy.shape


def test_slopes_are_compared_where_there_are_two_layers() -> None:
    networks = made_up()
    own = hundred_of(networks[(networks["family"] == "hundred") & (networks["dataset"] == "mnist")])
    assert correlation(own, "slope, last - first", 0).n == int((own.depth > 1).sum())


def test_settings_alone_repeat_perfectly() -> None:
    same = np.tile(RANDOM.normal(size=(20, 1)), (1, 2))
    assert repeatability(same) == pytest.approx(1)


@pytest.mark.parametrize("dark", [False, True])
def test_both_figures_are_drawn(found: Predictors, dark: bool) -> None:
    theme = Theme(dark=dark, narrow=dark)
    assert len(draw.rivals(theme, found).axes) == 2
    assert len(draw.accuracy_over_basins(theme, found).axes) == 2
    assert "sample basin 1.00" in draw.rivals_alt(found)
    assert f"{N} settings" in draw.accuracy_over_basins_alt(found)
