"""The figures of the multiverse show the numbers they are given, in every variant."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from regime_lib.chapters.three_times import figures as draw
from regime_lib.chapters.three_times import figures_settings as settings
from regime_lib.chapters.three_times.late import figures_definitions as late
from regime_lib.chapters.three_times.limits import product_limit_median
from regime_lib.chapters.three_times.multiverse import ShareAbove
from regime_lib.chapters.three_times.scene import choices_scene, still
from regime_lib.companion.figures.scene import Points
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.settling.candidates import DEFINITIONS

BOUNDS = ("exact", "lower", "upper", "between", "open", "exact")
OPTIMIZERS = ("sgd", "momentum", "adamw")
RATIOS = np.exp(np.random.default_rng(0).normal(size=48)) * 2
TABLE = pd.DataFrame(
    [
        {
            "dataset": data,
            "architecture": architecture,
            "optimizer": optimizer,
            "schedule": schedule,
            "definition": definition,
            "network": "iterate",
        }
        for data, architecture, optimizer, schedule, definition in product(
            ("mnist", "sst2"),
            ("mlp", "cnn"),
            OPTIMIZERS,
            ("constant", "cosine"),
            ("peak@0.1", "auc"),
        )
    ]
)
TABLE["bound"] = [BOUNDS[number % 6] for number in range(48)]
TABLE["ratio"] = np.where(TABLE["bound"] == "open", np.nan, RATIOS)
TABLE["least"] = np.where(TABLE["bound"].isin(["upper", "open"]), 0.0, RATIOS)
TABLE["most"] = np.where(TABLE["bound"].isin(["lower", "open"]), np.inf, RATIOS)
TABLE.loc[TABLE["bound"] == "between", "least"] *= 0.5
TABLE = TABLE.assign(low=0.9 * TABLE["ratio"], high=1.1 * TABLE["ratio"])
USUAL = TABLE[TABLE["definition"] == "peak@0.1"]
SHARES = {"here": [ShareAbove(1.0, 0.5, 0.2), ShareAbove(3.0, 0.05, 0.2)]}
HEAT = np.array([[1.0, 2.0, 12.0, 0.5, np.nan, 1.1]] * len(DEFINITIONS))
FALL = np.exp(-np.arange(80) / 20)
CHANGES = {("mlp", "sgd"): np.array([FALL, FALL]), ("cnn", "adamw"): np.array([FALL, FALL**2])}
CHANGED = USUAL.assign(change=USUAL["schedule"])
MOVED = TABLE.drop_duplicates(["definition", "optimizer", "schedule"]).assign(
    least=3.0, most=3.0, verdict="fragile"
)
MOVED.loc[MOVED["definition"] == "auc", ["least", "most", "verdict"]] = [1.0, np.inf, "open"]
MOVED.loc[MOVED["optimizer"] == "sgd", ["least", "most", "verdict"]] = [1.0, 1.2, "robust"]
FIGURES: dict[str, Callable[[Theme], Figure]] = {
    "curve": lambda theme: draw.specification_curve(theme, TABLE),
    "shares": lambda theme: draw.shares(theme, SHARES),
    "where": lambda theme: draw.where_it_holds(theme, HEAT),
    "parallel": lambda theme: settings.parallel(theme, CHANGES),
    "causes": lambda theme: settings.causes(theme, CHANGED),
    "averaging": lambda theme: settings.averaging(theme, USUAL, {"median": 1.0, "mean": 3.0}),
    "data": lambda theme: settings.by_data(theme, USUAL),
    "fragile": lambda theme: late.fragile_definitions(theme, MOVED),
    "still": lambda theme: still(theme, TABLE),
}


def test_every_specification_stands_on_the_curve_once_and_in_order() -> None:
    top, below = FIGURES["curve"](Theme()).axes
    dots = np.concatenate([np.asarray(found.get_offsets()) for found in top.collections[1:]])
    dots = dots[np.argsort(dots[:, 0])]
    known = TABLE["ratio"].dropna()
    assert len(dots) == len(known)
    assert dots[:, 1] == pytest.approx(np.sort(known.clip(0.2, 300)))
    labels = [text.get_text() for text in below.get_yticklabels()]
    assert labels[:3] == ["SGD", "momentum", "AdamW"]
    medians = {t.get_text() for t in below.texts}
    own = TABLE[TABLE["optimizer"] == "sgd"]
    assert f"{product_limit_median(own['least'].to_numpy(), own['most'].to_numpy()):.2f}" in medians


def test_each_definition_has_one_family() -> None:
    known = ("peak@0.1", "first@0.1", "init@0.1", "range@0.1", "floor@0.1", "cum@0.9", "auc",
             "auc0", "fit", "end@0.1", "start@0.9")  # fmt: skip
    assert len({draw.family_of(text) for text in known}) == 6


def test_dots_stand_at_their_ratios_hollow_where_they_are_bounds() -> None:
    exact = np.sort(USUAL.loc[USUAL["bound"] == "exact", "ratio"])
    known = np.sort(USUAL["ratio"].dropna())
    for name, axis in (("averaging", 0), ("data", 0), ("causes", 1)):
        figure = FIGURES[name](Theme())
        found: dict[bool, list[float]] = {True: [], False: []}
        for dots in (c for ax in figure.axes for c in ax.collections):
            if isinstance(dots, PathCollection) and len(dots.get_offsets()):
                filled = not np.allclose(dots.get_facecolor()[0][:3], (1, 1, 1))
                found[filled] += np.asarray(dots.get_offsets())[:, axis].tolist()
        assert np.sort(found[True]) == pytest.approx(exact), name
        assert np.sort(found[True] + found[False]) == pytest.approx(known), name


def test_alt_texts_say_the_numbers() -> None:
    exact = (TABLE["bound"] == "exact").sum()
    assert f"; {exact} are exact, 24 are bounds and 8 have" in draw.specification_curve_alt(TABLE)
    assert draw.shares_alt(SHARES).startswith("here: above 1 surely 50%, open 20%, above 3")
    assert "below 1/2 of peak 1.00, 2.00, 12.00" in draw.where_it_holds_alt(HEAT)
    assert settings.by_data_alt(USUAL).count(" to ") == 2
    assert settings.causes_alt(CHANGED).count(";") == USUAL["ratio"].notna().sum() - 1


def test_the_table_of_fragile_definitions_says_how_far_each_ratio_moves() -> None:
    texts = [text.get_text() for text in FIGURES["fragile"](Theme()).axes[0].texts]
    assert [texts.count(word) for word in ("3.0", "–", "≤1.2", "constant")] == [4, 4, 4, 1]
    alt = late.fragile_definitions_alt(MOVED)
    assert "4 of 12 cells are fragile (more than 1.5 times" in alt
    assert "momentum, constant: below 1/10 of peak 3.0" in alt


def test_the_scene_shows_what_its_sliders_say() -> None:
    scene = choices_scene(TABLE)
    shown = scene.frames[(DEFINITIONS.index("auc"), 1)]
    own = (TABLE["definition"] == "auc") & (TABLE["optimizer"] == "sgd")
    rows = TABLE[own & (TABLE["network"] == "iterate")]
    points = [mark for mark in shown.marks[0] if isinstance(mark, Points)]
    drawn = np.sort(np.concatenate([np.asarray(mark.y) for mark in points]))
    assert drawn == pytest.approx(np.sort(rows["ratio"].dropna()))
    middle = product_limit_median(rows["least"].to_numpy(), rows["most"].to_numpy())
    assert f"median {middle:.2f}" in shown.readout
    none = choices_scene(TABLE[TABLE["definition"] == "auc"])
    assert "no ratio" in none.frames[(0, 0)].readout
