"""A tanh network, its linear map and a linear network, over the size of the training set.

Source: arXiv 2501.02436, version 5, on shallow networks. Test accuracies coincide
for small training sets and part from a critical size on; so do the slopes of the rank densities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.neuron_modes.training import Setup, Trained, accuracy_of
from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.substitution import LinearSubstitute
from regime_lib.lab.models.mlp import MLPEnsemble

#: The networks that are trained, by what lies between their layers.
TWINS = {"tanh net": "tanh", "linear net": "linear"}
THREE = ("tanh net", "linear map of it", "linear net")


@dataclass(frozen=True, eq=False)
class ThreeNetworks:
    """Test accuracy and slopes; the linear map is that of the trained tanh network."""

    sizes: Int[np.ndarray, " sizes"]
    """Training samples, rising."""
    few: int
    """Which size is the largest of the smaller half."""
    accuracy: dict[str, Float[np.ndarray, "sizes seeds"]]
    """Share of the test set, of each of `THREE`."""
    slope: dict[str, Float[np.ndarray, "2 seeds"]]
    """Rank slope of each of `TWINS`: with few samples, ``sizes[few]``, and with the most."""

    def largest_gap(self, pick: Int[np.ndarray, " picked"]) -> float:
        """Return the largest gap, in points, among the three in the smaller half of sizes."""
        means = np.array([self.accuracy[n][: self.few + 1, pick].mean(axis=1) for n in THREE])
        return float(100 * (means.max(axis=0) - means.min(axis=0)).max())

    def lead(self, pick: Int[np.ndarray, " picked"]) -> float:
        """Return how many points the tanh net is ahead of the better of the others, at the end."""
        tanh, *others = (self.accuracy[n][-1, pick].mean() for n in THREE)
        return float(100 * (tanh - max(others)))

    @property
    def parting(self) -> int | None:
        """From which size on the tanh net is ahead of both others, by two standard errors."""
        tanh, *others = (self.accuracy[n] for n in THREE)
        behind = 100 * (tanh - np.maximum(*others))
        apart = behind.mean(axis=1) > 2 * behind.std(axis=1) / np.sqrt(behind.shape[1])
        return next((int(s) for k, s in enumerate(self.sizes) if apart[k:].all()), None)

    def slope_ratio(self, pick: Int[np.ndarray, " picked"]) -> float:
        """Return the tanh net's slope over the linear one's, with few samples."""
        tanh, linear = (self.slope[name][0, pick].mean() for name in TWINS)
        return float(tanh / linear)

    def linear_excess(self, pick: Int[np.ndarray, " picked"]) -> float:
        """Return by how much the linear net is steeper, with the most samples."""
        tanh, linear = (self.slope[name][1, pick].mean() for name in TWINS)
        return float(linear - tanh)


def three_networks(
    setup: Setup, hidden: int, seeds: Sequence[int], sizes: Sequence[int]
) -> ThreeNetworks:
    """Train a tanh and a linear network with more and more samples, a third of the steps each.

    Parameters
    ----------
    setup : Setup
        Data, training, ranks.
    hidden : int
        Hidden units.
    seeds : sequence of int
        One network each; it sees the first samples of its own training set.
    sizes : sequence of int
        Training samples, rising; slopes need enough for the bins from the middle on.

    Raises
    ------
    RegimeError
        If there are fewer than two sizes or they do not rise, or as for `train_to_checkpoints`
        and `rank_distributions`.
    """
    if len(sizes) < 2 or list(sizes) != sorted(set(sizes)):
        raise RegimeError(
            f"the sizes are {list(sizes)}; expected at least two numbers of samples, rising"
        )
    few = smaller_half(sizes)
    accuracy: dict[str, list[np.ndarray]] = {name: [] for name in THREE}
    slope: dict[str, list[np.ndarray]] = {name: [] for name in TWINS}
    for number, size in enumerate(sizes):
        part = setup.on(int(size))
        for name in TWINS:
            net = _twin(part, name, hidden, seeds)
            accuracy[name].append(net.test_accuracy[-1])
            model = net.model
            if name == "tanh net":
                bent = [
                    accuracy_of(LinearSubstitute(one, data.train_inputs, 0), data)
                    for one, data in part.alone(model)
                ]
                accuracy["linear map of it"].append(np.array(bent))
            if number in (few, len(sizes) - 1):
                slope[name].append(part.ranks(model)[0].slope)
    return ThreeNetworks(
        np.array(sizes),
        few,
        {name: np.array(rows) for name, rows in accuracy.items()},
        {name: np.array(rows) for name, rows in slope.items()},
    )


def smaller_half(sizes: Sequence[int]) -> int:
    """Return which of some sizes is the largest of the smaller half."""
    return len(sizes) // 2 - 1


def twin_slopes(
    setup: Setup, hidden: int, seeds: Sequence[int], size: int
) -> dict[str, Float[np.ndarray, " seeds"]]:
    """Return the rank slopes of a tanh and a linear network trained with some samples.

    Parameters as for `three_networks`.
    """
    part = setup.on(size)
    return {name: part.ranks(_twin(part, name, hidden, seeds).model)[0].slope for name in TWINS}


def _twin(part: Setup, name: str, hidden: int, seeds: Sequence[int]) -> Trained:
    shape = (part.inputs, hidden, part.classes)
    steps = max(20, part.steps // 3)
    return part.trained(MLPEnsemble(shape, seeds, TWINS[name]), replace(part.config, steps=steps))
