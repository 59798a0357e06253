"""Which one-hidden-layer network is meant, with every choice that is ours.

Source of the sizes (8 bits, 128 features, ReLU or ELU): Nakazato (2024), arXiv 2405.04074,
captions of Figs. 1 and 2. Loss, coding of the bits and initial weights are not known to us: they
are options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from scipy.special import expit, ndtr

from regime_lib.errors import RegimeError

Activation = Literal["relu", "elu", "tanh", "gelu"]
Loss = Literal["cross-entropy", "squared"]
Coding = Literal["signs", "bits"]
Init = Literal["gaussian", "he", "uniform"]

Values = Float[np.ndarray, "*shape"]


@dataclass(frozen=True)
class Setup:
    """One hidden layer, one sigmoid output: z = v·φ(Wx + b) + c and y = 1 / (1 + exp(-z)).

    Attributes
    ----------
    activation : {"relu", "elu", "tanh", "gelu"}
        φ. The ELU is exp(h) - 1 below zero; the GELU is h Φ(h), with Φ the normal distribution.
    loss : {"cross-entropy", "squared"}
        -y_o log y - (1 - y_o) log(1 - y), or (y - y_o)² / 2.
    coding : {"signs", "bits"}
        Whether the inputs consist of -1 and 1, or of 0 and 1.
    init : {"gaussian", "he", "uniform"}
        Initial weights: Gaussian with variance one over the fan-in and no biases; the same with
        twice the variance below the features; or uniform within ±1/√(fan-in), biases too.
    bits, features : int
        Bits of an input, and number of hidden units.

    Raises
    ------
    RegimeError
        If a choice does not exist or a size is out of range.
    """

    activation: Activation = "relu"
    loss: Loss = "cross-entropy"
    coding: Coding = "signs"
    init: Init = "gaussian"
    bits: int = 8
    features: int = 128

    def __post_init__(self) -> None:
        for field, known in (
            ("activation", get_args(Activation)),
            ("loss", get_args(Loss)),
            ("coding", get_args(Coding)),
            ("init", get_args(Init)),
        ):
            if getattr(self, field) not in known:
                raise RegimeError(
                    f"{field} '{getattr(self, field)}' is not known; choose one of "
                    f"{', '.join(known)}"
                )
        if not 1 <= self.bits <= 16:
            raise RegimeError(
                f"bits must lie between 1 and 16, because all 2**bits inputs are "
                f"evaluated, not {self.bits}"
            )
        if self.features < 1:
            raise RegimeError(f"features must be at least 1, not {self.features}")

    def all_inputs(self) -> Float[np.ndarray, "inputs bits"]:
        """Return all inputs of the input space, in the order of binary numbers."""
        numbers = np.arange(2**self.bits)[:, None]
        bits = (numbers >> np.arange(self.bits)[::-1]) & 1
        return (2.0 * bits - 1 if self.coding == "signs" else bits).astype(float)

    def features_of(self, h: Values) -> Values:
        """Return φ(h) alone, in less time than with its derivative."""
        if self.activation == "relu":
            return np.maximum(h, 0)
        if self.activation == "gelu":
            return h * ndtr(h)
        if self.activation == "tanh":
            return np.tanh(h)
        return self.activate(h)[0]

    def activate(self, h: Values) -> tuple[Values, Values]:
        """Return φ(h) and its derivative φ'(h), which is 0 at h = 0 for the ReLU."""
        if self.activation == "tanh":
            phi = np.tanh(h)
            return phi, 1 - phi**2
        if self.activation == "gelu":
            below = ndtr(h)
            return h * below, below + h * np.exp(-(h**2) / 2) / np.sqrt(2 * np.pi)
        positive = np.maximum(h, 0)
        if self.activation == "relu":
            return positive, (h > 0).astype(float)
        slope = np.exp(np.minimum(h, 0))
        return positive + (slope - 1), slope

    def error(self, z: Values, target: Values | float) -> Values:
        """Return minus the derivative of the loss by the logit, precise also where y is near 1."""
        to_one = not np.count_nonzero(target != 1)
        # 1 - y, precise also where y rounds to 1
        difference = expit(-z) if to_one else target - expit(z)
        return difference if self.loss == "cross-entropy" else difference * expit(-z) * expit(z)
