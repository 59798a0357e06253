"""The figures of the chapter on ageing; functions take plain numbers."""

from regime_lib.chapters.training_response.figures_ageing import (
    ageing,
    kernel_panel,
    noise,
    regression,
    stages,
    two_kernels,
)
from regime_lib.chapters.training_response.figures_features import (
    TRAININGS,
    correlations,
    feature_spaces,
    flips,
)
from regime_lib.chapters.training_response.figures_reductions import (
    one_weight,
    one_weight_still,
    rapidity,
    separability,
    stability,
)

__all__ = [
    "TRAININGS",
    "ageing",
    "correlations",
    "feature_spaces",
    "flips",
    "kernel_panel",
    "noise",
    "one_weight",
    "one_weight_still",
    "rapidity",
    "regression",
    "separability",
    "stability",
    "stages",
    "two_kernels",
]
