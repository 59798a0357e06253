"""Phase II: the way onto the plateau, the loss along it, and how long it lasts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.multi_phase.settings import (
    Numbers,
    Run,
    Settings,
    horizon,
    on_grid,
    or_no_run,
    solved,
    typical,
)
from regime_lib.estimate import Estimate
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Flow
from regime_lib.simulators.two_layer.phases import measure_phases, when_below
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

_NEURONS = 400  # of the networks of the sweeps
_SHARES = np.geomspace(0.02, 1, 40)
_SMALLER = 10  # how many times smaller the angle is at which saddle and plateau are timed

#: What is measured against one parameter at a time.
TIMES = ("T_acc", "T_II", "L·t")
#: The parameters that are varied one at a time, with the glue name of each and its values.
AXES: dict[str, tuple[str, Float[np.ndarray, " values"]]] = {
    "Δ": ("angle", np.geomspace(0.005, 0.5, 7)),
    "p": ("ratio", np.geomspace(2, 200, 7)),
    "κ₂": ("scale", np.geomspace(0.01, 1, 5)),
    "κ₁": ("start", np.geomspace(1e-6, 1e-2, 5)),
}


@dataclass(frozen=True)
class OnPlateau:
    """The loss of many networks against the closed forms of the plateau."""

    claims: dict[str, Estimate]
    numbers: Numbers
    ratio: float
    """The class ratio."""
    times: Float[np.ndarray, " times"]
    rises: Float[np.ndarray, "runs times"]
    """exp((f+ + f-) / 2) on the way onto the plateau."""
    rise_law: Float[np.ndarray, " times"]
    shares: Float[np.ndarray, " shares"]
    """Times over that of full accuracy."""
    off_law: Float[np.ndarray, "runs shares"]
    """The loss over its law, minus one."""


def plateau(settings: Settings) -> OnPlateau:
    """Compare the loss between saddle and full accuracy with its closed forms."""
    runs, problem = solved(settings), settings.problem
    few = runs[: max(3, len(runs) // 2)]
    times = np.linspace(0, 1.5 * np.median([run.phases.peak for run in runs]), 60)
    rises = np.array([np.exp(sum(run.flow.outputs(times)) / 2) for run in few])
    positive = float(np.mean([run.phases.alive_plus for run in few]))
    flat = [run for run in runs if np.isfinite(run.plateau.time)]
    off_law = np.array([_off_law(run) for run in flat]).reshape(-1, len(_SHARES))
    over = f"{settings.n_seeds} networks"
    rests = rests_of(settings)
    here = np.array([rest.decades for rest in rests])
    small = np.array([rest.decades for rest in _at_a_small_angle(settings)])
    off = [rest.accuracy_off(run.flow) for rest, run in zip(rests, runs, strict=True)]
    middle = np.median(here, axis=0), np.median(small, axis=0)
    return OnPlateau(
        {
            "mp-saddle-to-plateau": typical(small.min(axis=1), f"{len(small)} networks"),
            "mp-plateau-accuracy": typical(np.array(off), over),
            "mp-plateau-drift": typical(np.abs(off_law).max(axis=1), over),
            **on_grid(
                settings,
                {
                    "mp-plateau-height": "height",
                    "mp-plateau-arrival": "arrival",
                    "mp-accuracy-time": "accuracy_time",
                },
            ),
        },
        {
            "small-angle": settings.delta / _SMALLER,
            "saddle-decades": or_no_run(middle[0][0]),
            "plateau-decades": or_no_run(middle[0][1]),
            "saddle-decades-small": or_no_run(middle[1][0]),
            "plateau-decades-small": or_no_run(middle[1][1]),
        },
        settings.ratio,
        times,
        rises,
        theory.rise(problem, positive, times),
        _SHARES,
        off_law,
    )


@dataclass(frozen=True)
class Rests:
    """Between which times the loss of a run stays within 2 % of the saddle's and the plateau's.

    The saddle's is the loss of a network that says nothing, from the end of condensation on. NaN
    where the loss does not get there within the run.
    """

    condensed: float
    left: float
    arrived: float
    fallen: float

    @classmethod
    def of(cls, flow: Flow, condensed: float) -> Rests:
        """Time one run."""
        height, close = theory.plateau_loss(flow.problem), theory.CLOSE
        levels = 1 - close, height * (1 + close), height * (1 - close)
        return cls(condensed, *(when_below(flow, level) for level in levels))

    @property
    def decades(self) -> tuple[float, float]:
        """For how many decades of time it stays at the saddle, and on the plateau."""
        return _decades(self.condensed, self.left), _decades(self.arrived, self.fallen)

    def accuracy_off(self, flow: Flow) -> float:
        """Return the accuracy on the plateau less the predicted, mean over the log of time."""
        if not 0 < self.arrived < self.fallen:
            return math.nan
        times = np.geomspace(self.arrived, self.fallen, 50)
        off = flow.problem.accuracy(*flow.outputs(times)) - theory.plateau_accuracy(flow.problem)
        return float(off.mean())


@lru_cache(maxsize=2)
def rests_of(settings: Settings) -> tuple[Rests, ...]:
    """Time the networks at the chapter's setting."""
    return tuple(Rests.of(run.flow, run.phases.condensed) for run in solved(settings))


def _decades(begin: float, end: float) -> float:
    return math.log10(end / begin) if begin > 0 else math.nan


def _at_a_small_angle(settings: Settings) -> list[Rests]:
    """Time networks at a tenth of the angle."""
    problem = TwoPoints(settings.ratio, settings.delta / _SMALLER, settings.kappa2)
    found = []
    for seed in settings.seeds[: settings.some]:
        start = random_neurons(_NEURONS, seed, d=settings.d, kappa1=settings.kappa1)
        flow = exact_flow(problem, start, horizon(problem))
        found.append(Rests.of(flow, measure_phases(flow).condensed))
    return found


def _off_law(run: Run) -> Float[np.ndarray, " shares"]:
    """Return the loss over its law minus one, from the plateau's middle to full accuracy."""
    end = run.phases.accurate
    times = end * np.maximum(_SHARES, run.plateau.time / end)
    return run.flow.loss(times) / theory.drift(run.flow.problem, *run.living, times) - 1


@dataclass(frozen=True)
class Dependence:
    """Times against one parameter; every mapping is from `TIMES`."""

    values: Float[np.ndarray, " values"]
    measured: dict[str, Float[np.ndarray, "seeds values"]]
    """NaN where a run does not get there."""
    predicted: dict[str, Float[np.ndarray, " values"]]
    """With the expected living fractions."""
    over_own: Float[np.ndarray, "seeds values"]
    """T_acc over its formula with the run's own living fractions."""

    def exponents(self, name: str, above: float = 0.0) -> Float[np.ndarray, " fitted"]:
        """Return the slope on logarithmic axes for each seed with three values or more.

        Values of the parameter below `above` are left out.
        """
        found = []
        for row in self.measured[name]:
            known = np.isfinite(row) & (self.values >= above * (1 - 1e-9))
            if known.sum() >= 3:
                found.append(np.polyfit(np.log(self.values[known]), np.log(row[known]), 1)[0])
        return np.array(found, dtype=float)


@dataclass(frozen=True)
class Scaling:
    """How the times of the phases depend on every parameter."""

    claims: dict[str, Estimate]
    numbers: Numbers
    axes: dict[str, Dependence]
    exponents: dict[tuple[str, str], str]
    """In words, by parameter and time."""


def scaling(settings: Settings) -> Scaling:
    """Vary one parameter at a time, with some random networks at each value."""
    repeats = settings.seeds[: max(3, settings.n_seeds // 6)]
    axes = {symbol: _dependence(settings, symbol, repeats) for symbol in AXES}
    over = f"{len(repeats)} networks"
    fitted = {
        (symbol, name): typical(axis.exponents(name), over)
        for symbol, axis in axes.items()
        for name in TIMES
    }
    words = {key: in_words(exponent) for key, exponent in fitted.items()}
    ratios = axes["p"]
    large = typical(ratios.exponents("T_acc", ratios.values[-1] / 10), over)  # the last decade
    own = np.concatenate([axis.over_own.ravel() for axis in axes.values()])
    own = own[np.isfinite(own)]
    numbers: Numbers = {
        f"exponent-{AXES[symbol][0]}-{short}": words[symbol, name]
        for symbol in AXES
        for name, short in zip(TIMES, ("acc", "off", "limit"), strict=True)
    }
    numbers["ratio-from"] = float(ratios.values[-1] / 10)
    numbers["own-worst"] = float(own[np.argmax(np.abs(own - 1))]) if len(own) else "no run"
    claims = {
        "mp-plateau-time-angle": fitted["Δ", "T_acc"],
        "mp-plateau-time-ratio": large,
        "mp-plateau-time-scale": fitted["κ₂", "T_acc"],
    }
    return Scaling(claims, numbers, axes, words)


def in_words(exponent: Estimate) -> str:
    """Say an exponent with its interval."""
    if not exponent.known:
        return "not reached"
    value, low, high = (f"{x:z.2f}" for x in (exponent.value, exponent.low, exponent.high))
    return f"{value} ({low} to {high})"


def _dependence(settings: Settings, symbol: str, seeds: range) -> Dependence:
    """Measure the times at each value of one parameter, for each seed."""
    _, values = AXES[symbol]
    shape = (len(TIMES), len(seeds), len(values))
    measured, predicted = np.empty(shape), np.empty((len(TIMES), len(values)))
    over_own = np.empty(shape[1:])
    for j, value in enumerate(values):
        chosen = {"Δ": settings.delta, "p": settings.ratio, "κ₂": settings.kappa2}
        chosen |= {"κ₁": settings.kappa1, symbol: float(value)}
        problem = TwoPoints(chosen["p"], chosen["Δ"], chosen["κ₂"])
        expected = theory.living_fractions(problem)
        predicted[:, j] = (
            theory.accuracy_time(problem, *expected),
            theory.deactivation_time(problem, *expected),
            theory.final_constant(problem, *expected),
        )
        for i, seed in enumerate(seeds):
            start = random_neurons(_NEURONS, seed, kappa1=chosen["κ₁"])
            measured[:, i, j], over_own[i, j] = _times(problem, start)
    return Dependence(
        values,
        dict(zip(TIMES, measured, strict=True)),
        dict(zip(TIMES, predicted, strict=True)),
        over_own,
    )


def _times(problem: TwoPoints, start: Neurons) -> tuple[tuple[float, float, float], float]:
    """Return the three times of one network, and the first over its own prediction."""
    end = horizon(problem)
    flow = exact_flow(problem, start, end)
    run = measure_phases(flow)
    constant = float(flow.loss(np.array([end]))[0]) * end
    own = run.accurate / theory.accuracy_time(problem, run.alive_plus, run.alive_minus)
    last = constant if np.isfinite(run.on_first) else np.nan
    return (run.accurate, run.off_first, last), own
