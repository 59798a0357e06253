"""Marks that figures share: hollow dots are bounds, axes name what is in view, legends once."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np

from regime_lib.companion.figures.marks import legend_below, outer_label, plain_numbers, ratio_dots
from regime_lib.companion.figures.theme import Theme


def test_exact_ratios_are_filled_and_bounds_hollow() -> None:
    theme = Theme()
    _, (ax,) = theme.panels(1)
    exact = np.array([True, False, True])
    ratio_dots(theme, ax, [1, 2, 3], [4, 5, 6], exact, "#ff0000", marker="o", size=9, label="a")
    filled, hollow = ax.collections
    assert np.asarray(filled.get_offsets()).tolist() == [[1, 4], [3, 6]]
    assert np.asarray(hollow.get_offsets()).tolist() == [[2, 5]]
    assert mpl.colors.to_hex(filled.get_facecolor()[0]) == "#ff0000"
    assert mpl.colors.to_hex(hollow.get_facecolor()[0]) == theme.background
    assert mpl.colors.to_hex(hollow.get_edgecolor()[0]) == "#ff0000"
    assert ax.get_legend_handles_labels()[1] == ["a"]


def test_an_axis_names_the_ticks_in_view_by_plain_numbers() -> None:
    figure, (ax,) = Theme().panels(1)
    ax.set(xscale="log", xlim=(30, 0.4))  # from high to low
    plain_numbers(ax.xaxis, (0.1, 0.5, 1, 20, 50))
    figure.canvas.draw()
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.5", "1", "20"]


def test_only_outer_panels_are_labelled_where_they_stand_in_rows() -> None:
    for theme, columns, labelled in (
        (Theme(), 0, [0]),
        (Theme(), 3, [0, 3]),
        (Theme(narrow=True), 3, [0, 1, 2, 3, 4]),
    ):
        _, axes = theme.panels(5)
        outer_label(theme, axes, "strength", columns=columns)
        assert [k for k, ax in enumerate(axes) if ax.get_ylabel() == "strength"] == labelled


def test_a_legend_below_names_each_label_once() -> None:
    for theme, columns in ((Theme(), 2), (Theme(narrow=True), 1)):
        figure, (ax,) = theme.panels(1)
        for name in ("one", "one", "other"):
            ax.plot([0, 1], label=name)
        legend_below(theme, figure, ax)
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["one", "other"]
        assert legend._ncols == columns
