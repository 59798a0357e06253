"""The parameters of chapter 60, and how its two profiles fill them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    dataset: Literal["digits", "mnist", "fashion-mnist"]
    n_seeds: int  # runs, each with its own start, batches and split; seven more if deep
    steps: int
    hidden: int  # units of the shallow network
    depth: int  # hidden layers of the deep network
    width: int  # units of each of its layers
    very_deep: int  # layers of the very deep network
    very_width: int  # units of each of those
    probe_size: int  # samples that are ranked
    bins: int  # of the rank density
    batch_size: int
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def seeds(self) -> range:
        """Those of shallow networks."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def deep_seeds(self) -> range:
        """Those of deep networks: enough that all of them could carry a share of 0.8."""
        return range(self.seed, self.seed + self.n_seeds + 7)


#: What each profile gives to the parameters that are left at None.
QUICK = {
    "dataset": "digits",
    "n_seeds": 10,
    "steps": 1500,
    "hidden": 128,
    "width": 64,
    "very_width": 32,
    "probe_size": 1297,
    "bins": 10,
}
PAPER = {
    "dataset": "mnist",
    "n_seeds": 3,
    "steps": 5000,
    "hidden": 2048,
    "width": 512,
    "very_width": 128,
    "probe_size": 2000,
    "bins": 20,
}
