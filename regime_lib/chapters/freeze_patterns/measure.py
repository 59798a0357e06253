"""What chapter 24 measures: what freezing the activation patterns costs, and what it is worth.

The digits runs are made here. The committed runs are judged from their tables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd

from regime_lib.chapters.freeze_patterns import advice, exactness
from regime_lib.chapters.freeze_patterns.cases import Case
from regime_lib.chapters.freeze_patterns.costs import (
    POINTS,
    costs,
    free_from,
    frozen_at,
    over_seeds,
)
from regime_lib.chapters.freeze_patterns.experiment import HALF, QUICK_SHARES, experiment
from regime_lib.chapters.freeze_patterns.heads import Head, head
from regime_lib.chapters.freeze_patterns.parts import Frozen, frozen
from regime_lib.chapters.freeze_patterns.prediction import LIMIT, correlation
from regime_lib.estimate import Estimate, mean, median, no_number, number

_PLANS = (
    ("adamw", "cosine"),
    ("adamw", "constant"),
    ("momentum", "cosine"),
    ("momentum", "constant"),
)
_BEFORE = 10  # heads are frozen after one step in so many
_TWO_LAYERS = (8, 8)
#: By the ending of its claims, which committed runs are of other networks than MLPs.
OTHERS = {
    "cnn": ("cnn", "fashion-mnist"),
    "cifar": ("cnn", "cifar10"),
    "text": ("transformer", "tiny-shakespeare"),
}
NAMES = {"adamw": "AdamW", "momentum": "momentum", "sgd": "SGD"}
_FEW = 3  # seeds of the head with two hidden layers, whose problem has many times more unknowns


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int  # networks of each setting; the seeds are seed, seed + 1, ...
    steps: int  # of training
    hidden: int  # units of each of two hidden layers
    head: int  # units of the head that is solved in its path form
    head_steps: int
    seed: int

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the networks."""
        return tuple(range(self.seed, self.seed + self.n_seeds))


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 10, "steps": 240, "hidden": 64, "head": 16, "head_steps": 600}
PAPER = {"n_seeds": 20, "steps": 1500, "hidden": 64, "head": 32, "head_steps": 4000}


@dataclass(frozen=True)
class Exact:
    """What holds exactly."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    table: pd.DataFrame  # a row per kind of network


def exact(settings: Settings) -> Exact:
    """Check what freezing promises on small networks of every kind."""
    found = exactness.exactness(settings.seed)
    kinds = len(found.at_freezing)
    claims = {
        "tb-freeze-exact": number(max(found.at_freezing.values()), n=kinds, over="networks"),
        "tb-freeze-affine": number(
            max(found.within_layers.values()), n=found.layers, over="layers of networks"
        ),
        "tb-freeze-gradient": number(
            max(found.from_masks.values()), n=len(found.from_masks), over="networks"
        ),
    }
    table = pd.DataFrame(
        {
            "network": list(found.at_freezing),
            "at freezing": list(found.at_freezing.values()),
            "one layer moves": [found.within_layers.get(name) for name in found.at_freezing],
            "all layers move": [found.together.get(name) for name in found.at_freezing],
            "from masks": [found.from_masks.get(name) for name in found.at_freezing],
        }
    )
    return Exact(claims, {"bend-together": min(found.together.values())}, table)


def freezing(settings: Settings) -> Frozen:
    """Train on the digits, freeze at several steps, and see what it costs."""
    return frozen(_digits(settings), "digits", "-digits", settings.seed)


@lru_cache(maxsize=1)
def _digits(settings: Settings) -> dict[str, pd.DataFrame]:
    found = [
        experiment(
            Case(
                dataset="digits",
                optimizer=optimizer,
                schedule=schedule,
                seeds=settings.seeds,
                steps=settings.steps,
                hidden=(settings.hidden, settings.hidden),
            ),
            QUICK_SHARES,
            parts=optimizer == "adamw",
        )
        for optimizer, schedule in _PLANS
    ]
    return {name: pd.concat([one[name] for one in found], ignore_index=True) for name in found[0]}


@dataclass(frozen=True)
class Paths:
    """Heads in their path form."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    heads: tuple[Head, ...]  # with one hidden layer, and with two


def paths(settings: Settings) -> Paths:
    """Finish frozen heads by gradient descent on factors and by convex solvers over paths."""
    heads = tuple(
        head(
            Case(
                dataset="digits",
                seeds=seeds,
                steps=settings.head_steps,
                hidden=hidden,
                loss="squared",
            ),
            settings.head_steps // _BEFORE,
            logistic=len(hidden) == 1,  # of thousands of paths it takes longer than all the rest
        )
        for hidden, seeds in (
            ((settings.head,), settings.seeds),
            (_TWO_LAYERS, settings.seeds[:_FEW]),
        )
    )
    one = heads[0]
    ratios = np.concatenate([h.loss["least squares"] / h.loss["factors"] for h in heads])
    gain = 100 * (one.accuracy["least squares"] - one.accuracy["factors"])
    words = f"{len(gain)} seeds"
    claims = {
        "tb-path-fit": number(ratios.max(), n=len(ratios), over="heads"),
        "tb-path-accuracy-digits": mean(gain, over=words, seed=settings.seed, unit=POINTS),
    }
    numbers: dict[str, float | int | str] = {}
    for name, found in zip(("one", "two"), heads, strict=True):
        numbers[f"{name}-factors"] = found.factor_parameters
        numbers[f"{name}-paths"] = found.path_parameters
        numbers[f"{name}-times"] = found.path_parameters / found.factor_parameters
        for way, values in found.loss.items():
            numbers[f"{name}-{way.replace(' ', '-')}-loss"] = float(values.mean())
        for way, values in found.accuracy.items():
            numbers[f"{name}-{way.replace(' ', '-')}-accuracy"] = float(values.mean())
    return Paths(claims, numbers, heads)


@dataclass(frozen=True)
class Long:
    """What the committed runs say."""

    frozen: Frozen  # of the MLPs
    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    speed: pd.DataFrame  # rounds of steps, and races to an accuracy
    costs: pd.DataFrame  # all branches, of CNNs and Transformers as well
    others: dict[str, pd.DataFrame]  # those of each of `OTHERS`


def long(settings: Settings, tables: dict[str, pd.DataFrame]) -> Long:
    """Judge the committed tables; only the definition that is best on the digits is this page's."""
    mlp = {
        name: tables[name][tables[name]["architecture"].astype(str) == "mlp"]
        for name in ("branches", "times", "series")
    }
    found = frozen(mlp, "long", "", 0)
    best = str(freezing(settings).ranking["definition"].iloc[0])
    table = costs(tables["branches"])
    others = {name: _of(table, *which) for name, which in OTHERS.items()}
    speed = tables["speed"]
    claims = {
        "tb-freeze-best": correlation(mlp["times"], free_from(found.table, LIMIT), best, 0),
        "tb-freeze-adviser": advice.forecast(table),
        **{f"tb-freeze-{name}": _cost_at(own, HALF) for name, own in others.items()},
        **{f"tb-freeze-{name}-start": _cost_at(own, 0.0) for name, own in others.items()},
        "tb-freeze-speed": speed_up(speed, "step", "stored patterns"),
        "tb-freeze-speed-paths": speed_up(speed, "race", "paths"),
    }
    top = found.ranking.iloc[0]
    numbers: dict[str, float | int | str] = {
        "best-definition": best,
        "long-best": str(top["definition"]),
        "long-best-correlation": float(top["correlation"]),
        "long-best-low": float(top["low"]),
        "long-best-high": float(top["high"]),
        "long-best-excess": float(top["excess"]),
        **_speeds(speed),
    }
    for name, own in others.items():
        numbers |= _of_network(name, own)
    return Long(found, claims, numbers, speed, table, others)


def long_by_seed(settings: Settings, tables: dict[str, pd.DataFrame]) -> Long:
    """Judge the committed tables but for times, which are over rounds and not over seeds."""
    found = long(settings, tables)
    kept = {name: one for name, one in found.claims.items() if "-speed" not in name}
    return replace(found, claims=kept)


def _of_network(name: str, table: pd.DataFrame) -> dict[str, float | int | str]:
    """Return what the prose says of other networks; dashes where no run is finished."""
    never = table[table["what"] == "never"]
    if never.empty:
        return {f"{name}-accuracy": "–", f"{name}-runs": 0, f"{name}-optimizers": "–"}
    return {
        f"{name}-accuracy": f"{never['test_accuracy'].mean():.2f}",
        f"{name}-runs": len(never),
        f"{name}-optimizers": " and ".join(NAMES[one] for one in dict.fromkeys(never["optimizer"])),
    }


def _of(table: pd.DataFrame, architecture: str, dataset: str) -> pd.DataFrame:
    return table[(table["architecture"] == architecture) & (table["dataset"] == dataset)]


def _cost_at(table: pd.DataFrame, share: float) -> Estimate:
    """Return what freezing after a share of the training costs; no number if nothing was run."""
    rows = frozen_at(table, share)
    return over_seeds(rows, "cost", 0) if len(rows) else no_number("seeds", POINTS)


def speed_up(speed: pd.DataFrame, what: str, form: str, than: str = "ordinary") -> Estimate:
    """Return the median over rounds of the time of one form over that of another."""
    wide = speed[speed["what"] == what].pivot_table("seconds", "round", "form", observed=True)
    if form not in wide or than not in wide:
        return no_number("rounds")
    ratio = (wide[than] / wide[form]).dropna().to_numpy(dtype=float)
    return median(ratio, over=f"{len(ratio)} rounds")


def _speeds(speed: pd.DataFrame) -> dict[str, float | int | str]:
    numbers: dict[str, float | int | str] = {}
    for what, own in speed.groupby("what", observed=True):
        for form, rows in own.groupby("form", observed=True):
            name = f"{what}-{str(form).replace(', ', '-').replace(' ', '-')}"
            numbers[f"{name}-ms"] = 1000 * float(rows["seconds"].median())
            found = speed_up(speed, str(what), str(form))
            numbers[f"{name}-speed"] = float("nan") if found.value is None else found.value
            if what == "step":
                numbers[f"{name}-flops"] = float(rows["flops"].iloc[0]) / 1e6
            else:
                numbers[f"{name}-reached"] = int(rows["reached"].sum())
                numbers[f"{name}-runs"] = len(rows)
    return numbers


@dataclass(frozen=True)
class Measurements:
    """What the chapter measures anew with its settings."""

    exact: Exact
    freezing: Frozen
    paths: Paths


def measure(settings: Settings) -> Measurements:
    """Everything that depends on the settings: what a sweep maps.

    What only judges committed tables anew, `long`, is left out.
    """
    return Measurements(exact(settings), freezing(settings), paths(settings))


#: The parts that measure claims.
PARTS = (exact, freezing, paths, long)
#: The parts that are measured again over fresh blocks of seeds.
EMPIRICAL = (freezing, paths)
#: What judges committed tables, by their name: a block of fresh seeds of these would take hours, so
#: they are judged again without each of their seeds.
COMMITTED = {"24_freeze_patterns": (long_by_seed,)}
