"""What an ensemble is: K networks of one shape, trained at once in batched tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.seeding import checked_seed

Solo = TypeVar("Solo", bound=nn.Module)


class Ensemble(nn.Module, Generic[Solo]):
    """K networks of one shape: every parameter has a leading member axis, and so has the output.

    Parameters
    ----------
    seeds : sequence of int
        Seed of the initial parameters of each member.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        super().__init__()
        if len(seeds) == 0:
            raise RegimeError("an ensemble needs at least one seed; got none")
        self.seeds = tuple(checked_seed(seed) for seed in seeds)

    @property
    def members(self) -> int:
        """The number of networks."""
        return len(self.seeds)

    def alone(self, seed: int) -> Solo:
        """Return a new ordinary network of the same shape and parameter names."""
        raise NotImplementedError

    def member(self, index: int) -> Solo:
        """Return a copy of one member, buffers included, as an ordinary network."""
        if not 0 <= index < self.members:
            raise RegimeError(
                f"there is no member {index}; the ensemble has members 0 to {self.members - 1}"
            )
        state = self.state_dict()  # a counter of batches is the same for all members
        mine = {name: value[index] if value.ndim else value for name, value in state.items()}
        solo = self.alone(self.seeds[index])
        solo.to(next(self.parameters())).load_state_dict(mine)
        return solo.train(self.training)

    def fill(self) -> None:
        """Give every member the initial parameters of its ordinary network."""
        solos = [self.alone(seed) for seed in self.seeds]
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.stack([solo.get_parameter(name) for solo in solos]))

    def spread(self, inputs: Tensor, axes: int) -> Tensor:
        """Give inputs of `axes` axes, the same for all members, a member axis without copying."""
        if inputs.ndim == axes:
            inputs = inputs.expand(self.members, *inputs.shape)
        if inputs.ndim != axes + 1 or len(inputs) != self.members:
            raise RegimeError(
                f"an ensemble of {self.members} networks got inputs of shape "
                f"{tuple(inputs.shape)}; expected {axes} axes, or {axes + 1} of which the first "
                f"has size {self.members}"
            )
        return inputs


class EnsembleLinear(nn.Module):
    """K affine layers at once: ``outputs[k] = inputs[k] @ weight[k].T + bias[k]``.

    The parameters are made empty; the ensemble fills them. With `samples_last` the outputs, of the
    same shape, lie in memory with the samples along the last axis: faster where there are too few
    units to fill the vectors of the processor.
    """

    def __init__(
        self, members: int, in_features: int, out_features: int, samples_last: bool = False
    ) -> None:
        super().__init__()
        self.samples_last = samples_last
        self.weight = nn.Parameter(torch.empty(members, out_features, in_features, device="cpu"))
        self.bias = nn.Parameter(torch.empty(members, out_features, device="cpu"))

    def forward(
        self, inputs: Float[Tensor, "members batch in_features"]
    ) -> Float[Tensor, "members batch out_features"]:
        """Apply every member's layer to its own inputs."""
        return _EnsembleAffine.apply(inputs, self.weight, self.bias, self.samples_last)

    def extra_repr(self) -> str:
        """Return what `print` shows of the layer."""
        members, out_features, in_features = self.weight.shape
        return f"members={members}, in_features={in_features}, out_features={out_features}"


class EnsembleLayerNorm(nn.Module):
    """K layer normalisations over the last axis, each with its own scale and shift."""

    def __init__(self, members: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, features, device="cpu"))
        self.bias = nn.Parameter(torch.empty(members, features, device="cpu"))

    def forward(
        self, inputs: Float[Tensor, "members batch features"]
    ) -> Float[Tensor, "members batch features"]:
        """Normalise every row."""
        normal = nn.functional.layer_norm(inputs, inputs.shape[-1:])
        return torch.addcmul(self.bias.unsqueeze(1), normal, self.weight.unsqueeze(1))


class EnsembleBatchNorm(nn.Module):
    """Batch normalisation of K members at once, each over its own samples."""

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


class EnsembleEmbedding(nn.Module):
    """K tables of vectors, one row per token."""

    def __init__(self, members: int, tokens: int, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, tokens, features, device="cpu"))

    def forward(self, tokens: Tensor) -> Tensor:
        """Look every member's tokens, shape (members, ...), up in its own table."""
        members, rows, features = self.weight.shape
        offset = torch.arange(members, device=tokens.device) * rows
        shifted = tokens + offset.view(-1, *[1] * (tokens.ndim - 1))
        return nn.functional.embedding(shifted, self.weight.view(members * rows, features))


class _EnsembleAffine(torch.autograd.Function):
    """The batched affine map, with its products in the order that the CPU computes fastest.

    Autograd would take the weights' gradient as ``inputs.T @ upstream``, which for a few outputs
    is several times slower than its transpose; so is the forward product.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, samples_last: bool
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        if samples_last:
            return torch.baddbmm(bias.unsqueeze(2), weight, inputs.mT).mT
        return torch.baddbmm(bias.unsqueeze(1), inputs, weight.mT)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        inputs, weight = ctx.saved_tensors
        (gradient,) = upstream
        below = torch.bmm(gradient, weight) if ctx.needs_input_grad[0] else None
        return below, torch.bmm(gradient.mT, inputs), gradient.sum(dim=1), None
