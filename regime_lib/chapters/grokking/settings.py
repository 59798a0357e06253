"""The parameters of chapter 62, and how its two profiles fill them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int  # networks of each case, each with its own start and its own part of the data
    dataset: Literal["digits", "mnist"]
    train_size: int  # images to learn from
    width: int  # units of both hidden layers
    steps: int  # on images
    decay: float  # of weights, on images
    batch_size: int  # images a step; 0: all of them
    scale: float  # factor on all initial parameters
    modulus: int  # of the addition table
    modular_width: int  # hidden units for addition
    modular_steps: int
    modular_decay: float
    depth: int  # hidden layers with batch normalisation
    normalised_width: int  # units of each of them
    probe_size: int  # test inputs on which patterns are taken, at most
    replayed: int  # steps over which flips are averaged at a checkpoint
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def seeds(self) -> range:
        """Of the networks of each case."""
        return range(self.seed, self.seed + self.n_seeds)


#: What each profile gives to the parameters that are left at None.
QUICK = {
    "n_seeds": 8,
    "dataset": "digits",
    "train_size": 100,
    "width": 100,
    "steps": 12000,
    "decay": 0.15,
    "batch_size": 0,
    "modulus": 31,
    "modular_width": 96,
    "modular_steps": 1600,
}
PAPER = {
    "n_seeds": 3,
    "dataset": "mnist",
    "train_size": 1000,
    "width": 200,
    "steps": 100000,
    "decay": 0.01,
    "batch_size": 200,
    "modulus": 47,
    "modular_width": 256,
    "modular_steps": 4000,
}
