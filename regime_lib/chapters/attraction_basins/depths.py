"""What networks of several depths and widths say of the claims of chapter 61.

The same lines judge the digits of the page and the committed runs on MNIST.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.attraction_basins.scans import BasinScan, ClassBasins, Scan, range_of_best
from regime_lib.chapters.wording import listed
from regime_lib.estimate import Estimate, no_number, over_runs

DEPTHS = (0, 1, 2, 3, 4, 6, 8, 10)  #: hidden layers; 0: a linear network
FLAT, DEEP = 1, 6  #: layers of the networks whose basins are compared
DIGITS = (0, 2, 9)  #: two that are to be large, and one that is to be small
_BEST_DEPTHS = (6, 8)  # according to the paper


def claims_of_depths(
    by_width: Mapping[int, Scan], basins: BasinScan, seed: int
) -> dict[str, Estimate]:
    """Judge accuracy over depth at several widths, and both basins at the widest.

    Parameters
    ----------
    by_width : mapping
        Networks of all depths, by width, the widest last.
    basins : BasinScan
        Of the widest.
    seed : int
        Of the choices of runs that give intervals.
    """
    n, widest = basins.accuracy.shape[1], by_width[max(by_width)]
    ends = [DEPTHS.index(FLAT), DEPTHS.index(DEEP)]
    return {
        "nd-depth-six-to-eight": of_runs(lambda pick: lead_of_paper(widest, pick), n, seed, "%"),
        "nd-best-depth-width": of_runs(
            lambda pick: range_of_best(by_width, pick), n, seed, "layers"
        ),
        "nd-sample-basin-depth": growth(basins.sample_basin[ends], seed),
        "nd-weight-basin-depth": growth(basins.weight_basin[ends], seed),
    }


def numbers_of_depths(by_width: Mapping[int, Scan]) -> dict[str, float | int | str]:
    """Return what the text names of accuracy over depth."""
    widest = by_width[max(by_width)]
    means = widest.accuracy.mean(axis=1)
    at_edge = sum(scan.at_edge() for scan in by_width.values())
    return {
        "at-edge": f"{at_edge} of {len(by_width)}",
        "best-depth": int(widest.best()),
        "best-depths": listed([f"{scan.best():g}" for scan in by_width.values()]),
        "widths-said": listed([str(width) for width in by_width]),
        "linear-behind": 100 * float(means.max() - means[0]),
        "six-behind": 100 * float(means.max() - means[DEPTHS.index(DEEP)]),
    }


def claims_of_classes(found: ClassBasins, seed: int) -> dict[str, Estimate]:
    """Judge the digits 0 and 2 against the digit 9; `seed` as for `claims_of_depths`."""

    def ratio(values: Float[np.ndarray, "runs classes"]) -> Estimate:
        def of_mean(pick: Int[np.ndarray, " picked"]) -> float:
            zero, two, nine = values[pick].mean(axis=0)[list(DIGITS)]
            return float((zero + two) / 2 / nine)

        return of_runs(of_mean, len(values), seed)

    return {"nd-digit-basin": ratio(found.basin), "nd-digit-order": ratio(found.slope)}


def numbers_of_classes(found: ClassBasins) -> dict[str, float | int | str]:
    """Return which classes have the largest and the smallest basin."""
    order = np.argsort(-np.median(found.basin, axis=0))
    return {"class-largest": str(order[0]), "class-smallest": str(order[-1])}


def growth(basins: Float[np.ndarray, "settings runs"], seed: int) -> Estimate:
    """Return the mean basin of the last setting over that of the first."""

    def ratio(pick: Int[np.ndarray, " picked"]) -> float:
        return float(basins[-1, pick].mean() / basins[0, pick].mean())

    return of_runs(ratio, basins.shape[1], seed)


def lead_of_paper(scan: Scan, pick: Int[np.ndarray, " chosen"]) -> float:
    """Return how far the best of the paper's depths is ahead of the best other one, in points."""
    means = 100 * scan.accuracy[:, pick].mean(axis=1)
    paper = np.isin(scan.values, _BEST_DEPTHS)
    return float(means[paper].max() - means[~paper].max())


def of_runs(
    statistic: Callable[[Int[np.ndarray, " picked"]], float], n: int, seed: int, unit: str = "1"
) -> Estimate:
    """Return a statistic of runs with its interval; no number if some choice of runs has none."""
    found = over_runs(statistic, n, over=f"{n} runs", seed=seed, unit=unit)
    outside = found.low is None  # a basin outside the bracket, or a best depth at the edge
    return no_number(found.over, unit) if outside else found
