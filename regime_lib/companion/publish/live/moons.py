"""A small network cuts the plane while it learns two half-moons apart: the landing picture, live.

It is shipped to the page as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from regime_lib.companion.publish.live.scenes import Scene
from regime_lib.companion.publish.live.train_one import Digits, Run, forward

#: The plane is shown from minus to plus this number in both inputs.
REACH = 2.4

_CLASSES = ("one class", "other class")


def half_moons(seed: int = 0, noise: float = 0.12, points: int = 160) -> Digits:
    """Return noisy points of two half-moons, standardised; they are learnt and tested alike."""
    random = np.random.default_rng(seed)
    angles = np.linspace(0, np.pi, points // 2)
    upper = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    lower = np.stack([1 - np.cos(angles), 0.5 - np.sin(angles)], axis=1)
    inputs = np.concatenate([upper, lower])
    inputs = inputs + noise * random.standard_normal(inputs.shape)
    inputs = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0) * 0.95
    labels = np.repeat([0, 1], points // 2)
    return Digits(inputs, labels, inputs, labels, classes=2)


def show_regions(run: Run, data: Digits, cut: Callable[..., Any]) -> None:
    """Draw the regions on which the network is affine, and the line on which both outputs agree.

    Parameters
    ----------
    run : Run
        Of a network with two inputs and two outputs, as far as it is.
    data : Digits
        The points that it learns.
    cut : callable
        `regime_lib.simulators.exact.regions.linear_regions`, handed over by the cell that draws:
        what publishes the book knows no simulator.
    """
    weights = [weight.tolist() for weight, _ in run.layers]
    biases = [bias.tolist() for _, bias in run.layers]
    corner = (REACH, REACH)
    found = cut(weights, biases, (-REACH, -REACH), corner, tolerance=1e-12)
    scene = Scene("first input", "second input", (-REACH, REACH), (-REACH, REACH))
    borders = []
    for region in found:
        # the more units are on, the darker
        shade = 0.95 - 0.9 * float(np.mean(region.pattern))
        scene.area(np.array(region.corners), "pattern", shade)
        a, b, c = (one - other for one, other in zip(*region.outputs, strict=True))
        if ends := region.crossing((a, b, c)):
            borders += [*ends, (np.nan, np.nan)]
    scene.line(np.array(borders).reshape(-1, 2), "theory")
    for name, label in zip(_CLASSES, range(2), strict=True):
        scene.dots(data.inputs[data.labels == label], name)
    right = (forward(run.layers, data.inputs)[-1].argmax(axis=1) == data.labels).mean()
    scene.show(
        f"step {len(run.loss)}: {len(found)} linear regions, {right:.0%} of the points right"
    )
