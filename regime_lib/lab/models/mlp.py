"""The multilayer perceptron of the examples, alone and as an ensemble of K seeds trained at once.

An ensemble holds K networks of one shape in batched tensors: the leading axis of every parameter is
the member axis, so that one batched matrix product replaces K small ones. Member k starts with
exactly the parameters of ``MLP(sizes, seed=seeds[k])``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.models.ensemble import Ensemble, EnsembleBatchNorm, EnsembleLinear
from regime_lib.lab.seeding import checked_seed, torch_seeded

#: What lies between two layers of a perceptron; "linear" is `nn.Identity`, so that it has a name.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "linear": nn.Identity,
}
_Layer = Callable[[int, int], nn.Module]


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
        ``relu``, ``gelu``, ``tanh`` or ``linear``; its modules bear this name.
    momentum : float, optional
        Puts batch normalisations, ``norm1, norm2, …``, before the activations: the share of the
        newest batch in their running statistics.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seed: int,
        activation: str = "relu",
        momentum: float | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.seed = _checked_sizes(sizes, momentum), checked_seed(seed)
        self.activation, self.momentum = activation, momentum
        # the seed holds for the CPU's generator, whatever the default device is
        linear = partial(nn.Linear, device="cpu")
        with torch_seeded(self.seed):
            _add_layers(self, linear, linear, nn.BatchNorm1d)

    def forward(self, inputs: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch classes"]:
        """Return the logits."""
        _check_features(inputs, self.sizes)
        for layer in self.children():
            inputs = layer(inputs)
        return inputs


class MLPEnsemble(Ensemble[MLP]):
    """K multilayer perceptrons of one shape in batched tensors; modules are named as in `MLP`.

    Activations, such as those after ``relu1``, have the shape ``(members, batch, units)``.

    Parameters
    ----------
    sizes, activation, momentum
        As for `MLP`.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seeds: Sequence[int],
        activation: str = "relu",
        momentum: float | None = None,
    ) -> None:
        super().__init__(seeds)
        self.sizes, self.activation = _checked_sizes(sizes, momentum), activation
        self.momentum = momentum
        affine = partial(EnsembleLinear, self.members)
        last = partial(affine, samples_last=True)
        # a normalisation wants the samples along the last axis, too
        hidden = affine if momentum is None else last
        _add_layers(self, hidden, last, partial(EnsembleBatchNorm, self.members))
        self.fill()

    def alone(self, seed: int) -> MLP:
        """Return a new ordinary network of the same shape."""
        return MLP(self.sizes, seed, self.activation, self.momentum)

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


def _add_layers(
    model: MLP | MLPEnsemble, hidden: _Layer, output: _Layer, norm: Callable[..., nn.Module]
) -> None:
    """Give `model` the layers of a perceptron under names that a reader recognises."""
    if model.activation not in ACTIVATIONS:
        raise RegimeError(
            f"the activation is {model.activation!r}; expected one of {', '.join(ACTIVATIONS)}"
        )
    for number, (below, above) in enumerate(pairwise(model.sizes[:-1]), start=1):
        model.add_module(f"hidden{number}", hidden(below, above))
        if model.momentum is not None:
            model.add_module(f"norm{number}", norm(above, momentum=model.momentum))
        model.add_module(f"{model.activation}{number}", ACTIVATIONS[model.activation]())
    model.add_module("output", output(model.sizes[-2], model.sizes[-1]))


def _checked_sizes(sizes: Sequence[int], momentum: float | None) -> tuple[int, ...]:
    least, word = (2, "two") if momentum is None else (3, "three")
    if len(sizes) < least or any(not isinstance(size, int) or size < 1 for size in sizes):
        raise RegimeError(
            f"the sizes are {tuple(sizes)}; expected at least {word} whole numbers above 0: units "
            "of the input, of every hidden layer and of the output, such as (64, 128, 10)"
        )
    return tuple(sizes)


def _check_features(inputs: Tensor, sizes: tuple[int, ...]) -> None:
    if inputs.ndim == 0 or inputs.shape[-1] != sizes[0]:
        raise RegimeError(
            f"the inputs have shape {tuple(inputs.shape)}, but the network of sizes {sizes} takes "
            f"{sizes[0]} features along the last axis"
        )
