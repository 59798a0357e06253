"""Parts of chapter 30 on one input: how the response falls, its kernel, its stages, its rank."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.settings import ACTIVATIONS, LOSSES, Settings
from regime_lib.estimate import Estimate, median, no_number, over_runs
from regime_lib.simulators.training_response import networks
from regime_lib.simulators.training_response.fits import (
    first_zero,
    halving_times,
    power_fit,
    rank_one_share,
)
from regime_lib.simulators.training_response.kernels import arc_cosine
from regime_lib.simulators.training_response.one_point import train_on_one_input
from regime_lib.simulators.training_response.one_weight import OneWeight
from regime_lib.simulators.training_response.response import TrainingResponse, Where, by_distance
from regime_lib.simulators.training_response.setup import Activation, Loss, Setup

WHERE: tuple[Where, Where] = ("output", "logit")

_SLOWER = 100  # a learning rate that resolves the first stage
_SLOW_EPOCHS = 10_000

Curve = Float[np.ndarray, "times seeds"]
KernelsAtEpochs = Float[np.ndarray, "epochs distances seeds"]


@lru_cache(maxsize=4)
def trained(
    settings: Settings, activation: Activation = "relu", loss: Loss = "cross-entropy"
) -> TrainingResponse:
    """Train the chapter's networks on one input each, and record their responses."""
    setup, rate = settings.setup(activation, loss), settings.rate(loss)
    return train_on_one_input(setup, settings.seeds, rate=rate, epochs=settings.epochs)


def initial_kernel(setup: Setup, seeds: range) -> Float[np.ndarray, "seeds distances"]:
    """Return the tangent kernel at initialisation, averaged over each Hamming distance."""
    inputs, own = setup.all_inputs(), networks.trained_inputs(setup, seeds)
    kernel = networks.make_networks(setup, seeds).tangent_kernel(inputs, own)
    return by_distance(kernel, networks.distances(inputs, own))


def root_mean_square(
    difference: Float[np.ndarray, "seeds distances"],
) -> Float[np.ndarray, " seeds"]:
    """Return the root mean square over all distances."""
    return np.sqrt((difference**2).mean(axis=-1))


def change_of_kernel(run: TrainingResponse, where: Where) -> Float[np.ndarray, " seeds"]:
    """Return how much the kernel changes from the first to the last epoch."""
    kernel = run.kernel(where)
    return root_mean_square(kernel[-1] - kernel[0])


@dataclass(frozen=True)
class Response:
    """How the response at the trained input falls with the epoch."""

    claims: dict[str, Estimate]
    epochs: Int[np.ndarray, " times"]
    responses: dict[tuple[Activation, Loss, Where], Curve]  # at the trained input
    exponents: dict[tuple[Activation, Loss, Where], float]  # medians over seeds
    kernels: dict[Activation, KernelsAtEpochs]  # at the logit, in the first and last epoch
    closed: Float[np.ndarray, " distances"]  # the arc-cosine kernel


def response(settings: Settings) -> Response:
    """Train ReLU and ELU networks under two losses, and fit power laws to their responses."""
    responses, fits, kernels = {}, {}, {}
    for activation in ACTIVATIONS:
        for loss in LOSSES:
            run = trained(settings, activation, loss)
            for where in WHERE:
                own = run.own(where)
                responses[activation, loss, where] = own
                fits[activation, loss, where] = power_fit(run.epochs, own)
        kernels[activation] = _kernels(trained(settings, activation), "logit", 1, settings.epochs)
    over = f"{settings.n_seeds} seeds"
    claims = {"tr-ageing-power-law": median(fits["relu", "cross-entropy", "output"].r2, over=over)}
    for loss, short in LOSSES.items():
        for where in WHERE:
            slope = fits["relu", loss, where].slope
            claims[f"tr-exponent-{short}-{where}"] = median(slope, over=over)
    exponents = {key: float(np.median(fit.slope)) for key, fit in fits.items()}
    return Response(claims, run.epochs, responses, exponents, kernels, arc_cosine(run.setup.bits))


@dataclass(frozen=True)
class Kernels(Part):
    """Whether the kernel keeps its shape, and what it is at initialisation."""

    epochs: tuple[int, int, int]  # the first, one between, and the last
    kernels: dict[Where, KernelsAtEpochs]  # of ReLU, cross-entropy


def kernels(settings: Settings) -> Kernels:
    """Compare kernels of the first and last epoch, and with closed forms."""
    relu, elu = trained(settings, "relu"), trained(settings, "elu")
    over, n, seed = f"{settings.n_seeds} seeds", settings.n_seeds, settings.seed
    initial = initial_kernel(settings.setup(), settings.seeds)
    initial = initial / initial[:, :1]
    closed, last = arc_cosine(relu.setup.bits), elu.kernel("logit")[-1]
    epochs = (1, max(2, round(settings.epochs**0.5)), settings.epochs)
    return Kernels(
        {
            "tr-kernel-shape-relu": median(change_of_kernel(relu, "logit"), over=over),
            "tr-kernel-shape-elu": median(change_of_kernel(elu, "logit"), over=over),
            "tr-kernel-shape-output": median(change_of_kernel(relu, "output"), over=over),
            "tr-kernel-arc-cosine": over_runs(
                lambda picks: np.abs(initial[picks].mean(axis=0) - closed).max(),
                n,
                over=over,
                seed=seed,
            ),
            "tr-kernel-elu-zero": over_runs(
                lambda picks: first_zero(last[picks].mean(axis=0)),
                n,
                over=over,
                seed=seed,
                unit="bits",
            ),
        },
        {"output-top": float(np.median(relu.kernel("output")[-1], axis=0).max())},
        epochs,
        {where: _kernels(relu, where, *epochs) for where in WHERE},
    )


@dataclass(frozen=True)
class Stages(Part):
    """The response over its first value, at a rate that resolves the first stage."""

    times: Float[np.ndarray, " times"]  # epoch × rate × kernel at the trained input
    curves: dict[Where, Curve]
    one_weight: dict[Where, Float[np.ndarray, " times"]]  # it starts at u = 0
    halved: dict[Where, float]  # when halved, medians over seeds; NaN where none has


def stages(settings: Settings) -> Stages:
    """Follow the first stage at a hundredth of the rate, and the prefactor of the last."""
    rate, over = settings.rate_ce / _SLOWER, f"{settings.n_seeds} seeds"
    slow = train_on_one_input(settings.setup(), settings.seeds, rate=rate, epochs=_SLOW_EPOCHS)
    kernel = slow.kernel_at_trained[0]
    times = np.geomspace(rate * kernel.max(), rate * slow.epochs[-1] * kernel.min(), 60)
    curves, halved = {}, {}
    for where in WHERE:
        own = slow.own(where)
        columns = zip(kernel, (own / own[0]).T, strict=True)
        curves[where] = np.stack(
            [_interpolated(times, slow.epochs * rate * k, column) for k, column in columns], axis=1
        )
        scaled = halving_times(slow.epochs, own) * rate * kernel
        halved[where] = scaled[np.isfinite(scaled)]
    run = trained(settings)
    late = run.rest[-1] * settings.rate_ce * run.kernel_at_trained[-1] * run.epochs[-1]
    growth = run.kernel_at_trained[-1] / run.kernel_at_trained[0]
    n, rest = len(halved["output"]), expit(-OneWeight().flow(times))
    some = over if n == settings.n_seeds else f"the {n} of {over} that halve"
    return Stages(
        {
            "tr-stages": median(halved["output"], over=some) if n else no_number(over),
            "tr-prefactor-ce": median(late, over=over),
        },
        {"kernel-growth": float(np.median(growth))},
        times,
        curves,
        {"output": 8 * rest**2 * (1 - rest), "logit": 2 * rest},
        {where: float(np.median(own)) if len(own) else np.nan for where, own in halved.items()},
    )


@dataclass(frozen=True)
class Separability(Part):
    """How far the table of responses (epoch by input) is from rank one."""

    ends: Int[np.ndarray, " tables"]  # last epoch of each table
    # one minus the rank-one share, by activation, where it is read, and whether every row is
    # divided by the response at the trained input
    missing: dict[tuple[Activation, Where, bool], Float[np.ndarray, "tables seeds"]]


def separability(settings: Settings) -> Separability:
    """Measure which share of tables that end early and late a product carries."""
    missing = {}
    for activation in ACTIVATIONS:
        run = trained(settings, activation)
        ends = np.unique([*range(4, len(run.epochs), 5), len(run.epochs)])
        for where in WHERE:
            for scaled in (False, True):
                table = run.table(where) / (run.own(where)[..., None] if scaled else 1)
                left = [1 - rank_one_share(table[:end].swapaxes(0, 1)) for end in ends]
                missing[activation, where, scaled] = np.maximum(left, 1e-16)
    # every age counts alike: as it is, the table is one of its first and largest rows
    carried = 1 - missing["relu", "logit", True][-1]
    numbers: Numbers = {
        "carried-logit-plain": 1 - float(np.median(missing["relu", "logit", False][-1])),
        "carried-output": 1 - float(np.median(missing["relu", "output", True][-1])),
    }
    claims = {"tr-separability": median(carried, over=f"{settings.n_seeds} seeds")}
    return Separability(claims, numbers, run.epochs[ends - 1], missing)


def _kernels(run: TrainingResponse, where: Where, *epochs: int) -> KernelsAtEpochs:
    """Return the kernel at the recorded epochs nearest to some."""
    places = [int(np.abs(run.epochs - epoch).argmin()) for epoch in epochs]
    return run.kernel(where)[places].swapaxes(1, 2)


def _interpolated(
    at: Float[np.ndarray, " times"],
    x: Float[np.ndarray, " epochs"],
    y: Float[np.ndarray, " epochs"],
) -> Float[np.ndarray, " times"]:
    """Interpolate a power law between its points."""
    return np.exp(np.interp(np.log(at), np.log(x), np.log(y)))
