"""Turns blocks of observations into the named series of a trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import ALL, Coverage
from regime_lib.instrument.tracking.blocks import Block, EndBlock, PatternBlock
from regime_lib.instrument.tracking.quantities.base import Quantity
from regime_lib.instrument.tracking.quantities.pattern_change import PatternChange
from regime_lib.instrument.tracking.trace import Series, Trace
from regime_lib.instrument.tracking.unit_times import UnitTimes
from regime_lib.instrument.tracking.weights import modules_of


class SeriesBuilder:
    """Collects the quantities of one run, in the order that they have in the trace.

    Row 0 of `sums` sums over all parameters, the rows below over those of one module.
    """

    def __init__(
        self, coverage: Coverage, parameters: Sequence[str], quantities: Sequence[Quantity]
    ) -> None:
        modules = modules_of(parameters)
        self.sums = np.zeros((1 + len(modules), len(parameters)))
        self.sums[0] = 1.0
        for row, own in enumerate(modules.values(), start=1):
            self.sums[row, own] = 1.0
        self._coverage, self._quantities = coverage, quantities
        layers = (ALL, *(layer.name for layer in coverage.layers))
        self._names = {"layers": layers, "modules": (ALL, *modules)}
        self._shapes = {
            rows: ((1, coverage.members), (len(names), coverage.members))
            for rows, names in self._names.items()
        }
        self._found: dict[str, list[tuple[NDArray[np.int64], NDArray]]] = {
            one.name: [] for one in quantities
        }
        self._parts: list[NDArray] = []
        self._of = {
            source: [(one, self._found[one.name]) for one in quantities if one.source is source]
            for source in {one.source for one in quantities}
        }
        self._whole = next((one for one in quantities if isinstance(one, PatternChange)), None)

    def write(self, block: Block) -> None:
        """Measure all quantities that are computed from such a block.

        An error in one of them is raised when the others have been measured, which lose nothing.
        """
        failed: Exception | None = None
        for quantity, found in self._of.get(type(block), ()):
            try:
                found += self._measure(quantity, block)
            except Exception as error:
                failed = failed or error
        if isinstance(block, PatternBlock) and self._whole is not None and block.follows.any():
            self._parts.append(self._whole.by_part(block))
        if failed is not None:
            raise failed

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        found = {
            name: [np.concatenate(part) for part in zip(*blocks, strict=True)]
            for name, blocks in self._found.items()
        }
        remembered = {one.name: vars(one) for one in self._quantities}
        return {"found": found, "parts": self._parts, "remembered": remembered}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name, blocks in self._found.items():
            blocks[:] = [tuple(state["found"][name])] if state["found"][name] else []
        self._parts = list(state["parts"])
        for one in self._quantities:
            vars(one).update(state["remembered"][one.name])

    def trace(self, ends: EndBlock | None, last_flips: UnitTimes | None = None) -> Trace:
        """Build the trace of all that was written, and of the distances to the end."""
        series = []
        for quantity in self._quantities:
            found = self._found[quantity.name]
            if isinstance(ends, quantity.source):
                found = self._measure(quantity, ends)
            if found:
                steps, values = (np.concatenate(part) for part in zip(*found, strict=True))
                names = self._names[quantity.rows][: values.shape[1]]
                series.append(Series(quantity.name, names, steps, values))
        sizes = {parts.shape[1:] for parts in self._parts}
        parts = np.concatenate(self._parts) if len(sizes) == 1 else None
        times = last_flips and tuple(own.copy() for own in last_flips)
        return Trace(self._coverage, tuple(series), parts, times)

    def _measure(self, quantity: Quantity, block: Block) -> list[tuple[NDArray[np.int64], NDArray]]:
        """Return steps and values, shape (observations, rows, members), or nothing at all."""
        at, steps = quantity.at(block), block.steps
        if at is not None and not at.any():
            return []
        values = quantity.values(block)
        if values is None:
            return []
        if values.ndim == 2:  # over all layers
            values = values[:, None]
        shapes = self._shapes[quantity.rows]
        if len(values) != len(steps) or values.shape[1:] not in shapes:
            raise RegimeError(
                f"the quantity {quantity.name} gave values of shape {values.shape} for "
                f"{len(steps)} observations of {self._coverage.members} members; expected "
                f"(observations, members), or (observations, {shapes[1][0]}, members) with all "
                f"{quantity.rows} together first"
            )
        return [(steps, values) if at is None or at.all() else (steps[at], values[at])]
