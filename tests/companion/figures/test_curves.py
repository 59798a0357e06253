"""Bundles of runs: quantiles over runs, and the bands that are drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.companion.figures.curves import Curves, both_changes, shaded
from regime_lib.companion.figures.theme import Theme

STEPS = np.arange(1, 41)
VALUES = np.exp(-STEPS[:, None] / 9) * np.array([1.0, 2.0, 7.0])
BUNDLE = Curves(STEPS, VALUES)


def test_quantiles_over_runs_leave_out_what_is_missing() -> None:
    values = np.random.default_rng(1).random((50, 7))
    values[::3, 2] = np.nan
    found = Curves(np.arange(50), values).quantiles(2.0)
    for row, (low, mid, high) in zip(values, found.T, strict=True):
        kept = np.sort(row[np.isfinite(row)]) / 2
        assert mid == pytest.approx(np.median(kept))
        assert (low, high) == pytest.approx(tuple(np.quantile(kept, [0.1, 0.9])))


def test_a_band_holds_the_share_of_runs_that_is_asked_for() -> None:
    low, mid, high = Curves(STEPS[:1], np.arange(101.0)[None], share=0.9).quantiles()
    assert (low[0], mid[0], high[0]) == pytest.approx((5, 50, 95))


def test_over_the_peak_every_run_starts_at_one() -> None:
    np.testing.assert_allclose(BUNDLE.over_peak()[:, 0], 1.0)
    np.testing.assert_allclose(BUNDLE.over_peak()[1], VALUES[:, 0] / VALUES[0, 0])


def test_changes_are_drawn_in_their_own_colours_and_named() -> None:
    theme = Theme()
    _, (ax,) = theme.panels(1)
    both_changes(theme, ax, BUNDLE, Curves(STEPS, VALUES**2))
    assert [line.get_label() for line in ax.lines] == ["weight change", "pattern change"]
    assert [line.get_color() for line in ax.lines] == [
        theme.colour(q) for q in ("weight", "pattern")
    ]
    np.testing.assert_allclose(ax.lines[1].get_ydata(), (VALUES[:, 0] / VALUES[0, 0]) ** 2)


def test_shaded_bands_are_medians_the_first_in_the_plain_colour() -> None:
    theme = Theme()
    _, (ax,) = theme.panels(1)
    shaded(theme, ax, {"a": BUNDLE, "b": BUNDLE}, "pattern")
    first, second = ax.lines
    np.testing.assert_allclose(first.get_ydata(), VALUES[:, 1])
    assert (first.get_color(), first.get_label()) == (theme.colour("pattern"), "a")
    assert second.get_color() != first.get_color()
    assert second.get_linestyle() != first.get_linestyle()
    assert len(ax.collections) == 2
