"""What chapter 30 measures: how a one-hidden-layer network responds to one more step."""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.chapters.training_response.data import (
    Competition,
    DataSets,
    competition,
    data_sets,
)
from regime_lib.chapters.training_response.flips import PatternFlips, flips
from regime_lib.chapters.training_response.lazy import Lazy, lazy
from regime_lib.chapters.training_response.reductions import (
    Algebra,
    OneWeightCurves,
    Rotation,
    algebra,
    one_weight,
    rotation,
)
from regime_lib.chapters.training_response.responses import (
    Kernels,
    Response,
    Separability,
    Stages,
    kernels,
    response,
    separability,
    stages,
)
from regime_lib.chapters.training_response.settings import Settings
from regime_lib.chapters.training_response.tasks import (
    FeatureSpaces,
    FragilityCorrelations,
    feature_spaces,
    fragility,
)
from regime_lib.chapters.training_response.variations import (
    Exponents,
    NoisyResponse,
    Regression,
    UnstableRates,
    Variants,
    exponents,
    noise,
    regression,
    unstable_rates,
    variants,
)

#: What each profile gives to the parameters that are left at None.
QUICK = {
    "n_seeds": 128,
    "features": 128,
    "epochs": 10000,
    "rate_ce": 0.03,
    "rate_mse": 0.3,
    "task_seeds": 24,
    "passes": 100,
    "rate_task": 0.1,
}
#: The larger scale: wider and longer, and therefore fewer networks. The kernel grows like the
#: width and a step is stable below two over rate and kernel, so the rates fall like one over it.
PAPER = {
    "n_seeds": 32,
    "features": 512,
    "epochs": 30000,
    "rate_ce": 0.0075,
    "rate_mse": 0.075,
    "task_seeds": 24,
    "passes": 100,
    "rate_task": 0.025,
}

#: The parts that measure claims, and those among them that measure empirical ones.
PARTS = (
    response,
    kernels,
    algebra,
    one_weight,
    exponents,
    stages,
    lazy,
    separability,
    noise,
    regression,
    competition,
    data_sets,
    feature_spaces,
    fragility,
)
EMPIRICAL = (
    kernels,
    separability,
    noise,
    competition,
    data_sets,
    feature_spaces,
    fragility,
)


@dataclass(frozen=True)
class Measurements:
    """Everything that the chapter measures, in its order."""

    response: Response
    kernels: Kernels
    algebra: Algebra
    one_weight: OneWeightCurves
    exponents: Exponents
    stages: Stages
    rotation: Rotation
    lazy: Lazy
    separability: Separability
    noise: NoisyResponse
    regression: Regression
    competition: Competition
    data_sets: DataSets
    feature_spaces: FeatureSpaces
    fragility: FragilityCorrelations
    flips: PatternFlips
    unstable_rates: UnstableRates
    variants: Variants


def measure(settings: Settings) -> Measurements:
    """Return everything: what a sweep maps and the tests call."""
    return Measurements(
        response(settings),
        kernels(settings),
        algebra(settings),
        one_weight(settings),
        exponents(settings),
        stages(settings),
        rotation(settings),
        lazy(settings),
        separability(settings),
        noise(settings),
        regression(settings),
        competition(settings),
        data_sets(settings),
        feature_spaces(settings),
        fragility(settings),
        flips(settings),
        unstable_rates(settings),
        variants(settings),
    )
