"""A solved run of the two-layer network: outputs, loss and neurons at any time, and every event."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from jaxtyping import Float, Int

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints
from regime_lib.simulators.two_layer.segment import Segment


class Pattern(IntEnum):
    """On which of the inputs a neuron is active, or on which boundary it slides."""

    OFF = 0
    MINUS = 1
    """Active on x- only."""
    PLUS = 2
    """Active on x+ only."""
    BOTH = 3
    SLIDE_U = 4
    """Active on x-, and held where x+ just does not activate it (u = 0)."""
    SLIDE_V = 5
    """Active on x+, and held where x- just does not activate it (v = 0)."""


@dataclass(frozen=True)
class Flow:
    """A solved run.

    Attributes
    ----------
    problem : TwoPoints
        The data.
    start : Neurons
        Where it began.
    t_end : float
        Until when it was followed.
    times : array, shape (segments,)
        When each segment begins.
    segments : tuple of Segment
        The closed forms.
    rescaled : array, shape (segments, 2)
        The rescaled times tau and sigma when each segment begins.
    entry_time, entry_neuron, entry_pattern : array, shape (entries,)
        Which neuron took which pattern when; the first m entries are the start.
    entry_state : array, shape (entries, 4)
        Scaled u and v, tau and sigma at that moment.
    """

    problem: TwoPoints
    start: Neurons
    t_end: float
    times: Float[np.ndarray, " segments"]
    segments: tuple[Segment, ...]
    rescaled: Float[np.ndarray, "segments 2"]
    entry_time: Float[np.ndarray, " entries"]
    entry_neuron: Int[np.ndarray, " entries"]
    entry_pattern: Int[np.ndarray, " entries"]
    entry_state: Float[np.ndarray, "entries 4"]

    @property
    def events(self) -> int:
        """How many changes of pattern there were."""
        return len(self.entry_time) - self.start.m

    def local(
        self, times: Float[np.ndarray, " n"]
    ) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Return the segment of each time, and tau within it.

        Raises
        ------
        RegimeError
            If a time lies outside the run.
        """
        times = np.asarray(times, dtype=float)
        if len(times) and not (times.min() >= 0 and times.max() <= self.t_end):
            raise RegimeError(f"times must lie in 0..{self.t_end:g}; run the flow for longer")
        which = np.searchsorted(self.times, times, side="right") - 1
        tau = np.empty_like(times)
        for i in np.unique(which):
            here = which == i
            tau[here] = self.segments[i].tau_after(times[here] - self.times[i])
        return which, tau

    def outputs(
        self, times: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Return f(x+) and f(x-) at these times."""
        return self.outputs_at(*self.local(times))

    def outputs_at(
        self, which: Int[np.ndarray, " n"], tau: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
        """Return the same at times that are given as `local` does."""
        plus, minus = np.empty_like(tau), np.empty_like(tau)
        for i in np.unique(which):
            here, segment = which == i, self.segments[i]
            plus[here], minus[here] = segment.outputs(tau[here], segment.sigmas(tau[here]))
        return plus, minus

    def loss(self, times: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Return the loss at these times."""
        return self.problem.loss(*self.outputs(times))

    def neurons(
        self, times: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, "n 2 m"], Int[np.ndarray, "n m"]]:
        """Return u and v (unscaled) and the pattern of every neuron at these times."""
        times = np.asarray(times, dtype=float)
        which, tau = self.local(times)
        scale = self.problem.kappa2 / math.sqrt(self.start.m)
        places = np.empty((len(times), 2, self.start.m))
        patterns = np.empty((len(times), self.start.m), dtype=int)
        for j, (i, inner, time) in enumerate(zip(which, tau, times, strict=True)):
            now = self.rescaled[i] + (inner, self.segments[i].sigma(inner))
            last = self._last_entries(time)
            patterns[j] = self.entry_pattern[last]
            state = self.entry_state[last]
            rates = velocities(self.problem)[patterns[j]].reshape(-1, 2, 2)
            shift = np.einsum("kci,ki->ck", rates, now - state[:, 2:])
            places[j] = (state[:, :2].T + self.start.signs * shift) / scale
        return places, patterns

    def weights(self, time: float) -> Float[np.ndarray, "m d"]:
        """Return the input weights of all neurons at a time."""
        places, _ = self.neurons(np.array([time]))
        return self.start.moved(self.problem, places[0]).weights

    def _last_entries(self, time: float) -> Int[np.ndarray, " m"]:
        count = np.searchsorted(self.entry_time, time, side="right")
        last = np.zeros(self.start.m, dtype=int)
        np.maximum.at(last, self.entry_neuron[:count], np.arange(count))
        return last


def velocities(problem: TwoPoints) -> Float[np.ndarray, "patterns 4"]:
    """Return, for each pattern, how scaled u and v of a positive neuron follow the rescaled times.

    Rows hold du/dtau, du/dsigma, dv/dtau, dv/dsigma; negative neurons move the opposite way.
    """
    c, sin2 = problem.cos, problem.sin2
    table = np.zeros((len(Pattern), 4))
    table[Pattern.MINUS] = 0, -c, 0, -1
    table[Pattern.PLUS] = 1, 0, c, 0
    table[Pattern.BOTH] = 1, -c, c, -1
    table[Pattern.SLIDE_U] = 0, 0, 0, -sin2
    table[Pattern.SLIDE_V] = sin2, 0, 0, 0
    return table
