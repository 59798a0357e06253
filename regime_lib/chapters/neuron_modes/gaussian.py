"""Networks of Gaussian units, exp(-h^2): the non-monotone activation of the paper's example."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.lab.models.mlp import MLP, MLPEnsemble


class Gaussian(nn.Module):
    """The activation exp(-h^2), which rises up to zero and falls from there."""

    def forward(self, inputs: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return it elementwise."""
        return torch.exp(-inputs.square())


class GaussianEnsemble(MLPEnsemble):
    """An `MLPEnsemble` of Gaussian units; it starts from the weights of the same seeds.

    Parameters
    ----------
    sizes, seeds
        As for `MLPEnsemble`.
    """

    def __init__(self, sizes: Sequence[int], seeds: Sequence[int]) -> None:
        super().__init__(sizes, seeds, "tanh")
        _bend(self)

    def alone(self, seed: int) -> MLP:
        """Return a new ordinary network of the same shape."""
        net = super().alone(seed)
        _bend(net)
        return net


def _bend(net: nn.Module) -> None:
    """Put Gaussian activations where the tanh was."""
    for name, module in list(net.named_children()):
        if isinstance(module, nn.Tanh):
            setattr(net, name, Gaussian())
