"""ReLU perceptrons with batch normalisation, alone and as an ensemble of K seeds trained at once.

Every hidden layer is linear, batch normalisation, ReLU (arXiv 2501.02436, claim 11; the setting is
ours). Member k of an ensemble starts with the parameters of ``BatchNormMLP(sizes, seeds[k])``.
"""

from __future__ import annotations

from collections.abc import Sequence

from regime_lib.lab.models.ensemble import EnsembleBatchNorm
from regime_lib.lab.models.mlp import MLP, MLPEnsemble


class BatchNormMLP(MLP):
    """A fully connected ReLU network with `nn.BatchNorm1d` before every rectifier.

    Its modules are called ``hidden1, norm1, relu1, …, output``.

    Parameters
    ----------
    sizes, seed
        As for `MLP`, with a hidden layer at least.
    momentum : float
        Share of the newest batch in the running statistics.
    """

    def __init__(self, sizes: Sequence[int], seed: int, momentum: float = 0.1) -> None:
        super().__init__(sizes, seed, momentum=momentum)


class BatchNormMLPEnsemble(MLPEnsemble):
    """K networks of one shape in batched tensors, as `MLPEnsemble`, with batch normalisation.

    Parameters
    ----------
    sizes, momentum
        As for `BatchNormMLP`.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    """

    def __init__(self, sizes: Sequence[int], seeds: Sequence[int], momentum: float = 0.1) -> None:
        super().__init__(sizes, seeds, momentum=momentum)

    @property
    def norms(self) -> tuple[EnsembleBatchNorm, ...]:
        """The normalisations, from the input upwards."""
        return tuple(m for m in self.children() if isinstance(m, EnsembleBatchNorm))

    def alone(self, seed: int) -> BatchNormMLP:
        """Return a new ordinary network of the same shape."""
        assert self.momentum is not None
        return BatchNormMLP(self.sizes, seed, self.momentum)
