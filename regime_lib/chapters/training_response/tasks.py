"""Parts of chapter 30 on several inputs: the size of the feature space, and fragility."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.settings import ACTIVATIONS, Settings
from regime_lib.estimate import Estimate, median, over_runs
from regime_lib.simulators.training_response.features import feature_space
from regime_lib.simulators.training_response.fits import at_step_zero, correlation_within
from regime_lib.simulators.training_response.fragility import fragility as measure_fragility
from regime_lib.simulators.training_response.fragility import margin
from regime_lib.simulators.training_response.tasks import Training, random_task, train_on_task

#: Ways of training: the first three are compared throughout, the last one has nothing random.
TRAININGS: tuple[Training, ...] = ("full-batch", "sgd", "label-noise", "cyclic")
#: Sizes of the steps, in units of the chapter's rate.
STEPS = np.array([1.0, 0.8, 0.6, 0.4, 0.2])
#: The definitions of fragility, the first one that of the claim.
DEFINITIONS = ("flips", "flips_everywhere", "nearness", "few_bits", "adversarial")
GROUPS = {"ReLU": [0], "ELU": [1], "both": [0, 1]}

_SAMPLES = 32
_COMPARED = slice(3)  # of the ways of training, those whose networks are looked at for fragility

Table = Float[np.ndarray, "networks trainings steps seeds"]


@lru_cache(maxsize=1)
def _learnt(settings: Settings) -> dict[str, Table]:
    """Train on random tasks in every way, with every step; return what the networks are like.

    Tasks, starts and flow time are the same: smaller steps take as many passes more.
    """
    seeds = range(settings.seed, settings.seed + settings.task_seeds)
    shape = (len(ACTIVATIONS), len(TRAININGS), len(STEPS), len(seeds))
    found = {name: np.empty(shape) for name in ("effective", "margin", *DEFINITIONS)}
    for i, activation in enumerate(ACTIVATIONS):
        setup = settings.setup(activation)
        task = random_task(setup, seeds, _SAMPLES)
        for k, training in enumerate(TRAININGS):
            for s, size in enumerate(STEPS):
                passes = round(settings.passes / size)
                networks = train_on_task(
                    setup,
                    seeds,
                    task,
                    training,
                    rate=settings.rate_task * settings.passes / passes,
                    passes=passes,
                    label_noise=settings.label_noise,
                )
                fragile = measure_fragility(networks, task.inputs)
                found["effective"][i, k, s] = feature_space(networks, task.inputs).effective
                found["margin"][i, k, s] = margin(networks, task.inputs, task.labels)
                for name in DEFINITIONS:
                    found[name][i, k, s] = getattr(fragile, name)
    return found


def _smoothed(settings: Settings) -> Float[np.ndarray, "networks seeds"]:
    """Return the effective number of features after full batches of the mean of noisy labels."""
    seeds, found = range(settings.seed, settings.seed + settings.task_seeds), []
    for activation in ACTIVATIONS:
        setup = settings.setup(activation)
        task = random_task(setup, seeds, _SAMPLES)
        mean = task.labels + settings.label_noise * (1 - 2 * task.labels)
        networks = train_on_task(
            setup,
            seeds,
            replace(task, labels=mean),
            "full-batch",
            rate=settings.rate_task,
            passes=settings.passes,
        )
        found.append(feature_space(networks, task.inputs).effective)
    return np.array(found)


@dataclass(frozen=True)
class FeatureSpaces(Part):
    """How many features carry the output, and how many decisions one flipped bit changes."""

    rates: Float[np.ndarray, " steps"]
    effective: Table  # the effective number of features
    flipped: Table  # the share of decisions on trained inputs that one flipped bit changes
    kept: Table  # effective number over that of full batches, the same step and task
    limits: dict[tuple[str, Training], Estimate]  # of `kept` at step zero, by network


def feature_spaces(settings: Settings) -> FeatureSpaces:
    """Compare the feature spaces of full batches, single inputs in either order, and label noise.

    Logarithms of ratios, their mean over the networks, are extrapolated to step zero, where no size
    of a step is left that could bring a ratio about.
    """
    effective, flipped = _learnt(settings)["effective"], _learnt(settings)["flips"]
    over, seed = f"{settings.task_seeds} tasks", settings.seed
    logs = np.log(effective)
    relative = logs - logs[:, :1]
    both = relative.mean(axis=0)  # trainings, steps, seeds
    sgd, noisy, cyclic = both[1:]
    limits = {
        (name, training): _limit(relative[rows, k].mean(axis=0), over)
        for name, rows in GROUPS.items()
        for k, training in enumerate(TRAININGS)
        if k
    }
    claims = {
        "tr-feature-space": limits["both", "sgd"],
        "tr-feature-space-order": median(np.exp(sgd[0] - cyclic[0]), over=over),
        "tr-feature-space-step": exponent_of_step(-sgd, over, seed),
        "tr-feature-space-label-noise": _limit(noisy - sgd, over),
        "tr-feature-space-activation": median(
            np.exp(relative[1, 1, 0] - relative[0, 1, 0]), over=over
        ),
    }
    numbers: Numbers = {
        "shrunk-most": float(np.median(np.exp(-relative[1, 2, 0]))),
        "features-kept": float(np.exp(np.median(sgd[0]))),
        "features-kept-small": float(np.exp(np.median(sgd[-1]))),
        "features-kept-cyclic": float(np.exp(np.median(cyclic[0]))),
        "features-kept-label-noise": float(np.exp(np.median(noisy[0] - sgd[0]))),
        "features-kept-label-noise-small": float(np.exp(np.median(noisy[-1] - sgd[-1]))),
        "features-kept-smoothed": float(
            np.exp(np.median((np.log(_smoothed(settings)) - logs[:, 0, 0]).mean(axis=0)))
        ),
    }
    for i, activation in enumerate(ACTIVATIONS):
        numbers[f"kept-{activation}"] = float(np.exp(np.median(relative[i, 1, 0])))
        for k, training in enumerate(TRAININGS):
            numbers[f"neff-{activation}-{training}"] = float(np.median(effective[i, k, 0]))
    rates = settings.rate_task * STEPS
    return FeatureSpaces(claims, numbers, rates, effective, flipped, np.exp(relative), limits)


def _limit(logs: Float[np.ndarray, "steps seeds"], over: str) -> Estimate:
    return median(np.exp(at_step_zero(STEPS, logs)), over=over)


def exponent_of_step(reduced: Float[np.ndarray, "steps seeds"], over: str, seed: int) -> Estimate:
    """Return the log-log slope of the median reduction against the step; none if it has no sign."""

    def slope(picks: Int[np.ndarray, " picks"]) -> float:
        medians = np.median(reduced[:, picks], axis=1)
        return (
            float(np.polyfit(np.log(STEPS), np.log(medians), 1)[0]) if min(medians) > 0 else np.nan
        )

    return over_runs(slope, reduced.shape[1], over=over, seed=seed)


@dataclass(frozen=True)
class FragilityCorrelations(Part):
    """Rank correlations of the size of the feature space with fragility."""

    correlations: dict[tuple[str, str], Estimate]  # by definition and group of networks
    held: dict[str, Estimate]  # with the first definition, by what is held


def fragility(settings: Settings) -> FragilityCorrelations:
    """Correlate the effective number of features with fragility, and ask what else may do it."""
    learnt, n, seed = _learnt(settings), settings.task_seeds, settings.seed
    at_rate = {name: table[:, _COMPARED, 0] for name, table in learnt.items()}
    effective, flipped = at_rate["effective"], at_rate["flips"]
    correlations = {
        (name, group): _correlation(settings, effective[rows], at_rate[name][rows])
        for name in DEFINITIONS
        for group, rows in GROUPS.items()
    }
    # a kind for each network, way of training and step: within it only tasks differ
    kinds = {name: table.reshape(-1, 1, n) for name, table in learnt.items()}
    held = {
        "nothing": correlations["flips", "both"],
        "training and step": _correlation(settings, kinds["effective"], kinds["flips"]),
        "margin too": _correlation(settings, kinds["effective"], kinds["flips"], kinds["margin"]),
        "the margin itself": _correlation(settings, kinds["margin"], kinds["flips"]),
    }
    numbers = Numbers()
    paired = 100 * (flipped[:, 2] - flipped[:, 0]) / flipped[:, 0].mean(axis=1, keepdims=True)
    for (activation, group), change in zip(ACTIVATIONS.items(), paired, strict=True):
        values = [correlations[name, group].value or 0.0 for name in DEFINITIONS]
        numbers[f"fragility-{activation}"] = values[0]
        numbers[f"negative-{activation}"] = sum(value < 0 for value in values)
        numbers[f"paired-{activation}"] = float(change.mean())
        numbers[f"paired-se-{activation}"] = float(change.std(ddof=1) / n**0.5)
    by_step = learnt["flips"][:, 1].mean(axis=0)  # of SGD: steps, seeds
    numbers["held-alone"] = held["training and step"].value or 0.0
    claims = {
        "tr-fragility": held["nothing"],
        "tr-fragility-held": held["margin too"],
        "tr-fragility-margin": held["the margin itself"],
        "tr-fragility-step": over_runs(
            lambda picks: by_step[0, picks].mean() / by_step[-1, picks].mean(),
            n,
            over=f"{n} tasks",
            seed=seed,
        ),
    }
    return FragilityCorrelations(claims, numbers, correlations, held)


def _correlation(
    settings: Settings,
    effective: Float[np.ndarray, "kinds groups seeds"],
    fragile: Float[np.ndarray, "kinds groups seeds"],
    given: Float[np.ndarray, "kinds groups seeds"] | None = None,
) -> Estimate:
    """Correlate with an interval; the trainings of a seed share their task, and stay together."""
    return over_runs(
        lambda picks: correlation_within(
            effective[..., picks],
            fragile[..., picks],
            None if given is None else given[..., picks],
        ),
        settings.task_seeds,
        over=f"{settings.task_seeds} tasks",
        seed=settings.seed,
    )
