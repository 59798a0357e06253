"""Phase II: the way onto the plateau, the loss along it, and how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass

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
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

_NEURONS = 400  # of the networks of the sweeps
_SHARES = np.geomspace(0.02, 1, 40)

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
    right = theory.plateau_accuracy(problem)
    over = f"{settings.n_seeds} seeds"
    return OnPlateau(
        {
            "mp-saddle-to-plateau": typical(np.array([abs(r.plateau.slope) for r in runs]), over),
            "mp-plateau-accuracy": typical(
                np.array([run.plateau.accuracy - right for run in runs]), over
            ),
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
        settings.ratio,
        times,
        rises,
        theory.rise(problem, positive, times),
        _SHARES,
        off_law,
    )


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

    def exponents(self, name: str) -> Float[np.ndarray, " fitted"]:
        """Return the slope on logarithmic axes for each seed with three values or more."""
        found = []
        for row in self.measured[name]:
            known = np.isfinite(row)
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
    over = f"{len(repeats)} seeds"
    fitted = {
        (symbol, name): typical(axis.exponents(name), over)
        for symbol, axis in axes.items()
        for name in TIMES
    }
    words = {key: in_words(exponent) for key, exponent in fitted.items()}
    ratios = axes["p"]
    times = np.nanmedian(ratios.measured["T_acc"][:, -2:], axis=0)
    own = np.concatenate([axis.over_own.ravel() for axis in axes.values()])
    own = own[np.isfinite(own)]
    numbers: Numbers = {
        f"exponent-{AXES[symbol][0]}-{short}": words[symbol, name]
        for symbol in AXES
        for name, short in zip(TIMES, ("acc", "off", "limit"), strict=True)
    }
    numbers["ratio-last"] = or_no_run(
        np.diff(np.log(times))[0] / np.diff(np.log(ratios.values))[-1]
    )
    numbers["own-worst"] = float(own[np.argmax(np.abs(own - 1))]) if len(own) else "no run"
    claims = {
        "mp-plateau-time-angle": fitted["Δ", "T_acc"],
        "mp-plateau-time-ratio": fitted["p", "T_acc"],
        "mp-plateau-time-scale": fitted["κ₂", "T_acc"],
    }
    return Scaling(claims, numbers, axes, words)


def in_words(exponent: Estimate) -> str:
    """Say an exponent with its range over seeds."""
    if not exponent.known:
        return "not reached"
    return f"{exponent.value:.2f} ({exponent.low:.2f} to {exponent.high:.2f})"


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
