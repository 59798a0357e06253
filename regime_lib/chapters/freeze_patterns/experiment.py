"""One setting of chapter 24 as tables: what freezing at each step costs, and when patterns settle.

The page's own runs and the committed ones are made by the same functions, and judged by the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regime_lib.chapters.freeze_patterns.cases import Case, example
from regime_lib.chapters.freeze_patterns.trajectory import (
    Moment,
    Trajectory,
    accuracy_of,
    branch,
    live_branch,
    training_loss,
    trajectory,
)
from regime_lib.instrument.freezing.frozen import freeze_patterns
from regime_lib.instrument.settling.candidates import DEFINITIONS, WINDOW, settling_time
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.loop import member_losses

#: Shares of a training after which the page freezes, and the committed runs do.
QUICK_SHARES = (0.0, 0.025, 0.1, 0.25, 0.5, 0.75)
LONG_SHARES = (0.0, 0.01, 0.03, 0.1, 0.25, 0.5, 0.75)
#: The share after which only a part is frozen, or all for a while: early enough that it matters.
EARLY = 0.1
HALF = 0.5
_STRESSED = 2000  # most test samples with noise and under attack
_LOOKS = 5  # over the last half of the early share, to find which units are quiet
NOISE = 1.0  # standard deviation of what is added to test inputs, in those of all pixels
ATTACK = 0.2  # size of the step of an attack on each pixel, likewise
_POINTS = 40  # about so many steps of a series are kept

#: What a table of branches holds of every run; the last three on the same part of the test set, and
#: of MLPs alone.
MEASURED = ("test_accuracy", "train_loss", "clean_accuracy", "noisy_accuracy", "attacked_accuracy")


def experiment(
    case: Case, shares: Sequence[float], *, parts: bool = False
) -> dict[str, pd.DataFrame]:
    """Train once, freeze at every share of the training, and train each branch to the end.

    Parameters
    ----------
    case : Case
        What is trained.
    shares : sequence of float
        When to freeze, as shares of the training.
    parts : bool
        Whether to freeze a part only, for a while only, and on new data, as well.

    Returns
    -------
    dict of str to DataFrame
        ``branches``: a row for each branch and seed; `what` says what was frozen ("never" nothing,
        "all" everything), `step` when. ``times``: when patterns and weights settle under every
        definition. ``series``: the smoothed change of the patterns, at some steps.
    """
    steps = [round(share * case.steps) for share in shares]
    run = trajectory(case, {*steps, *(_looks(case) if parts else ()), round(HALF * case.steps)})
    rows = list(_never(run))
    for step in steps:
        rows += _row(run, "all", step, branch(case, run.moments[step]))
    if parts:
        rows += [*_partial(run), *_on_new_data(run)]
    return {
        "branches": pd.DataFrame(rows),
        "times": pd.DataFrame(_times(run)),
        "series": pd.DataFrame(_series(run)),
    }


def _never(run: Trajectory) -> Iterator[dict[str, Any]]:
    yield from _row(run, "never", run.case.steps, run.end)


def _partial(run: Trajectory) -> Iterator[dict[str, Any]]:
    """Freeze single layers, the quieter and the more restless units, and all for a while."""
    case, step = run.case, round(EARLY * run.case.steps)
    moment = run.moments[step]
    names = run.trace.coverage.layers
    first, last = names[0].name, names[-1].name
    yield from _row(run, "first layer", step, branch(case, moment, layers=[first]))
    yield from _row(run, "last layer", step, branch(case, moment, layers=[last]))
    quiet = quiet_units([run.moments[at] for at in _looks(case)], case)
    loud = {name: ~some for name, some in quiet.items()}
    yield from _row(run, "quiet half", step, branch(case, moment, units=quiet))
    yield from _row(run, "restless half", step, branch(case, moment, units=loud))
    thawed = branch(case, moment, thaw_at=round(HALF * case.steps))
    yield from _row(run, "until half", step, thawed.live)


def _on_new_data(run: Trajectory) -> Iterator[dict[str, Any]]:
    """Turn all images by half a turn half-way through training, frozen and not."""
    case, step = run.case, round(HALF * run.case.steps)
    new = turned(case.data())
    frozen = branch(case, run.moments[step], data=new)
    for what, model in (
        ("new data, frozen", frozen),
        ("new data, live", live_branch(case, run.moments[step], new)),
    ):
        yield from _row(run, what, step, model, new)


def turned(data: Stack) -> Stack:
    """Return the images of a data set upside down: turned by half a turn."""
    axes = tuple(range(2, data.train_inputs.ndim))
    return replace(
        data,
        train_inputs=data.train_inputs.flip(axes),
        test_inputs=data.test_inputs.flip(axes),
    )


def _row(
    run: Trajectory, what: str, step: int, model: nn.Module, data: Stack | None = None
) -> Iterator[dict[str, Any]]:
    case = run.case
    data = data or case.data()
    measured = {
        "test_accuracy": accuracy_of(model, data),
        "train_loss": training_loss(model, data, case.loss),
        **_stressed(case, model, data),
    }
    levels = level_at(run, step)
    for k, seed in enumerate(case.seeds):
        yield {
            **case.choices,
            "seed": seed,
            "steps": case.steps,
            "what": what,
            "step": step,
            "level": float(levels[k]),
            **{name: float(values[k]) for name, values in measured.items()},
        }


def _stressed(
    case: Case, model: nn.Module, data: Stack
) -> dict[str, Float[np.ndarray, " members"]]:
    """Return accuracies on some test inputs as they are, with noise and under attack.

    NaN for other networks than MLPs: to a character nothing small can be added, and convolutions
    would run twice as long.
    """
    names = MEASURED[-3:]
    if case.architecture != "mlp":
        return dict.fromkeys(names, np.full(data.members, np.nan))
    sizes = data.train_labels.shape[1], data.test_labels.shape[1]
    few = data.subset(*(min(_STRESSED, n) for n in sizes))
    inputs = (None, noisy(case, few), attacked(model, few))
    return {name: accuracy_of(model, few, some) for name, some in zip(names, inputs, strict=True)}


def noisy(case: Case, data: Stack) -> Tensor:
    """Return the test inputs with Gaussian noise, the same for every model of a seed."""
    shape = data.test_inputs.shape[1:]
    noise = [generator(seed, "noise on inputs").standard_normal(shape) for seed in case.seeds]
    return data.test_inputs + NOISE * torch.from_numpy(np.stack(noise)).to(data.test_inputs)


def attacked(model: nn.Module, data: Stack, batch: int = 500) -> Tensor:
    """Return the test inputs after one step up the loss of this model: the fast gradient sign.

    A frozen network is attacked through its frozen decisions, of which the true gradient consists;
    at the attacked input its copy decides anew.
    """
    found = []
    parts = zip(data.test_inputs.split(batch, 1), data.test_labels.split(batch, 1), strict=True)
    for some, labels in parts:
        inputs = some.clone().requires_grad_(True)
        losses = member_losses(model(inputs), labels, True)
        (slope,) = torch.autograd.grad(losses.sum(), inputs)
        found.append(some + ATTACK * slope.sign())
    return torch.cat(found, dim=1)


def level_at(run: Trajectory, step: int) -> Float[np.ndarray, " members"]:
    """Return the change of the patterns at a step, smoothed, over the highest until then.

    It is what can be seen while training. NaN at the start, before any step was taken.
    """
    _, values = run.trace.array("pattern_change")
    if step == 0:
        return np.full(values.shape[1], np.nan)
    smoothed = smooth(values[:step], WINDOW)
    return smoothed[-1] / np.maximum(smoothed.max(axis=0), np.finfo(float).tiny)


def quiet_units(
    moments: Sequence[Moment], case: Case
) -> dict[str, Bool[Tensor, "members 1 units"]]:
    """Return the half of each layer's units that flipped least on the probe, from look to look."""
    data = case.data()
    probe = data.test_inputs[:, : case.probe]
    looks = []
    for moment in moments:
        frozen = freeze_patterns(moment.networks, example(data), members=len(case.seeds))
        looks.append(frozen.decisions(probe))
    quiet = {}
    for number, layer in enumerate(frozen.coverage.layers):
        planes = torch.stack([look[number].planes[0] for look in looks])
        flips = (planes[1:] != planes[:-1]).sum(dim=(0, 2))  # by member and unit
        order = flips.flatten(1).argsort(dim=1, stable=True)
        chosen = torch.zeros_like(order, dtype=torch.bool)
        chosen.scatter_(1, order[:, : order.shape[1] // 2], True)
        quiet[layer.name] = chosen.view(len(flips), 1, *flips.shape[1:])
    return quiet


def _looks(case: Case) -> list[int]:
    early = EARLY * case.steps
    return [round(early * (1 + at / (_LOOKS - 1)) / 2) for at in range(_LOOKS)]


def _times(run: Trajectory) -> Iterator[dict[str, Any]]:
    for text in DEFINITIONS:
        series = Definition.parse(text).quantity
        for kind in ("pattern", "weight"):
            steps, values = run.trace.array(f"{kind}_{series}")
            for k, seed in enumerate(run.case.seeds):
                time, censored = settling_time(steps, values[:, k], text)
                yield {
                    **run.case.choices,
                    "seed": seed,
                    "steps": run.case.steps,
                    "definition": text,
                    "of": kind,
                    "time": float(time),
                    "censored": bool(censored),
                }


def _series(run: Trajectory) -> Iterator[dict[str, Any]]:
    steps, values = run.trace.array("pattern_change")
    smoothed = smooth(values, WINDOW)
    at = np.unique(np.geomspace(1, len(values), _POINTS).round().astype(int)) - 1
    for k, seed in enumerate(run.case.seeds):
        for i in at:
            named = {**run.case.choices, "seed": seed, "step": int(steps[i])}
            yield {**named, "value": float(smoothed[i, k])}
