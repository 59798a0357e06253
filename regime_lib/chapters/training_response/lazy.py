"""A part of chapter 30 on when a network is its tangent kernel: width, and scale of the start."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.settings import ACTIVATIONS, Settings
from regime_lib.estimate import Estimate, median, over_runs
from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.networks import (
    Networks,
    distances,
    make_networks,
    symmetric_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.setup import Activation

#: Widths at scale one, then scales of the start at the chapter's width.
WIDTHS = (32, 128, 512, 2048)
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)

_WIDTH = 128  # the chapter's; exponents are fitted from it on, and from scale one on
_PLAIN = SCALES.index(1.0)
_GOAL = float(np.log(99))  # the logit at which the output is 0.99
_STEP = 0.05  # rate × kernel at the start
_EPOCHS = 1000  # until the last step of which the response is predicted

Changes = Float[np.ndarray, "settings seeds"]


@dataclass(frozen=True)
class Lazy(Part):
    """How much the tangent kernel changes until the output is 0.99."""

    # kernel at the trained input at the start, over q times the logit to be learnt; medians
    sizes: dict[str, Float[np.ndarray, " settings"]]  # by "width" and "scale"
    changes: dict[tuple[Activation, str], Changes]  # relative, at all inputs together
    predicted: dict[str, Changes]  # by the rotation, for ReLU


@dataclass(frozen=True)
class _Run:
    size: float  # as in `Lazy`
    change: Float[np.ndarray, " seeds"]
    own: Float[np.ndarray, " seeds"]  # relative change at the trained input alone
    predicted: Float[np.ndarray, " seeds"]  # of `change`; NaN where it is not ReLU


def lazy(settings: Settings) -> Lazy:
    """Train at several widths and scales of the start, and compare with what the start predicts."""
    varied = {
        "width": [(width, 1.0) for width in WIDTHS],
        "scale": [(_WIDTH, scale) for scale in SCALES],
    }
    runs = {
        (activation, name): [_trained(settings, activation, *pair) for pair in pairs]
        for activation in ACTIVATIONS
        for name, pairs in varied.items()
    }
    changes = {key: np.array([run.change for run in found]) for key, found in runs.items()}
    predicted = {name: np.array([run.predicted for run in runs["relu", name]]) for name in varied}
    ratios = np.concatenate([changes["relu", name] / predicted[name] for name in varied])
    n, over = len(settings.few_seeds), f"{len(settings.few_seeds)} seeds"

    def furthest(picks: Int[np.ndarray, " picks"]) -> float:
        medians = np.median(ratios[:, picks], axis=1)
        return float(medians[np.abs(medians - 1).argmax()])

    claims = {
        "tr-response-tangent": median(_error_of_prediction(settings), over=over),
        "tr-lazy-width": _exponent(settings, changes, "width", -2.0),
        "tr-lazy-scale": _exponent(settings, changes, "scale", -4.0),
        "tr-lazy-law": over_runs(furthest, n, over=over, seed=settings.seed),
    }
    own = np.array([run.own for run in runs["relu", "scale"]])
    numbers: Numbers = {
        "lazy-change": 100 * float(np.median(changes["relu", "scale"][_PLAIN])),
        "lazy-change-small": 100 * float(np.median(changes["relu", "scale"][0])),
        "lazy-scale-own": _slope("scale", own),
        "lazy-scale-relu": _slope("scale", changes["relu", "scale"]),
        "lazy-scale-elu": _slope("scale", changes["elu", "scale"]),
    }
    sizes = {name: np.array([run.size for run in runs["relu", name]]) for name in varied}
    return Lazy(claims, numbers, sizes, changes, predicted)


def _slope(name: str, changes: Changes) -> float:
    """Return the log-log slope of the median change against what is varied, from scale one on."""
    values, first = (WIDTHS, WIDTHS.index(_WIDTH)) if name == "width" else (SCALES, _PLAIN)
    medians = np.log(np.median(changes[first:], axis=1))
    return float(np.polyfit(np.log(values[first:]), medians, 1)[0])


def _exponent(
    settings: Settings, changes: dict[tuple[Activation, str], Changes], name: str, law: float
) -> Estimate:
    """Return the exponent of the network whose exponent lies farther from the law."""

    def slope(picks: Int[np.ndarray, " picks"]) -> float:
        slopes = [_slope(name, changes[activation, name][:, picks]) for activation in ACTIVATIONS]
        return max(slopes, key=lambda found: abs(found - law))

    n = len(settings.few_seeds)
    return over_runs(slope, n, over=f"{n} seeds", seed=settings.seed)


def _trained(settings: Settings, activation: Activation, width: int, scale: float) -> _Run:
    """Train until the output is 0.99, and see how far the kernel has changed."""
    setup, seeds = replace(settings.setup(activation), features=width), settings.few_seeds
    start, own = symmetric_networks(setup, seeds, scale), trained_inputs(setup, seeds)
    inputs = setup.all_inputs()
    before = start.tangent_kernel(inputs, own)
    place = np.arange(len(own)), distances(inputs, own).argmin(axis=1)
    size = float(np.median(before[place]))
    run = OnePoint(start, own, _STEP / size)
    while np.median(run.step(until=_GOAL)) < _GOAL:
        pass

    def moved(networks: Networks) -> Float[np.ndarray, "seeds inputs"]:
        return networks.tangent_kernel(inputs, own) - before

    def relative(by: Float[np.ndarray, "seeds inputs"]) -> Float[np.ndarray, " seeds"]:
        return np.linalg.norm(by, axis=1) / np.linalg.norm(before, axis=1)

    predicted = np.full(len(seeds), np.nan)
    if activation == "relu":
        flow = HyperbolicFlow(start, own, 1.0)
        predicted = relative(moved(flow.networks(_angle_of(flow, run.logits))))
    change = moved(run.networks())
    length = float(np.sqrt(1 + (own**2).sum(axis=1).mean()))
    return _Run(
        size / (length * _GOAL), relative(change), np.abs(change / before)[place], predicted
    )


def _angle_of(
    flow: HyperbolicFlow, logits: Float[np.ndarray, " seeds"]
) -> Float[np.ndarray, " seeds"]:
    """Return the angle at which each network has a logit, which grows with the angle."""
    grid = np.linspace(0, 3, 6001)
    known = flow.logit(np.repeat(grid[:, None], len(logits), axis=1))
    return np.array([np.interp(z, column, grid) for z, column in zip(logits, known.T, strict=True)])


def _error_of_prediction(settings: Settings) -> Float[np.ndarray, " seeds"]:
    """Return how far responses lie from rate × error × kernel, the larger of first and last."""
    setup, seeds, rate = settings.setup(), settings.few_seeds, settings.rate_ce
    own, inputs = trained_inputs(setup, seeds), setup.all_inputs()
    run, found = OnePoint(make_networks(setup, seeds), own, rate), []
    for epoch in range(1, _EPOCHS + 1):
        if epoch not in (1, _EPOCHS):
            run.step()
            continue
        before, error = run.networks(), setup.error(run.logits, 1.0)
        run.step()
        response = run.networks().logits(inputs) - before.logits(inputs)
        law = rate * error[:, None] * before.tangent_kernel(inputs, own)
        found.append(np.linalg.norm(response - law, axis=1) / np.linalg.norm(law, axis=1))
    return np.max(found, axis=0)
