"""Costs and settling times by their consequence, of tables in which they are known."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.freeze_patterns.costs import (
    by_seed,
    costs,
    difference,
    free_from,
    free_over_seeds,
    frozen_at,
    over_seeds,
    ratio_over_seeds,
)
from tests.chapters.freeze_patterns.tables import branches
from tests.companion.refusals import refused


def test_a_cost_is_against_the_unfrozen_run_of_the_same_seed() -> None:
    table = costs(branches(lambda seed, share: seed + share))
    rows = frozen_at(table, 0.5)
    np.testing.assert_allclose(rows["cost"], rows["seed"] + 0.5)
    np.testing.assert_allclose(rows["loss_ratio"], 1 + rows["cost"])
    np.testing.assert_allclose(rows["noisy_cost"], 2 * rows["cost"])
    np.testing.assert_allclose(by_seed(rows, "cost"), np.arange(12) + 0.5)


def test_seeds_are_what_intervals_are_over() -> None:
    found = over_seeds(frozen_at(costs(branches(lambda seed, _: float(seed))), 0.0), "cost", 0)
    assert found.value == pytest.approx(5.5)
    assert found.n == 12
    assert found.over == "12 seeds of 2 settings"
    assert found.unit == "points"


def test_a_seed_without_some_setting_does_not_count() -> None:
    table = costs(branches())
    missing = (table["seed"] == 3) & (table["optimizer"] == "adamw")
    assert len(by_seed(frozen_at(table[~missing], 0.0), "cost")) == 11


def test_differences_are_paired() -> None:
    found = difference(costs(branches()), "last layer", "first layer", 0)
    assert found.value == pytest.approx(0.1)
    assert found.low == pytest.approx(found.high)
    other = difference(costs(branches()), "new data, frozen", "new data, live", 0)
    assert other.value == pytest.approx(2.0)


def test_ratios_have_a_geometric_mean() -> None:
    table = frozen_at(costs(branches(lambda *_: 1.0)), 0.0)
    first = table["optimizer"] == "adamw"
    table = table.assign(loss_ratio=np.where(first, 0.5, 2.0))
    assert ratio_over_seeds(table, "loss_ratio", 0).value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("by_share", "share", "after", "late"),
    [
        ({0.0: 0.1, 0.1: 0.2, 0.5: 0.0}, 0.0, 0.0, False),
        ({0.0: 2.0, 0.1: 0.2, 0.5: 0.0}, 0.1, 0.0, False),
        ({0.0: 0.1, 0.1: 0.7, 0.5: 0.0}, 0.5, 0.1, False),
        ({0.0: 0.1, 0.1: 0.2, 0.5: 0.5}, 1.0, 0.5, True),
    ],
)
def test_free_means_at_all_later_shares_too(by_share, share, after, late) -> None:
    found = free_from(costs(branches(lambda _, at: by_share[at])), 0.5)
    assert len(found) == 24
    assert (found["share"] == share).all()
    assert (found["after"] == after).all()
    assert (found["late"] == late).all()
    assert free_over_seeds(found, 0).value == pytest.approx(share)


def test_an_unfrozen_run_is_needed() -> None:
    table = branches()
    with refused("one unfrozen run"):
        costs(table[table["what"] != "never"])
