"""What each figure of the chapter on freezing found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from regime_lib.chapters.freeze_patterns.costs import curve
from regime_lib.chapters.freeze_patterns.figures import NAMES, NETWORKS, mean_costs
from regime_lib.chapters.freeze_patterns.heads import Head
from regime_lib.chapters.freeze_patterns.parts import Frozen
from regime_lib.chapters.freeze_patterns.prediction import LIMIT
from regime_lib.chapters.wording import each, listed


def costs_over_time(found: Frozen) -> str:
    """State from which share of training on freezing costs little, on every data set."""
    names = dict.fromkeys(found.table["dataset"])
    return _little({NAMES[n]: found.table[found.table["dataset"] == n] for n in names})


def other_networks(tables: Mapping[str, pd.DataFrame]) -> str:
    """State the same of other networks."""
    return _little({NETWORKS[name]: own for name, own in tables.items()})


def _little(tables: Mapping[str, pd.DataFrame]) -> str:
    words = []
    for name, table in tables.items():
        shares, values = curve(table, "cost")
        dear = np.flatnonzero(np.median(values, axis=1) >= LIMIT)
        first = dear[-1] + 1 if len(dear) else 0
        words.append(
            f"{shares[first]:.0%} ({name})"
            if first < len(shares)
            else f"no share that was tried ({name})"
        )
    return (
        f"The median run loses less than {LIMIT:g} points of test accuracy if its patterns are "
        f"frozen after {listed(words)} of the training, or later."
    )


def predictions(found: Mapping[str, Frozen]) -> str:
    """State the correlation of the definition that ranks runs best."""
    best = {title: one.ranking["correlation"].max() for title, one in found.items()}
    return (
        "The definition that ranks runs best has a rank correlation of "
        f"{each(best, '.2f')} with when freezing becomes free."
    )


def partly(found: Mapping[str, Frozen]) -> str:
    """State what freezing everything costs early, and what its quieter half of units costs."""
    costs = {title: mean_costs(one) for title, one in found.items()}
    everything, quiet = (
        each({title: own[what] for title, own in costs.items()}, ".2f")
        for what in ("all", "quiet half")
    )
    return (
        f"Freezing everything early costs {everything} points; freezing only the units that flip "
        f"least costs {quiet}."
    )


def heads(found: Sequence[Head]) -> str:
    """State the training loss that least squares reaches, beside that of ordinary training."""
    names = [f"{' and '.join(map(str, one.hidden))} hidden units" for one in found]
    ends = {
        way: each(
            {name: float(one.loss[way].mean()) for name, one in zip(names, found, strict=True)},
            ".4f",
        )
        for way in ("least squares", "unfrozen")
    }
    return (
        f"Least squares on the paths reaches a training loss of {ends['least squares']}, ordinary "
        f"training {ends['unfrozen']}."
    )


def worth(speed: pd.DataFrame) -> str:
    """State how long a step with stored patterns takes, against an ordinary one."""
    steps = speed[speed["what"].astype(str) == "step"]
    medians = 1000 * steps.groupby(steps["form"].astype(str))["seconds"].median()
    quotient = medians["stored patterns"] / medians["ordinary"]
    return f"A step with stored patterns takes {quotient:.2f} times as long as an ordinary step."
