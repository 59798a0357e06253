"""Training under noise: the string, or its label, is disturbed anew at every step.

The kind of noise in arXiv 2405.04074, Fig. 3, is not known to us; three kinds are offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.networks import (
    Networks,
    generator,
    make_networks,
    trained_strings,
    with_one,
)
from regime_lib.simulators.training_response.one_point import check_rate_and_target
from regime_lib.simulators.training_response.response import (
    ResponseRecorder,
    TrainingResponse,
    log_spaced,
)
from regime_lib.simulators.training_response.setup import Setup

Kind = Literal["gaussian", "flips", "label"]

_BLOCK = 500  # steps whose noise is drawn at once


@dataclass(frozen=True)
class Noise:
    """What disturbs a step.

    Attributes
    ----------
    kind : {"gaussian", "flips", "label"}
        A Gaussian added to every input; bits flipped; or the label turned over.
    size : float
        Standard deviation, or probability of a flip.
    """

    kind: Kind
    size: float

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            known = ", ".join(get_args(Kind))
            raise RegimeError(f"noise '{self.kind}' is not known; choose one of {known}")
        if self.size < 0 or (self.kind != "gaussian" and self.size > 1):
            raise RegimeError(f"the size of {self.kind} noise is out of range: {self.size}")

    def draw(
        self,
        toy: Setup,
        string: Float[np.ndarray, " inputs"],
        target: float,
        steps: int,
        random: np.random.Generator,
    ) -> tuple[Float[np.ndarray, "steps inputs"], Float[np.ndarray, " steps"]]:
        """Return the disturbed strings and labels of some steps of one network."""
        strings = np.tile(string, (steps, 1))
        targets = np.full(steps, float(target))
        if self.kind == "gaussian":
            strings = strings + self.size * random.standard_normal(strings.shape)
        elif self.kind == "flips":
            flipped = random.random(strings.shape) < self.size
            other = -strings if toy.coding == "signs" else 1 - strings
            strings = np.where(flipped, other, strings)
        else:
            turned = random.random(steps) < self.size
            targets = np.where(turned, 1 - targets, targets)
        return strings, targets


def step(
    networks: Networks,
    padded: Float[np.ndarray, "seeds inputs_and_one"],
    target: Float[np.ndarray, " seeds"] | float,
    rate: float,
) -> None:
    """Do one gradient step on one sample a network, in place.

    Parameters
    ----------
    networks : Networks
        Changed in place.
    padded : array, shape (seeds, inputs + 1)
        The samples, with a last column of ones.
    target : array, shape (seeds,), or float
        y_o.
    rate : float
        Learning rate.
    """
    toy, weights, readout = networks.toy, networks.weights, networks.readout
    h = np.einsum("isf,si->sf", weights, padded)
    phi, slope = toy.activate(h)
    z = np.vecdot(readout, phi) + networks.offset
    size = rate * toy.error(z, target)
    slope *= readout
    slope *= size[:, None]
    phi *= size[:, None]
    readout += phi
    for row, values in zip(weights, padded.T, strict=True):
        np.multiply(slope, values[:, None], out=h)
        row += h
    networks.offset[...] += size


def age_with_noise(
    toy: Setup,
    seeds: Sequence[int] | range,
    noise: Noise,
    *,
    rate: float,
    epochs: int,
    target: float = 1.0,
    looks: int = 33,
) -> TrainingResponse:
    """Train networks on one disturbed string each; record the response to a clean step on a copy.

    Parameters
    ----------
    toy, seeds, rate, epochs, target, looks
        As in `age`; the same seed means the same initial weights and string.
    noise : Noise
        What disturbs every step.
    """
    check_rate_and_target(rate, target)
    networks, trained = make_networks(toy, seeds), trained_strings(toy, seeds)
    clean = with_one(trained)
    randoms = [generator(seed, "noise") for seed in seeds]
    times = log_spaced(epochs, looks)
    places = {int(time): place for place, time in enumerate(times)}
    recorder = ResponseRecorder(toy, trained, rate, target, times)
    for start in range(0, epochs, _BLOCK):
        steps = min(_BLOCK, epochs - start)
        drawn = [
            noise.draw(toy, string, target, steps, random)
            for string, random in zip(trained, randoms, strict=True)
        ]
        strings = with_one(np.stack([strings for strings, _ in drawn], axis=1))
        targets = np.stack([targets for _, targets in drawn], axis=1)
        for number in range(steps):
            if (place := places.get(start + number + 1)) is not None:
                probed = networks.copy()
                step(probed, clean, target, rate)
                recorder.look(place, networks, probed)
            step(networks, strings[number], targets[number], rate)
    return recorder.result()
