"""What tells how well a network generalises: rank correlations over a hundred settings.

Source of the question: arXiv 2501.02436, abstract of version 3: the two basins characterise
generalisation, and the spread of the modes over the layers is a core metric. Settings are what is
drawn, so that intervals are over them; correlations are taken within a set of images, since sets
differ in difficulty. Judged from the committed table of `network_runs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.stats import rankdata

from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, no_number, over_runs

#: What is held against test accuracy, and with which sign it is said to go with it.
PREDICTORS = {
    "sample basin": 1,
    "weight basin": 1,
    "margin": 1,
    "norm": -1,
    "sharpness": -1,
    "slope, last - first": 1,
}
_BASINS, _RIVALS = ("sample basin", "weight basin"), ("margin", "norm", "sharpness")
_SLOPES = "slope, last - first"
_RECORDED = "mnist"  # the claims are on it; the digits stand beside
_CHOICES = ("width", "depth", "weight_decay")  # of few values each
_SCALES = ("lr", "batch_size", "loss")

Picks = Int[np.ndarray, " picked"]
Wide = Float[np.ndarray, "settings runs"]


@dataclass(frozen=True)
class Hundred:
    """The settings of which all networks come down to the loss."""

    accuracy: Wide
    """On test images."""
    predictors: dict[str, Wide]
    """Turned so that more of each is said to go with a higher accuracy."""
    design: Float[np.ndarray, "settings runs columns"]
    """What a setting is, in columns that a regression takes."""
    depth: Int[np.ndarray, " settings"]
    loss: Wide
    """At which each network was in fact left."""


@dataclass(frozen=True)
class Predictors(Part):
    """How much the basins and their rivals tell of test accuracy."""

    hundred: dict[str, Hundred]
    """By data set."""
    plain: dict[str, dict[str, Estimate]]
    """Rank correlations with test accuracy, by data set and predictor."""
    beyond: dict[str, dict[str, Estimate]]
    """The same of what is left when the settings' own part is taken out of both."""


def predictors_of(networks: pd.DataFrame, seed: int) -> Predictors:
    """Correlate basins and rivals with test accuracy.

    Parameters
    ----------
    networks : DataFrame
        The committed table, with a row for each network.
    seed : int
        Of the bootstrap over settings.
    """
    networks = networks[networks["family"] == "hundred"]
    found = {
        str(name): hundred_of(networks[networks["dataset"] == name])
        for name in networks["dataset"].unique()
    }
    plain = {
        name: {p: correlation(own, p, seed) for p in PREDICTORS} for name, own in found.items()
    }
    beyond = {
        name: {p: correlation(own, p, seed, beyond=True) for p in PREDICTORS}
        for name, own in found.items()
    }
    numbers: dict[str, float | int | str] = {}
    for name, own in found.items():
        points = 100 * own.accuracy.mean(axis=1)
        numbers[f"hundred-settings-{name}"] = len(points)
        numbers[f"hundred-lowest-{name}"] = float(points.min())
        numbers[f"hundred-highest-{name}"] = float(points.max())
        numbers[f"hundred-repeat-{name}"] = repeatability(own.accuracy)
        low, high = np.quantile(own.loss, [0.05, 0.95])
        numbers[f"hundred-loss-low-{name}"] = float(low)
        numbers[f"hundred-loss-high-{name}"] = float(high)
        numbers[f"hundred-deepest-{name}"] = int(own.depth.max())
        fewer = own.depth < own.depth.max()
        for predictor in (*_BASINS, "sharpness"):
            numbers[f"fewer-{predictor.replace(' ', '-')}-{name}"] = mean_correlation(
                own.predictors[predictor][fewer], own.accuracy[fewer]
            )
        numbers[f"hundred-basins-{name}"] = mean_correlation(
            *(own.predictors[basin] for basin in _BASINS)
        )
        for kind, estimates in (("plain", plain), ("beyond", beyond)):
            for predictor, estimate in estimates[name].items():
                key = f"{kind}-{predictor.replace(', last - first', '').replace(' ', '-')}-{name}"
                numbers[key] = "–" if estimate.value is None else estimate.value
    own = found[_RECORDED]
    return Predictors(
        {
            "nd-sample-basin-predicts": plain[_RECORDED]["sample basin"],
            "nd-weight-basin-predicts": plain[_RECORDED]["weight basin"],
            "nd-phase-predicts": plain[_RECORDED][_SLOPES],
            "nd-basins-against-rivals": against_rivals(own, seed),
            "nd-basins-independent": together(own, seed),
        },
        numbers,
        found,
        plain,
        beyond,
    )


def hundred_of(networks: pd.DataFrame) -> Hundred:
    """Arrange a table of networks by setting and run; leave out settings that miss the loss."""
    steps = networks.pivot_table("steps", "setting", "run", dropna=False)
    kept = steps.index[steps.notna().all(axis=1)]
    rows = networks[networks["setting"].isin(kept)].sort_values(["setting", "run"])

    def wide(values: pd.Series) -> Wide:
        return values.to_numpy(dtype=float).reshape(len(kept), -1)

    given = {
        "sample basin": rows["sample_basin"],
        "weight basin": rows["weight_basin"],
        "margin": rows["margin"],
        "norm": rows["norm"],
        "sharpness": rows["sharpness"],
        _SLOPES: rows["last_slope"] - rows["first_slope"],
    }
    choices = pd.get_dummies(rows[list(_CHOICES)].astype(str), drop_first=True).astype(float)
    scales = np.log(rows[list(_SCALES)].astype(float))
    columns = np.column_stack([np.ones(len(rows)), choices, scales])
    return Hundred(
        wide(rows["test_accuracy"]),
        {name: PREDICTORS[name] * wide(values) for name, values in given.items()},
        columns.reshape(len(kept), -1, columns.shape[1]),
        wide(rows["depth"])[:, 0].astype(int),
        wide(rows["loss"]),
    )


def correlation(own: Hundred, predictor: str, seed: int, *, beyond: bool = False) -> Estimate:
    """Return the rank correlation of a predictor with test accuracy, mean over sets of images.

    The slopes of first and last layer are compared where there are two layers or more.

    Parameters
    ----------
    own : Hundred
        The settings.
    predictor : str
        One of `PREDICTORS`.
    seed : int
        Of the bootstrap over settings.
    beyond : bool
        Whether to take out of both ranks what is linear in the setting: in indicators of width,
        depth and weight decay, and in the logarithms of rate, batch size and of the loss at which a
        network was in fact left.
    """
    rows = np.flatnonzero(own.depth > 1) if predictor == _SLOPES else np.arange(len(own.depth))
    x, y, design = own.predictors[predictor][rows], own.accuracy[rows], own.design[rows]
    one, other = ranks(x, design if beyond else None), ranks(y, design if beyond else None)
    return _over_settings(lambda pick: pearson(one[pick], other[pick]), len(rows), seed)


def mean_correlation(
    x: Wide, y: Wide, design: Float[np.ndarray, "settings runs columns"] | None = None
) -> float:
    """Return Spearman's rank correlation within each run, averaged over the runs.

    With a design, that of what is left of the ranks after a regression on it.
    """
    return pearson(ranks(x, design), ranks(y, design))


def ranks(values: Wide, design: Float[np.ndarray, "settings runs columns"] | None = None) -> Wide:
    """Return the ranks within each run, or what is left of them after a regression on a design.

    They are taken once, among all settings: a bootstrap chooses from them and does not rank anew.
    """
    found = rankdata(values, axis=0)
    return found if design is None else _left(found, design)


def pearson(one: Wide, other: Wide) -> float:
    """Return the correlation within each run, averaged over the runs."""
    one, other = (values - values.mean(axis=0) for values in (one, other))
    size = np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    return float(((one * other).sum(axis=0) / np.where(size > 0, size, np.nan)).mean())


def _left(values: Wide, design: Float[np.ndarray, "settings runs columns"]) -> Wide:
    """Return the residuals of each run's values after a regression on its design."""
    left = np.empty_like(values, dtype=float)
    for run in range(values.shape[1]):
        columns = design[:, run]
        fit = np.linalg.lstsq(columns, values[:, run], rcond=None)[0]
        left[:, run] = values[:, run] - columns @ fit
    return left


def against_rivals(own: Hundred, seed: int) -> Estimate:
    """Return by how much the better basin is ahead of the best rival."""

    accuracy = ranks(own.accuracy)
    ranked = {name: ranks(own.predictors[name]) for name in (*_BASINS, *_RIVALS)}

    def lead(pick: Picks) -> float:
        basin, rival = (
            max(pearson(ranked[name][pick], accuracy[pick]) for name in names)
            for names in (_BASINS, _RIVALS)
        )
        return basin - rival

    return _over_settings(lead, len(own.accuracy), seed)


def repeatability(accuracy: Wide) -> float:
    """Return the rank correlation of test accuracies on two sets of images.

    What changes with the images and the start cannot be told from a setting; a predictor that knew
    the settings alone would reach at most about the root of this.
    """
    return mean_correlation(accuracy[:, :1], accuracy[:, 1:2])


def together(own: Hundred, seed: int) -> Estimate:
    """Return the rank correlation of the two basins."""
    one, other = (ranks(own.predictors[name]) for name in _BASINS)
    return _over_settings(lambda pick: pearson(one[pick], other[pick]), len(one), seed)


def _over_settings(statistic: Callable[[Picks], float], n: int, seed: int) -> Estimate:
    over = f"{n} settings"
    if n < 3:
        return no_number(over)
    return over_runs(statistic, n, over=over, seed=seed)
