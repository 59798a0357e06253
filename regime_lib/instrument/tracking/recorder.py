"""Listens to a forward pass whose calls are known (`plan.CallPlan`) and keeps its patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.operators import Args, Kind, Kwargs, Rule
from regime_lib.instrument.capture.plan import CallPlan, Step
from regime_lib.instrument.tracking.packed_bits import (
    NumpyPackedBits,
    PackedBits,
    TorchPackedBits,
    WinnerBuffer,
)

_SAME_PROBE = (
    "a tracked model must run the same layers on the probe every time, so start a new tracker if "
    "it was changed"
)


_NUMPY_KNOWS = (torch.float32, torch.float64)
_Known = tuple[str, torch.Size, torch.dtype, float, NDArray[np.bool_]]
"""A call with one fixed threshold: operator, shape and type of its input, where its bits go."""


class Recorder:
    """Writes the patterns of one forward pass after the other (`modes.Listener`).

    And the pre-activations, relative to their threshold, if they are kept (32 bits each). `advice`
    says what to do if a forward pass differs from the plan.
    """

    def __init__(
        self,
        plan: CallPlan,
        layout: Layout,
        *,
        keep_values: bool = False,
        advice: str = _SAME_PROBE,
    ) -> None:
        self._plan, self._layout, self._advice = plan, layout, advice
        self._expected = len(plan.steps)
        self._steps = (*plan.steps, Step("", None))  # after the last one nothing is expected
        self._cursor = 0
        self._stored: Sequence[Any] = ()
        self._slot = 0
        self._rows = slice(0)
        self._samples = 0
        self._known: list[_Known | None] = []
        self._sizes: list[tuple[int, int, int]] = []
        self._plain: list[torch.Size | None] = []
        self.at_step = 0
        self.keep_values = keep_values
        self.values: list[Float[np.ndarray, "members samples units"]] = []

    def packed_bits(self, slots: int, samples: int) -> list[PackedBits]:
        """Return empty room for the patterns of every layer."""
        made: list[PackedBits] = []
        for site in self._plan.sites:
            size = (self._layout.members, samples, site.layer.units)
            if site.codes is not None:
                made.append(WinnerBuffer(slots, *size, site.codes, site.device))
            elif site.device.type == "cpu":
                made.append(NumpyPackedBits(slots, site.layer.planes, *size))
            else:
                made.append(TorchPackedBits(slots, site.layer.planes, *size, site.device))
        return made

    def room_for_values(self, samples: int) -> list[NDArray]:
        """Return room for the values of all layers."""
        return [
            np.zeros((self._layout.members, samples, site.layer.units), np.float32)
            for site in self._plan.sites
        ]

    def begin(self, stored: Sequence[PackedBits], slot: int, rows: slice) -> None:
        """Direct the next forward pass into these rows of this slot."""
        if stored is not self._stored or rows != self._rows:
            self._known = [None] * len(self._steps)
        self._stored, self._slot, self._rows, self._cursor = stored, slot, rows, 0
        samples = rows.stop - rows.start
        if samples != self._samples:
            units = [site.layer.units for site in self._plan.sites]
            self._sizes = [(self._layout.members, samples, number) for number in units]
            self._plain = [None] * len(units)  # shapes that lie in memory as their size
            self._samples = samples

    def end(self) -> None:
        """Check that the forward pass made every call that was expected."""
        if self._cursor != self._expected:
            raise self._changed(f"made {self._cursor} of {self._expected} expected calls")

    def on_call(self, rule: Rule, via: str, args: Args, kwargs: Kwargs) -> bool:
        """Store the pattern of a call that is tracked."""
        known = self._known[self._cursor]
        if known is not None and args:
            op, shape, kind, threshold, mask = known
            values = args[0]
            alike = values.shape == shape and values.dtype is kind and values.is_contiguous()
            if rule.op == op and alike:
                self._cursor += 1
                array = (values.detach() if values.requires_grad else values).numpy()
                np.greater(array, threshold, out=mask)
                return False
        return self._on_any_call(rule, args, kwargs)

    def _on_any_call(self, rule: Rule, args: Args, kwargs: Kwargs) -> bool:
        reading = rule.read(args, kwargs) if rule.op in self._plan.ops else None
        if reading is None:
            return False
        if self._cursor == self._expected:
            raise self._changed(f"made a further call, {rule.op}")
        op, layer, swapped = self._steps[self._cursor]
        self._cursor += 1
        if op != rule.op:
            raise self._changed(f"called {rule.op} where it called {op} before")
        if layer is None:
            return False
        if rule.kind is Kind.WINNER:
            return True
        reading = reading.settled(swapped)
        self._store(reading.values, reading.thresholds, layer)
        if rule.fixed is not None:
            self._know(rule.op, rule.fixed[0], reading.values, layer)
        return False

    def on_winners(self, winners: Tensor) -> None:
        """Store the winners of the max-pool just called."""
        layer = self._steps[self._cursor - 1].layer
        assert layer is not None
        self._stored[layer].store(self._slot, self._rows, self._read_rows(winners, layer))

    def before_operator(self, *_: Any) -> None:
        """Ignore operators."""

    def on_operator(self, *_: Any) -> None:
        """Ignore operators: they were noted once."""

    def _know(self, op: str, threshold: float, values: Tensor, layer: int) -> None:
        """Remember how the call just stored looked: later ones mostly look the same."""
        masks: Sequence[Any] = getattr(self._stored[layer], "masks", ())
        shape, kind = values.shape, values.dtype
        whole = len(masks) == 1 and masks[0].shape[1] == self._samples
        plain = values.is_contiguous() and shape == self._plain[layer] and kind in _NUMPY_KNOWS
        if whole and plain and not self.keep_values:
            self._known[self._cursor - 1] = op, shape, kind, threshold, masks[0].reshape(shape)

    def _store(self, values: Tensor, thresholds: tuple[float, ...], layer: int) -> None:
        rows = self._read_rows(values, layer)
        self._stored[layer].store(self._slot, self._rows, rows, thresholds)
        if self.keep_values:
            shifted = rows.float() - thresholds[0]
            self.values[layer][:, self._rows] = shifted.cpu().numpy().reshape(self._sizes[layer])

    def _read_rows(self, values: Tensor, layer: int) -> Tensor:
        """Return a tensor that lies in memory as members, samples and units do."""
        if values.requires_grad:
            values = values.detach()
        shape = values.shape
        if shape == self._plain[layer] and values.is_contiguous():
            return values
        size = self._sizes[layer]
        if values.is_contiguous() and self._layout.is_plain(shape, size):
            self._plain[layer] = shape
            return values
        rows = self._layout.rows(values, self._samples)
        if rows is None or rows.shape != size:
            name = self._plan.sites[layer].layer.name
            given = f"gave layer {name} shape {tuple(shape)}"
            raise self._changed(f"{given}, not {size[2]} units per sample")
        return rows

    def _changed(self, what: str) -> RegimeError:
        return RegimeError(
            f"the model's forward pass at step {self.at_step} differs from the first one: it "
            f"{what}; {self._advice}"
        )
