"""Attacks on the radii of small random networks in exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from regime_lib.instrument.certificates.radius import certify
from regime_lib.simulators.exact.attacks import ExactAttacks, attack_exactly
from regime_lib.simulators.exact.networks import ExactNetwork

_SIZES = ((2, 3, 2), (3, 5, 4, 2), (4, 6, 6, 6, 3))
_DRAWS = 8  # networks of each size
_Layer = tuple[Float[np.ndarray, "_ _"], Float[np.ndarray, " _"]]  # weights, biases


def exact_attacks(seed: int) -> dict[str, list[tuple[ExactAttacks, bool]]]:
    """Attack the exact radii of small random networks, each for one random input; by layer sizes.

    The flag says whether exact arithmetic proves the radius that `certify` gives in floating point.
    """
    random = np.random.default_rng(seed)
    return {
        "-".join(map(str, sizes)) + ", exact": [_attacked(sizes, random) for _ in range(_DRAWS)]
        for sizes in _SIZES
    }


def _attacked(sizes: tuple[int, ...], random: np.random.Generator) -> tuple[ExactAttacks, bool]:
    layers = [
        (random.standard_normal((above, below)), random.standard_normal(above))
        for below, above in pairwise(sizes[:-1])  # the outputs have no pattern
    ]
    x = random.standard_normal(sizes[0])
    network = ExactNetwork.of(*zip(*layers, strict=True))
    found = attack_exactly(network, x, network.radius(x), random)
    floating = certify(_as_module(layers), torch.from_numpy(x)[None]).radius[0]
    return found, network.keeps(x, Fraction(float(floating)))


def _as_module(layers: list[_Layer]) -> nn.Sequential:
    model = nn.Sequential()
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        model.extend([linear, nn.ReLU()])
    return model
