"""The specification curve that a reader moves: one definition and one optimiser at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.figures_shares import averaging
from regime_lib.companion.figures.scene import (
    Frame,
    HLine,
    Label,
    Line,
    Mark,
    Panel,
    Points,
    Scene,
    Slider,
)
from regime_lib.companion.figures.theme import Theme

_COLOURS = {"sgd": "sgd", "momentum": "momentum", "adamw": "adamw"}
_LIMITS = (0.2, 300.0)


def choices_scene(
    table: pd.DataFrame,
    definitions: Mapping[str, str],
    optimizers: Mapping[str, Sequence[str]],
    networks: Mapping[str, str],
) -> Scene:
    """Make the picture: the sorted ratios of all settings under the chosen definition.

    Parameters
    ----------
    table : DataFrame
        Specifications, with a column `network`.
    definitions : mapping from definition to str
        Stops of the first slider, and what the reader sees there.
    optimizers : mapping from str to sequence of str
        Stops of the second slider: label, and the optimisers that are shown.
    networks : mapping from str to str
        Stops of the third slider: label, and the network.
    """
    frames: dict[tuple[int, ...], Frame] = {
        (i, j, k): _frame(
            table[
                (table["definition"] == definition)
                & table["optimizer"].isin(list(some))
                & (table["network"] == network)
            ]
        )
        for i, definition in enumerate(definitions)
        for j, some in enumerate(optimizers.values())
        for k, network in enumerate(networks.values())
    }
    return Scene(
        panels=(
            Panel(
                "every setting under one definition",
                "share of the settings that have a ratio",
                "weights' time / patterns' time",
                (-0.02, 1.02),
                _LIMITS,
                yscale="log",
            ),
        ),
        sliders=(
            Slider("settled means", tuple(definitions.values())),
            Slider("optimiser", tuple(optimizers)),
            Slider("network", tuple(networks)),
        ),
        frames=frames,
        start=(list(definitions).index("peak@0.1") if "peak@0.1" in definitions else 0, 0, 0),
    )


def still(theme: Theme, table: pd.DataFrame, definition: str) -> Figure:
    """Draw one stop of the sliders as a figure.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of the network as trained.
    definition : str
        Which definition to show.
    """
    own = table[table["definition"] == definition]
    middle = float(own["ratio"].median())
    return averaging(theme, own, {"median": middle, "claimed: 3": 3.0}, definition)


def _frame(rows: pd.DataFrame) -> Frame:
    known = rows[rows["ratio"].notna()].sort_values("ratio")
    place = np.linspace(0, 1, max(len(known), 2))[: len(known)]
    ratio = known["ratio"].clip(*_LIMITS).to_numpy()
    marks: list[Mark] = [HLine(1.0, "theory"), HLine(3.0, ("theory", 0.5))]
    marks.append(Label(0.0, 3.3, "claimed: 3", "theory"))
    marks.append(Line(place, ratio, ("theory", 0.7), width=1.0))
    for name, quantity in _COLOURS.items():
        own = (known["optimizer"] == name).to_numpy()
        exact = (known["bound"] == "exact").to_numpy()
        for chosen, shade in ((own & exact, 0.0), (own & ~exact, 0.55)):
            if chosen.any():
                marks.append(Points(place[chosen], ratio[chosen], (quantity, shade), size=4.0))
    if known.empty:
        return Frame((tuple(marks),), f"no ratio: in all {len(rows)} settings neither settles")
    bounds = int((known["bound"] != "exact").sum())
    words = (
        f"median {known['ratio'].median():.2f}; {int((ratio > 3).sum())} of {len(known)} above 3; "
        f"{bounds} of them bounds (pale); {len(rows) - len(known)} more have no ratio"
    )
    return Frame((tuple(marks),), words)
