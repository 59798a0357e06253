"""Turns counts and norms into the named series of a trace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from regime_lib.instrument.capture.coverage import ALL, Coverage
from regime_lib.instrument.tracking.norms import Norms
from regime_lib.instrument.tracking.oui import layer_oui, mean_oui
from regime_lib.instrument.tracking.pattern_buffer import Observations
from regime_lib.instrument.tracking.trace import Series, Trace
from regime_lib.instrument.tracking.weights import modules_of

_PARTS = 32  # parts of the probe whose flips are kept apart, for the interval over the probe
_LAW_FIELDS = {
    "preactivation_scale": "scale",
    "preactivation_change": "change",
    "flip_law_centred": "centred",
    "flip_law": "shifted",
}


class SeriesBuilder:
    """Collects the observations of one run.

    Parameters
    ----------
    coverage : Coverage
        The layers.
    parameters : sequence of str
        Names of the parameter tensors, in the order of the norms.
    """

    def __init__(self, coverage: Coverage, parameters: Sequence[str]) -> None:
        self._coverage = coverage
        self._units = np.array([layer.units for layer in coverage.layers], dtype=float)
        self._pattern_names = (ALL, *(layer.name for layer in coverage.layers))
        # the flip law is about units with one threshold, not about clips and pooling windows
        self._has_law = np.array([layer.planes == 1 for layer in coverage.layers])
        modules = modules_of(parameters)
        self._weight_names = (ALL, *modules)
        # row 0 sums all parameters, the rows below those of one module
        self._weight_sums = np.zeros((1 + len(modules), len(parameters)))
        self._weight_sums[0] = 1.0
        for row, own in enumerate(modules.values(), start=1):
            self._weight_sums[row, own] = 1.0
        self._steps: dict[str, list[NDArray[np.int64]]] = {}
        self._values: dict[str, list[NDArray]] = {}
        self._parts: list[NDArray] = []

    def write_patterns(
        self,
        steps: Int[np.ndarray, " looks"],
        looks: Observations,
        consecutive: NDArray[np.bool_],
        lag: float | None = None,
    ) -> None:
        """Note looks at the patterns; changes only of those that follow a look one step before."""
        if consecutive.any():
            changed = self._shares(looks.changed, looks.samples)
            self._add("pattern_change", steps, changed, consecutive)
            self._parts.append(self._by_part(looks.by_sample[consecutive]))
            if lag is not None:
                members = changed.shape[2]
                self._add("lag", steps, np.full((len(steps), 1, members), lag), consecutive)
        self._add("pattern_from_start", steps, self._shares(looks.from_start, looks.samples))
        self._add("dead", steps, self._shares(looks.dead, 1))
        self._add("always_on", steps, self._shares(looks.always_on, 1))
        if looks.between is not None:
            layers = enumerate(self._coverage.layers)
            own = np.stack([layer_oui(looks.between[:, i], row) for i, row in layers], axis=1)
            self._add("oui", steps, np.concatenate([mean_oui(own)[:, None], own], axis=1))
        for quantity, field in _LAW_FIELDS.items() if looks.law else ():
            values = np.array([[getattr(layer, field) for layer in look] for look in looks.law])
            values = values.astype(float)
            values[:, ~self._has_law] = np.nan
            self._add(quantity, steps, self._means(values), consecutive)

    def write_net(self, step: int, differing: Int[np.ndarray, "layers members"]) -> None:
        """Note how many units differ between the ends of the window that ends at a step."""
        shares = self._shares(differing[None], self._coverage.samples)
        self._add("pattern_net_change", np.array([step]), shares)

    def write_weights(
        self, steps: Int[np.ndarray, " looks"], norms: Norms, consecutive: NDArray[np.bool_]
    ) -> None:
        """Note looks at the weights; changes only of those that follow a look one step before."""
        size = np.sqrt(self._weight_sums @ norms.size)
        self._add("weight_norm", steps, size)
        travelled = np.sqrt(self._weight_sums @ norms.travelled)
        self._add("weight_from_start", steps[norms.far], travelled)
        if consecutive.any():
            change = np.sqrt(self._weight_sums @ norms.update)
            relative = np.divide(change, size, out=np.full_like(change, np.nan), where=size > 0)
            self._add("weight_change", steps, change, consecutive)
            self._add("weight_change_rel", steps, relative, consecutive)

    def trace(
        self,
        end_steps: Sequence[int],
        pattern_ends: Sequence[Int[np.ndarray, "layers members"]],
        weight_ends: Sequence[Float[np.ndarray, "parameters members"]],
    ) -> Trace:
        """Build the trace of all that was noted, with the snapshots' distances to the end."""
        series = [
            Series(quantity, self._layers_of(quantity), *self._joined(quantity))
            for quantity in self._values
        ]
        steps = np.array(end_steps)
        if len(pattern_ends):
            shares = self._shares(np.array(pattern_ends), self._coverage.samples)
            series.append(Series("pattern_from_end", self._pattern_names, steps, shares))
        if len(weight_ends):
            distances = np.sqrt(self._weight_sums @ np.array(weight_ends))
            series.append(Series("weight_from_end", self._weight_names, steps, distances))
        sizes = {parts.shape[1:] for parts in self._parts}
        parts = np.concatenate(self._parts) if len(sizes) == 1 else None
        return Trace(self._coverage, tuple(series), parts)

    def _add(
        self,
        quantity: str,
        steps: NDArray[np.int64],
        values: Float[np.ndarray, "looks layers members"],
        chosen: NDArray[np.bool_] | None = None,
    ) -> None:
        if chosen is not None and not chosen.all():
            steps, values = steps[chosen], values[chosen]
        self._steps.setdefault(quantity, []).append(steps)
        self._values.setdefault(quantity, []).append(values)

    def _joined(self, quantity: str) -> tuple[NDArray[np.int64], NDArray]:
        return np.concatenate(self._steps[quantity]), np.concatenate(self._values[quantity])

    def _layers_of(self, quantity: str) -> tuple[str, ...]:
        if quantity == "lag":
            return (ALL,)
        return self._weight_names if quantity.startswith("weight") else self._pattern_names

    def _shares(
        self, counts: NDArray, samples: int
    ) -> Float[np.ndarray, "looks layers_and_all members"]:
        """Divide counts by the bits that they were taken from; all counted layers come first."""
        counted = self._coverage.counted
        total = counts[:, counted].sum(axis=1, keepdims=True) / self._units[counted].sum()
        return np.concatenate([total, counts / self._units[:, None]], axis=1) / samples

    def _means(self, values: NDArray) -> Float[np.ndarray, "looks layers_and_all members"]:
        """Put the mean over the layers with one threshold, weighted by units, first."""
        own = self._has_law
        if own.any():
            weights = self._units[own] / self._units[own].sum()
            mean = np.einsum("l,tlm->tm", weights, values[:, own])[:, None]
        else:
            mean = np.full_like(values[:, :1], np.nan)
        return np.concatenate([mean, values], axis=1)

    def _by_part(
        self, by_sample: Int[np.ndarray, "looks members samples"]
    ) -> Float[np.ndarray, "looks members parts"]:
        """Share of flips in each part of the probe (samples dealt round robin)."""
        looks, members, samples = by_sample.shape
        parts = min(_PARTS, samples)
        # a row for each hand of the deal, the last one filled up: one sum for all parts
        hands = -(-samples // parts)
        dealt = np.zeros((looks, members, hands * parts), by_sample.dtype)
        dealt[:, :, :samples] = by_sample
        flips = dealt.reshape(looks, members, hands, parts).sum(axis=2)
        size = np.bincount(np.arange(samples) % parts)
        units = self._units[self._coverage.counted].sum()
        return flips / size / units
