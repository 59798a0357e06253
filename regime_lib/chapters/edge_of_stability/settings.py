"""The parameters of chapter 25, and what it trains: settings, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from regime_lib.lab.training.config import TrainingConfig

#: Full-batch rates, as multiples of the chapter's own: from well below the edge to far beyond it.
RATES = (0.5, 0.7, 1.0, 3.0)
#: Minibatch runs: multiples of the rate, and samples in a batch.
NOISES = ((0.3, 8), (1.0, 8), (1.0, 32), (1.0, 128))
_MOMENTUM_RATE = 3.0  # heavy ball with β = 0.9 has its edge at 3.8 / η
_ENTROPY_RATE = 0.3  # cross-entropy is not divided by the number of classes
_DATED = 20  # steps between two looks at the sharpness where its rise is dated


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    dataset: Literal["digits", "mnist"]
    n_seeds: int  # runs of every setting, each with its own start, sample and order of batches
    samples: int  # of a full batch
    probe_size: int  # test inputs whose patterns are watched
    width: int  # units of each of two hidden layers
    steps: int
    lr: float  # the chapter's own rate, of which others are multiples
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def seeds(self) -> range:
        """The seed of every run."""
        return range(self.seed, self.seed + self.n_seeds)


#: What each profile gives to the parameters that are left at None.
QUICK = {"dataset": "digits", "n_seeds": 10, "samples": 300, "width": 32, "steps": 300, "lr": 1.0}
PAPER = {"dataset": "mnist", "n_seeds": 10, "samples": 500, "width": 64, "steps": 600, "lr": 0.4}


@dataclass(frozen=True)
class Setting:
    """One way to train: what differs between the chapter's runs."""

    rate: float  # as a multiple of the chapter's own
    batch: int | None = None  # None: the full batch
    momentum: float = 0.0  # heavy-ball
    loss: str = "squared"
    convolutional: bool = False
    every: int = 25  # steps between two looks at the sharpness

    def config(self, settings: Settings) -> TrainingConfig:
        """Return how its networks are trained."""
        return TrainingConfig(
            optimizer="momentum" if self.momentum else "sgd",
            lr=self.rate * settings.lr,
            steps=settings.steps,
            batch_size=self.batch,
            momentum=self.momentum,
            loss=self.loss,
        )

    def threshold(self, settings: Settings) -> float:
        """Return the curvature up to which full-batch descent is stable on a quadratic.

        It is 2 / η, and 2 (1 + β) / η with heavy-ball momentum β.
        """
        return 2 * (1 + self.momentum) / (self.rate * settings.lr)


FULL = {rate: Setting(rate, every=_DATED) for rate in RATES}
NOISY = {(rate, batch): Setting(rate, batch) for rate, batch in NOISES}
MOMENTUM = Setting(_MOMENTUM_RATE, momentum=0.9)
ENTROPY = Setting(_ENTROPY_RATE, loss="cross-entropy")
CONVOLUTIONAL = Setting(1.0, convolutional=True)
