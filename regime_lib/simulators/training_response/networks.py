"""Many networks at once: the weights of all seeds in three arrays, and what they compute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.setup import Setup

#: Streams of random numbers of a seed; each is independent of the others and of other seeds.
STREAMS = {"weights": 0, "input": 1, "noise": 2, "task": 3, "order": 4}


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator of one seed for one purpose."""
    return np.random.default_rng([seed, STREAMS[stream]])


@dataclass(frozen=True)
class Networks:
    """The weights of several networks; training changes the arrays in place."""

    setup: Setup
    # W, with the biases b as its last row; seeds and features lie innermost, for long strides
    weights: Float[np.ndarray, "bits_and_one seeds features"]
    readout: Float[np.ndarray, "seeds features"]  # v
    offset: Float[np.ndarray, " seeds"]  # c

    def __len__(self) -> int:
        return len(self.offset)

    def copy(self) -> Networks:
        """Return networks of their own with the same weights."""
        return replace(
            self,
            weights=self.weights.copy(),
            readout=self.readout.copy(),
            offset=self.offset.copy(),
        )

    def preactivations(
        self, inputs: Float[np.ndarray, "inputs bits"]
    ) -> Iterator[Float[np.ndarray, "inputs features"]]:
        """Yield h = Wx + b seed by seed.

        One network on all 256 inputs fills a quarter of a megabyte, which fits a core's cache; all
        seeds at once do not, and were slower than a loop.
        """
        padded = with_one(inputs)
        for seed in range(len(self)):
            yield padded @ self.weights[:, seed]

    def logits(self, inputs: Float[np.ndarray, "inputs bits"]) -> Float[np.ndarray, "seeds inputs"]:
        """Return z of every network for every input."""
        out = np.empty((len(self), len(inputs)))
        for seed, h in enumerate(self.preactivations(inputs)):
            out[seed] = self.setup.features_of(h) @ self.readout[seed] + self.offset[seed]
        return out

    def patterns(
        self, inputs: Float[np.ndarray, "inputs bits"]
    ) -> Bool[np.ndarray, "seeds inputs features"]:
        """Return which features are on for which input."""
        return np.stack([h > 0 for h in self.preactivations(inputs)])

    def tangent_kernel(
        self,
        inputs: Float[np.ndarray, "inputs bits"],
        trained: Float[np.ndarray, "seeds bits"],
    ) -> Float[np.ndarray, "seeds inputs"]:
        """Return Θ(x, x_o), the inner product of the gradients of z by all weights.

        Θ = φ(h)·φ(h_o) + (1 + x·x_o) Σ_j v_j² φ'(h_j) φ'(h_oj) + 1 (Jacot et al. 2018, for this
        net).
        """
        out = np.empty((len(self), len(inputs)))
        for seed, h in enumerate(self.preactivations(inputs)):
            phi, slope = self.setup.activate(h)
            there = with_one(trained[seed]) @ self.weights[:, seed]
            phi_there, slope_there = self.setup.activate(there)
            overlap = 1 + inputs @ trained[seed]
            out[seed] = phi @ phi_there + 1
            out[seed] += overlap * (slope @ (self.readout[seed] ** 2 * slope_there))
        return out


def make_networks(setup: Setup, seeds: Sequence[int] | range) -> Networks:
    """Draw the initial weights of several networks; each depends on its own seed alone.

    Parameters
    ----------
    setup : Setup
        The architecture and the distribution of the weights.
    seeds : sequence of int
        One network each.

    Raises
    ------
    RegimeError
        If there is no seed, or a negative one.
    """
    if len(seeds) == 0 or min(seeds) < 0:
        raise RegimeError(f"seeds must be one or more integers from 0 on, not {list(seeds)}")
    weights = np.zeros((setup.bits + 1, len(seeds), setup.features))
    readout = np.zeros((len(seeds), setup.features))
    offset = np.zeros(len(seeds))
    for place, seed in enumerate(seeds):
        random = generator(seed, "weights")
        if setup.init == "uniform":
            reach, reach_out = setup.bits**-0.5, setup.features**-0.5
            weights[:, place] = random.uniform(-reach, reach, weights[:, place].shape)
            readout[place] = random.uniform(-reach_out, reach_out, setup.features)
            offset[place] = random.uniform(-reach_out, reach_out)
        else:
            gain = 2.0 if setup.init == "he" else 1.0
            scale = np.sqrt(gain / setup.bits)
            weights[:-1, place] = random.normal(0, scale, weights[:-1, place].shape)
            readout[place] = random.normal(0, setup.features**-0.5, setup.features)
    return Networks(setup, weights, readout, offset)


def symmetric_networks(setup: Setup, seeds: Sequence[int] | range, scale: float = 1.0) -> Networks:
    """Draw networks whose features come in pairs of opposite read-out, so that they start at z = 0.

    All weights are those of half as many features times `scale`, and the read-out is divided by √2,
    so that its variance is that of the full width (Chizat et al. 2019, doubling trick).
    """
    if setup.features % 2 or scale <= 0:
        raise RegimeError(
            f"pairs need an even number of features and a positive scale, not {setup.features} "
            f"and {scale}"
        )
    half = make_networks(replace(setup, features=setup.features // 2), seeds)
    readout = np.concatenate([half.readout, -half.readout], axis=1) / np.sqrt(2)
    weights = np.concatenate([half.weights, half.weights], axis=2)
    return Networks(setup, scale * weights, scale * readout, np.zeros_like(half.offset))


def trained_inputs(setup: Setup, seeds: Sequence[int] | range) -> Float[np.ndarray, "seeds bits"]:
    """Draw the input x_o that each network is trained on, one of all inputs, by seed."""
    inputs = setup.all_inputs()
    return inputs[[int(generator(seed, "input").integers(len(inputs))) for seed in seeds]]


def distances(
    inputs: Float[np.ndarray, "inputs bits"], trained: Float[np.ndarray, "seeds bits"]
) -> Int[np.ndarray, "seeds inputs"]:
    """Return the Hamming distance of every input from each x_o."""
    return (inputs[None] != trained[:, None]).sum(axis=2)


def with_one(x: Float[np.ndarray, "*n bits"]) -> Float[np.ndarray, "*n bits_and_one"]:
    """Append the constant input of the biases."""
    return np.concatenate([x, np.ones((*x.shape[:-1], 1))], axis=-1)
