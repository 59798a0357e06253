"""What a tracker sees of a model, how, and what it does not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Shaped

from regime_lib.instrument.capture.operators import Kind

ALL = "all"
"""The layer name of quantities over the whole model."""


def own_name(name: str) -> str:
    """Return a layer's name, told apart from `ALL`."""
    return f"{name} (module)" if name == ALL else name


@dataclass(frozen=True)
class Layer:
    """One call of one piecewise-linear function."""

    name: str
    """Module name, with the function where the module does more, and `#2` for a second call."""
    op: str
    """The function: relu, hardtanh, max_pool2d, ..."""
    kind: Kind
    via: str
    """How it was seen: "function" (torch-function mode) or "dispatch" (ATen operator)."""
    units: int
    """Units per probe sample: channels times positions, tokens times hidden units."""
    planes: int
    """Bits kept per unit (0 for pooling windows, which keep a code)."""
    rows: int = 1
    """Rows that count as one sample: above 1, they were taken for a sample's tokens because the
    number of samples divides theirs, which is no proof."""


@dataclass(frozen=True)
class Unseen:
    """Something with a pattern of its own that is not tracked."""

    where: str
    what: str
    count: int

    def __str__(self) -> str:
        times = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.what} in {self.where or 'the model'}{times}"


@dataclass(frozen=True)
class Coverage:
    """The layers that are tracked, and what is not."""

    layers: tuple[Layer, ...]
    unseen: tuple[Unseen, ...]
    samples: int
    """Probe samples."""
    members: int = 1
    """Independent networks stacked in the model."""

    @property
    def counted(self) -> Bool[np.ndarray, " layers"]:
        """Which layers enter quantities over all layers: the rectified ones, if there are any."""
        rectified = np.array([layer.kind is not Kind.WINNER for layer in self.layers])
        return rectified if rectified.any() else ~rectified

    @property
    def units(self) -> int:
        """Rectified units per probe sample; pooling windows are not counted."""
        return sum(layer.units for layer in self.layers if layer.kind is not Kind.WINNER)

    @property
    def winners(self) -> int:
        """Pooling windows per probe sample."""
        return sum(layer.units for layer in self.layers if layer.kind is Kind.WINNER)

    def shares(
        self, counts: Shaped[np.ndarray, "observations layers members"], samples: int = 1
    ) -> Float[np.ndarray, "observations layers_and_all members"]:
        """Divide counts of units by the units there are, on so many samples; all layers first."""
        units = np.array([layer.units for layer in self.layers], dtype=float)
        total = counts[:, self.counted].sum(axis=1, keepdims=True) / units[self.counted].sum()
        return np.concatenate([total, counts / units[:, None]], axis=1) / samples

    def __str__(self) -> str:
        rows = [
            f"  {layer.name:<28} {layer.op:<14} {layer.kind:<10} {layer.units:>9,} units"
            f"  via {layer.via}" + (f", {layer.rows} rows a sample" if layer.rows > 1 else "")
            for layer in self.layers
        ]
        head = f"{self.units:,} rectified units on each of {self.samples:,} probe samples"
        head += f", {self.members} members" if self.members > 1 else ""
        tail = [f"  not tracked: {item}" for item in self.unseen]
        return "\n".join([head, *rows, *tail])
