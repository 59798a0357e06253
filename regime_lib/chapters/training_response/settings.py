"""The parameters of chapter 30, and what follows from them for all of its parts."""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.simulators.training_response.setup import Activation, Coding, Init, Loss, Setup

#: The activation functions and the losses, each with the name that claims and figures give it.
ACTIVATIONS: dict[Activation, str] = {"relu": "ReLU", "elu": "ELU"}
LOSSES: dict[Loss, str] = {"cross-entropy": "ce", "squared": "mse"}


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int  # networks that are trained on one input each
    features: int  # of the hidden layer
    epochs: int
    coding: Coding  # of the bits of an input
    init: Init  # distribution of the initial weights
    rate_ce: float  # learning rate under cross-entropy
    rate_mse: float  # learning rate under squared error
    noise_size: float  # standard deviation of the Gaussian noise on every bit
    task_seeds: int  # networks that learn a task of several inputs
    passes: int  # over the inputs of a task
    rate_task: float  # learning rate on one input of a task
    label_noise: float  # probability that the label of a step is flipped
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def seeds(self) -> range:
        """The seeds of the networks that are trained on one input."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def few_seeds(self) -> range:
        """A quarter of them, 8 or more, for what is trained many times over."""
        return self.seeds[: max(8, self.n_seeds // 4)]

    def setup(self, activation: Activation = "relu", loss: Loss = "cross-entropy") -> Setup:
        """Return a network of the chapter."""
        return Setup(activation, loss, self.coding, self.init, features=self.features)

    def rate(self, loss: Loss) -> float:
        """Return the learning rate under a loss."""
        return self.rate_ce if loss == "cross-entropy" else self.rate_mse
