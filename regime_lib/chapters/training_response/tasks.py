"""Parts of chapter 30 on several inputs: the size of the feature space, and fragility."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.settings import ACTIVATIONS, Settings
from regime_lib.estimate import Estimate, median, over_runs
from regime_lib.simulators.training_response.features import feature_space
from regime_lib.simulators.training_response.fits import correlation_within
from regime_lib.simulators.training_response.fragility import fragility as measure_fragility
from regime_lib.simulators.training_response.setup import Activation
from regime_lib.simulators.training_response.tasks import Training, random_task, train_on_task

TRAININGS: tuple[Training, ...] = ("full-batch", "sgd", "label-noise")
#: The definitions of fragility, the first one that of the claim.
DEFINITIONS = ("flips", "flips_everywhere", "nearness", "few_bits", "adversarial")
GROUPS = {"ReLU": [0], "ELU": [1], "both": [0, 1]}

_SAMPLES = 32
_FINER = 5  # how many times smaller the small steps are

Table = Float[np.ndarray, "networks trainings seeds"]


@lru_cache(maxsize=1)
def _learnt(
    settings: Settings,
) -> dict[tuple[Activation, Training], dict[str, Float[np.ndarray, " seeds"]]]:
    """Train on random tasks in every way; return what the trained networks are like."""
    seeds, found = range(settings.seed, settings.seed + settings.task_seeds), {}
    for activation in ACTIVATIONS:
        setup = settings.setup(activation)
        task = random_task(setup, seeds, _SAMPLES)
        for training in (*TRAININGS, "cyclic"):
            networks = train_on_task(
                setup,
                seeds,
                task,
                training,
                rate=settings.rate_task,
                passes=settings.passes,
                label_noise=settings.label_noise,
            )
            fragile = measure_fragility(networks, task.inputs)
            found[activation, training] = {
                "effective": feature_space(networks, task.inputs).effective,
                **{name: getattr(fragile, name) for name in DEFINITIONS},
            }
    return found


@lru_cache(maxsize=1)
def _small_steps(settings: Settings) -> Float[np.ndarray, "networks stochastic seeds"]:
    """Return the effective number of features of "sgd" and "label-noise" after small steps.

    Tasks, starts and flow time are those of the large steps. Full batches are not trained again:
    their steps are small already.
    """
    seeds, found = range(settings.seed, settings.seed + settings.task_seeds), []
    for activation in ACTIVATIONS:
        setup = settings.setup(activation)
        task = random_task(setup, seeds, _SAMPLES)
        for training in TRAININGS[1:]:
            networks = train_on_task(
                setup,
                seeds,
                task,
                training,
                rate=settings.rate_task / _FINER,
                passes=settings.passes * _FINER,
                label_noise=settings.label_noise,
            )
            found.append(feature_space(networks, task.inputs).effective)
    return np.reshape(found, (len(ACTIVATIONS), len(TRAININGS) - 1, -1))


def _table(settings: Settings, quantity: str) -> Table:
    learnt = _learnt(settings)
    return np.array([[learnt[a, t][quantity] for t in TRAININGS] for a in ACTIVATIONS])


@dataclass(frozen=True)
class FeatureSpaces(Part):
    """How many features carry the output, and how many decisions one flipped bit changes."""

    effective: Table  # the effective number of features: networks, ways of training, seeds
    flipped: Table  # the share of decisions on trained inputs that one flipped bit changes
    small_steps: Float[np.ndarray, "networks stochastic seeds"]  # after small steps


def feature_spaces(settings: Settings) -> FeatureSpaces:
    """Compare the feature spaces of full-batch training, SGD, and SGD with label noise.

    A shrinkage is the logarithm of a ratio of feature numbers, its mean over the networks. What the
    size of the steps brings about goes away with it; so the claims ask which part of a shrinkage
    small steps leave.
    """
    effective, flipped = _table(settings, "effective"), _table(settings, "flips")
    small = _small_steps(settings)
    full, sgd, noisy = effective.swapaxes(0, 1)
    small_sgd, small_noisy = small.swapaxes(0, 1)
    over = f"{settings.task_seeds} tasks"
    numbers: Numbers = {"shrunk-most": float(np.median(full[1] / noisy[1])), "finer": _FINER}
    for i, activation in enumerate(ACTIVATIONS):
        shrunk = median(sgd[i] / full[i], over=over)
        numbers[f"shrunk-{activation}"] = (
            f"{shrunk.value:.2f} ({shrunk.low:.2f} to {shrunk.high:.2f})"
        )
        numbers[f"shrunk-small-{activation}"] = float(np.median(small_sgd[i] / full[i]))
        for k, training in enumerate(TRAININGS):
            numbers[f"neff-{activation}-{training}"] = float(np.median(effective[i, k]))
            numbers[f"flips-{activation}-{training}"] = float(flipped[i, k].mean())
        cyclic = _learnt(settings)[activation, "cyclic"]["effective"]
        numbers[f"neff-{activation}-cyclic"] = float(np.median(cyclic))
    pairs = {
        "": (_shrinkage(sgd / full), _shrinkage(small_sgd / full)),
        "-label-noise": (_shrinkage(noisy / sgd), _shrinkage(small_noisy / small_sgd)),
    }
    for name, (large, left) in pairs.items():
        numbers[f"features-kept{name}"] = float(np.exp(np.median(large)))
        numbers[f"features-kept{name}-small"] = float(np.exp(np.median(left)))
    claims = {
        f"tr-feature-space{name}": share_left(large, left, over, settings.seed)
        for name, (large, left) in pairs.items()
    }
    return FeatureSpaces(claims, numbers, effective, flipped, small)


def _shrinkage(ratio: Float[np.ndarray, "networks seeds"]) -> Float[np.ndarray, " seeds"]:
    """Return the logarithm of a ratio of feature numbers, its mean over the networks."""
    return np.log(ratio).mean(axis=0)


def share_left(
    large: Float[np.ndarray, " seeds"], left: Float[np.ndarray, " seeds"], over: str, seed: int
) -> Estimate:
    """Return the median shrinkage under small steps over that under large ones."""

    def share(picks: Int[np.ndarray, " picks"]) -> float:
        whole = float(np.median(large[picks]))
        return float(np.median(left[picks])) / whole if whole < 0 else np.nan

    return over_runs(share, len(large), over=over, seed=seed)


@dataclass(frozen=True)
class FragilityCorrelations(Part):
    """Rank correlations of the size of the feature space with fragility."""

    correlations: dict[tuple[str, str], Estimate]  # by definition and group of networks


def fragility(settings: Settings) -> FragilityCorrelations:
    """Correlate the effective number of features with fragility, within each network."""
    effective, n = _table(settings, "effective"), settings.task_seeds
    correlations = {
        (name, group): _correlation(settings, effective[rows], _table(settings, name)[rows])
        for name in DEFINITIONS
        for group, rows in GROUPS.items()
    }
    flipped, numbers = _table(settings, "flips"), Numbers()
    paired = 100 * (flipped[:, 2] - flipped[:, 0]) / flipped[:, 0].mean(axis=1, keepdims=True)
    for (activation, group), change in zip(ACTIVATIONS.items(), paired, strict=True):
        values = [correlations[name, group].value or 0.0 for name in DEFINITIONS]
        numbers[f"fragility-{activation}"] = values[0]
        numbers[f"negative-{activation}"] = sum(value < 0 for value in values)
        numbers[f"paired-{activation}"] = float(change.mean())
        numbers[f"paired-se-{activation}"] = float(change.std(ddof=1) / n**0.5)
    claims = {"tr-fragility": correlations["flips", "both"]}
    return FragilityCorrelations(claims, numbers, correlations)


def _correlation(settings: Settings, effective: Table, fragile: Table) -> Estimate:
    """Correlate with an interval; the trainings of a seed share their task, and stay together."""
    return over_runs(
        lambda picks: correlation_within(effective[..., picks], fragile[..., picks]),
        settings.task_seeds,
        over=f"{settings.task_seeds} tasks",
        seed=settings.seed,
    )
