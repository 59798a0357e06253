"""Rank probability distributions: where a class ranks among all samples in a layer.

Source: arXiv 2501.02436, version 5, read in an itemised review. For layer l, class k
and neuron i the samples are ranked by the signed pre-activation h_i sign(M_ki), with M the linear
substitution map and h read before the activation, where a closed ReLU makes no ties. The density of
rank / (P - 1) over the samples of the class and all neurons, averaged over classes, is the
distribution. Its slope by least squares is the paper's measure of the share of order-preserving
neurons (formula and binning reconstructed): 0 for random weights, 2 for the density 2q.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.modes.preactivations import as_labels, read_preactivations
from regime_lib.instrument.modes.substitution import substitution_matrices
from regime_lib.instrument.shapes import shapes

_LEAST_PER_BIN = 5
_NORMAL = 1.96


@dataclass(frozen=True, eq=False)
class RankDistribution:
    """The rank distribution of one layer."""

    layer: str
    centres: Float[np.ndarray, " bins"]
    density: Float[np.ndarray, "members classes bins"]
    """Of the ranks, scaled to 0 to 1; its mean over bins is one."""
    class_slope: Float[np.ndarray, "members classes"]
    class_stderr: Float[np.ndarray, "members classes"]
    """Standard error over the samples of the class; NaN with a single one."""

    __repr__ = shapes

    @property
    def mean_density(self) -> Float[np.ndarray, "members bins"]:
        """The density averaged over classes."""
        return self.density.mean(axis=1)

    @property
    def slope(self) -> Float[np.ndarray, " members"]:
        """The slope of the averaged density, which is the average of the classes' slopes."""
        return self.class_slope.mean(axis=1)

    @property
    def stderr(self) -> Float[np.ndarray, " members"]:
        """Standard error of the slope over the choice of samples within classes."""
        return np.sqrt((self.class_stderr**2).sum(axis=1)) / self.class_stderr.shape[1]

    @property
    def interval(self) -> Float[np.ndarray, "2 members"]:
        """Ends of the 95 % interval of the slope, over samples."""
        return self.slope + np.array([[-_NORMAL], [_NORMAL]]) * self.stderr


def rank_distributions(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    bins: int = 20,
    ties: Literal["random", "average"] = "random",
    seed: int = 0,
    members: int | None = None,
) -> tuple[RankDistribution, ...]:
    """Measure the rank distribution and its slope in every layer.

    Parameters
    ----------
    model : nn.Module
        A network whose layers above the first activation have a linear substitution map.
    inputs, labels : tensors, shapes (samples, ...) and (samples,)
        Every class of the model must be among them.
    bins : int
        Of the histogram.
    ties : str
        ``random`` breaks ties by a generator, ``average`` gives tied samples their mean rank.
    seed : int
        Of that generator.
    members : int, optional
        K if the model is an ensemble of K networks.

    Raises
    ------
    RegimeError
        If there are fewer than five samples per bin, a class has no sample, or as for
        `read_preactivations` and `substitution_map`.
    """
    read = read_preactivations(model, inputs, members=members)
    classes = read.logits.shape[-1]
    labels = as_labels(labels, len(inputs), classes)
    matrices = substitution_matrices(model, inputs, members=members)
    return tuple(
        rank_distribution(before, matrix, labels, bins=bins, ties=ties, seed=seed, layer=name)
        for name, before, matrix in zip(read.layers, read.before, matrices, strict=True)
    )


def rank_distribution(
    before: Float[Tensor, "members samples units"],
    matrix: Float[Tensor, "members classes units"],
    labels: Int[Tensor, " samples"],
    *,
    bins: int = 20,
    ties: Literal["random", "average"] = "random",
    seed: int = 0,
    layer: str = "",
) -> RankDistribution:
    """Return the rank distribution of given pre-activations; parameters as in `rank_distributions`.

    A unit that does not act on a class (an entry 0 of `matrix`) has no sign there; it is given one
    at random.
    """
    samples, classes = len(labels), matrix.shape[1]
    if not isinstance(bins, int) or bins < 2:
        raise RegimeError(f"bins is {bins!r}; expected a whole number of at least 2, such as 20")
    if samples < _LEAST_PER_BIN * bins:
        raise RegimeError(
            f"{samples} samples are too few for {bins} bins; give at least "
            f"{_LEAST_PER_BIN * bins} samples, or fewer bins"
        )
    if ties not in ("random", "average"):
        raise RegimeError(f"ties is {ties!r}; expected 'random' or 'average'")
    counts = torch.bincount(labels, minlength=classes)
    if int(counts.min()) == 0:
        raise RegimeError(
            f"class {int(counts.argmin())} has no sample; every class of the model needs at least "
            "one, so give more samples"
        )
    random = np.random.default_rng(seed)
    upper, lower = _binned(before, bins, ties, random)
    positive = matrix > 0
    unsigned = matrix == 0
    if bool(unsigned.any()):
        coin = torch.from_numpy(random.random(tuple(matrix.shape)) < 0.5)
        positive = torch.where(unsigned, coin.to(positive.device), positive)
    centres = (np.arange(bins) + 0.5) / bins
    weights = (centres - 0.5) * bins / ((centres - 0.5) ** 2).sum()
    table = torch.from_numpy(weights).to(before.device)
    members, _, units = before.shape
    row = bins * torch.arange(members, device=before.device, dtype=torch.int32)[:, None, None]
    density = np.empty((members, classes, bins))
    slope, stderr = np.empty((2, members, classes))
    for k in range(classes):
        own = labels == k
        chosen = torch.where(positive[:, k, None], upper[:, own], lower[:, own])
        counts = torch.bincount((chosen + row).flatten(), minlength=members * bins)
        shares = counts.view(members, bins).numpy(force=True) / (int(own.sum()) * units)
        density[:, k], slope[:, k] = shares * bins, shares @ weights
        values = table.index_select(0, chosen.flatten()).view(chosen.shape)
        stderr[:, k] = _standard_error(values.mean(2).numpy(force=True))
    return RankDistribution(layer, centres, density, slope, stderr)


def _binned(
    before: Tensor, bins: int, ties: str, random: np.random.Generator
) -> tuple[Int[Tensor, "m s u"], Int[Tensor, "m s u"]]:
    """Return the bins of every sample's rank within its member and unit, counted from both ends.

    The bin of a rank is looked up; there are only as many ranks as samples.
    """
    samples = before.shape[1]
    rows = before.mT.contiguous()  # sorting along the axis that is dense in memory
    # NumPy sorts with vector instructions; in which order it leaves ties does not matter below
    wide = rows if rows.dtype == torch.float64 else rows.float()  # it knows no bfloat16
    place = torch.from_numpy(wide.numpy(force=True).argsort(axis=-1)).to(before.device)
    ordered = rows.gather(-1, place)
    rank = torch.arange(samples, device=before.device, dtype=torch.float64)
    tied = (ordered.diff(dim=-1) == 0).any(dim=-1)
    chosen = _of_ties(rows[tied], ties, random)
    found = []
    for ranks, own in ((rank, chosen), (samples - 1 - rank, samples - 1 - chosen)):
        bin_of = torch.empty(rows.shape, dtype=torch.int32, device=before.device)
        bin_of.scatter_(-1, place, _bin(ranks, samples, bins).expand_as(place))
        bin_of[tied] = _bin(own, samples, bins)
        found.append(bin_of.mT.contiguous())
    return found[0], found[1]


def _bin(ranks: Tensor, samples: int, bins: int) -> Tensor:
    """Return the bin of rank / (samples - 1); multiplying first keeps edges exact."""
    return (ranks * bins / (samples - 1)).floor_().clamp_(max=bins - 1).int()


def _standard_error(values: np.ndarray) -> np.ndarray:
    if values.shape[1] < 2:
        return np.full(len(values), np.nan)
    return np.asarray(values.std(axis=1, ddof=1) / np.sqrt(values.shape[1]))


def _of_ties(
    rows: Float[Tensor, "rows samples"], ties: str, random: np.random.Generator
) -> Float[Tensor, "rows samples"]:
    """Return the ranks, from 0, of the samples of units in which some are tied."""
    number, samples = rows.shape
    ranks = torch.empty(rows.shape, dtype=torch.float64, device=rows.device)
    if ties == "average":
        for ranked, row in zip(ranks, rows, strict=True):
            _, inverse, counts = row.unique(return_inverse=True, return_counts=True)
            ranked[:] = (counts.cumsum(0) - (counts + 1) / 2)[inverse]
        return ranks
    # in a random order first, then by a sort that keeps the order of equals
    orders = np.array([random.permutation(samples) for _ in range(number)], dtype=np.int64)
    mixed = torch.from_numpy(orders.reshape(number, samples)).to(rows.device)
    place = mixed.gather(1, rows.gather(1, mixed).argsort(dim=1, stable=True))
    rank = torch.arange(samples, device=rows.device, dtype=torch.float64)
    return ranks.scatter_(1, place, rank.expand_as(place))
