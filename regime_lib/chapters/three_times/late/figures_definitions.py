"""Which definitions of settling depend on their first steps, or on their smoothing: one table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.fragility import MOVES, READINGS
from regime_lib.chapters.three_times.style import SMALL
from regime_lib.chapters.wording import DEFINED
from regime_lib.companion.figures.marks import note
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.settling.candidates import DEFINITIONS

_SHORT = {"momentum": "mom."}
_TINT = {"fragile": 0.9, "robust": 0.12, "open": 0.0}  # of the colour, the rest is ground


def fragile_definitions(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw `fragility` as a table: how far the ratio moves, by definition, schedule, optimiser.

    Bold on colour: fragile. Pale: robust. On the page's ground: limits leave it open.
    """
    columns = _columns(table)
    names = [name for name in DEFINITIONS if name in set(table["definition"].astype(str))]
    figure, (ax,) = theme.panels(1, height=0.27 * len(names) + 1.1)
    place = {name: row for row, name in enumerate(names)}
    cells = np.broadcast_to(to_rgb(theme.background), (len(names), len(columns), 3)).copy()
    colour, ground = (np.array(to_rgb(c)) for c in (theme.colour("weight"), theme.background))
    for row in table.itertuples():
        at = place[str(row.definition)], columns.index((str(row.schedule), str(row.optimizer)))
        cells[at] = ground + _TINT[row.verdict] * (colour - ground)
        fragile = row.verdict == "fragile"
        ax.annotate(
            _words(row.least, row.most),
            at[::-1],
            ha="center",
            va="center",
            fontsize=SMALL if theme.narrow else 8.5,
            color=theme.background if fragile else theme.text,
            fontweight="bold" if fragile else "normal",
        )
    ax.imshow(cells, aspect="auto")
    ax.set_yticks(range(len(names)), [DEFINED[name] for name in names])
    size = SMALL if theme.narrow else 9
    labels = [_SHORT.get(name, NAMES[name]) for _, name in columns]
    ax.set_xticks(range(len(columns)), labels, fontsize=size, rotation=90 if theme.narrow else 0)
    bold = {"ha": "center", "fontsize": size, "fontweight": "bold", "annotation_clip": False}
    for schedule in SCHEDULES:
        own = [at for at, (name, _) in enumerate(columns) if name == schedule]
        if own:
            note(ax, schedule, (float(np.mean(own)), -0.5), (0, 42 if theme.narrow else 20), **bold)
            ax.axvline(own[-1] + 0.5, color=theme.text, linewidth=1)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    return figure


def fragile_definitions_alt(table: pd.DataFrame) -> str:
    """Say which definitions are fragile where, and how far the worst of them moves."""
    parts = list(_by_column(table))
    counts = table["verdict"].value_counts()
    readings = ", ".join(READINGS)
    return (
        f"A table of how far each definition's ratio moves under other readings ({readings}): "
        f"{counts.get('fragile', 0)} of {len(table)} cells are fragile (more than {MOVES:g} times "
        f"in half of the runs), {counts.get('robust', 0)} robust, {counts.get('open', 0)} open. "
        f"Fragile: {'; '.join(parts) or 'none'}."
    )


def _by_column(table: pd.DataFrame) -> Iterator[str]:
    for schedule, optimizer in _columns(table):
        own = table[(table["schedule"] == schedule) & (table["optimizer"] == optimizer)]
        fragile = own[own["verdict"] == "fragile"]
        if len(fragile):
            cells = (
                f"{DEFINED[str(r.definition)]} {_words(r.least, r.most)}"
                for r in fragile.itertuples()
            )
            yield f"{NAMES[optimizer]}, {schedule}: {', '.join(cells)}"


def _columns(table: pd.DataFrame) -> list[tuple[str, str]]:
    there = set(zip(table["schedule"].astype(str), table["optimizer"].astype(str), strict=True))
    return [(s, o) for s in SCHEDULES for o in OPTIMIZERS if (s, o) in there]


def _words(least: float, most: float) -> str:
    """Write a factor, what it is at least or at most, or a dash where nothing is known of it."""
    low, high = (f"{x:.1f}" if x < 9.95 else f"{x:.0f}" for x in (least, most))
    if low == high:
        return low
    if least > MOVES:
        return f"≥{low}"
    return f"≤{high}" if np.isfinite(most) else "–"
