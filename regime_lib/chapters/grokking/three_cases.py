"""Digits, MNIST and addition side by side: what units do around the jump in all three cases.

Two cases are this page's own, MNIST is its committed long run. What is said of all three is judged
by the case that it fits worst.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, Method, no_number

#: What is compared, by the ending of its claims' names: around the jump over on the plateau.
QUANTITIES = {"flips": "flips per step", "excess": "flips per weight step"}
_COMMITTED = "MNIST"
_ALL = 3


@dataclass(frozen=True)
class ThreeCases(Part):
    """The factors of three cases, from the plateau to the jump."""

    factors: dict[str, dict[str, Estimate]]
    """By quantity (a key of `QUANTITIES`), and by case."""


def three_cases(
    own: Mapping[str, Estimate], tables: Mapping[str, pd.DataFrame], dataset: str
) -> ThreeCases:
    """Set the factors of this page beside those of the committed run.

    Parameters
    ----------
    own : mapping
        The claims of the page's own cases.
    tables : mapping
        Of the committed run; its table ``claims``.
    dataset : str
        Of the page's own images: if that is MNIST, there is no third case.
    """
    committed = tables["claims"].set_index("id")
    factors: dict[str, dict[str, Estimate]] = {}
    for quantity in QUANTITIES:
        images = own[f"nd-grok-{quantity}-digits"]
        cases = {_COMMITTED: images}
        if dataset == "digits":
            long = _estimate(committed.loc[f"nd-grok-{quantity}-digits"])
            cases = {"digits": images, _COMMITTED: long}
        factors[quantity] = {**cases, "addition": own[f"nd-grok-{quantity}-modular"]}
    claims = {f"nd-grok-{quantity}-everywhere": least(cases) for quantity, cases in factors.items()}
    numbers: dict[str, float | int | str] = {}
    for quantity, cases in factors.items():
        known = {name: one.value for name, one in cases.items() if one.value is not None}
        higher = sum(one.low is not None and one.low > 1 for one in cases.values())
        numbers[f"{quantity}-higher"] = f"{higher} of {len(cases)}"
        numbers[f"{quantity}-least"] = min(known.values()) if known else "–"
        numbers[f"{quantity}-most"] = max(known.values()) if known else "–"
        numbers[f"{quantity}-least-case"] = min(known, key=lambda n: known[n]) if known else "–"
    return ThreeCases(claims, numbers, factors)


def least(cases: Mapping[str, Estimate]) -> Estimate:
    """Return the smallest factor with its interval; no number unless all three are known."""
    known = {name: one for name, one in cases.items() if one.value is not None}
    if len(known) < _ALL:
        return no_number(f"{len(known)} cases")
    name, one = min(known.items(), key=lambda item: float(item[1].value or 0))
    return Estimate.from_dict({**one.as_dict(), "over": f"{one.over} of {name}"})


def _estimate(row: pd.Series) -> Estimate:
    """Return a number of the committed run: a median over few starts, in their range."""
    runs = int(row["n"])
    return Estimate(
        float(row["value"]),
        float(row["low"]),
        float(row["high"]),
        n=runs,
        over=f"{runs} runs",
        method=Method.RANGE,
    )
