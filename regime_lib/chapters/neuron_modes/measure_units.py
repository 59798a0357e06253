"""What chapter 60 counts: folding units, how they lie, what layers tell, late layers by depth.

Each claim is a function of rows, so that the digits of the page and the committed runs on MNIST are
judged by the same lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.stats import spearmanr

from regime_lib.chapters.neuron_modes import layers
from regime_lib.chapters.neuron_modes.counts import (
    KINDS,
    Row,
    column,
    count_layers,
    count_shallow,
    network,
)
from regime_lib.chapters.neuron_modes.runs import (
    cut,
    of_depth,
    shallow,
    shallow_setup,
    very_deep_runs,
)
from regime_lib.chapters.neuron_modes.settings import Settings
from regime_lib.estimate import Estimate, mean, over_runs

Numbers = dict[str, float | int | str]

SHALLOWER = 4  #: layers of the network that the deep one is compared with
_SHALLOW, _MIDDLE = 2, 6  # further depths


@dataclass(frozen=True)
class Units:
    """Units that fold, alone and in pairs, and how the weight vectors of both modes lie."""

    claims: dict[str, Estimate]
    numbers: Numbers
    rows: pd.DataFrame
    """As from `count_shallow`."""


def units(settings: Settings) -> Units:
    """Count in networks with one hidden layer of tanh, ReLU and Gaussian units."""
    setup, seeds = shallow_setup(settings), settings.seeds
    rows: list[Row] = []
    for kind in KINDS:
        if kind == "tanh":
            trained, course = shallow(settings)
            rows += count_shallow(setup, trained, kind, seeds, course.slope)
        else:
            start = network(kind, (setup.inputs, settings.hidden, setup.classes), seeds)
            rows += count_shallow(setup, setup.trained(start, setup.config, [0]), kind, seeds)
    table = pd.DataFrame(rows)
    return Units(claims_of_units(table, settings.seed), numbers_of_units(table), table)


def claims_of_units(rows: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Judge rows of `count_shallow`.

    Parameters
    ----------
    rows : DataFrame
        Of all runs.
    seed : int
        Of the choices of runs that give intervals.
    """
    pair = {moment: column(rows, "pair", kind="tanh", moment=moment) for moment in ("peak", "end")}
    chance = column(rows, "shuffled", kind="tanh", moment="end")
    alone = column(rows, "alone", kind="Gaussian", moment="end")
    over = f"{len(alone)} runs"
    means = {
        "nd-units-gaussian": alone,
        "nd-pairs-recruited": pair["end"] - pair["peak"],
        "nd-pairs-cooperate": pair["end"] - chance,
    }
    claims = {claim: mean(values, over=over, seed=seed) for claim, values in means.items()}
    compared = {
        "nd-modes-alignment": ("tanh", "alignment"),
        "nd-modes-directions": ("Gaussian", "participation"),
        "nd-modes-clusters": ("Gaussian", "closeness"),
    }
    for claim, (kind, name) in compared.items():
        keep, fold = (
            column(rows, f"{mode} {name}", kind=kind, moment="end") for mode in ("keep", "fold")
        )

        def ratio(
            pick: Int[np.ndarray, " picked"],
            keep: Float[np.ndarray, " runs"] = keep,
            fold: Float[np.ndarray, " runs"] = fold,
        ) -> float:
            return float(keep[pick].mean() / fold[pick].mean())

        claims[claim] = over_runs(ratio, len(keep), over=over, seed=seed)
    return claims


def numbers_of_units(rows: pd.DataFrame) -> Numbers:
    """Return the means over runs that the text names."""

    def said(name: str, kind: str, moment: str = "end") -> float | str:
        return _or_dash(column(rows, name, kind=kind, moment=moment))

    numbers: Numbers = {
        "alone-gaussian-start": said("alone", "Gaussian", "start"),
        "pair-looser": said("pair looser", "tanh"),
        "pair-stricter": said("pair stricter", "tanh"),
    }
    for kind in sorted(set(rows["kind"])):
        word = kind.lower()
        numbers |= {
            f"alone-{word}": said("alone", kind),
            f"bound-{word}": said("bound", kind),
            f"pair-{word}": said("pair", kind),
            f"shuffled-{word}": said("shuffled", kind),
            f"keep-alignment-{word}": said("keep alignment", kind),
            f"fold-alignment-{word}": said("fold alignment", kind),
        }
    for moment in ("start", "peak"):
        numbers[f"pair-tanh-{moment}"] = said("pair", "tanh", moment)
        numbers[f"bound-tanh-{moment}"] = said("bound", "tanh", moment)
    return numbers


def _or_dash(values: Float[np.ndarray, " runs"]) -> float | str:
    """Return the mean; a dash where it is no number, as of a group without units."""
    found = float(values.mean()) if len(values) else np.nan
    return found if np.isfinite(found) else "–"


@dataclass(frozen=True)
class Extraction:
    """What a linear readout finds in every layer, beside the share of folding units."""

    claims: dict[str, Estimate]
    numbers: Numbers
    rows: pd.DataFrame
    """As from `count_layers`."""


def extraction(settings: Settings) -> Extraction:
    """Read the classes from every layer of networks of three kinds."""
    setup, seeds = shallow_setup(settings), settings.seeds
    sizes = (setup.inputs, *[settings.width] * SHALLOWER, setup.classes)
    rows: list[Row] = []
    for kind in KINDS:
        if kind == "ReLU":
            model = of_depth(settings, SHALLOWER).model
        else:
            model = setup.trained(network(kind, sizes, seeds), setup.config).model
        rows += count_layers(setup, model, kind, seeds)
    table = pd.DataFrame(rows)
    return Extraction(
        claims_of_extraction(table, settings.seed), numbers_of_extraction(table), table
    )


def claims_of_extraction(rows: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    """Judge rows of `count_layers`; parameters as for `claims_of_units`."""
    found = folding_and_readable(rows)
    return {"nd-extraction-folding": mean(found, over=f"{len(found)} runs", seed=seed)}


def folding_and_readable(rows: pd.DataFrame) -> Float[np.ndarray, " runs"]:
    """Return each run's rank correlation of folding share and readable accuracy.

    From each number the layer's mean over kinds is taken away.
    """
    shares, readable = (_by_layer(rows, name) for name in ("any", "readable"))
    found = []
    for x, y in zip(_within(shares), _within(readable), strict=True):
        found.append(spearmanr(x.ravel(), y.ravel()).statistic)
    return np.array(found, dtype=float)


def _by_layer(rows: pd.DataFrame, name: str) -> Float[np.ndarray, "runs kinds layers"]:
    """Return a number of every hidden layer."""
    hidden = range(1, int(rows["layer"].max()) + 1)
    found = [[column(rows, name, kind=k, layer=layer) for layer in hidden] for k in KINDS]
    return np.moveaxis(np.array(found), -1, 0)


def _within(
    values: Float[np.ndarray, "runs kinds layers"],
) -> Float[np.ndarray, "runs kinds layers"]:
    return values - values.mean(axis=1, keepdims=True)


def numbers_of_extraction(rows: pd.DataFrame) -> Numbers:
    """Return the means over runs that the text names."""
    last = int(rows["layer"].max())
    numbers: Numbers = {
        f"readable-{kind.lower()}-{layer}": _or_dash(
            column(rows, "readable", kind=kind, layer=layer)
        )
        for kind, layer in product(KINDS, (1, last))
    }
    numbers["readable-inputs"] = _or_dash(column(rows, "readable", kind="tanh", layer=0))
    within = []
    for kind in KINDS:
        for seed in sorted(set(rows["seed"])):
            own = rows[(rows["kind"] == kind) & (rows["seed"] == seed) & (rows["layer"] > 0)]
            wide = own.pivot_table(index="layer", columns="name", values="value")
            within.append(spearmanr(wide["any"], wide["readable"]).statistic)
    numbers["extraction-within"] = _or_dash(np.array(within)[np.isfinite(within)])
    return numbers


@dataclass(frozen=True)
class ByDepth:
    """From which layer on networks of several depths are linear."""

    claims: dict[str, Estimate]
    numbers: Numbers
    removable: dict[int, Float[np.ndarray, " runs"]]
    """By depth, how many activations, from the top, can be made linear."""


def by_depth(settings: Settings) -> ByDepth:
    """Make late activations linear in networks of several depths, and in the very deep one."""
    setup = shallow_setup(settings)
    depths = [*(d for d in (_SHALLOW, SHALLOWER, _MIDDLE) if d < settings.depth), settings.depth]
    removable = {}
    for depth in depths:
        if depth in (SHALLOWER, settings.depth):
            found = cut(settings, depth).removable()[: settings.n_seeds]
        else:
            model = of_depth(settings, depth).model
            found = layers.removable_from_top(setup, model, depth)
        removable[depth] = found.astype(float)
    normalised = layers.removable_from_top(
        setup, very_deep_runs(settings).model, settings.very_deep
    )
    numbers = numbers_of_depths(removable)
    numbers["removable-normalised"] = float(normalised.mean())
    return ByDepth(claims_of_depths(removable, settings.seed), numbers, removable)


def claims_of_depths(
    removable: dict[int, Float[np.ndarray, " runs"]], seed: int
) -> dict[str, Estimate]:
    """Judge how many activations can go; other parameters as for `claims_of_units`."""
    gain = removable[max(removable)] - removable[min(removable)]
    over = f"{len(gain)} runs"
    return {"nd-late-linear-depth": mean(gain, over=over, seed=seed, unit="activations")}


def numbers_of_depths(removable: dict[int, Float[np.ndarray, " runs"]]) -> Numbers:
    """Return what the text names of every depth: how many can go, and from which layer on."""
    numbers: Numbers = {"depths-said": ", ".join(str(depth) for depth in removable)}
    numbers["removable-said"] = ", ".join(f"{x.mean():.1f}" for x in removable.values())
    numbers["first-linear-said"] = ", ".join(
        f"{depth + 1 - x.mean():.1f}" for depth, x in removable.items()
    )
    return numbers
