"""What chapter 23 measures: how much earlier patterns settle than weights, in every way of asking.

The digits runs are made here. The runs of `paper_scale` are judged from their committed tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.part import Part
from regime_lib.chapters.three_times import committed
from regime_lib.chapters.three_times.committed import BySchedule, by_schedule
from regime_lib.chapters.three_times.configs import DIGITS, OPTIMIZERS, RunConfig
from regime_lib.chapters.three_times.late import blocks, networks
from regime_lib.chapters.three_times.late.decomposition import Decomposition, decomposition
from regime_lib.chapters.three_times.late.gelu import Smooth, smooth_activations
from regime_lib.chapters.three_times.late.headline import Headline, headline
from regime_lib.chapters.three_times.late.horizons import Horizons, horizons
from regime_lib.chapters.three_times.late.refinement import Refinement, refinement
from regime_lib.chapters.three_times.late.tables import Coverage, at_end, coverage
from regime_lib.chapters.three_times.late.times import Times, times
from regime_lib.chapters.three_times.multiverse import chosen, multiverse
from regime_lib.chapters.three_times.specifications import slope, specifications
from regime_lib.chapters.three_times.tracked import TrackedRun, tracked_run

_PLANS = (*((o, s) for o in OPTIMIZERS for s in ("constant", "cosine")), ("adamw", "warm-up"))
_WIDTH = 9  # steps that are averaged for the picture of both changes
_POINTS = 130  # about so many of its points


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int  # runs of each setting; the seeds are seed, seed + 1, ...
    steps_mlp: int
    steps_cnn: int
    steps_transformer: int
    seed: int


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 3, "steps_mlp": 400, "steps_cnn": 250, "steps_transformer": 200}
PAPER = {"n_seeds": 10, "steps_mlp": 3000, "steps_cnn": 2000, "steps_transformer": 1600}


@dataclass(frozen=True)
class Digits(BySchedule):
    """The chapter's own runs, on the digits."""

    accuracy: pd.DataFrame  # medians over runs; a row per architecture, a column per optimiser
    # weight change and pattern change, each over its peak, by architecture and optimiser: the first
    # seed's run with a cosine schedule
    changes: dict[tuple[str, str], Float[np.ndarray, "2 points"]]
    slope: float  # of log pattern change against log weight change, median over all runs


@dataclass(frozen=True)
class PaperScale:
    """What the committed runs say."""

    overall: committed.Overall
    by_definition: committed.ByDefinition
    averages: committed.Averages
    step_by_step: Part
    causes: committed.Causes


@dataclass(frozen=True)
class ToTheEnd:
    """What the committed runs to the end of training say."""

    coverage: Coverage
    headline: Headline
    by_definition: committed.ByDefinition
    times: Times
    horizons: Horizons
    decomposition: Decomposition
    refinement: Refinement


@dataclass(frozen=True)
class Measurements:
    """What the chapter measures anew with its settings."""

    digits: Digits


def digits(settings: Settings) -> Digits:
    """Train on the digits and apply every definition to every run."""
    runs = [tracked_run(config, ["iterate"]) for config in configs(settings)]
    rows = specifications(runs, networks=["iterate"])
    found = multiverse(rows[chosen(rows, size="absolute")])
    claims = {"constant": "rc-three-times-digits", "cosine": "rc-three-times-digits-cosine"}
    judged = by_schedule(found, claims, "digits", over="seeds")
    slopes = float(np.nanmedian([slope(run) for run in runs]))
    accuracy = pd.DataFrame([{**run.config.choices, "accuracy": run.accuracy} for run in runs])
    return Digits(
        judged.claims,
        {
            **judged.numbers,
            "digits-accuracy": float(accuracy["accuracy"].median()),
            "slope-digits": slopes,
        },
        judged.table,
        judged.counts,
        judged.shares,
        accuracy.pivot_table("accuracy", "architecture", "optimizer", "median").reset_index(),
        {
            (run.config.architecture, run.config.optimizer): _changes(run)
            for run in runs
            if (run.config.schedule, run.config.seed) == ("cosine", settings.seed)
        },
        slopes,
    )


def paper_scale(_: Settings, tables: dict[str, pd.DataFrame]) -> PaperScale:
    """Judge the committed tables `specifications` and `runs`; no setting changes them."""
    found, runs = tables["specifications"], tables["runs"]
    return PaperScale(
        committed.overall(found, runs),
        committed.by_definition(found),
        committed.averages(found),
        committed.step_by_step(runs),
        committed.causes(found),
    )


def to_the_end(_: Settings, tables: dict[str, pd.DataFrame]) -> ToTheEnd:
    """Judge the committed tables of the runs to the end of training; no setting changes them."""
    return ToTheEnd(
        coverage(tables),
        headline(tables),
        committed.by_definition(at_end(tables)),
        times(tables),
        horizons(tables),
        decomposition(tables),
        refinement(tables),
    )


def cnn_to_the_end(_: Settings, tables: dict[str, pd.DataFrame]) -> networks.LateNetwork:
    """Judge what chapter 21 says of the runs to the end of training."""
    return networks.late_network(tables, networks.CNN, "rc-late-cnn")


def transformer_to_the_end(_: Settings, tables: dict[str, pd.DataFrame]) -> networks.LateNetwork:
    """Judge what chapter 22 says of them."""
    return networks.late_network(tables, networks.TRANSFORMER, "rc-late-transformer")


def smooth_to_the_end(_: Settings, tables: dict[str, pd.DataFrame]) -> Smooth:
    """Judge what chapter 22 says of smooth activations."""
    return smooth_activations(tables)


def measure(settings: Settings) -> Measurements:
    """Everything that depends on the settings: what a sweep maps.

    What only judges committed tables anew, `paper_scale` and `to_the_end`, is left out.
    """
    return Measurements(digits(settings))


#: The parts that measure claims; and those of them that measure empirical ones anew.
PARTS = (digits, paper_scale, to_the_end)
EMPIRICAL = (digits,)
#: What judges committed tables, by their name: a block of fresh seeds of these would take hours, so
#: they are judged again without each of their seeds.
COMMITTED = {
    "23_three_times_earlier": (paper_scale,),
    "late_stage": (to_the_end, cnn_to_the_end, transformer_to_the_end, smooth_to_the_end),
}
#: The committed runs of which fresh blocks are made nevertheless, a run at a time.
LONG_RUNS = blocks.LONG_RUNS


def configs(settings: Settings) -> list[RunConfig]:
    """Return the digits runs: every architecture, optimiser and schedule with every seed.

    A seed draws initial weights, batches, the split into training and test set, and the probe.
    """
    steps = {
        "mlp": settings.steps_mlp,
        "cnn": settings.steps_cnn,
        "transformer": settings.steps_transformer,
    }
    return [
        RunConfig(
            dataset="digits",
            architecture=architecture,
            optimizer=optimizer,
            schedule=schedule,
            seed=settings.seed + k,
            steps=steps[architecture],
            redraw=True,
            **sizes,
        )
        for architecture, sizes in DIGITS.items()
        for optimizer, schedule in _PLANS
        for k in range(settings.n_seeds)
    ]


def _changes(run: TrackedRun) -> Float[np.ndarray, "2 points"]:
    """Return both changes as means of a few steps, at steps that are even in logarithm."""
    kernel = np.ones(_WIDTH) / _WIDTH
    both = []
    for quantity in ("weight_change", "pattern_change"):
        values = run.series["iterate", quantity].values
        at = np.unique(np.geomspace(1, len(values) - _WIDTH, _POINTS).astype(int)) - 1
        smoothed = np.convolve(values, kernel, "valid")[at]
        both.append(smoothed / smoothed.max())
    return np.array(both)
