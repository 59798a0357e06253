"""What chapter 62 measures with batch normalisation: lagging statistics, and what they hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from torch import nn

from regime_lib.chapters.grokking.batchnorm import (
    delays_under_all,
    late_without_change,
    moments_under,
)
from regime_lib.chapters.grokking.cases import few_images, normalised_model
from regime_lib.chapters.grokking.first_passage import (
    median_of,
    median_or_dash,
    median_over_seeds,
    value_at,
)
from regime_lib.chapters.grokking.initial_scale import in_second_phase
from regime_lib.chapters.grokking.normalised_transition import follow_closely
from regime_lib.chapters.grokking.run import layer_slopes
from regime_lib.chapters.grokking.running_statistics import StatisticsRun, follow_statistics
from regime_lib.chapters.grokking.settings import Settings
from regime_lib.estimate import Estimate
from regime_lib.lab.training.checkpoints import log_steps
from regime_lib.lab.training.config import TrainingConfig

Numbers = dict[str, float | int | str]

_MOMENTA = (0.1, 1.0, 0.3, 0.03)  # the first one lags, the second does not
_LRS, _SHOWN_LR = (1e-3, 3e-3, 1e-2), 3e-3
_NETWORKS = 12  # at each learning rate: 36 without a late one would bound their share by 0.1
_CLOSE = 3  # networks that are measured after every step, which takes long and carries no claim
_EVERY = 3  # checks from one measurement of slopes to the next


@dataclass(frozen=True)
class Normalised:
    """Deep networks with batch normalisation, evaluated with several running statistics."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    run: StatisticsRun
    """At the learning rate that is shown."""
    delays: Float[np.ndarray, "momenta members"]
    """Steps from memorisation to generalisation."""
    memorised: int
    """At which check half of the networks have memorised."""
    tests: dict[str, Float[np.ndarray, "checks members"]]
    """Test accuracy under lagging, fresh and the test set's own statistics."""

    @property
    def delay_by_momentum(self) -> pd.DataFrame:
        """The median delay against one over the momentum."""
        spans = 1 / np.array(self.run.momenta)
        delay = np.nanmedian(self.delays, axis=1)
        return pd.DataFrame({"1 / momentum": spans, "median delay": delay}).sort_values(
            "1 / momentum"
        )


@dataclass(frozen=True, eq=False)
class Followed:
    """Networks at one learning rate, with the slopes of their layers."""

    run: StatisticsRun
    steps: Int[np.ndarray, " moments"]
    """At which slopes were measured."""
    slopes: Float[np.ndarray, "moments layers members"]

    def second_phase(self, times: Float[np.ndarray, " members"]) -> Bool[np.ndarray, " members"]:
        """Return who is in the second phase when slopes are next measured after a time of its own.

        Without a time, or where none is measured after it: not.
        """
        found = np.zeros(len(times), dtype=bool)
        for k, time in enumerate(times):
            after = np.flatnonzero(self.steps >= time)
            if len(after):
                (found[k],) = in_second_phase(self.slopes[after[0], :, k][None])
        return found

    def first_phase_before(
        self, times: Float[np.ndarray, " members"]
    ) -> Bool[np.ndarray, " members"]:
        """Return who was in the first phase at any look up to a time of its own."""
        steeper = np.stack([in_second_phase(slopes[::-1].T) for slopes in self.slopes])
        return np.any(steeper & (self.steps[:, None] <= times), axis=0)


def normalised(settings: Settings) -> Normalised:
    """Follow running statistics at three learning rates, with other networks at each."""
    runs = followed(settings)
    run = runs[_SHOWN_LR].run
    delays = delays_under_all(run)
    late = late_without_change([(r.run, r.slopes) for r in runs.values()], _MOMENTA[0])
    memorised = moments_under(run, _MOMENTA[0]).medians[0]
    there = int(np.argmin(np.abs(run.steps - memorised)))
    gap, fresh_gap = np.median(run.gap[there], axis=1)[:2]
    numbers: Numbers = {
        "normalised-memorised": median_or_dash(memorised),
        "normalised-gap": float(gap),
        "normalised-gap-fresh": float(fresh_gap),
        "normalised-delay": median_or_dash(delays[0]),
        "normalised-delay-slow": median_or_dash(delays[3]),
        "normalised-networks": _NETWORKS,
        "phase-runs": late.runs,
        "phase-changed": late.changed,
        "phase-late": late.late,
    }
    lagging = np.where(delays[0] > 0, delays[0], np.nan)
    claims = {
        "nd-batchnorm-lag": median_over_seeds(delays[1] / lagging),
        "nd-batchnorm-phase": late.share,
    }
    tests = {
        "running (0.1)": run.test_accuracy[:, 0],
        "running (1)": run.test_accuracy[:, 1],
        "own batch": run.batch_accuracy,
    }
    for name, test in zip(("lagging", "fresh", "batch"), tests.values(), strict=True):
        numbers[f"normalised-{name}"] = float(np.median(test[there]))
    return Normalised(claims, numbers, run, delays, there, tests)


def late_in_second_phase(
    settings: Settings,
) -> tuple[Bool[np.ndarray, " networks"], Bool[np.ndarray, " networks"]]:
    """Return which normalised networks are late, of those in the second phase at memorisation.

    The second array says which of these were never in the first phase before, at any look.
    """
    late, always = [], []
    for found in followed(settings).values():
        times = moments_under(found.run, _MOMENTA[0])
        second = found.second_phase(times.memorised)
        late.append(times.late[second])
        always.append(~found.first_phase_before(times.memorised)[second])
    return np.concatenate(late), np.concatenate(always)


@lru_cache(maxsize=1)
def followed(settings: Settings) -> dict[float, Followed]:
    """Train networks of their own at each learning rate."""
    return {lr: _followed(settings, lr, _seeds(settings, lr)) for lr in _LRS}


def _seeds(settings: Settings, lr: float) -> range:
    first = settings.seed + _NETWORKS * _LRS.index(lr)
    return range(first, first + _NETWORKS)


def _followed(settings: Settings, lr: float, seeds: Sequence[int]) -> Followed:
    data, slopes = few_images(settings, seeds), []
    checks = log_steps(1, 160 if lr == _SHOWN_LR else 80, 24)[1:]
    taken = np.arange(len(checks)) % _EVERY == (len(checks) - 1) % _EVERY  # with the last one
    seen = iter(taken)

    def observe(model: nn.Module) -> None:
        if next(seen):
            slopes.append(layer_slopes(model, data))

    config = TrainingConfig(optimizer="adam", lr=lr, steps=160, batch_size=None)
    model = normalised_model(settings, seeds)
    run = follow_statistics(model, data, config, _MOMENTA, checks, observe)
    return Followed(run, checks[taken], np.array(slopes))


@dataclass(frozen=True)
class NormalisedTransition:
    """What these networks do when they seem to generalise late."""

    numbers: dict[str, float | int | str]
    medians: pd.DataFrame
    """A row per quantity: medians over seeds at memorisation, at the jump and at the end."""


def normalised_transition(settings: Settings) -> NormalisedTransition:
    """Measure the networks after every step, with true statistics."""
    config = TrainingConfig(optimizer="adam", lr=_SHOWN_LR, steps=80, batch_size=None)
    seeds = _seeds(settings, _SHOWN_LR)[:_CLOSE]
    model, data = normalised_model(settings, seeds), few_images(settings, seeds)
    run, seen = follow_closely(model, data, config, _MOMENTA[0])
    late = moments_under(run, _MOMENTA[0])
    ends = np.full(len(seeds), float(run.steps[-1]))
    moments = {"memorised": late.memorised, "jump": late.jump, "end": ends}
    there = {
        name: {moment: value_at(run.steps, curves, t) for moment, t in moments.items()}
        for name, curves in seen.items()
    }
    numbers: Numbers = {"bn-close": len(seeds)}
    for name in ("norm", "sample basin", "weight basin", "flips"):
        ratio = there[name]["jump"] / there[name]["memorised"]
        numbers[f"bn-{name.replace(' ', '-')}"] = median_or_dash(ratio)
    for name in ("first slope", "last slope", "own batch"):
        for moment in ("memorised", "jump"):
            numbers[f"bn-{name.replace(' ', '-')}-{moment}"] = median_or_dash(there[name][moment])
    medians = {m: [median_of(values[m]) for values in there.values()] for m in moments}
    return NormalisedTransition(numbers, pd.DataFrame({"quantity": list(there), **medians}))
