"""What is measured of one trained network to tell how well it generalises: basins and rivals.

The rivals are what is in use for it: a margin over the product of the layers' spectral norms (P.
Bartlett, D. Foster and M. Telgarsky, arXiv 1706.08498), a norm of the weights, and the sharpness of
the loss (both compared in Y. Jiang et al., arXiv 1912.02178). Rank slopes are the measure of arXiv
2501.02436 for the spread of its modes over the layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from regime_lib.instrument.modes.basins import sample_basins, weight_basins
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.loop import accuracy, evaluate
from regime_lib.lab.training.sharpness import Sharpness

_DISTURBED = 300  # training samples that noise is put on
_COPIES = 4  # noisy copies of each: over so many samples they average out
_NOISY = 16  # noisy networks: one draw of the weights meets all samples
_COMMON: dict[str, Any] = {"precision": 0.02, "intervals": False}
_RANKED, _BINS = 1000, 10
_CURVED = 300  # training samples whose loss is bent
_LOW = 0.1  # quantile of the margins: a few samples are wrong, and say nothing of the rest


def measured_networks(net: MLPEnsemble, data: Stack) -> list[dict[str, float]]:
    """Measure every member of an ensemble on its own training samples, and its test accuracy.

    Noise is the same for all members and for all ensembles of one shape, so that networks differ in
    their basins by what they are and not by what they were given.
    """
    sharpness = Sharpness(
        net, data.train_inputs[:, :_CURVED], data.train_labels[:, :_CURVED], "cross-entropy"
    )()
    test = accuracy(net, data.test_inputs, data.test_labels, net.members, own=True)
    train = accuracy(net, data.train_inputs, data.train_labels, net.members, own=True)
    rows = []
    for k in range(net.members):
        solo, own = net.member(k), data.member(k)
        few = own.train_inputs[:_DISTURBED], own.train_labels[:_DISTURBED]
        sample = sample_basins(solo, *few, draws=_COPIES, **_COMMON)
        weight = weight_basins(solo, *few, draws=_NOISY, **_COMMON)
        ranked = own.train_inputs[:_RANKED], own.train_labels[:_RANKED]
        slopes = [float(layer.slope[0]) for layer in rank_distributions(solo, *ranked, bins=_BINS)]
        rows.append(
            {
                "test_accuracy": float(test[k]),
                "train_accuracy": float(train[k]),
                "sample_basin": float(sample.amplitude[0, 0]),
                "weight_basin": float(weight.amplitude[0, 0]),
                "margin": normalised_margin(solo, own.train_inputs, own.train_labels),
                "norm": weight_norm(solo),
                "sharpness": float(sharpness[k]),
                "first_slope": slopes[0],
                "last_slope": slopes[-1],
            }
        )
    return rows


def normalised_margin(net: MLP, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    """Return the tenth percentile of the margins over the product of the layers' spectral norms.

    The margin of a sample is the logit of its class minus the largest other one; a network's
    product of spectral norms bounds how fast it can change with the input.
    """
    logits = evaluate(net, inputs).double()
    true = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
    steepest = np.prod([float(torch.linalg.matrix_norm(w.double(), 2)) for w in _matrices(net)])
    return float(np.quantile((true - others).numpy(), _LOW) / steepest)


def weight_norm(net: MLP) -> float:
    """Return the Euclidean norm of all weights, without biases."""
    return float(np.sqrt(sum(float(weight.double().square().sum()) for weight in _matrices(net))))


def _matrices(net: nn.Module) -> list[torch.Tensor]:
    return [each.detach() for each in net.parameters() if each.ndim == 2]
