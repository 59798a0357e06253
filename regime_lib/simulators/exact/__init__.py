"""What can be proven of small ReLU networks: by algebra, in exact arithmetic, region by region."""

from regime_lib.simulators.exact.attacks import ExactAttacks, attack_exactly
from regime_lib.simulators.exact.blueprints import (
    Blueprint,
    Unit,
    convolution,
    dense,
    residual,
    tied,
)
from regime_lib.simulators.exact.networks import ExactNetwork
from regime_lib.simulators.exact.regions import Region, linear_regions
from regime_lib.simulators.exact.symbolic import (
    SymbolicCheck,
    check_every_pattern,
    check_with_masks,
    masks_agree,
    vanishing_without_biases,
)
from regime_lib.simulators.exact.transformer import TransformerCheck, check_transformer

__all__ = [
    "Blueprint",
    "ExactAttacks",
    "ExactNetwork",
    "Region",
    "SymbolicCheck",
    "TransformerCheck",
    "Unit",
    "attack_exactly",
    "check_every_pattern",
    "check_transformer",
    "check_with_masks",
    "convolution",
    "dense",
    "linear_regions",
    "masks_agree",
    "residual",
    "tied",
    "vanishing_without_biases",
]
