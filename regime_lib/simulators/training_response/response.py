"""What is recorded while a network trains: how one more step changes every output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.networks import Networks, distances
from regime_lib.simulators.training_response.setup import Setup

Where = Literal["logit", "output"]


@dataclass(frozen=True)
class TrainingResponse:
    """Responses of several networks at some epochs.

    One epoch is one gradient step on (x_o, y_o). The response at epoch t is what step t adds:
    Δ_t(x) = y_t(x) - y_{t-1}(x) at the output, and the same of z at the logit (our reading of
    arXiv 2405.04074, Fig. 1; its text is not known to us).
    """

    setup: Setup
    rate: float
    target: float  # y_o
    epochs: Int[np.ndarray, " times"]  # the recorded ones, from 1 on
    trained: Float[np.ndarray, "seeds bits"]  # x_o
    logits: Float[np.ndarray, "times seeds"]  # z(x_o) before the step
    logit_table: Float[np.ndarray, "times seeds inputs"]  # the response at every input
    output_table: Float[np.ndarray, "times seeds inputs"]

    def table(self, where: Where) -> Float[np.ndarray, "times seeds inputs"]:
        """Return the response at every input, read at the logit or at the output."""
        if where not in ("logit", "output"):
            raise RegimeError(f"responses are read at the 'logit' or the 'output', not '{where}'")
        return self.logit_table if where == "logit" else self.output_table

    def own(self, where: Where) -> Float[np.ndarray, "times seeds"]:
        """Return Δ(x_o, x_o), the response at the trained input."""
        place = self._distances.argmin(axis=1)
        return np.take_along_axis(self.table(where), place[None, :, None], axis=2)[..., 0]

    def kernel(self, where: Where) -> Float[np.ndarray, "times seeds distances"]:
        """Return the mean response at each Hamming distance from x_o, over that at x_o."""
        return by_distance(self.table(where) / self.own(where)[..., None], self._distances)

    @property
    def rest(self) -> Float[np.ndarray, "times seeds"]:
        """1 - y(x_o) before the step."""
        return expit(-self.logits)

    @property
    def kernel_at_trained(self) -> Float[np.ndarray, "times seeds"]:
        """Θ(x_o, x_o) as the step shows it: logit response over rate and error."""
        return self.own("logit") / (self.rate * self.setup.error(self.logits, self.target))

    @property
    def _distances(self) -> Int[np.ndarray, "seeds inputs"]:
        return distances(self.setup.all_inputs(), self.trained)


def by_distance(
    table: Float[np.ndarray, "*times seeds inputs"], distance: Int[np.ndarray, "seeds inputs"]
) -> Float[np.ndarray, "*times seeds distances"]:
    """Average over the inputs at each Hamming distance, 0 first."""
    classes = np.arange(distance.max() + 1)
    member = (distance[:, None, :] == classes[None, :, None]).astype(float)
    member /= member.sum(axis=2, keepdims=True)
    return np.matmul(member, table[..., None])[..., 0]


def log_spaced(last: int, count: int) -> Int[np.ndarray, " times"]:
    """Return about `count` different epochs from 1 to `last`, evenly spaced in the logarithm."""
    return np.unique(np.geomspace(1, last, count).round().astype(np.int64))


class ResponseRecorder:
    """Fills a `TrainingResponse` during training; used by the loops of this package."""

    def __init__(
        self,
        setup: Setup,
        trained: Float[np.ndarray, "seeds bits"],
        rate: float,
        target: float,
        epochs: Int[np.ndarray, " times"],
    ) -> None:
        self._inputs = setup.all_inputs()
        shape = (len(epochs), len(trained), len(self._inputs))
        self._result = TrainingResponse(
            setup,
            rate,
            target,
            epochs,
            trained,
            np.empty(shape[:2]),
            np.empty(shape),
            np.empty(shape),
        )

    def observe(self, place: int, before: Networks, after: Networks) -> None:
        """Note what changed between two states, as the response of recorded epoch `place`."""
        old, new = before.logits(self._inputs), after.logits(self._inputs)
        result = self._result
        result.logit_table[place] = new - old
        # y' - y = (1 - y) - (1 - y'), taken where it does not cancel
        small = expit(-np.abs(old)) - expit(-np.abs(new))
        same = np.sign(old) == np.sign(new)
        change = np.where(old > 0, small, -small)
        result.output_table[place] = np.where(same, change, expit(new) - expit(old))
        own = distances(self._inputs, result.trained).argmin(axis=1)
        result.logits[place] = old[np.arange(len(own)), own]

    def result(self) -> TrainingResponse:
        """Return what was recorded."""
        return self._result
