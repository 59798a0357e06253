"""The flow against other solvers, and what changes with a step, a loss or learned outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.chapters.multi_phase.settings import Numbers, Settings, solved
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.simulators.two_layer.descent import descend, survivors
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.many_points import Points, follow
from regime_lib.simulators.two_layer.phases import living_at, measure_phases
from regime_lib.simulators.two_layer.problem import (
    Neurons,
    TwoPoints,
    even_neurons,
    random_neurons,
)
from regime_lib.simulators.two_layer.reference import integrate
from regime_lib.simulators.two_layer.solver import exact_flow

_WIDE = TwoPoints(2.0, 0.4)
_RATE, _UNTIL, _WINDOW = 0.01, 110.0, 200  # of the tracked network; windows in steps
_KAPPA1 = 1e-2  # scale of the initial weights of the networks that large steps kill


@dataclass(frozen=True)
class SolverErrors:
    """How far the exact flow is from integrators that share less and less with it."""

    table: pd.DataFrame


def solver_errors(settings: Settings) -> SolverErrors:
    """Compare with SciPy's integrator and with gradient descent; check that the loss falls."""
    start, until = random_neurons(60, settings.seed, d=20, kappa1=1e-2), 200.0
    exact, rows = exact_flow(_WIDE, start, until), []
    for rtol in (1e-6, 1e-8, 1e-10):
        found = integrate(_WIDE, start, until, rtol=rtol)
        error = np.abs(found.loss - exact.loss(found.times)).max()
        rows.append(("solve_ivp", f"rtol {rtol:g}", error))
    for finer in (1, 2, 4):
        stages = [(4e-5 / finer, 0.05), (2e-3 / finer, 10.0), (2e-2 / finer, until)]
        run = descend(_WIDE, start, stages, np.geomspace(0.01, until - 1, 60))
        errors = np.abs(np.stack([run.f_plus, run.f_minus]) - exact.outputs(run.times))
        rows.append(("gradient descent", f"steps / {finer}", errors.max()))
    times, both = np.geomspace(0.01, until, 60), Points.of(_WIDE, 20)
    for rtol in (1e-7, 1e-9, 1e-11):
        outputs = follow(both, start, times, rtol=rtol).outputs
        error = np.abs(outputs.T - exact.outputs(times)).max()
        rows.append(("flow on any points", f"rtol {rtol:g}", error))
    times = np.geomspace(1e-5, settings.horizon, 800)
    rises = [np.diff(run.flow.loss(times)).max() for run in solved(settings)[:3]]
    rows.append(("loss", "largest increase", max(*rises, 0.0)))
    return SolverErrors(pd.DataFrame(rows, columns=["check", "setting", "largest error"]))


@dataclass(frozen=True)
class Tracked:
    """What the tracker sees on gradient descent, in means over windows of 200 steps."""

    numbers: Numbers
    times: Float[np.ndarray, " windows"]
    flips: Float[np.ndarray, " windows"]
    """Share of pattern bits that flip in a step."""
    updates: Float[np.ndarray, " windows"]
    """Size of the update of the weights."""
    switches: dict[str, float]
    """T_II and T_III of the exact flow."""


def network_in_torch() -> tuple[nn.Sequential, Tensor, Callable[[], Tensor]]:
    """Return a small even network, the two inputs, and a function that returns the loss.

    All 32 positive neurons and every other negative one of an even start, so that positive
    neurons are in the majority.
    """
    start = _even_start()
    inputs = torch.tensor(_WIDE.inputs())
    labels = torch.tensor([1.0, -1.0], dtype=torch.double)
    shares = torch.tensor([_WIDE.p, 1.0], dtype=torch.double) / (1 + _WIDE.p)
    hidden, output = nn.Linear(2, start.m, bias=False), nn.Linear(start.m, 1, bias=False)
    model = nn.Sequential(hidden, nn.ReLU(), output).double()
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor(start.weights))
        output.weight.copy_(torch.tensor(start.signs / math.sqrt(start.m))[None])
    output.weight.requires_grad_(False)

    def loss() -> Tensor:
        return (shares * torch.exp(-labels * model(inputs)[:, 0])).sum()

    return model, inputs, loss


def tracked(_: Settings) -> Tracked:
    """Attach the tracker to gradient descent on the two inputs; no setting matters."""
    model, inputs, loss = network_in_torch()
    optimizer = torch.optim.SGD(model[0].parameters(), lr=_RATE)
    with RegimeTracker(model, inputs) as tracker:
        for _step in range(round(_UNTIL / _RATE)):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
            tracker.update()
    steps, flips = tracker.trace.array("pattern_change", "all")
    updates = tracker.trace.array("weight_change", "all")[1]
    flips = _averaged(flips.ravel())
    flow = exact_flow(_WIDE, _even_start(), 1e4)
    phases = measure_phases(flow)
    with torch.no_grad():
        outputs = model(inputs)[:, 0].numpy()
    error = np.abs(outputs - np.ravel(flow.outputs(np.array([_UNTIL])))).max()
    return Tracked(
        {
            "tracked-error": f"{error:.0e}",
            "tracked-flips": float(flips[-1] * 2 * flow.start.m),
            "tracked-verdict": str(tracker.trace.regime_change()),
        },
        _averaged(steps * _RATE),
        flips,
        _averaged(updates.ravel()),
        {"T_II": phases.off_first, "T_III": phases.on_first},
    )


def _even_start() -> Neurons:
    full = even_neurons(64, kappa1=0.05)
    kept = np.r_[:32, 32:64:2]
    return Neurons(full.weights[kept], full.signs[kept])


def _averaged(values: Float[np.ndarray, " steps"]) -> Float[np.ndarray, " windows"]:
    whole = len(values) // _WINDOW * _WINDOW
    return values[:whole].reshape(-1, _WINDOW).mean(axis=1)


@dataclass(frozen=True)
class Variant:
    """One run with another loss, or with output weights that learn."""

    title: str
    times: Float[np.ndarray, " steps"]
    loss: Float[np.ndarray, " steps"]
    events: dict[str, float]
    """T_acc, T_II and T_III, NaN where a run does not get there."""


@dataclass(frozen=True)
class Variants:
    """The same even start under the paper's setting and two others."""

    numbers: Numbers
    runs: tuple[Variant, ...]


def variants(_: Settings) -> Variants:
    """Integrate other losses and learned output weights; no setting matters."""
    options: dict[str, dict[str, Any]] = {
        "exponential": {},
        "logistic": {"loss": "logistic"},
        "outputs learn": {"train_outputs": True},
    }
    runs = tuple(_variant(title, **chosen) for title, chosen in options.items())
    numbers = Numbers()
    for run, key in zip(runs, ("exp", "logistic", "outputs"), strict=True):
        for event, short in (("T_acc", "acc"), ("T_II", "off"), ("T_III", "on")):
            numbers[f"variant-{key}-{short}"] = f"{run.events[event]:.3g}"
    return Variants(numbers, runs)


def _variant(title: str, **options: Any) -> Variant:
    found = integrate(TwoPoints(2.0, 0.2), even_neurons(80), 3e5, **options)
    wrong = np.flatnonzero(found.f_minus > 0)
    accurate = float(found.times[wrong[-1] + 1]) if len(wrong) else math.nan
    off, on = (found.first(pattern, after=0.5) for pattern in (Pattern.SLIDE_V, Pattern.BOTH))
    shown = found.times > 1e-3
    events = {"T_acc": accurate, "T_II": off, "T_III": on}
    return Variant(title, found.times[shown], found.loss[shown], events)


@dataclass(frozen=True)
class Survival:
    """Share of the flow's living negative neurons that survive gradient descent."""

    numbers: Numbers
    steps: Float[np.ndarray, " steps"]
    """Constant steps, in units of kappa1 / kappa2."""
    constant: dict[str, Float[np.ndarray, "runs steps"]]
    """By the dimensions of the inputs."""
    moments: Float[np.ndarray, " moments"]
    """When a small step is raised."""
    raised: Float[np.ndarray, " moments"]
    safe: float
    """From when on a jump is shorter than a neuron's start."""


def survival(settings: Settings) -> Survival:
    """Train with constant steps, and with a small step that is raised at some moment."""
    problem = TwoPoints(settings.ratio, settings.delta)
    steps = np.array([0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
    moments = np.array([0.02, 0.1, 0.4, 1.0, 2.0, 3.0, 4.5, 6.0, 8.0, 11.0, 15.0])
    constant = {
        f"{d} dimensions": np.array(
            [_surviving(problem, seed, d, steps) for seed in settings.seeds[:4]]
        )
        for d in (2, 20)
    }
    raised, safe = _raised(problem, moments)
    return Survival({"safe-time": safe}, steps, constant, moments, raised, safe)


def _surviving(
    problem: TwoPoints, seed: int, d: int, steps: Float[np.ndarray, " steps"]
) -> Float[np.ndarray, " steps"]:
    """Return the share that survives each constant step, of a start in `d` dimensions."""
    start = random_neurons(1000, seed, d=d, kappa1=_KAPPA1)
    start = Neurons(start.weights[:, :2].copy(), start.signs)  # the rest does not move
    until = 5 * _KAPPA1
    ideal = (living_at(exact_flow(problem, start, until), until) < 0).mean()
    ends = [descend(problem, start, [(step * _KAPPA1, until)]).end for step in steps]
    return np.array([survivors(problem, end)[1] for end in ends]) / ideal


def _raised(
    problem: TwoPoints, moments: Float[np.ndarray, " moments"]
) -> tuple[Float[np.ndarray, " moments"], float]:
    """Return the share that survives a step of 0.1 from each moment on, and when that is safe.

    A neuron on the boundary of x+ jumps by the step times |a_k| (A C - B); its start has length
    kappa1 / sqrt(m).
    """
    start, step = even_neurons(200, kappa1=_KAPPA1), 0.1
    flow = exact_flow(problem, start, 1e3)
    times = np.linspace(0.05, 40, 8000)
    loss_plus, loss_minus = problem.class_losses(*flow.outputs(times))
    jumps = step * problem.kappa2 * (loss_plus * problem.cos - loss_minus)
    ideal = (living_at(flow, 100.0) < 0).mean()
    state, time, kept = start, 0.0, []
    for moment in moments:
        state = descend(problem, state, [(3e-4, moment - time)]).end
        time = moment
        later = descend(problem, state, [(step, 40.0)]).end
        kept.append(survivors(problem, later)[1] / ideal)
    return np.array(kept), float(times[np.argmax(jumps < _KAPPA1)])
