"""Width under two starts: the usual one, which shrinks with width, and one that does not.

Source: arXiv 2501.02436, version 5: width helps because the usual start is uniform within one over
the root of the number of inputs, and would do harm without that. The form of the test is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from regime_lib.chapters.attraction_basins.scans import (
    BasinScan,
    Scan,
    ScanPlan,
    TrainedScan,
    basin_scan,
    trained_net,
)
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, mean, over_runs
from regime_lib.lab.models.mlp import MLPEnsemble


def start_like(net: MLPEnsemble, narrowest: int) -> MLPEnsemble:
    """Give layers that read hidden units the start of a network with `narrowest` of them, in place.

    Their weights and biases, uniform within one over the root of the number of inputs, are
    multiplied by the root of the width over `narrowest`. The first layer stays as it is: it reads
    the inputs, and their number does not depend on the width.

    Raises
    ------
    RegimeError
        If `narrowest` is not at least 1.
    """
    if narrowest < 1:
        raise RegimeError(f"the narrowest width is {narrowest}; expected at least one unit")
    layers = [module for module in net.children() if hasattr(module, "weight")]
    with torch.no_grad():
        for layer in layers[1:]:
            assert isinstance(layer.weight, nn.Parameter)
            assert isinstance(layer.bias, nn.Parameter)
            factor = (layer.weight.shape[-1] / narrowest) ** 0.5
            layer.weight.mul_(factor)
            layer.bias.mul_(factor)
    return net


def fixed_start_scan(plan: ScanPlan, widths: Sequence[int], *, depth: int = 2) -> BasinScan:
    """Train networks of several widths that all start as the narrowest does, and measure basins.

    Parameters
    ----------
    plan : ScanPlan
        Data, seeds, training.
    widths : sequence of int
        Units of each hidden layer, rising.
    depth : int
        Hidden layers.

    Raises
    ------
    RegimeError
        As for `start_like`, `train_to_checkpoints` and `basin_scan`.
    """
    features, classes = plan.data.train_inputs.shape[2], len(plan.data.classes)
    ensembles, accuracy = [], []
    for width in widths:
        start = MLPEnsemble((features, *[width] * depth, classes), plan.seeds)
        net, shares = trained_net(plan, start_like(start, widths[0]), plan.config)
        ensembles.append(net)
        accuracy.append(shares)
    scan = Scan("width", tuple(widths), np.array(accuracy))
    return basin_scan(plan, TrainedScan(scan, tuple(ensembles)))


def claims_of_starts(
    usual: Float[np.ndarray, "widths runs"],
    fixed: Float[np.ndarray, "fewer runs"],
    basin: Float[np.ndarray, "fewer runs"],
    seed: int,
) -> dict[str, Estimate]:
    """Judge what width does under both starts.

    Parameters
    ----------
    usual : array, shape (widths, runs)
        Test accuracy under the usual start, the narrowest width first and the widest last.
    fixed, basin : array, shape (fewer, runs)
        Test accuracy and weight-space basin under the start that is the same for all widths.
    seed : int
        Of the choices of runs that give intervals.
    """
    n = basin.shape[1]
    over = f"{n} runs"

    def growth(pick: np.ndarray) -> float:
        first, last = (float(basin[k, pick].mean()) for k in (0, -1))
        return last / first if first > 0 else np.nan

    return {
        "nd-width-helps": mean(100 * (usual[-1] - usual[0]), over=over, seed=seed, unit="%"),
        "nd-width-start": mean(100 * (fixed[-1] - fixed[0]), over=over, seed=seed, unit="%"),
        "nd-width-start-basin": over_runs(growth, n, over=over, seed=seed),
    }
