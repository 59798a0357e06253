"""Headlines of figures say the measured numbers, and words that follow from them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from regime_lib.chapters.tracking import headlines, parts, scene
from regime_lib.companion.figures.theme import Theme
from tests.chapters.tracking import test_figures as made

OPEN = parts.Settling(9.0, 9.0, "undetermined", np.ones(3), np.ones((3, 2), bool))


def with_settled(**settled: parts.Settling) -> parts.Ratios:
    return dataclasses.replace(made.RATIOS, settled=settled)


def test_the_ratio_of_every_optimiser_is_stated_with_its_bound() -> None:
    assert headlines.settling(made.RATIOS) == (
        "Weights take 2.00 (SGD) and at least 2.00 (Adam) times as long to settle as patterns."
    )
    some = headlines.settling(with_settled(sgd=made.SETTLED, adam=OPEN))
    assert some.endswith("as patterns; with Adam neither settles in most runs.")
    none = headlines.settling(with_settled(sgd=OPEN, adam=OPEN))
    assert none == "In most runs neither patterns nor weights settle (SGD and Adam)."


def test_the_definition_that_moves_most_is_named() -> None:
    table = made.table(
        ("constant", "a", "sgd", 1.0, "exact"), ("constant", "b", "sgd", 1.1, "exact"),
        ("constant", "a", "adam", 1.5, "exact"), ("constant", "b", "adam", 30.0, "exact"),
        ("constant", "c", "adam", 900.0, "lower"),
    )  # fmt: skip
    assert headlines.by_definition(table).endswith("the ratio of Adam goes from 1.50 to 30.0.")
    none = headlines.by_definition(table[table["bound"] == "lower"])
    assert none == "Under no definition do all runs settle."


def test_other_headlines_say_their_medians() -> None:
    assert headlines.one_run(made.RUN) == "Half of all flips happen in the first 7 of 300 steps."
    assert "2.00 (SGD) and 4.00 (Adam) times what" in headlines.flip_law(made.LAW)
    assert "to the power of 2.00 (SGD)" in headlines.proportional(made.POINTS)
    assert "from 2.50 to 1.25" in headlines.warm_up(made.WARMED)
    assert "2.0 (SGD) and 5.0 (Adam) flips" in headlines.net_flips(made.FLICKER)
    assert "5.00 (Adam) times that under" in headlines.averages(made.DRIFT)
    assert "averaged, 4.00 (SGD) and 10.00 (Adam) times." in headlines.averages(made.DRIFT)
    layers = headlines.by_layer(made.LAYERS)
    assert layers.endswith("and hidden1 never.")


def test_a_cut_is_compared_with_the_whole_run() -> None:
    rows = [("sgd", 300, 1.0), ("sgd", 6000, 1.1), ("adam", 300, 6.0), ("adam", 6000, 3.0)]
    table = pd.DataFrame(rows, columns=["optimizer", "steps", "ratio"])
    said = headlines.horizon(table)
    assert said == (
        "Runs of 300 steps with Adam give a ratio of 6.00, runs of 6000 steps one of 3.00."
    )
    assert headlines.horizon(table.assign(ratio=np.nan)).startswith("Most lengths")


def test_the_ratio_over_the_threshold_is_that_of_the_chapter() -> None:
    series = made.BOTH["sgd"]
    (low, high) = scene.spans(parts.Ratios({}, {}, made.BOTH, made.BOTH, {}))["sgd"]
    assert low == high == 1.0  # both series are the same
    slower = (series[0], np.maximum(series[1], 0.5))
    found = parts.Ratios({}, {}, {"adam": series}, {"adam": slower}, {})
    assert scene.spans(found)["adam"][1] >= 1.0
    never = scene.thresholds_caption(
        parts.Ratios({}, {}, {"adam": series}, {"adam": (series[0], 0 * series[1] + 1)}, {})
    )
    assert never.startswith("At no threshold do all runs settle.")


def test_the_still_of_the_threshold_has_a_line_for_each_optimiser() -> None:
    figure = scene.still(Theme(), made.RATIOS)
    labels = {line.get_label() for line in figure.axes[0].lines}
    assert {"SGD", "Adam"} <= labels
    assert "SGD from 1.00 to 1.00" in scene.thresholds_alt(made.RATIOS)
