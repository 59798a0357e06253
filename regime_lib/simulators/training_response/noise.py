"""Training under noise: the input, or its label, is disturbed anew at every step.

The kind of noise in arXiv 2405.04074, Fig. 3, is not known to us; three kinds are offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response import response
from regime_lib.simulators.training_response.networks import (
    Networks,
    generator,
    make_networks,
    trained_inputs,
    with_one,
)
from regime_lib.simulators.training_response.one_point import check_rate_and_target
from regime_lib.simulators.training_response.setup import Setup

Kind = Literal["gaussian", "flips", "label"]

_BLOCK = 500  # steps whose noise is drawn at once


@dataclass(frozen=True)
class Noise:
    """What disturbs a step."""

    kind: Kind  # a Gaussian added to every input; bits flipped; or the label flipped
    size: float  # standard deviation, or probability of a flip

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            known = ", ".join(get_args(Kind))
            raise RegimeError(f"noise '{self.kind}' is not known; choose one of {known}")
        if self.size < 0 or (self.kind != "gaussian" and self.size > 1):
            raise RegimeError(f"the size of {self.kind} noise is out of range: {self.size}")

    def draw(
        self,
        setup: Setup,
        trained: Float[np.ndarray, " bits"],
        target: float,
        steps: int,
        random: np.random.Generator,
    ) -> tuple[Float[np.ndarray, "steps bits"], Float[np.ndarray, " steps"]]:
        """Return the disturbed inputs and labels of some steps of one network."""
        inputs = np.tile(trained, (steps, 1))
        targets = np.full(steps, float(target))
        if self.kind == "gaussian":
            inputs = inputs + self.size * random.standard_normal(inputs.shape)
        elif self.kind == "flips":
            flipped = random.random(inputs.shape) < self.size
            other = -inputs if setup.coding == "signs" else 1 - inputs
            inputs = np.where(flipped, other, inputs)
        else:
            flipped = random.random(steps) < self.size
            targets = np.where(flipped, 1 - targets, targets)
        return inputs, targets


def step(
    networks: Networks,
    padded: Float[np.ndarray, "seeds bits_and_one"],
    target: Float[np.ndarray, " seeds"] | float,
    rate: float,
    scratch: Float[np.ndarray, "bits_and_one seeds features"] | None = None,
) -> None:
    """Do one gradient step on one sample per network, in place.

    Who takes many steps gives them an array like the weights to work in.
    """
    setup, weights, readout = networks.setup, networks.weights, networks.readout
    h = np.einsum("isf,si->sf", weights, padded)
    phi, slope = setup.activate(h)
    z = np.vecdot(readout, phi) + networks.offset
    size = rate * setup.error(z, target)
    slope *= readout
    slope *= size[:, None]
    phi *= size[:, None]
    readout += phi
    weights += np.multiply(padded.T[:, :, None], slope, out=scratch)
    networks.offset[...] += size


def train_with_noise(
    setup: Setup,
    seeds: Sequence[int] | range,
    noise: Noise,
    *,
    rate: float,
    epochs: int,
    target: float = 1.0,
    observations: int = 33,
) -> response.TrainingResponse:
    """Train networks on one disturbed input each; record the response to a clean step on a copy."""
    check_rate_and_target(rate, target)
    networks, trained = make_networks(setup, seeds), trained_inputs(setup, seeds)
    clean = with_one(trained)
    randoms = [generator(seed, "noise") for seed in seeds]
    times = response.log_spaced(epochs, observations)
    places = {int(time): place for place, time in enumerate(times)}
    recorder = response.ResponseRecorder(setup, trained, rate, target, times)
    scratch = np.empty_like(networks.weights)
    for start in range(0, epochs, _BLOCK):
        steps = min(_BLOCK, epochs - start)
        drawn = [
            noise.draw(setup, own, target, steps, random)
            for own, random in zip(trained, randoms, strict=True)
        ]
        inputs = with_one(np.stack([inputs for inputs, _ in drawn], axis=1))
        targets = np.stack([targets for _, targets in drawn], axis=1)
        for number in range(steps):
            if (place := places.get(start + number + 1)) is not None:
                probed = networks.copy()
                step(probed, clean, target, rate)
                recorder.observe(place, networks, probed)
            step(networks, inputs[number], targets[number], rate, scratch)
    return recorder.result()
