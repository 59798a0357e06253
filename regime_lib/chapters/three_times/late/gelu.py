"""What smooth activations change: runs to the end with GELU beside the same runs with rectifiers.

The pattern of a GELU network is taken to be the signs of the inputs of its activations.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.networks import (
    NONE,
    LatePart,
    Tables,
    late_part,
    ratio_in_words,
    told,
)
from regime_lib.chapters.three_times.limits import Limits, limits_of
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.estimate import Estimate, no_number

#: The parts of the grid with both activations, by the claim that compares them.
PAIRS = {
    "rc-gelu-mlp": ("mnist-mlp", "mnist-mlp-gelu"),
    "rc-gelu-transformer": ("characters", "characters-gelu"),
}
_SAME = (0.8, 1.25)  # quotients that the claims take for the same lead
_KEYS = ["optimizer", "schedule", "seed"]


@dataclass(frozen=True, eq=False)
class Smooth(Part):
    """Runs with GELU beside those with ReLU."""

    pairs: dict[str, pd.DataFrame]  # by claim: see `paired`; may be empty
    parts: dict[str, LatePart]  # by name of the part: those with GELU


def smooth_activations(tables: Tables) -> Smooth:
    """Compare the ratios of both times with GELU and with ReLU, run by run."""
    claims: dict[str, Estimate] = {}
    numbers: Numbers = {}
    pairs, parts = {}, {}
    for claim, names in PAIRS.items():
        relu, gelu = (late_part(tables, name) for name in names)
        both = relu is not None and gelu is not None
        pairs[claim] = paired(relu.times, gelu.times) if relu and gelu else pd.DataFrame()
        claims[claim] = quotient(pairs[claim])
        kind = claim.removeprefix("rc-")
        numbers[f"{kind}-pairs"] = len(pairs[claim])
        numbers[f"{kind}-quotient"] = _in_words(claims[claim])
        numbers[f"{kind}-ratios"] = _ratios(relu, gelu) if both else NONE
        if gelu is not None:
            parts[names[1]] = gelu
    return Smooth(claims, numbers, pairs, parts)


def paired(relu: pd.DataFrame, gelu: pd.DataFrame) -> pd.DataFrame:
    """Set runs with both activations side by side.

    Returns
    -------
    DataFrame
        A row per optimiser, schedule and seed with both runs: the limits of the ratio of each,
        `relu_least`, `relu_most`, `gelu_least`, `gelu_most`, and those of the quotient of GELU's
        over ReLU's, `least` and `most`.
    """
    sides = []
    for name, times in (("relu", relu), ("gelu", gelu)):
        least, most = limits_of(times["ratio"], times["censored"])
        keys = times[_KEYS].astype({"optimizer": str, "schedule": str})
        sides.append(keys.assign(**{f"{name}_least": least, f"{name}_most": most}))
    both = sides[0].merge(sides[1], on=_KEYS)
    with np.errstate(divide="ignore"):
        return both.assign(
            least=both["gelu_least"] / both["relu_most"],
            most=both["gelu_most"] / both["relu_least"],
        )


def quotient(pairs: pd.DataFrame) -> Estimate:
    """Return the median quotient, as far as `told`; the interval is over seeds."""
    if pairs.empty:
        return no_number("no pair of runs is finished")
    counts = {"seed": pairs["seed"].nunique(), "setting": len(pairs[_KEYS[:2]].drop_duplicates())}
    over = " of ".join(f"{n} {name}{'' if n == 1 else 's'}" for name, n in counts.items())
    limits = pairs["least"].to_numpy(), pairs["most"].to_numpy(), pairs["seed"].to_numpy()
    return told(Limits(*limits), _SAME, over)


def _in_words(found: Estimate) -> str:
    if found.value is None:
        return "not known yet"
    ends = "" if found.low is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.value:.2f}{ends}"


def _ratios(relu: LatePart | None, gelu: LatePart | None) -> str:
    """Say both ratios of every setting that has runs with both activations."""
    assert relu is not None
    assert gelu is not None
    shared = set(relu.settings) & set(gelu.settings)
    said = []
    for schedule, name in ((s, o) for s in SCHEDULES for o in OPTIMIZERS if (s, o) in shared):
        with_relu, with_gelu = (
            ratio_in_words(part.times[chosen(part.times, optimizer=name, schedule=schedule)])
            for part in (relu, gelu)
        )
        said.append(f"{NAMES[name]}, {schedule}: {with_gelu} with GELU, {with_relu} with ReLU")
    return "; ".join(said) or NONE
