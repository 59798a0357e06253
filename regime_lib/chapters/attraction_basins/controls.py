"""Learning rate and batch size as controls of both basins, of networks at one training loss.

Source: arXiv 2501.02436, abstract of version 3: both are named among the controls, without a
direction. Judged from the committed table of `network_runs`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from regime_lib.chapters.attraction_basins.network_runs import TARGET
from regime_lib.chapters.attraction_basins.scans import BasinScan
from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, no_number, over_runs

#: The families of networks, with what each varies.
FAMILIES = {"rate": "lr", "batch": "batch_size"}
_BASINS = ("sample", "weight")
_RECORDED = "mnist"  # the claims are on it; the digits stand beside

Ends = Float[np.ndarray, "2 runs"]


@dataclass(frozen=True)
class Controls(Part):
    """Both families at equal training loss."""

    scans: dict[str, dict[str, BasinScan]]
    """By data set, and by family."""
    steps: dict[str, dict[str, Float[np.ndarray, "settings runs"]]]
    """How many each network took to that loss."""


def controls_of(networks: pd.DataFrame, seed: int) -> Controls:
    """Compare the ends of both families, of the runs that come down to the loss at both.

    Parameters
    ----------
    networks : DataFrame
        The committed table, with a row for each network.
    seed : int
        Of the bootstrap over runs.
    """
    scans: dict[str, dict[str, BasinScan]] = {}
    steps: dict[str, dict[str, Float[np.ndarray, "settings runs"]]] = {}
    claims: dict[str, Estimate] = {}
    numbers: dict[str, float | int | str] = {"equal-loss": TARGET}
    for dataset in networks["dataset"].unique():
        own = networks[networks["dataset"] == dataset]
        for family, varied in FAMILIES.items():
            scan, taken = family_of(own[own["family"] == family], varied)
            scans.setdefault(dataset, {})[family] = scan
            steps.setdefault(dataset, {})[family] = taken
            for basin in _BASINS:
                ends = getattr(scan, f"{basin}_basin")[[0, -1]]
                numbers[f"equal-{family}-{basin}-{dataset}"] = growth(ends)
                if dataset == _RECORDED:
                    claims[f"nd-{family}-{basin}-basin"] = moved(ends, seed)
            gain = 100 * (scan.accuracy[-1] - scan.accuracy[0]).mean()
            numbers[f"equal-{family}-gain-{dataset}"] = float(gain)
            numbers[f"equal-{family}-steps-{dataset}"] = growth(taken[[0, -1]])
    clear = sum(one.low is not None and one.low > 1 for one in claims.values())
    numbers["equal-clear"] = f"{clear} of {len(claims)}"
    return Controls(claims, numbers, scans, steps)


def family_of(
    networks: pd.DataFrame, varied: str
) -> tuple[BasinScan, Float[np.ndarray, "settings runs"]]:
    """Return a family as a scan, and its steps, of the runs that reach the loss at every setting.

    Parameters
    ----------
    networks : DataFrame
        A row for each network, of one family and one data set.
    varied : str
        The column that differs.
    """

    def wide(column: str) -> pd.DataFrame:
        return networks.pivot_table(column, varied, "run", dropna=False)

    steps = wide("steps")
    kept = steps.columns[steps.notna().all()]
    accuracy, sample, weight = (
        wide(column)[kept].to_numpy(dtype=float)
        for column in ("test_accuracy", "sample_basin", "weight_basin")
    )
    values = tuple(value.item() for value in steps.index.to_numpy())
    scan = BasinScan(varied, values, accuracy, sample, weight)
    return scan, steps[kept].to_numpy(dtype=float)


def growth(ends: Ends) -> float:
    """Return the mean at the last setting over that at the first."""
    first, last = ends.mean(axis=1)
    return float(last / first)


def moved(ends: Ends, seed: int) -> Estimate:
    """Return by what factor a basin differs between both ends, whichever is the larger one."""
    n = ends.shape[1]
    over = f"{n} runs"
    if not n or not (np.isfinite(ends) & (ends > 0)).all():
        return no_number(over)

    def factor(pick: Int[np.ndarray, " picked"]) -> float:
        return float(np.exp(abs(np.log(growth(ends[:, pick])))))

    return over_runs(factor, n, over=over, seed=seed)
