"""One run to the end of training: tracked at every step, looked at more closely at some.

All shorter runs are read off a long one: every definition is applied to what was seen until a
horizon. Distances to the end are to the state at that horizon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.late.looks import (
    FACTORS,
    LayerFlips,
    Looker,
    State,
    differs,
    distance,
    flips_of_step,
    random_step,
)
from regime_lib.chapters.three_times.specifications import times_of
from regime_lib.chapters.three_times.tasks import LearningTask, loss, task_of
from regime_lib.instrument.settling.candidates import DEFINITIONS
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.memory import give_back
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.loop import descend, evaluate

#: Steps over which net flips are counted at a look.
NET = (4, 16, 64, 256)
#: How else a definition is asked, to see how much hangs on it: steps left out at the start, and
#: the window of the trailing mean in steps. The first is how it is asked.
VARIANTS = ((0, 51), (10, 51), (100, 51), (0, 25), (0, 102))
_EVALUATED = 2000  # samples of the training set, and of the test set, on which losses are taken
_SERIES = ("pattern_change", "weight_change", "weight_change_rel", "pattern_from_start",
           "weight_from_start")  # fmt: skip
_TRIMMED = 200  # steps after which freed memory is given back
_POINTS = 120  # about so many steps of a series are kept


@dataclass(frozen=True)
class LateConfig:
    """A run, and where it is looked at."""

    run: RunConfig
    looks: int = 100  # about so many, at steps that are even in logarithm
    horizons: tuple[int, ...] = ()  # steps at which shorter runs end; the run's own end is added

    @property
    def ends(self) -> tuple[int, ...]:
        """All horizons, the end of the run last."""
        return (*(h for h in self.horizons if h < self.run.steps), self.run.steps)

    @property
    def steps(self) -> Int[np.ndarray, " looks"]:
        """The steps of the looks; at each of them the step that follows is looked at, too."""
        even = np.geomspace(1, self.run.steps - 1, self.looks).round().astype(int)
        return np.union1d(np.r_[0, even], self.ends)

    @property
    def named(self) -> dict[str, Any]:
        """What tells this run from others, in every table."""
        return {**self.run.choices, "activation": self.run.activation}


@dataclass(frozen=True, eq=False)
class Look:
    """The network after some step."""

    step: int
    state: State
    losses: dict[str, float]  # training and test loss, training and test accuracy
    flips: list[LayerFlips]  # of the step that follows; empty at the end
    net: dict[int, float]  # by window: share of signs that differ so many steps later


@dataclass(frozen=True, eq=False)
class LateRun:
    """What a run left behind."""

    config: LateConfig
    trace: Trace
    looks: list[Look]
    epoch_losses: Float[np.ndarray, " epochs"]  # mean of the batches' losses

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of the run's tables, see `late_runs`."""
        return {
            "specifications": list(self._specifications()),
            "runs": [self._summary()],
            "series": list(self._thinned()),
            "looks": list(self._looks()),
            "flips": list(self._flips()),
        }

    def from_end(self, horizon: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return steps and distances to the state at a horizon, of patterns and weights."""
        seen = [look for look in self.looks if look.step <= horizon]
        last, steps = seen[-1].state, np.array([look.step for look in seen])
        weights = [np.linalg.norm(look.state.parameters - last.parameters) for look in seen]
        patterns = [distance(look.state, last) for look in seen]
        return {
            "pattern_from_end": (steps, np.array(patterns)),
            "weight_from_end": (steps, np.array(weights, dtype=float)),
        }

    def _specifications(self) -> Iterator[dict[str, Any]]:
        named, last = self.config.named, self.config.run.steps
        for horizon in self.config.ends:
            cut = self.trace.until(horizon)
            found = {name: _series(cut, name) for name in _SERIES} | self.from_end(horizon)
            for skipped, window in VARIANTS if horizon == last else VARIANTS[:1]:
                kept = {
                    name: (steps[steps > skipped], values[steps > skipped])
                    if name.endswith("change") or name.endswith("change_rel")
                    else (steps, values)
                    for name, (steps, values) in found.items()
                }
                for row in times_of(kept, DEFINITIONS, window):
                    yield {**named, "horizon": horizon, "skipped": skipped, "window": window, **row}

    def _summary(self) -> dict[str, Any]:
        first, last = self.looks[0].losses, self.looks[-1].losses
        low = np.flatnonzero(self.epoch_losses < 1e-3)
        return {
            **self.config.named,
            "steps": self.config.run.steps,
            "epochs": len(self.epoch_losses),
            "epoch_below": int(low[0]) + 1 if low.size else 0,
            "last_epoch_loss": float(self.epoch_losses[-1]),
            **{f"start_{name}": value for name, value in first.items()},
            **last,
        }

    def _thinned(self) -> Iterator[dict[str, Any]]:
        for name in _SERIES:
            steps, values = _series(self.trace, name)
            if name.endswith("change"):
                values = smooth(values[:, None], 51)[:, 0]
            at = np.unique(np.geomspace(1, len(values), _POINTS).round().astype(int)) - 1
            for step, value in zip(steps[at], values[at], strict=True):
                yield {
                    **self.config.named,
                    "quantity": name,
                    "step": int(step),
                    "value": float(value),
                }

    def _looks(self) -> Iterator[dict[str, Any]]:
        last = self.looks[-1].state
        moved = np.array([differs(look.state, last) for look in self.looks])
        # a sample has settled at a look if neither this look nor a later one differs from the end
        unsettled = np.logical_or.accumulate(moved[::-1], axis=0)[::-1].mean(axis=1)
        _, change = _series(self.trace, "weight_change")
        path = np.r_[0.0, np.cumsum(change)]
        _, flips = _series(self.trace, "pattern_change")
        all_flips = np.r_[0.0, np.cumsum(flips)]
        far = self.from_end(self.config.run.steps)
        for i, look in enumerate(self.looks):
            ahead = {
                f"{kind}_{window}": value
                for window, net in look.net.items()
                for kind, value in (
                    ("net", net),
                    ("flips", float(all_flips[look.step + window] - all_flips[look.step])),
                )
            }
            yield {
                **self.config.named,
                "step": look.step,
                **look.losses,
                "path": float(path[look.step]),
                "weight_from_end": float(far["weight_from_end"][1][i]),
                "pattern_from_end": float(far["pattern_from_end"][1][i]),
                "settled_samples": 1 - float(unsettled[i]),
                **{name: ahead.get(name, np.nan) for name in _AHEAD},
            }

    def _flips(self) -> Iterator[dict[str, Any]]:
        for look in self.looks:
            for one in look.flips:
                row = asdict(one)
                factors = dict(zip(FACTORS, row.pop("factors"), strict=True))
                yield {**self.config.named, "at": look.step, **row, **factors}


_AHEAD = tuple(f"{kind}_{window}" for window in NET for kind in ("net", "flips"))


def late_run(config: LateConfig) -> LateRun:
    """Train one network to its end, track it and look at it."""
    run, training = config.run, config.run.training
    task = task_of(run)
    model = task.network(run)
    optimizer = training.make_optimizer(model.parameters())
    watch = _Watch(config, task, model)
    steps = descend(model, optimizer, training, task.batches(run), range(run.steps))
    losses = np.empty(run.steps)
    smooth_too = run.activation != "relu"
    with RegimeTracker(model, task.probe, snapshots=1, smooth=smooth_too) as tracker:
        watch.after(0)
        for step, value in steps:
            tracker.update()
            watch.after(step + 1)
            losses[step] = value.item()
            if step % _TRIMMED == 0:
                give_back()
    each = task.epoch(run)
    whole = len(losses) // each * each or len(losses)
    epochs = losses[:whole].reshape(-1, min(each, whole)).mean(axis=1)
    return LateRun(config, tracker.trace, watch.looks, epochs)


class _Watch:
    """Makes the looks of a run, each when its time has come."""

    def __init__(self, config: LateConfig, task: LearningTask, model: nn.Module) -> None:
        self.looks: list[Look] = []
        self._steps, self._end = set(config.steps.tolist()), config.run.steps
        self._looker, self._task = Looker(model, task.probe), task
        self._seed = config.run.seed
        self._open: tuple[Look, list[Tensor]] | None = None  # the look whose step is to come
        self._due: dict[int, list[tuple[Look, int]]] = {}  # net flips to count at a step

    def after(self, step: int) -> None:
        """Look after a step, if anything is due."""
        wanted = step in self._steps
        if not (wanted or self._open or step in self._due):
            return
        state, values = self._looker.state()
        if self._open is not None:
            self._close(state, values)
        for look, window in self._due.pop(step, ()):
            look.net[window] = distance(look.state, state)
        if wanted:
            look = Look(step, state, self._losses(), [], {})
            self.looks.append(look)
            self._open = (look, values) if step < self._end else None
            for window in NET:
                if step + window <= self._end:
                    self._due.setdefault(step + window, []).append((look, window))

    def _close(self, state: State, values: list[Tensor]) -> None:
        assert self._open is not None
        look, before = self._open
        change = state.parameters - look.state.parameters
        norm = float(np.linalg.norm(change.astype(float)))
        if norm > 0:
            drawn = generator(self._seed, f"look {look.step}")
            other = look.state.parameters + random_step(norm, len(change), drawn)
            with self._looker.moved(other):
                random = self._looker.preactivations()
            look.flips.extend(flips_of_step(before, values, random, norm))
        self._open = None

    def _losses(self) -> dict[str, float]:
        found = {}
        for name, (inputs, targets) in self._task.evaluated(_EVALUATED).items():
            logits = torch.cat([evaluate(self._looker.model, some) for some in inputs.split(500)])
            right = (logits.argmax(dim=-1) == targets).double().mean()
            found[f"{name}_loss"] = float(loss(logits, targets))
            found[f"{name}_accuracy"] = float(right)
        return found


def shorter(config: LateConfig, **changes: Any) -> LateConfig:
    """Return the same with other fields of its run."""
    return replace(config, run=replace(config.run, **changes))


def of_point(point: Mapping[str, Any]) -> LateConfig:
    """Read a configuration from a point of a sweep."""
    own = dict(point)
    looks, horizons = own.pop("looks"), tuple(own.pop("horizons"))
    return LateConfig(RunConfig(**own), looks, horizons)


def _series(trace: Trace, name: str) -> tuple[np.ndarray, np.ndarray]:
    steps, values = trace.array(name)
    return steps, values[:, 0]
