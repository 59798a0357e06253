"""What freezing the patterns now would cost at most, by what chapter 24 of the book measured.

A trainer cannot see what freezing will cost; it can see how far the change of the patterns has
fallen below its peak. The table beside this module says, for such levels, what freezing cost in
the committed runs of the book, on what they trained, and how often it was more. It is a forecast
from a few small networks, never a permission.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from regime_lib.errors import RegimeError
from regime_lib.instrument.settling.candidates import WINDOW
from regime_lib.instrument.settling.recorded import Recorded
from regime_lib.instrument.settling.timescales import smooth

TABLE = "freeze_costs.csv"
#: What is known to break the advice, in the book's chapter on frozen patterns.
FAILURES = (
    "data that are not those of the training so far: what is learned on them was not measured here",
    "inputs with noise, or under attack: the costs are those on clean test images",
    "other networks and data than the ones named, and longer or shorter training",
    "a learning rate that rises again: the level is that against the peak so far",
)


@dataclass(frozen=True)
class CostRow:
    """What freezing cost where the change of the patterns had fallen to some level."""

    above: float  #: the level is larger than this
    upto: float  #: and at most this
    median: float  #: points of test accuracy
    most: float  #: nine of ten branches cost at most so much
    largest: float
    branches: int  #: a run that is frozen at some step
    settings: int
    source: str  #: what was trained


@dataclass(frozen=True)
class FreezeAdvice:
    """What freezing now would cost at most: a forecast with its source, never a bare yes.

    Attributes
    ----------
    step : int
        The last step that was observed.
    level : tuple of float
        The smoothed change of the patterns over its highest so far; one for each member.
    row : CostRow
        What freezing cost at such levels; of the member whose patterns change most.
    failures : tuple of str
        Where this is known not to hold.
    """

    step: int
    level: tuple[float, ...]
    row: CostRow
    failures: tuple[str, ...] = FAILURES

    def __str__(self) -> str:
        row, level = self.row, max(self.level)
        head = (
            f"step {self.step}: the change of the patterns is at {level:.3g} of its peak; freezing "
            f"now would cost at most {row.most:.2g} points of test accuracy, by what chapter 24 "
            f"measured on {row.source} (nine of ten branches; median {row.median:.2g}, largest "
            f"{row.largest:.2g}; {row.branches} branches of {row.settings} settings)"
        )
        return "\n".join([head, *(f"  not for {failure}" for failure in self.failures)])


def freeze_advice(trace: Recorded) -> FreezeAdvice:
    """Say what freezing the patterns now would cost at most, from a trace so far.

    Parameters
    ----------
    trace : Trace
        Of a training that runs (``tracker.trace``) or has run (``trace.until(step)``), observed at
        every step, from its start.

    Raises
    ------
    RegimeError
        If the trace does not begin at the start of training, has fewer observations than the
        trailing mean is long, or none of every single step; if no pattern ever changed; or if the
        level is one at which nothing was measured.
    """
    steps, values = trace.array("pattern_change")
    if len(steps) < WINDOW or steps[0] > 1 or np.any(np.diff(steps) != 1):
        raise RegimeError(
            f"the trace has {len(steps)} observations; advice needs every one of the first steps, "
            f"and at least {WINDOW} of them"
        )
    smoothed = smooth(np.asarray(values, dtype=float), WINDOW)
    peaks = smoothed.max(axis=0)
    if not (peaks > 0).all():
        raise RegimeError("no pattern has changed yet, so there is no peak to compare with")
    level = tuple(float(one) for one in smoothed[-1] / peaks)
    return FreezeAdvice(int(steps[-1]), level, _row_of(max(level), cost_rows()))


def _row_of(level: float, rows: Sequence[CostRow]) -> CostRow:
    for row in rows:
        if row.above < level <= row.upto or (level == 0 and row.above == 0):
            return row
    raise RegimeError(
        f"the change of the patterns is at {level:.3g} of its peak, where chapter 24 measured too "
        "little to say what freezing costs; train on, and ask again"
    )


@cache
def cost_rows() -> tuple[CostRow, ...]:
    """Return the table that the advice is read from."""
    text = (files("regime_lib.instrument.settling") / TABLE).read_text(encoding="utf-8")
    return tuple(
        CostRow(
            above=float(row["above"]),
            upto=float(row["upto"]),
            median=float(row["median"]),
            most=float(row["most"]),
            largest=float(row["largest"]),
            branches=int(row["branches"]),
            settings=int(row["settings"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
    )
