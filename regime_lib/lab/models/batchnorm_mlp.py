"""Perceptrons with batch normalisation, alone and as a stack of K seeds trained at once.

Every hidden layer is linear, batch normalisation, ReLU (arXiv 2501.02436, claim 11; the setting is
ours). Member k of a stack starts with the parameters of ``BatchNormMLP(sizes, seeds[k])``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.models.ensemble import Ensemble, EnsembleLinear
from regime_lib.lab.seeding import checked_seed, torch_seeded


class BatchNormMLP(nn.Module):
    """A fully connected ReLU network with `nn.BatchNorm1d` before every rectifier.

    Its modules are called ``hidden1, norm1, relu1, …, output``.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, of every hidden layer and of the output.
    seed : int
        Seed of the initial parameters.
    momentum : float
        Share of the newest batch in the running statistics.
    """

    def __init__(self, sizes: Sequence[int], seed: int, momentum: float = 0.1) -> None:
        super().__init__()
        self.sizes, self.seed, self.momentum = _checked(sizes), checked_seed(seed), momentum
        with torch_seeded(self.seed):
            for number, (below, above) in enumerate(pairwise(self.sizes[:-1]), start=1):
                self.add_module(f"hidden{number}", nn.Linear(below, above, device="cpu"))
                self.add_module(f"norm{number}", nn.BatchNorm1d(above, momentum=momentum))
                self.add_module(f"relu{number}", nn.ReLU())
            self.output = nn.Linear(self.sizes[-2], self.sizes[-1], device="cpu")

    def forward(self, inputs: Float[Tensor, "batch features"]) -> Float[Tensor, "batch classes"]:
        """Return the logits."""
        for layer in self.children():
            inputs = layer(inputs)
        return inputs


class BatchNormMLPEnsemble(Ensemble):
    """K networks of one shape in batched tensors, as `StackedMLP`, with batch normalisation.

    Parameters
    ----------
    sizes : sequence of int
        As for `BatchNormMLP`.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    momentum : float
        As for `BatchNormMLP`.

    Raises
    ------
    RegimeError
        If there are no seeds, or a network has no hidden layer.
    """

    def __init__(self, sizes: Sequence[int], seeds: Sequence[int], momentum: float = 0.1) -> None:
        super().__init__(seeds)
        self.sizes = _checked(sizes)
        self.momentum = momentum
        members = self.members
        for number, (below, above) in enumerate(pairwise(self.sizes[:-1]), start=1):
            self.add_module(f"hidden{number}", EnsembleLinear(members, below, above, True))
            self.add_module(f"norm{number}", EnsembleBatchNorm(members, above, momentum))
            self.add_module(f"relu{number}", nn.ReLU())
        self.output = EnsembleLinear(members, self.sizes[-2], self.sizes[-1], True)
        self.fill([BatchNormMLP(self.sizes, seed) for seed in self.seeds])

    @property
    def norms(self) -> tuple[EnsembleBatchNorm, ...]:
        """The normalisations, from the input upwards."""
        return tuple(m for m in self.children() if isinstance(m, EnsembleBatchNorm))

    def forward(self, inputs: Float[Tensor, "*members batch features"]) -> Tensor:
        """Return the logits of every member, shape (members, batch, classes)."""
        inputs = self.spread(inputs, 2)
        for layer in self.children():
            inputs = layer(inputs)
        return inputs

    def member(self, index: int) -> BatchNormMLP:
        """Return a copy of one member, running statistics included, as an ordinary network.

        Raises
        ------
        RegimeError
            If there is no such member.
        """
        return self.copy_of(index, partial(BatchNormMLP, self.sizes, momentum=self.momentum))


class EnsembleBatchNorm(nn.Module):
    """Batch normalisation of K members at once, each over its own samples.

    Parameters
    ----------
    members, units : int
        K and the width of the layer.
    momentum : float
        Share of the newest batch in the running statistics.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, members: int, units: int, momentum: float) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, 1e-5
        self.weight = nn.Parameter(torch.ones(members, units))
        self.bias = nn.Parameter(torch.zeros(members, units))
        self.register_buffer("running_mean", torch.zeros(members, units))
        self.register_buffer("running_var", torch.ones(members, units))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(
        self, inputs: Float[Tensor, "members batch units"]
    ) -> Float[Tensor, "members batch units"]:
        """Normalise, by the batch in training and by the running statistics in evaluation."""
        members, batch, units = inputs.shape
        if self.training:
            self.num_batches_tracked += 1
        # one network of members * units channels, with the samples along the last axis
        wide = inputs.mT.reshape(1, members * units, batch)
        normalised = nn.functional.batch_norm(
            wide, self.running_mean.view(-1), self.running_var.view(-1), self.weight.view(-1),
            self.bias.view(-1), self.training, self.momentum, self.eps,
        )  # fmt: skip
        return normalised.view(members, units, batch).mT


def _checked(sizes: Sequence[int]) -> tuple[int, ...]:
    if len(sizes) < 3 or any(not isinstance(size, int) or size < 1 for size in sizes):
        raise RegimeError(
            f"the sizes are {tuple(sizes)}; expected at least three whole numbers above 0: units "
            "of the input, of one hidden layer or more, and of the output"
        )
    return tuple(sizes)
