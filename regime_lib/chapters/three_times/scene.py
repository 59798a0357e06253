"""The settings of one definition and one optimiser at a time, as a reader chooses."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS
from regime_lib.chapters.three_times.figures_settings import averaging
from regime_lib.chapters.three_times.limits import product_limit_median
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.chapters.three_times.style import RATIO
from regime_lib.chapters.wording import DEFINED
from regime_lib.companion.figures import scene
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.settling.candidates import DEFINITIONS

_LIMITS = (0.2, 300.0)
_SHOWN = {"all": OPTIMIZERS, **{NAMES[name]: (name,) for name in OPTIMIZERS}}


def choices_scene(table: pd.DataFrame) -> scene.Scene:
    """Make the picture: the sorted ratios of all settings under the chosen definition."""
    frames: dict[tuple[int, ...], scene.Frame] = {
        place: _frame(table[chosen(table, definition=text, optimizer=some, network="iterate")])
        for place, (text, some) in zip(
            product(range(len(DEFINITIONS)), range(len(_SHOWN))),
            product(DEFINITIONS, _SHOWN.values()),
            strict=True,
        )
    }
    panel = scene.Panel(
        "every setting under one definition",
        "share of the settings that have a ratio",
        RATIO,
        (-0.02, 1.02),
        _LIMITS,
        yscale="log",
    )
    sliders = (
        scene.Slider("settled means", tuple(DEFINED[name] for name in DEFINITIONS)),
        scene.Slider("optimiser", tuple(_SHOWN)),
    )
    legend = tuple(
        scene.Label(0.02, high, NAMES[name], name)
        for name, high in zip(OPTIMIZERS, (190.0, 120.0, 76.0), strict=True)
    )
    return scene.Scene(
        (panel,), sliders, frames, backdrop=(legend,), start=(DEFINITIONS.index(USUAL), 0)
    )


def still(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw one stop of the sliders as a figure: the book's definition, as trained."""
    own = table[chosen(table, definition=USUAL, network="iterate")]
    middle = product_limit_median(own["least"].to_numpy(), own["most"].to_numpy())
    return averaging(theme, own, {"median": middle, "claimed: 3": 3.0}, DEFINED[USUAL])


def _frame(rows: pd.DataFrame) -> scene.Frame:
    known = rows[rows["ratio"].notna()].sort_values("ratio")
    place = np.linspace(0, 1, max(len(known), 2))[: len(known)]
    ratio = known["ratio"].clip(*_LIMITS).to_numpy()
    marks: list[scene.Mark] = [scene.HLine(1.0, "theory"), scene.HLine(3.0, ("theory", 0.5))]
    marks.append(scene.Label(0.0, 3.3, "claimed: 3", "theory"))
    marks.append(scene.Line(place, ratio, ("theory", 0.7), width=1.0))
    for name in OPTIMIZERS:
        own = (known["optimizer"] == name).to_numpy()
        exact = (known["bound"] == "exact").to_numpy()
        for dots, shade in ((own & exact, 0.0), (own & ~exact, 0.55)):
            if dots.any():
                marks.append(scene.Points(place[dots], ratio[dots], (name, shade), size=4.0))
    if known.empty:
        return scene.Frame(
            (tuple(marks),), f"no ratio: in all {len(rows)} settings neither settles"
        )
    bounds = int((known["bound"] != "exact").sum())
    middle = product_limit_median(rows["least"].to_numpy(), rows["most"].to_numpy())
    median = f"median {middle:.2f}" if np.isfinite(middle) else "the bounds leave the median open"
    words = (
        f"{median}; {int((rows['least'] > 3).sum())} of {len(rows)} surely above 3; "
        f"{bounds} are bounds (pale); {len(rows) - len(known)} have no ratio"
    )
    return scene.Frame((tuple(marks),), words)
