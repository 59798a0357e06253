"""What one tracked run is of: data, network, optimiser, schedule, seed, and how it is watched.

Learning rates are ours (arXiv 2602.08333 tells none in any copy that we could read): one for each
architecture and optimiser, chosen because training succeeds, before any ratio was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regime_lib.errors import RegimeError
from regime_lib.lab.training.config import TrainingConfig

#: What a run may combine.
IMAGES = ("digits", "mnist", "fashion-mnist", "cifar10")
TEXTS = ("tiny-shakespeare", "sst2")
ARCHITECTURES = ("mlp", "cnn", "resnet", "transformer")
OPTIMIZERS = ("sgd", "momentum", "adamw")
SCHEDULES = ("constant", "cosine", "warm-up")
#: How figures and texts call them.
NAMES = {
    "sgd": "SGD",
    "momentum": "momentum",
    "adamw": "AdamW",
    "mlp": "MLP",
    "cnn": "CNN",
    "resnet": "residual CNN",
    "transformer": "Transformer",
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10 (JPEG copy)",
    "tiny-shakespeare": "Tiny Shakespeare",
    "sst2": "SST-2",
    "digits": "digits",
}

LEARNING_RATES: dict[tuple[str, str], float] = {
    ("mlp", "sgd"): 0.1,
    ("mlp", "momentum"): 0.03,
    ("mlp", "adamw"): 0.001,
    ("cnn", "sgd"): 0.1,
    ("cnn", "momentum"): 0.02,
    ("cnn", "adamw"): 0.002,
    ("resnet", "sgd"): 0.1,
    ("resnet", "momentum"): 0.05,
    ("resnet", "adamw"): 0.002,
    ("transformer", "sgd"): 0.2,
    ("transformer", "momentum"): 0.05,
    ("transformer", "adamw"): 0.002,
}
#: What runs on the digits have in common, by architecture.
DIGITS: dict[str, dict[str, Any]] = {
    "mlp": {"batch_size": 64, "probe_size": 128},
    "cnn": {"batch_size": 32, "probe_size": 64, "hidden": 64},
    "transformer": {"batch_size": 32, "probe_size": 48, "hidden": 64},
}
_WARMUP = 0.1  # share of the run over which the learning rate grows
_DECAY = 0.01  # decoupled weight decay of AdamW, PyTorch's default


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that a tracked run depends on."""

    dataset: str  # one of `IMAGES` or `TEXTS`
    # "mlp" (two hidden layers), "cnn" or "resnet" (residual, with batch normalisation) for images;
    # "transformer" for images and text
    architecture: str
    optimizer: str  # "sgd", "momentum" (0.9) or "adamw" (weight decay 0.01)
    # of the learning rate: "constant"; "cosine" down to zero; or "warm-up", growing linearly over
    # the first tenth of the run, then constant
    schedule: str = "constant"
    seed: int = 0  # of initial weights and batches
    steps: int = 1000
    batch_size: int | None = 64  # samples (windows of text) in a step; None: the training set
    samples: int | None = None  # training samples to use (characters of text); None for all
    probe_size: int = 256  # test inputs on which patterns are taken
    # units of a hidden layer of an MLP, a CNN's last one, a feed-forward part; first channels of a
    # residual network
    hidden: int = 128
    decay: float = 0.99  # of the exponential moving average of the weights, per step
    average_every: int = 4  # steps after which the average is observed (two steps in a row)
    activation: str = "relu"  # or "gelu", of which the sign of the input is the pattern
    warm_up: int | None = None  # steps of a warm-up; None for a tenth of the run
    redraw: bool = False  # whether the seed draws training set, test set and probe too (images)

    def __post_init__(self) -> None:
        for name, known in (
            ("dataset", IMAGES + TEXTS),
            ("architecture", ARCHITECTURES),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
        ):
            if getattr(self, name) not in known:
                raise RegimeError(
                    f"the {name} is {getattr(self, name)!r}; expected one of {', '.join(known)}"
                )
        if self.dataset in TEXTS and self.architecture != "transformer":
            raise RegimeError(
                f"{self.dataset} is text, but the architecture is {self.architecture}; "
                "use transformer"
            )
        if self.dataset in TEXTS and self.redraw:
            raise RegimeError(
                f"{self.dataset} is text, of which one split is known; leave redraw out"
            )
        if self.activation not in ("relu", "gelu"):
            raise RegimeError(f"the activation is {self.activation!r}; expected relu or gelu")
        if not 0 < self.decay < 1:
            raise RegimeError(
                f"the decay of the average is {self.decay}; expected above 0, below 1"
            )
        if self.average_every < 1:
            raise RegimeError(f"average_every is {self.average_every}; expected at least 1 step")

    @property
    def choices(self) -> dict[str, str | int]:
        """What names the run in tables: the columns of `SETTING`, and the seed."""
        return {
            "dataset": self.dataset,
            "architecture": self.architecture,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "batch": "full" if self.batch_size is None else "mini",
            "seed": self.seed,
        }

    @property
    def training(self) -> TrainingConfig:
        """How the network is trained."""
        warm = self.schedule == "warm-up"
        return TrainingConfig(
            optimizer=self.optimizer,
            lr=LEARNING_RATES[self.architecture, self.optimizer],
            steps=self.steps,
            batch_size=self.batch_size,
            weight_decay=_DECAY if self.optimizer == "adamw" else 0.0,
            schedule="constant" if warm else self.schedule,
            warmup=self._warm_up if warm else 0,
        )

    @property
    def _warm_up(self) -> int:
        return round(_WARMUP * self.steps) if self.warm_up is None else self.warm_up
