"""Random steps of the parameters of fresh networks, and how many units they flip."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from regime_lib.instrument.certificates.chain import read_chain
from regime_lib.instrument.certificates.radius import certify
from regime_lib.instrument.tracking.flip_law import flip_statistics
from regime_lib.lab.seeding import torch_seeded

#: Norms of steps, over the norm of what they are added to.
RELATIVE_STEPS = (1e-1, 1e-2, 1e-3)
_DRAWS = 10  # random steps of each size and network


@torch.no_grad()
def flips_of_random_steps(
    model: nn.Module, probe: Float[Tensor, "samples features"], seed: int
) -> tuple[Float[np.ndarray, "layers steps"], Float[np.ndarray, "layers steps"]]:
    """Add to every parameter tensor a random one of a share of its norm, and count flips.

    Returned are the measured share of units and that of the law of the measured change, both means
    over draws.
    """
    chain, random = read_chain(model, probe.float()), np.random.default_rng(seed)
    here = {name: value.double() for name, value in model.named_parameters()}
    before = chain.preactivations(here, probe)
    counts = np.zeros((2, len(before), len(RELATIVE_STEPS), _DRAWS))
    for row, size in enumerate(RELATIVE_STEPS):
        for k in range(_DRAWS):
            moved = {}
            for name, value in here.items():
                noise = torch.from_numpy(random.standard_normal(value.shape))
                moved[name] = value + size * value.norm() / noise.norm() * noise
            after = chain.preactivations(moved, probe)
            for layer, (first, last) in enumerate(zip(before, after, strict=True)):
                law = flip_statistics(first.numpy()[None], last.numpy()[None])
                flipped = ((first > 0) != (last > 0)).double().mean()
                counts[:, layer, row, k] = float(flipped), law.shifted[0]
    flipped, predicted = counts.mean(axis=-1)
    return flipped, predicted


@torch.no_grad()
def convolution_on_pixels(
    raw: Float[Tensor, "samples 1 height width"], seed: int, zero: bool
) -> tuple[float, float, float]:
    """Look at a fresh convolution on images that are zero where nothing is drawn.

    Returned are shares of pre-activations that are exactly zero, of bits that a random step of 1e-5
    flips, and of inputs whose certified radius is zero.
    """
    with torch_seeded(seed):
        layer = nn.Conv2d(1, 8, 3, padding=1)
        noise = {name: torch.randn_like(value) * 1e-5 for name, value in layer.named_parameters()}
    here = dict(layer.named_parameters())
    if zero:
        here["bias"].zero_()
    z = layer(raw)
    there = functional_call(layer, {name: here[name] + noise[name] for name in here}, (raw,))
    flips = (there > 0) != (z > 0)
    without = certify(nn.Sequential(layer, nn.ReLU()), raw).radius == 0
    return float((z == 0).double().mean()), float(flips.double().mean()), float(without.mean())
