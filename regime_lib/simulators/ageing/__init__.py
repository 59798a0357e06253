"""The toy that ages: one hidden layer trained on one string, its response and its exact laws."""

from __future__ import annotations

from regime_lib.simulators.ageing.features import FeatureSpace, feature_space
from regime_lib.simulators.ageing.fits import (
    Estimate,
    PowerFit,
    decay_rate,
    median_over,
    power_fit,
    rank_correlation,
    rank_one_share,
)
from regime_lib.simulators.ageing.flips import Flips, count_flips
from regime_lib.simulators.ageing.fragility import Fragility, fragility
from regime_lib.simulators.ageing.kernels import arc_cosine, oldest, wide_tangent_kernel
from regime_lib.simulators.ageing.networks import (
    Networks,
    distances,
    make_networks,
    trained_strings,
)
from regime_lib.simulators.ageing.noise import Noise, age_with_noise
from regime_lib.simulators.ageing.one_point import OnePoint, age, age_residuals
from regime_lib.simulators.ageing.one_weight import OneWeight
from regime_lib.simulators.ageing.rapidity import Rapidity
from regime_lib.simulators.ageing.response import Ageing, by_distance, log_spaced
from regime_lib.simulators.ageing.tasks import Task, random_task, train_on_task
from regime_lib.simulators.ageing.toy import Toy

__all__ = [
    "Ageing",
    "Estimate",
    "FeatureSpace",
    "Flips",
    "Fragility",
    "Networks",
    "Noise",
    "OnePoint",
    "OneWeight",
    "PowerFit",
    "Rapidity",
    "Task",
    "Toy",
    "age",
    "age_residuals",
    "age_with_noise",
    "arc_cosine",
    "by_distance",
    "count_flips",
    "decay_rate",
    "distances",
    "feature_space",
    "fragility",
    "log_spaced",
    "make_networks",
    "median_over",
    "oldest",
    "power_fit",
    "random_task",
    "rank_correlation",
    "rank_one_share",
    "train_on_task",
    "trained_strings",
    "wide_tangent_kernel",
]
