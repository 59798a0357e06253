"""Beyond the paper: correlated data, large steps, rectifiers, and weights that are not tiny."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.deep_linear.learning import Losses, matched_plateaus
from regime_lib.chapters.deep_linear.settings import ONE, Settings
from regime_lib.chapters.part import Numbers
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.simulators.deep_linear.critical import visited_values
from regime_lib.simulators.deep_linear.flow import gradient_descent
from regime_lib.simulators.deep_linear.hessian import hessian
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.plateaus import find_plateaus
from regime_lib.simulators.deep_linear.problem import LinearTask
from regime_lib.simulators.deep_linear.settle import settle

_FACTORS = (0.8, 1.2, 1.6, 2.4)  # step sizes, of the limit of stability
_SHARP = (0.2, 6.0)  # a pair beside a sharp minimum
_RELU_STEPS, _RELU_RATE, _RELU_SCALE, _MOST_RELU = 1800, 0.03, 0.03, 6
#: Where a ReLU network is on its way down, in the order of the stages of `stage_of`.
STAGES = (
    "first plateau",
    "first transition",
    "second plateau",
    "second transition",
    "third plateau",
    "third transition",
    "end",
)
_NEAR = 0.05  # of a step's height, or of a loss


@dataclass(frozen=True)
class CorrelatedData:
    """The loss of least squares on correlated, noisy data."""

    numbers: Numbers
    runs: dict[str, Losses]  # by depth
    values: Float[np.ndarray, " values"]  # critical values, above what no linear map removes


def correlated_data(settings: Settings) -> CorrelatedData:
    """Follow networks of two depths, and match their plateaus."""
    random = settings.generator(14)
    task = correlated_task(settings.sigma, random)
    values = visited_values(task.singular_values.tolist(), 3) + task.floor
    runs: dict[str, Losses] = {}
    numbers: Numbers = {}
    for h, scale in ((2, 1e-5), (3, settings.initial_scale)):
        start = random_init((5, *[4] * (h - 1), 3), scale, random, runs=settings.n_seeds)
        path = settle(start, task, tolerance=1e-6, detail=3)
        runs[f"depth {h}"] = path.times[1:], path.losses[1:]
        worst = [match.worst for match in matched_plateaus(path, values[:-1])]
        numbers |= {f"raw-distance-{h}": float(np.median(worst)), f"raw-worst-{h}": max(worst)}
    return CorrelatedData(numbers, runs, values)


def correlated_task(sigma: tuple[float, float, float], random: np.random.Generator) -> LinearTask:
    """Return five inputs, the strongest direction four times the weakest, and noisy outputs."""
    basis = np.linalg.qr(random.standard_normal((60, 5)))[0].T
    turn = np.linalg.qr(random.standard_normal((5, 5)))[0]
    inputs = (turn * 4 ** np.linspace(-0.5, 0.5, 5)) @ basis
    outputs = np.diag(sigma) @ np.linalg.qr(random.standard_normal((5, 3)))[0].T @ inputs
    return LinearTask.from_data(inputs, outputs + 0.05 * random.standard_normal(outputs.shape))


@dataclass(frozen=True)
class LargeSteps:
    """Gradient descent on a pair of numbers, by step size over the limit beside the start."""

    numbers: Numbers
    losses: dict[str, Float[np.ndarray, " steps"]]
    # largest curvature × step / 2; NaN where diverged
    sharpness: dict[str, Float[np.ndarray, " steps"]]
    converged: dict[str, bool]


def large_steps(_: Settings) -> LargeSteps:
    """Start beside a sharp minimum with steps below and above its limit; no setting matters."""
    first, second = _SHARP
    start = (np.array([[first]]), np.array([[second]]))
    limit = 2 / float(np.hypot(second**2 - first**2, 2.0))
    losses, sharpness = {}, {}
    for factor in _FACTORS:
        name = f"{factor:g} times the limit"
        path = gradient_descent(start, ONE, factor * limit, 150)
        curvatures = [
            np.linalg.eigvalsh(hessian((a, b), ONE))[-1] if abs(a) + abs(b) < 1e6 else np.nan
            for a, b in zip(*path.layers, strict=True)
        ]
        sharpness[name] = np.array(curvatures) * factor * limit / 2
        with np.errstate(over="ignore", invalid="ignore"):
            losses[name] = path.losses
    converged = {name: bool(found[-1] < 1e-10) for name, found in losses.items()}
    ends = [found[-1] for name, found in sharpness.items() if converged[name]]
    numbers: Numbers = {"edge-ends": ", ".join(f"{x:.2f}" for x in ends)}
    return LargeSteps(numbers, losses, sharpness, converged)


class ReluStack(nn.Module):
    """Networks of depth three without biases, one per run, in batched matrices."""

    def __init__(
        self, sizes: tuple[int, ...], scale: float, runs: int, random: np.random.Generator
    ) -> None:
        super().__init__()
        layers = random_init(sizes, scale, random, runs=runs)
        self.layers = nn.ParameterList([nn.Parameter(torch.tensor(w)) for w in layers])

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs of shape (runs, samples, outputs) for inputs (samples, inputs)."""
        hidden = inputs.expand(len(self.layers[0]), -1, -1)
        for layer in self.layers[:-1]:
            hidden = torch.relu(hidden @ layer.mT)
        return hidden @ self.layers[-1].mT


@dataclass(frozen=True)
class Relu:
    """ReLU networks that learn a linear map from small weights."""

    numbers: Numbers
    losses: Float[np.ndarray, "steps seeds"]
    flips: Float[np.ndarray, "steps seeds"]  # share of all units and inputs that switch in a step
    values: Float[np.ndarray, " values"]  # critical values of the linear network
    shares: pd.DataFrame  # of the steps and of all flips in each of `STAGES`, medians


def relu(settings: Settings) -> Relu:
    """Train them by gradient descent with the tracker attached."""
    values = visited_values(settings.sigma, 3)
    losses, flips = train_relu(settings)
    steps, switches = shares_of_stages(losses, flips, values)
    shares = pd.DataFrame({"stage": STAGES, "of the steps": steps, "of the flips": switches})
    transitions = float(switches[1::2].sum()), float(steps[1::2].sum())
    paces = np.divide(switches, steps, out=np.zeros(len(STAGES)), where=steps > 0)
    halfway = 0.5 * float(values[0] + values[1])
    lingers = relu_plateaus(losses)
    return Relu(
        {
            "relu-riser-flips": transitions[0],
            "relu-riser-steps": transitions[1],
            "relu-first-flips": float(switches[0]),
            "relu-first-steps": float(steps[0]),
            "relu-pace-first": float(paces[0]),
            "relu-pace-riser": transitions[0] / transitions[1],
            "relu-pace-end": float(paces[-1]),
            "relu-end-flips": float(switches[-1]),
            "relu-end-steps": float(steps[-1]),
            "relu-flips-per-pair": float(np.median(flips.sum(axis=0))),
            "relu-halfway": halfway,
            "relu-on-half": _count_near(lingers, halfway),
            "relu-on-second": _count_near(lingers, float(values[1])),
            "relu-on-third": _count_near(lingers, float(values[2])),
        },
        losses,
        flips,
        values,
        shares,
    )


def train_relu(
    settings: Settings,
) -> tuple[Float[np.ndarray, "steps seeds"], Float[np.ndarray, "steps seeds"]]:
    """Train on white inputs in pairs ±x; return losses, and the share of flips per step."""
    seeds = min(settings.n_seeds, _MOST_RELU)
    half = settings.generator(16).standard_normal((128, 3))
    inputs = torch.tensor(whitened(np.concatenate([half, -half])))
    goal = inputs @ torch.tensor(settings.task.target).T
    model = ReluStack((3, 16, 16, 3), _RELU_SCALE, seeds, settings.generator(15))
    optimizer = torch.optim.SGD(model.parameters(), lr=_RELU_RATE)
    found = []
    with RegimeTracker(model, inputs, members=seeds) as tracker:
        for _ in range(_RELU_STEPS):
            optimizer.zero_grad()
            losses = 0.5 * ((model(inputs) - goal) ** 2).sum(dim=(1, 2))
            losses.sum().backward()
            optimizer.step()
            tracker.update()
            found.append(losses.detach().numpy())
    _, flips = tracker.trace.array("pattern_change", "all")
    return np.array(found), flips


def whitened(
    inputs: Float[np.ndarray, "samples features"],
) -> Float[np.ndarray, "samples features"]:
    """Return inputs X (XᵀX)^(-1/2), whose second moments are the identity."""
    spread, directions = np.linalg.eigh(inputs.T @ inputs)
    return inputs @ (directions / np.sqrt(spread)) @ directions.T


def stage_of(
    losses: Float[np.ndarray, "..."], values: Float[np.ndarray, " values"]
) -> Int[np.ndarray, "..."]:
    """Return 0, 2, 4, ... where a loss is on a plateau and 1, 3, ... on transitions between.

    A loss is on a plateau within a twentieth of the height of the step that begins or ends there.
    """
    edges = [
        edge
        for upper, lower in pairwise(values)
        for edge in (upper - _NEAR * (upper - lower), lower + _NEAR * (upper - lower))
    ]
    return (losses[..., None] < np.array(edges)).sum(axis=-1)


def shares_of_stages(
    losses: Float[np.ndarray, "steps seeds"],
    flips: Float[np.ndarray, "steps seeds"],
    values: Float[np.ndarray, " values"],
) -> tuple[Float[np.ndarray, " stages"], Float[np.ndarray, " stages"]]:
    """Return the share of the steps and of all flips in each stage, medians over seeds."""
    inside = stage_of(losses, values) == np.arange(len(STAGES))[:, None, None]
    steps = np.median(inside.mean(axis=1), axis=1)
    return steps, np.median((inside * flips).sum(axis=1) / flips.sum(axis=0), axis=1)


def relu_plateaus(losses: Float[np.ndarray, "steps seeds"]) -> list[Float[np.ndarray, " plateaus"]]:
    """Return the losses at which each run lingers, judged by the speed that its loss implies."""
    speeds = smooth(np.sqrt(np.maximum(-np.diff(losses, axis=0), 0) / _RELU_RATE), 15)
    steps = np.arange(len(speeds), dtype=float)
    return [
        find_plateaus(steps, loss[:-1], speed, floor=0.01).losses
        for loss, speed in zip(losses.T, speeds.T, strict=True)
    ]


def _count_near(plateaus: list[Float[np.ndarray, " plateaus"]], loss: float) -> str:
    """Say how many runs have a plateau near a loss."""
    near = [bool((abs(found / loss - 1) < _NEAR).any()) for found in plateaus]
    return f"{sum(near)} of {len(near)}"


@dataclass(frozen=True)
class ScaleLaw:
    """How far the second plateau at depth two is from its critical value."""

    numbers: Numbers
    scales: Float[np.ndarray, " scales"]  # standard deviations of the initial weights
    deviations: Float[np.ndarray, "scales seeds"]  # relative distance
    exponent: float  # of the predicted power law


def scale_law(settings: Settings) -> ScaleLaw:
    """Fit the power of the initial scale, and estimate it as 4 (1 - r) / (2 + r)."""
    random, scales = settings.generator(17), np.geomspace(1e-6, 1e-2, 5)
    second = visited_values(settings.sigma, 3)[1]
    ratio = settings.sigma_2 / settings.sigma_1
    exponent = 4 * (1 - ratio) / (2 + ratio)
    deviations = []
    for scale in scales:
        start = random_init((3, 3, 3), scale, random, runs=settings.n_seeds)
        path = settle(start, settings.task, tolerance=1e-6, detail=8)
        found = [
            find_plateaus(path.times, loss, speed, prominence=1.01).losses[1:]
            for loss, speed in zip(path.losses.T, path.speeds.T, strict=True)
        ]
        deviations.append([abs(losses / second - 1).min(initial=1.0) for losses in found])
    medians = np.median(deviations, axis=1)
    measured = float(np.polyfit(np.log(scales), np.log(medians), 1)[0])
    return ScaleLaw(
        {"scale-exponent": measured, "scale-predicted": exponent},
        scales,
        np.array(deviations),
        exponent,
    )
