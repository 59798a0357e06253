"""What chapter 10 measures: how far parameters may move without a change of pattern."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.stability.certified_steps import KINDS, certified_steps
from regime_lib.chapters.stability.exact_attacks import exact_attacks
from regime_lib.chapters.stability.networks import trained_networks
from regime_lib.chapters.stability.polynomials import checked_architectures, controls
from regime_lib.chapters.stability.random_steps import (
    RELATIVE_STEPS,
    convolution_on_pixels,
    flips_of_random_steps,
)
from regime_lib.chapters.stability.regions import Snapshot, half_moons, moving_regions
from regime_lib.estimate import Estimate, no_number, number, over_runs
from regime_lib.instrument.certificates.attacks import attack
from regime_lib.instrument.certificates.radius import certify
from regime_lib.instrument.certificates.second_differences import second_differences
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig

_ENOUGH_ATTACKS = 100_000
_SHARES = (0.3, 0.7, 0.999, 1.05, 1.5, 2.5, 5.0, 10.0, 30.0, 100.0)
_FEW = 96  # inputs that are attacked beyond their radius
_LAW_NETWORKS = 16  # at least, for few units lie near zero


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int
    steps: int  # of the followed trainings
    checks: int  # steps at which certificates are computed
    hidden: int  # units of each of the two hidden layers
    batch_size: int
    probe_size: int
    directions: int  # random attacks on each input
    lr_sgd: float
    lr_adam: float
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def sizes(self) -> tuple[int, int, int, int]:
        """The units of every layer of the digits MLP."""
        return (64, self.hidden, self.hidden, 10)


#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 3, "steps": 2000, "directions": 420}
PAPER = {"n_seeds": 16, "steps": 10000, "directions": 4000}


@dataclass(frozen=True)
class Algebra:
    """What algebra says of pre-activations as polynomials."""

    claims: dict[str, Estimate]
    table: pd.DataFrame  # how many polynomials pass each question, by architecture
    controls: pd.DataFrame  # networks that must fail: without biases, or with shared ones


def algebra(_: Settings) -> Algebra:
    """Ask of every pre-activation whether it is its own bias plus a rest; no setting matters."""
    holds, table = checked_architectures()
    over = f"{len(holds)} architectures"
    claims = {"rc-stability": number(np.mean(holds), n=len(holds), over=over)}
    return Algebra(claims, table, controls())


@dataclass(frozen=True)
class Affinity(Part):
    """Second differences of the output, relative to it, of the digits MLP and CNN."""

    inside: Float[np.ndarray, " inside"]  # along inputs, and along each layer's parameters
    together: Float[np.ndarray, " together"]  # along all parameters together


def affinity(settings: Settings) -> Affinity:
    """Measure how far from affine two trained networks are inside a pattern."""
    found = {
        name: second_differences(model, probe, seed=settings.seed)
        for name, (model, probe) in _networks(settings).items()
    }
    inside = np.concatenate([x for f in found.values() for x in (f.inputs, *f.layers.values())])
    together = np.concatenate([f.together for f in found.values()])
    over = f"{len(inside):,} pairs of an input and a direction"
    return Affinity(
        {"rc-affinity": number(inside.max(), n=len(inside), over=over)},
        {
            "bend-together": float(np.median(together)),
            "bend-step": float(np.median(found["MLP"].input_step)),
        },
        inside,
        together,
    )


@dataclass(frozen=True)
class Radius(Part):
    """Certified radii, and what attacks on them achieved."""

    radii: dict[str, Float[np.ndarray, " inputs"]]  # of the inputs of the digits MLP and CNN
    ratios: dict[str, Float[np.ndarray, " inputs"]]  # radius over smallest flip found, by network
    flips: int  # attacks below a radius that changed a pattern
    proven_again: bool  # exact arithmetic proves every radius of floating point


def radius(settings: Settings) -> Radius:
    """Attack the radii of trained networks in floating point, and of small ones in fractions."""
    networks, radii = _networks(settings), _radii(settings)
    attempts = flips = 0
    ratios = {}
    for name, directions in (("MLP", settings.directions), ("CNN", settings.directions // 10)):
        found = attack(*networks[name], radii[name], random=directions, seed=settings.seed)
        attempts, flips = attempts + found.attempts, flips + found.flips
        ratios[f"digits {name}"] = found.ratio
    exact = exact_attacks(settings.seed)
    for name, own in exact.items():
        ratios[name] = np.array([one.ratio for one, _ in own])
        attempts += sum(one.attempts for one, _ in own)
        flips += sum(one.flips for one, _ in own)
    over = f"{attempts:,} attacks"
    enough = flips > 0 or attempts >= _ENOUGH_ATTACKS  # few without a flip say nothing
    return Radius(
        {"rc-radius": number(flips, n=attempts, over=over) if enough else no_number(over)},
        {
            "gap-mlp": 100 * (1 - float(np.median(ratios["digits MLP"]))),
            "ratio-cnn": float(np.median(ratios["digits CNN"])),
        },
        radii,
        ratios,
        flips,
        all(proven for own in exact.values() for _, proven in own),
    )


@dataclass(frozen=True)
class BeyondRadius:
    """How attacks of different sizes fare."""

    sizes: Float[np.ndarray, " sizes"]  # movements, in units of each input's certified radius
    flipped: dict[str, dict[str, Float[np.ndarray, " sizes"]]]  # by network and kind of attack


def beyond_radius(settings: Settings) -> BeyondRadius:
    """Attack some inputs with movements below and far beyond their radius."""
    flipped = {}
    for name, (model, probe) in _networks(settings).items():
        few = (model, probe[:_FEW], _radii(settings)[name][:_FEW])
        flipped[f"digits {name}"] = {
            "random": _shares_flipped(*few, settings.seed, random=3, targets=0),
            "gradient": _shares_flipped(*few, settings.seed, random=0, targets=1),
        }
    return BeyondRadius(np.array(_SHARES), flipped)


def _shares_flipped(
    model: nn.Module,
    probe: Tensor,
    radii: Float[np.ndarray, " inputs"],
    seed: int,
    *,
    random: int,
    targets: int,
) -> Float[np.ndarray, " sizes"]:
    found = [
        attack(model, probe, radii, random=random, targets=targets, share=share, seed=seed)
        for share in _SHARES
    ]
    return np.array([one.flips / one.attempts for one in found])


@dataclass(frozen=True)
class FlipLaw(Part):
    """Shares of units that random steps flip, over the arctangent law; by layer."""

    steps: Float[np.ndarray, " steps"]  # relative, of each weight matrix and bias vector
    over_law: dict[str, Float[np.ndarray, "steps networks"]]  # that knows the relative step
    # that knows each unit's change
    over_law_of_change: dict[str, Float[np.ndarray, "steps networks"]]


def flip_law(settings: Settings) -> FlipLaw:
    """Move fresh networks at random and count flips; each network has its own inputs."""
    seeds = [settings.seed + k for k in range(max(_LAW_NETWORKS, settings.n_seeds))]
    data, found = load_dataset("digits"), []
    for seed in seeds:
        probe = data.redrawn(seed).test_inputs[: settings.probe_size].double()
        found.append(flips_of_random_steps(MLP(settings.sizes, seed), probe, seed))
    flipped, predicted = (np.stack(part, axis=-1) for part in zip(*found, strict=True))
    steps = np.array(RELATIVE_STEPS)
    over_law = flipped / (np.arctan(steps) / np.pi)[:, None]  # (layers, steps, networks)
    over_change = flipped / np.maximum(predicted, 1e-300)
    claim = _over_networks(over_law.mean(axis=0), settings.seed)
    layers = [f"layer {layer}" for layer in range(1, len(flipped) + 1)]
    return FlipLaw(
        {"rc-flip-law": claim},
        {
            f"{name}-{layer}": float(ratio.mean())
            for name, ratios in (("law", over_law), ("law-change", over_change))
            for layer, ratio in enumerate(ratios, start=1)
        },
        steps,
        dict(zip(layers, over_law, strict=True)),
        dict(zip(layers, over_change, strict=True)),
    )


@dataclass(frozen=True)
class Regions:
    """The regions of a network on the plane while it learns."""

    snapshots: tuple[Snapshot, ...]
    classes: tuple[Float[np.ndarray, "points 2"], ...]  # the points of each class


def regions(settings: Settings) -> Regions:
    """Train a small network on two half-moons and cut the plane into its regions."""
    data = half_moons(settings.seed)
    points, labels = data.train_inputs.double().numpy(), data.train_labels.numpy()
    classes = tuple(points[labels == kind] for kind in (0, 1))
    return Regions(moving_regions(data, settings.seed), classes)


@dataclass(frozen=True)
class AlongTraining:
    """What keeps the pattern of an input in a step of training, and what proves it."""

    numbers: Numbers
    steps: Int[np.ndarray, " checks"]
    shares: dict[str, dict[str, Float[np.ndarray, "checks seeds"]]]  # by optimiser and `KINDS`
    # inputs that a proof calls stable and the truth, or a finer proof, does not
    contradictions: int


def along_training(settings: Settings) -> AlongTraining:
    """Follow the digits MLP through trainings with SGD and Adam."""
    steps = np.unique(np.geomspace(1, settings.steps, settings.checks).round()).astype(int)
    data = load_dataset("digits")
    probe = data.test_inputs[: settings.probe_size]
    shares, contradictions = {}, 0
    for optimizer, lr in (("sgd", settings.lr_sgd), ("adam", settings.lr_adam)):
        config = TrainingConfig(
            optimizer=optimizer, lr=lr, steps=settings.steps, batch_size=settings.batch_size
        )
        seeds = [settings.seed + k for k in range(settings.n_seeds)]
        runs = [
            certified_steps(MLP(settings.sizes, seed), data, probe, config, seed, steps)
            for seed in seeds
        ]
        contradictions += sum(wrong for _, wrong in runs)
        stacked = np.stack([found for found, _ in runs], axis=-1)
        shares[optimizer] = {kind: stacked[:, k] for k, kind in enumerate(KINDS)}
    late = steps > settings.steps / 10
    numbers: Numbers = {}
    for optimizer, own in shares.items():
        numbers |= _shares_in_numbers(optimizer, own, late)
    return AlongTraining(numbers, steps, shares, contradictions)


def _shares_in_numbers(
    optimizer: str, shares: dict[str, Float[np.ndarray, "checks seeds"]], late: np.ndarray
) -> dict[str, float]:
    """Return percentages over all of training, and medians after its first tenth."""
    stable = shares["unchanged"]
    total = max(float(stable.sum()), 1e-300)  # of nothing, nothing is covered
    percentages = {
        f"covered-{optimizer}-size": shares["by_size"].sum() / total,
        f"covered-{optimizer}-path": shares["by_path"].sum() / total,
        f"left-{optimizer}": (stable - shares["by_path"]).max(),
    }
    medians = {
        f"stable-{optimizer}": stable,
        f"chance-{optimizer}": shares["by_chance"],
        f"late-size-{optimizer}": shares["by_size"],
        f"late-sizes-{optimizer}": shares["by_sizes"],
    }
    return {name: 100 * float(share) for name, share in percentages.items()} | {
        name: float(np.median(values[late])) for name, values in medians.items()
    }


@dataclass(frozen=True)
class ZeroBiases:
    """A fresh convolution on the digits, with biases of zero and with PyTorch's default ones."""

    numbers: Numbers
    without_radius: dict[str, float]  # share of inputs of radius zero, by kind of bias


def zero_biases(settings: Settings) -> ZeroBiases:
    """Count pre-activations of exactly zero, and the bits that a tiny random step flips."""
    images = load_dataset("digits").as_images().test_inputs[: settings.probe_size]
    raw = (images - images.min()) / 8  # zero where nothing is drawn
    numbers: Numbers = {}
    without_radius = {}
    for kind in ("zero", "default"):
        zeros, flips, without_radius[kind] = convolution_on_pixels(
            raw, settings.seed, kind == "zero"
        )
        numbers |= {f"zeros-{kind}": 100 * zeros, f"zero-flips-{kind}": 100 * flips}
        numbers[f"zero-radius-{kind}"] = 100 * without_radius[kind]
    return ZeroBiases(numbers, without_radius)


#: The parts that measure claims.
PARTS = (algebra, affinity, radius, flip_law)
#: Those of empirical claims: none, for all claims here are identities, or a law.
EMPIRICAL = ()
#: Those of laws that are seen in random runs.
LAWS = (flip_law,)


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    algebra: Algebra
    affinity: Affinity
    radius: Radius
    beyond_radius: BeyondRadius
    flip_law: FlipLaw
    regions: Regions
    along_training: AlongTraining
    zero_biases: ZeroBiases


def measure(settings: Settings) -> Measurements:
    """Everything: what a sweep maps and the tests call."""
    return Measurements(
        algebra(settings),
        affinity(settings),
        radius(settings),
        beyond_radius(settings),
        flip_law(settings),
        regions(settings),
        along_training(settings),
        zero_biases(settings),
    )


def _networks(settings: Settings) -> dict[str, tuple[nn.Module, Tensor]]:
    return trained_networks(
        settings.sizes, settings.lr_adam, settings.batch_size, settings.probe_size, settings.seed
    )


@lru_cache(maxsize=1)
def _radii(settings: Settings) -> dict[str, Float[np.ndarray, " inputs"]]:
    """Return the certified radius of every input of both networks."""
    networks = _networks(settings).items()
    return {name: certify(model, probe).radius for name, (model, probe) in networks}


def _over_networks(ratios: Float[np.ndarray, "steps networks"], seed: int) -> Estimate:
    """Return the geometric mean over sizes of steps of the mean ratio over networks.

    The interval is over the choice of networks; where steps of one size flip nothing, no number.
    """
    count = ratios.shape[1]

    def statistic(picks: Int[np.ndarray, " networks"]) -> float:
        means = ratios[:, picks].mean(axis=1)
        return float(np.exp(np.log(means).mean())) if (means > 0).all() else np.nan

    return over_runs(statistic, count, over=f"{count} networks, each with its probe", seed=seed)
