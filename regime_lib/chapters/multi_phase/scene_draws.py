"""Networks that a reader draws: width and draw decide when their neurons switch."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase import figures_laws
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.companion.figures.computed import Computed, Range
from regime_lib.companion.figures.scene import Panel
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.two_layer.problem import TwoPoints

_WIDEST = 1.6  # ratio of living neurons at which the axis ends
_NARROW, _WIDE, _START = 10, 300, 60  # neurons


def draws(problem: TwoPoints, found: Sensitivity, *, kappa1: float, d: int) -> Computed:
    """Make the picture: the loss of one network, and when all that were drawn have switched."""
    end = found.horizon
    first, last = 0.01 * kappa1 / problem.kappa2, end
    return Computed(
        "phases",
        (
            Panel("loss", "time", "", (first, last), (1e-10, 2.0), "log", "log"),
            Panel(
                "time of the switch",
                "living negative / positive",
                "",
                (0.0, _WIDEST),
                (10.0, 1.3 * end),
                yscale="log",
            ),
        ),
        (
            Range("neurons", _NARROW, _WIDE, _START, log=True, whole=True),
            Range("draw", 1, 60, 1, whole=True, plays=True),
        ),
        {
            "problem": {
                "p": problem.p,
                "delta": problem.delta,
                "kappa1": kappa1,
                "kappa2": problem.kappa2,
                "d": d,
                "end": end,
            },
            "law": {"x": found.law_ratios.tolist(), "y": found.law.tolist()},
            "never": found.never,
            "widest": _WIDEST,
        },
        ("loss", "theory", "positive", "negative", ("positive", 0.5)),
    )


def still(theme: Theme, found: Sensitivity) -> Figure:
    """Draw the chapter's own networks, for where no script runs."""
    return figures_laws.sensitivity(theme, found)


def draws_caption(found: Sensitivity) -> str:
    """State over how many decades the switch of networks of one width is spread."""
    known = found.switched[np.isfinite(found.switched)]
    how = (
        "Choose a width and a draw of the start: the page solves the flow of that network and "
        "keeps a dot for each. Vertical lines: full accuracy, the positive neurons' switch, the "
        "negative ones'. Dotted: the closed form. Dots at the upper edge: no switch. Starts are "
        "drawn here, and are not those of the chapter's seeds."
    )
    if not len(known):
        return f"None of {len(found.switched)} networks of one width switches. {how}"
    never = len(found.switched) - len(known)
    words = (
        f"{never} of {len(found.switched)} networks of one width never switch"
        if never
        else (f"All {len(known)} networks of one width switch")
    )
    decades = np.log10(known.max() / known.min())
    return f"{words}; the times of those that do span {decades:.1f} decades. {how}"


def draws_alt(found: Sensitivity) -> str:
    """Describe the still picture."""
    return figures_laws.sensitivity_alt(found)
