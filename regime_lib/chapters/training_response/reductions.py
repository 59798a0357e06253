"""Parts of chapter 30 on what can be solved: one weight, and ReLU networks as one angle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from regime_lib.chapters.training_response.settings import LOSSES, Settings
from regime_lib.estimate import Estimate, number, run_range
from regime_lib.simulators.training_response import derivations
from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.kernels import limit_kernel
from regime_lib.simulators.training_response.networks import (
    Networks,
    distances,
    make_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.one_weight import OneWeight
from regime_lib.simulators.training_response.response import by_distance, log_spaced

_STEPS = 100_000
_RATES, _SLOPES = (0.1, 0.3, 1.0), (1.0, 3.0)
#: Rates, slopes and targets among which the reader chooses.
CHOICES = ((0.03, 0.1, 0.3, 1.0), (0.5, 1.0, 2.0, 4.0), (0.6, 0.9, 0.99, 1.0))

Curve = Float[np.ndarray, " _"]


@dataclass(frozen=True)
class Law:
    """A law of the one-weight system, and whether computer algebra verifies it."""

    name: str
    latex: str
    holds: bool


@dataclass(frozen=True)
class Algebra:
    """The laws of the one-weight system."""

    claims: dict[str, Estimate]
    solutions: tuple[Law, ...]  # implicit solutions, one for each loss and kind of target
    limits: tuple[Law, ...]  # what follows from them early, late, and near a target


def algebra(_: Settings) -> Algebra:
    """Derive the laws and put each back into its equation; no setting matters."""
    solutions = _laws(derivations.implicit_solutions())
    limits = _laws(
        (
            *derivations.early_stage(),
            *derivations.late_stage(),
            *derivations.approach_to_inner_targets(),
        )
    )
    failures, n = sum(not law.holds for law in solutions), len(solutions)
    claim = number(failures, n=n, over=f"{n} implicit solutions")
    return Algebra({"tr-simplified-solution": claim}, solutions, limits)


def _laws(found: tuple[derivations.Law, ...]) -> tuple[Law, ...]:
    import sympy

    return tuple(Law(law.name, sympy.latex(law.formula), law.holds) for law in found)


@dataclass(frozen=True)
class OneWeightCurves:
    """Responses of the one-weight system, by gradient descent and by the closed form."""

    claims: dict[str, Estimate]
    scaled: dict[str, tuple[Curve, Curve]]  # scaled steps and responses, by setting, towards one
    closed: tuple[Curve, Curve]  # the same of the closed form
    inside: dict[str, tuple[Curve, Curve, Curve]]  # steps, response, closed form, by target
    steps: Int[np.ndarray, " steps"]  # at which the reader's choice is shown
    chosen: dict[tuple[float, float, float], Float[np.ndarray, "two steps"]]  # NaN where tiny


def one_weight(_: Settings) -> OneWeightCurves:
    """Let one weight learn at several rates, slopes and targets; no setting matters."""
    shown, claims, scaled = log_spaced(_STEPS, 60), {}, {}
    for loss, short in LOSSES.items():
        late = []
        for slope, rate in product(_SLOPES, _RATES):
            system = OneWeight(rate, slope, 1.0, loss)
            rest = expit(-system.simulate(_STEPS))
            reached = rest[-1] * system.speed * _STEPS
            late.append(reached if loss == "cross-entropy" else 2 * rest[-1] * reached)
            if loss == "cross-entropy":
                response = (rest[shown - 1] - rest[shown]) / system.speed
                scaled[f"ηa² = {system.speed:g}"] = (shown * system.speed, response)
        claims[f"tr-simplified-{short}"] = run_range(
            late, over=f"{len(late)} settings of rate and slope", statistic=_furthest_from_one
        )
    times = np.geomspace(0.05, 1e5, 80)
    y = expit(OneWeight().flow(times))
    steps = log_spaced(2000, 34)
    return OneWeightCurves(
        claims,
        scaled,
        (times, y * (1 - y) ** 2),
        {f"{target:g}": _towards(target) for target in (0.6, 0.9)},
        steps,
        {choice: _responses(OneWeight(*choice), steps) for choice in product(*CHOICES)},
    )


def _furthest_from_one(values: Float[np.ndarray, " n"]) -> float:
    return float(values[np.abs(values - 1).argmax()])


def _towards(target: float, until: int = 100) -> tuple[Curve, Curve, Curve]:
    """Return steps and responses towards a target inside (0, 1), as long as they have digits."""
    system = OneWeight(target=target)
    own = np.diff(expit(system.simulate(until)))
    law = np.diff(expit(system.flow(np.arange(until + 1.0))))
    keep = law > 1e-11
    return np.arange(1.0, until + 1)[keep], np.maximum(own[keep], 1e-16), law[keep]


def _responses(
    system: OneWeight, steps: Int[np.ndarray, " steps"]
) -> Float[np.ndarray, "two steps"]:
    """Return the responses at some steps, of descent and of the flow."""
    own = np.diff(expit(system.simulate(int(steps[-1]))))[steps - 1]
    flow = expit(system.flow(np.array([steps - 1.0, steps]).ravel())).reshape(2, -1)
    both = np.array([own, flow[1] - flow[0]])
    return np.where(both > 1e-9, both, np.nan)


@dataclass(frozen=True)
class Rotation:
    """ReLU networks that are trained on one input, as one hyperbolic angle."""

    numbers: dict[str, float | int | str]
    times: Float[np.ndarray, " times"]  # epochs, up to astronomical ones
    angles: Float[np.ndarray, "times seeds"]
    guide: Float[np.ndarray, " times"]  # half the logarithm of the logarithm, shifted; NaN early
    epochs: Int[np.ndarray, " epochs"]
    measured: Float[np.ndarray, "epochs seeds"]  # angles read off trained networks
    differences: dict[str, tuple[Curve, Float[np.ndarray, "_ seeds"]]]  # epoch × rate, of logits
    kernels: dict[str, Float[np.ndarray, " distances"]]  # predicted, medians over seeds


def rotation(settings: Settings) -> Rotation:
    """Solve the networks by one equation, and compare it with their training."""
    setup, seeds = settings.setup(), settings.seeds
    start, own = make_networks(setup, seeds), trained_inputs(setup, seeds)
    flow = HyperbolicFlow(start, own, settings.rate_ce)
    times = np.geomspace(1, 1e30, 61)
    angles, at_1e4 = flow.angle_at(times), flow.angle_at(np.array([1e4]))
    with np.errstate(divide="ignore", invalid="ignore"):
        guide = np.where(times > 1e3, np.log(np.log(times)) / 2, np.nan)
    epochs = np.array([t for t in (1, 10, 100, 1000, 10000) if t <= settings.epochs])
    run = OnePoint(start, own, settings.rate_ce)
    # the offset is c_0 + θ / q
    measured = [(net.offset - start.offset) * flow.length for net in _advance(run, epochs)]
    differences = {}
    for factor in (1, 3, 9):
        rate = settings.rate_ce / factor
        differences[f"rate {rate:.2g}"] = _logit_differences(start, own, rate)
    errors = [float(np.median(difference[-1])) for _, difference in differences.values()]
    return Rotation(
        {
            "theta-1e4": float(np.median(at_1e4)),
            "theta-1e30": float(np.median(angles[-1])),
            "flow-error": errors[0],
            "flow-error-ratio": errors[0] / errors[1],
        },
        times,
        angles,
        guide + np.median(angles[-1]) - guide[-1],
        epochs,
        np.array(measured),
        differences,
        _predicted_kernels(flow),
    )


def _advance(run: OnePoint, epochs: Int[np.ndarray, " epochs"]) -> Iterator[OnePoint]:
    """Train up to each epoch in turn."""
    for gap in np.diff(epochs, prepend=0):
        for _ in range(gap):
            run.step()
        yield run


def _logit_differences(
    start: Networks, own: Float[np.ndarray, "seeds bits"], rate: float
) -> tuple[Curve, Float[np.ndarray, "_ seeds"]]:
    """Return epoch × rate, and how far the logits of networks lie from those of the rotation."""
    flow, run = HyperbolicFlow(start, own, rate), OnePoint(start, own, rate)
    epochs = np.unique((np.geomspace(0.3, 15, 12) / rate).round().astype(int))
    logits = np.array([state.logits for state in _advance(run, epochs)])
    exact = flow.logit(flow.angle_at(epochs.astype(float)))
    return epochs * rate, np.abs(logits - exact)


def _predicted_kernels(flow: HyperbolicFlow) -> dict[str, Float[np.ndarray, " distances"]]:
    """Return the kernel at three epochs and, for inputs of -1 and 1, its limit."""
    setup, found = flow.start.setup, {}
    inputs = setup.all_inputs()
    for name, epoch in (("epoch 1", 1.0), ("epoch 10⁴", 1e4), ("epoch 10³⁰", 1e30)):
        networks = flow.networks(flow.angle_at(np.array([epoch]))[0])
        kernel = networks.tangent_kernel(inputs, flow.trained)
        kernel = by_distance(kernel, distances(inputs, flow.trained))
        found[name] = np.median(kernel / kernel[:, :1], axis=0)
    return found | ({"limit": limit_kernel(setup.bits)} if setup.coding == "signs" else {})
