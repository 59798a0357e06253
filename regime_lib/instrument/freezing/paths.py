"""The path form of a perceptron whose patterns are given: linear in one weight for each path.

A path leads from an input, or from the bias of some layer, through one unit of every later layer to
an output. If the units on it are on, it carries its input times the product of its weights. So with
given patterns the output is linear in these products, and learning them freely is a convex problem:
what arXiv 2510.00883 calls a linear estimator over active paths. The order of the paths is the same
in both functions of this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from regime_lib.errors import RegimeError

_MOST = 2**31  # numbers in a matrix of features


def path_features(
    inputs: Float[Tensor, "samples features"], gates: Sequence[Bool[Tensor, "samples _units"]]
) -> Float[Tensor, "samples paths"]:
    """Return what every path carries if all of its weights are one.

    Parameters
    ----------
    inputs : tensor, shape (samples, features)
        What the perceptron reads.
    gates : sequence of tensors of bool, shape (samples, units)
        For each hidden layer, which of its units are on.

    Raises
    ------
    RegimeError
        If gates and inputs are of different samples, or there are too many paths to write down.
    """
    if not gates or any(gate.ndim != 2 or len(gate) != len(inputs) for gate in gates):
        raise RegimeError(
            f"the gates have shapes {[tuple(gate.shape) for gate in gates]}; expected at least one "
            f"of shape ({len(inputs)}, units), a row for each sample"
        )
    sizes = (inputs.shape[1], *(gate.shape[1] for gate in gates), 1)
    if len(inputs) * paths_of(sizes) > _MOST:
        raise RegimeError(
            f"a perceptron of sizes {sizes} has {paths_of(sizes):,} paths, too many for "
            f"{len(inputs):,} samples; take fewer units or fewer samples"
        )
    ones = inputs.new_ones(len(inputs), 1)
    carried = torch.cat([inputs, ones], dim=1)
    for gate in gates:
        through = carried.unsqueeze(2) * gate.unsqueeze(1).to(inputs)
        carried = torch.cat([through.flatten(1), ones], dim=1)
    return carried


def path_weights(
    weights: Sequence[Float[Tensor, "_above _below"]], biases: Sequence[Float[Tensor, " _above"]]
) -> Float[Tensor, "paths outputs"]:
    """Return the products of weights along every path, one column for each output.

    Parameters
    ----------
    weights, biases : sequences of tensors
        Of every layer, the output layer last.

    Raises
    ------
    RegimeError
        If there is no hidden layer, or the shapes of neighbours do not fit.
    """
    fits = len(weights) == len(biases) >= 2 and all(
        above.shape[1] == below.shape[0] for below, above in pairwise(weights)
    )
    if not fits:
        raise RegimeError(
            f"the weights have shapes {[tuple(one.shape) for one in weights]}; expected those of "
            "at least two layers that follow each other, with a bias each"
        )
    # products up to the units of a layer; the last axis is that of its units
    products = torch.cat([weights[0].mT, biases[0].unsqueeze(0)])
    for weight, bias in zip(weights[1:], biases[1:], strict=True):
        extended = products.unsqueeze(2) * weight.mT
        products = torch.cat([extended.flatten(0, 1), bias.unsqueeze(0)])
    return products


def paths_of(sizes: Sequence[int]) -> int:
    """Return how many paths lead to one output of a perceptron of these sizes, biases included."""
    return 1 + sum(prod(sizes[start:-1]) for start in range(1, len(sizes) - 1)) + prod(sizes[:-1])
