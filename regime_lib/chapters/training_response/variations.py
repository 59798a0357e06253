"""Parts of chapter 30 on what changes the law: features, noise, targets, rates, weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.responses import (
    WHERE,
    change_of_kernel,
    initial_kernel,
    root_mean_square,
    trained,
)
from regime_lib.chapters.training_response.settings import ACTIVATIONS, LOSSES, Settings
from regime_lib.estimate import Estimate, median, over_runs
from regime_lib.simulators.training_response.fits import decay_rate, first_zero, power_fit
from regime_lib.simulators.training_response.kernels import arc_cosine
from regime_lib.simulators.training_response.networks import distances, trained_inputs
from regime_lib.simulators.training_response.noise import Noise, train_with_noise
from regime_lib.simulators.training_response.one_point import residuals_towards, train_on_one_input
from regime_lib.simulators.training_response.response import Where
from regime_lib.simulators.training_response.setup import Activation, Coding, Init, Loss

TARGETS = (0.3, 0.6, 0.9)
KINDS = ("no noise", "Gaussian", "flipped bits", "flipped labels")

#: Activation functions whose exponents are fitted beside those of ReLU.
OTHERS: dict[Activation, str] = {"elu": "ELU", "tanh": "tanh", "gelu": "GELU"}

_FACTORS = (0.3, 1, 2, 4, 8, 16, 32)  # of the learning rate
_LONGEST = 3000  # epochs of what is trained many times over

Curve = Float[np.ndarray, "times seeds"]
Kernel = Float[np.ndarray, "distances seeds"]


@dataclass(frozen=True)
class Exponents:
    """Fitted exponents of networks with other activation functions."""

    claims: dict[str, Estimate]
    table: pd.DataFrame  # medians over seeds, an activation function and a loss in each row


def exponents(settings: Settings) -> Exponents:
    """Fit power laws to the responses of ELU, tanh and GELU networks, as to those of ReLU."""
    seeds, claims, rows = settings.few_seeds, {}, []
    for activation, name in OTHERS.items():
        for loss, short in LOSSES.items():
            if activation in ACTIVATIONS:  # trained already, with more seeds: these are the first
                run = trained(settings, activation, loss)
            else:
                run = train_on_one_input(
                    settings.setup(activation, loss),
                    seeds,
                    rate=settings.rate(loss),
                    epochs=settings.epochs,
                )
            own = {where: run.own(where)[:, : len(seeds)] for where in WHERE}
            slopes = {where: power_fit(run.epochs, curves).slope for where, curves in own.items()}
            claims[f"tr-exponent-{short}-{activation}"] = median(
                slopes["output"], over=f"{len(seeds)} seeds"
            )
            medians = {f"at the {where}": float(np.median(own)) for where, own in slopes.items()}
            rows.append({"features": name, "loss": loss, **medians})
    return Exponents(claims, pd.DataFrame(rows))


@dataclass(frozen=True)
class NoisyResponse(Part):
    """The response to a clean step while every step is disturbed."""

    epochs: Int[np.ndarray, " times"]
    responses: dict[tuple[Activation, str], Curve]  # at the output, by activation and kind of noise
    kernels: dict[tuple[Activation, str], Kernel]  # at the logit in the last epoch
    steeper: dict[tuple[Activation, str], float]  # exponents over those without noise


def noise(settings: Settings) -> NoisyResponse:
    """Disturb every step in one of three ways, and compare exponents and kernels."""
    seeds, epochs = settings.few_seeds, min(settings.epochs, _LONGEST)
    kinds = {
        "Gaussian": Noise("gaussian", settings.noise_size),
        "flipped bits": Noise("flips", 0.1),
        "flipped labels": Noise("label", 0.1),
    }
    runs = {}
    for activation in ACTIVATIONS:
        setup, rate = settings.setup(activation), settings.rate_ce
        runs[activation, "no noise"] = train_on_one_input(setup, seeds, rate=rate, epochs=epochs)
        for kind, how in kinds.items():
            runs[activation, kind] = train_with_noise(setup, seeds, how, rate=rate, epochs=epochs)
    exponents = {
        key: power_fit(run.epochs, run.own("output")).slope
        for key, run in runs.items()
        if key[1] != "flipped labels"
    }
    ratios = {
        (activation, kind): exponents[activation, kind] / exponents[activation, "no noise"]
        for activation in ACTIVATIONS
        for kind in ("Gaussian", "flipped bits")
    }
    steeper = {key: float(np.median(ratio)) for key, ratio in ratios.items()}
    last = {key: run.kernel("logit")[-1] for key, run in runs.items()}
    changes = [root_mean_square(last[a, "Gaussian"] - last[a, "no noise"]) for a in ACTIVATIONS]
    rest = runs["relu", "no noise"].rest[-1] / runs["relu", "flipped bits"].rest[-1]
    numbers: Numbers = {
        "noise-size": settings.noise_size,
        "noise-rest": float(np.median(rest)),
    }
    for (activation, kind), ratio in steeper.items():
        numbers[f"steeper-{activation}-{kind.replace(' ', '-')}".lower()] = ratio
    gaussian = np.array([ratios[activation, "Gaussian"] for activation in ACTIVATIONS])
    return NoisyResponse(
        {
            "tr-noise-steeper": _median_over_seeds(gaussian, settings.seed),
            "tr-noise-kernel": _median_over_seeds(np.array(changes), settings.seed),
        },
        numbers,
        runs["relu", "no noise"].epochs,
        {key: run.own("output") for key, run in runs.items()},
        {key: kernel.T for key, kernel in last.items()},
        steeper,
    )


@dataclass(frozen=True)
class Regression:
    """How targets inside (0, 1) are approached, by loss and target."""

    claims: dict[str, Estimate]
    residuals: dict[tuple[Loss, float], Float[np.ndarray, " _"]]  # distances of the first seed
    predicted: dict[tuple[Loss, float], Float[np.ndarray, " _"]]  # by the kernel; NaN early
    ratios: dict[tuple[Loss, float], float]  # fitted over predicted rate, medians over seeds


def regression(settings: Settings) -> Regression:
    """Learn numbers, and compare the fitted rates of decay with those that the kernel predicts."""
    claims, residuals, predicted, ratios = {}, {}, {}, {}
    rates: dict[Loss, float] = {
        "cross-entropy": settings.rate_ce * 2 / 3,
        "squared": settings.rate_mse / 3,
    }
    for loss, rate in rates.items():
        found = []
        for target in TARGETS:
            left, expected = _approach(settings, loss, rate, target)
            found.append(decay_rate(left) / expected)
            ratios[loss, target] = _median(found[-1])
            residuals[loss, target], predicted[loss, target] = _shown(left[:, 0], expected[0])
        claims[f"tr-regression-{LOSSES[loss]}"] = _median_over_seeds(np.array(found), settings.seed)
    return Regression(claims, residuals, predicted, ratios)


def _approach(
    settings: Settings, loss: Loss, rate: float, target: float
) -> tuple[Curve, Float[np.ndarray, " seeds"]]:
    """Return distances to a target, and the rate of decay per step that the kernel predicts."""
    setup, seeds = settings.setup("relu", loss), settings.seeds
    steepness = (target * (1 - target)) ** (1 if loss == "cross-entropy" else 2)
    epochs = round(25 / (rate * 30 * steepness))
    left, networks = residuals_towards(setup, seeds, rate=rate, epochs=epochs, target=target)
    own, inputs = trained_inputs(setup, seeds), setup.all_inputs()
    place = distances(inputs, own).argmin(axis=1)
    kernel = networks.tangent_kernel(inputs, own)[np.arange(len(own)), place]
    return left, -np.log1p(-rate * kernel * steepness)


def _shown(
    left: Float[np.ndarray, " all_times"], rate: float
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """Return the distances that are more than rounding, and an exponential through a late one."""
    size = np.abs(left)
    anchor = int(np.argmax(size < 1e-5))
    decay = size[anchor] * np.exp(-rate * (np.arange(len(left)) - anchor))
    seen = np.count_nonzero(size > 1e-12)
    return size[:seen], np.where(decay < 1e-2, decay, np.nan)[:seen]


@dataclass(frozen=True)
class UnstableRates:
    """Fitted exponents at larger and larger steps."""

    sizes: Float[np.ndarray, " rates"]  # rate × kernel / 4 at the start, medians over seeds
    exponents: dict[Where, Float[np.ndarray, "rates seeds"]]


def unstable_rates(settings: Settings) -> UnstableRates:
    """Train ReLU networks on one input at several learning rates."""
    setup, seeds = settings.setup(), settings.few_seeds
    exponents: dict[Where, list[Float[np.ndarray, " seeds"]]] = {where: [] for where in WHERE}
    rates = settings.rate_ce * np.array(_FACTORS)
    for rate in rates:
        run = train_on_one_input(setup, seeds, rate=float(rate), epochs=_LONGEST, observations=25)
        for where in WHERE:
            exponents[where].append(power_fit(run.epochs, np.maximum(run.own(where), 1e-300)).slope)
    kernel = np.median(initial_kernel(setup, seeds)[:, 0])
    return UnstableRates(
        kernel * rates / 4, {where: np.array(found) for where, found in exponents.items()}
    )


@dataclass(frozen=True)
class Variants:
    """Other codings of the bits and other initial weights."""

    numbers: Numbers
    # a variant per row; the last two columns are of the kernel at initialisation
    table: pd.DataFrame


def variants(settings: Settings) -> Variants:
    """Measure exponents and kernels under every coding and distribution of the weights."""
    rows = [
        _variant(settings, coding, init) for coding in get_args(Coding) for init in get_args(Init)
    ]
    table = pd.DataFrame(rows)
    changes = table["kernel change, median"]
    return Variants(
        {"worst-variant": float(changes.max()), "variants-within": int((changes <= 0.1).sum())},
        table,
    )


def _variant(settings: Settings, coding: Coding, init: Init) -> dict[str, float | str]:
    seeds, rate = settings.few_seeds, settings.rate_ce
    relu, elu = (replace(settings.setup(name), coding=coding, init=init) for name in ACTIVATIONS)
    run = train_on_one_input(relu, seeds, rate=rate, epochs=settings.epochs)
    output, logit = (
        float(np.median(power_fit(run.epochs, run.own(where)).slope)) for where in WHERE
    )
    change = change_of_kernel(run, "logit")
    at_start = [initial_kernel(setup, seeds) for setup in (relu, elu)]
    relu_kernel, elu_kernel = ((kernel / kernel[:, :1]).mean(axis=0) for kernel in at_start)
    return {
        "coding": coding,
        "initial weights": init,
        "exponent, output": output,
        "exponent, logit": logit,
        "kernel change, median": float(np.median(change)),
        "kernel change, 90 %": float(np.quantile(change, 0.9)),
        "off the closed form": float(np.abs(relu_kernel - arc_cosine(relu.bits)).max()),
        "ELU crosses zero at": first_zero(elu_kernel),
    }


def _median(values: Float[np.ndarray, "*any"]) -> float:
    """Return the median of what is finite, NaN if nothing is."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _median_over_seeds(table: Float[np.ndarray, "kinds seeds"], seed: int) -> Estimate:
    """Return the median of a table; what belongs to one seed is drawn together."""
    kinds, n = table.shape
    return over_runs(
        lambda picks: _median(table[:, picks]), n, over=f"{n} seeds, {kinds} values each", seed=seed
    )
