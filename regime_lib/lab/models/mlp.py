"""The multilayer perceptron of the examples, alone and as a stack of K seeds trained at once.

A stack holds K networks of one shape in batched tensors: the leading axis of every parameter is the
member axis, so that one batched matrix product replaces K small ones. Member k starts with exactly
the parameters of ``MLP(sizes, seed=seeds[k])``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.models.ensemble import Ensemble, EnsembleLinear
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


class MLPEnsemble(Ensemble):
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
        super().__init__(seeds)
        self.sizes, self.activation = _checked_sizes(sizes), activation
        affine = partial(EnsembleLinear, self.members)
        output = partial(affine, samples_last=True)
        _add_layers(self, self.sizes, activation, hidden=affine, output=output)
        self.fill([MLP(self.sizes, seed, activation) for seed in self.seeds])

    def forward(
        self,
        inputs: Float[Tensor, "batch features"] | Float[Tensor, "members batch features"],
    ) -> Float[Tensor, "members batch classes"]:
        """Return the logits of every member on its own inputs, or of all on the same ones."""
        _check_features(inputs, self.sizes)
        inputs = self.spread(inputs, 2)
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
        return self.copy_of(index, partial(MLP, self.sizes, activation=self.activation))


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
