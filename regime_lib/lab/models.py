"""The multilayer perceptron of the examples, alone and as a stack of K seeds trained at once.

A stack holds K networks of one shape in batched tensors: the leading axis of every parameter is the
member axis, so that one batched matrix product replaces K small ones. Member k starts with exactly
the parameters of ``MLP(sizes, seed=seeds[k])``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.seeding import checked_seed, torch_seeded

#: What lies between two layers of a perceptron; "linear" is `nn.Identity`, so that it has a name.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}


class MLP(nn.Module):
    """A fully connected network with biases and PyTorch's default initialisation.

    Its modules are called ``hidden1, relu1, hidden2, relu2, …, output``. The parameters are those
    that the same layers get after `torch.manual_seed(seed)`; the global generator is left alone.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, of every hidden layer and of the output, such as ``(64, 128, 128, 10)``.
    seed : int
        Seed of the initial parameters.
    activation : str
        ``relu``, ``tanh`` or ``linear``; its modules bear this name.

    Raises
    ------
    RegimeError
        If there are fewer than two sizes, one of them is not positive, the seed is out of range, or
        the activation is unknown.
    """

    def __init__(self, sizes: Sequence[int], seed: int, activation: str = "relu") -> None:
        super().__init__()
        self.sizes, self.seed = _checked_sizes(sizes), checked_seed(seed)
        self.activation = activation
        with torch_seeded(self.seed):
            _add_layers(self, self.sizes, activation, hidden=_linear, output=_linear)

    def forward(self, inputs: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch classes"]:
        """Return the logits."""
        _check_features(inputs, self.sizes)
        for layer in self.children():
            inputs = layer(inputs)
        return inputs


class StackedMLP(nn.Module):
    """K multilayer perceptrons of one shape in batched tensors.

    Modules are named as in `MLP`; the activations after ``relu1`` have the shape
    ``(members, batch, units)``.

    Parameters
    ----------
    sizes : sequence of int
        As for `MLP`.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    activation : str
        As for `MLP`.

    Raises
    ------
    RegimeError
        As for `MLP`, and if there are no seeds.
    """

    def __init__(
        self, sizes: Sequence[int], seeds: Sequence[int], activation: str = "relu"
    ) -> None:
        super().__init__()
        if len(seeds) == 0:
            raise RegimeError("a stack of networks needs at least one seed; got none")
        self.sizes, self.seeds = _checked_sizes(sizes), tuple(checked_seed(seed) for seed in seeds)
        self.activation = activation
        affine = partial(StackedLinear, len(seeds))
        output = partial(affine, samples_last=True)
        _add_layers(self, self.sizes, activation, hidden=affine, output=output)
        solos = [MLP(self.sizes, seed, activation) for seed in self.seeds]
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.stack([solo.get_parameter(name) for solo in solos]))

    @property
    def members(self) -> int:
        """The number of networks."""
        return len(self.seeds)

    def forward(
        self,
        inputs: Float[Tensor, "batch features"] | Float[Tensor, "members batch features"],
    ) -> Float[Tensor, "members batch classes"]:
        """Return the logits of every member on its own inputs, or of all on the same ones."""
        _check_features(inputs, self.sizes)
        if inputs.ndim == 2:
            inputs = inputs.expand(self.members, -1, -1)
        if inputs.ndim != 3 or len(inputs) != self.members:
            raise RegimeError(
                f"a stack of {self.members} networks got inputs of shape {tuple(inputs.shape)}; "
                f"expected (batch, {self.sizes[0]}) or ({self.members}, batch, {self.sizes[0]})"
            )
        for layer in self.children():
            inputs = layer(inputs)
        return inputs

    def member(self, index: int) -> MLP:
        """Return a copy of one member as an ordinary network.

        Raises
        ------
        RegimeError
            If there is no such member.
        """
        if not 0 <= index < self.members:
            raise RegimeError(
                f"there is no member {index}; the stack has members 0 to {self.members - 1}"
            )
        solo = MLP(self.sizes, self.seeds[index], self.activation)
        mine = {name: value[index] for name, value in self.state_dict().items()}
        solo.to(next(iter(mine.values()))).load_state_dict(mine)
        return solo.train(self.training)


class StackedLinear(nn.Module):
    """K affine layers at once: ``outputs[k] = inputs[k] @ weight[k].T + bias[k]``.

    The parameters are made empty; `StackedMLP` fills them.

    Parameters
    ----------
    members, in_features, out_features : int
        K and the units on both sides.
    samples_last : bool
        Whether the outputs lie in memory with the samples along the last axis (their shape is the
        same): faster where there are too few units to fill the vectors of the processor.
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
        return _StackedAffine.apply(inputs, self.weight, self.bias, self.samples_last)

    def extra_repr(self) -> str:
        """Return what `print` shows of the layer."""
        members, out_features, in_features = self.weight.shape
        return f"members={members}, in_features={in_features}, out_features={out_features}"


class _StackedAffine(torch.autograd.Function):
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


def _add_layers(
    model: nn.Module,
    sizes: tuple[int, ...],
    activation: str,
    hidden: Callable[[int, int], nn.Module],
    output: Callable[[int, int], nn.Module],
) -> None:
    """Give `model` the layers of a perceptron under names that a reader recognises."""
    if activation not in ACTIVATIONS:
        raise RegimeError(
            f"the activation is {activation!r}; expected one of {', '.join(ACTIVATIONS)}"
        )
    for number, (below, above) in enumerate(pairwise(sizes[:-1]), start=1):
        model.add_module(f"hidden{number}", hidden(below, above))
        model.add_module(f"{activation}{number}", ACTIVATIONS[activation]())
    model.add_module("output", output(sizes[-2], sizes[-1]))


def _linear(below: int, above: int) -> nn.Linear:
    # the seed holds for the CPU's generator, whatever the default device is
    return nn.Linear(below, above, device="cpu")


def _checked_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    if len(sizes) < 2 or any(not isinstance(size, int) or size < 1 for size in sizes):
        raise RegimeError(
            f"the sizes are {tuple(sizes)}; expected at least two whole numbers above 0: units of "
            "the input, of every hidden layer and of the output, such as (64, 128, 10)"
        )
    return tuple(sizes)


def _check_features(inputs: Tensor, sizes: tuple[int, ...]) -> None:
    if inputs.ndim == 0 or inputs.shape[-1] != sizes[0]:
        raise RegimeError(
            f"the inputs have shape {tuple(inputs.shape)}, but the network of sizes {sizes} takes "
            f"{sizes[0]} features along the last axis"
        )
