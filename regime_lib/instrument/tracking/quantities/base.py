"""What a quantity is: a name, a definition, and how it is computed from what it needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.blocks import Block, EndBlock, PatternBlock, WeightBlock
from regime_lib.instrument.tracking.directions import DirectionBlock
from regime_lib.instrument.tracking.pattern_buffer import StateBlock

B = TypeVar("B", bound=Block)

Values = Float[np.ndarray, "observations *all_and_rows members"]
"""Over all layers; or over all first, then by layer (or by module, see `Quantity.rows`)."""


class Quantity(ABC, Generic[B]):
    """One series of a trace; the docstring of each kind is its definition.

    A quantity of your own is a subclass of the kind that says what it is computed from, handed to
    the tracker in ``quantities=``.

    Attributes
    ----------
    name : str
        What it is called in a trace.
    unit : str
        Of its values.
    rows : str
        What it has rows for, besides all together: "layers" with a pattern, or "modules" with
        parameters.
    of_step : bool
        Whether it is about one step: it is then kept only where the observation before was made one
        step before.
    asked_by : str
        The option of the tracker without which it is not measured; empty if there is none.
    merged : str
        What makes it that of a whole probe where ranks saw parts of it: the "mean", all being the
        "same", or nothing.
    """

    name: str
    unit: str = "share"
    rows: Literal["layers", "modules"] = "layers"
    of_step: bool = False
    asked_by: str = ""
    merged: Literal["mean", "same", ""] = ""
    source: ClassVar[type[Block]]

    def begin(self, options: Any, coverage: Coverage) -> Quantity[B]:
        """Return what measures one run; a copy, if it remembers anything between observations.

        Parameters
        ----------
        options : Options
            Of the tracker.
        coverage : Coverage
            The layers that are tracked.
        """
        return self

    def at(self, block: B) -> Bool[np.ndarray, " observations"] | None:
        """Tell at which observations of a block there is a value; None for all of them."""
        return block.follows if self.of_step else None

    @abstractmethod
    def values(self, block: B) -> Values | None:
        """Compute the values at all observations of a block; None if there are none."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class PatternQuantity(Quantity[PatternBlock]):
    """Computed from a block of patterns: flips, distances to the start, single bits."""

    source = PatternBlock


class WeightQuantity(Quantity[WeightBlock]):
    """Computed from a block of norms of parameters, of their updates and distances."""

    source, rows, unit, merged = WeightBlock, "modules", "as weights", "same"


class EndQuantity(Quantity[EndBlock]):
    """Computed at the end of a run, from snapshots of earlier states."""

    source = EndBlock


class StateQuantity(Quantity[StateBlock]):
    """Computed from the model or its last patterns, one observation after the other."""

    source = StateBlock


class DirectionQuantity(Quantity[DirectionBlock]):
    """Computed from products of steps, of the steps before them and of their gradients."""

    source, rows, asked_by, merged = DirectionBlock, "modules", "directions", "same"


class PreactivationQuantity(PatternQuantity):
    """A number of each layer's `FlipStatistics`, averaged over layers with one threshold.

    Clipped units and pooling windows have no such number: NaN.
    """

    of_step, asked_by = True, "preactivations"
    field: ClassVar[str]

    def values(self, block: PatternBlock) -> Values | None:
        """Average over layers, weighted by units, and put that before the layers."""
        if not block.flip_statistics:
            return None
        layers = block.coverage.layers
        values = np.array(
            [[getattr(layer, self.field) for layer in row] for row in block.flip_statistics]
        ).astype(float)
        own = np.array([layer.planes == 1 for layer in layers])
        values[:, ~own] = np.nan
        mean = np.full_like(values[:, :1], np.nan)
        if own.any():
            units = np.array([layer.units for layer in layers], dtype=float)[own]
            mean = np.einsum("l,tlm->tm", units / units.sum(), values[:, own])[:, None]
        return np.concatenate([mean, values], axis=1)
