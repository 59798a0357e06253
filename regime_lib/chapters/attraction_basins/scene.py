"""Noise that a reader turns up: one digit, what two networks read, and when half is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from torch import Tensor, nn

from regime_lib.chapters.attraction_basins.scans import ScanPlan, trained_scan
from regime_lib.companion.figures.computed import Choice, Computed, Range, packed
from regime_lib.companion.figures.scene import Panel
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.modes.basins import sample_basins, weight_basins
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig

LAYERS = (1, 6)  # of the networks that the chapter compares
_WIDTH, _STEPS = 64, 1000  # small enough for the page, at any profile of the chapter
_SAMPLES = 40
_LOW, _HIGH = 0.05, 20.0  # amplitudes
_WHERE = ("inputs", "weights")


@dataclass(frozen=True, eq=False)
class Noisy:
    """Two networks of the chapter's first seed, some of their training samples, their basins."""

    networks: dict[int, MLP]
    """By hidden layers."""
    images: Float[Tensor, "samples pixels"]
    labels: Int[Tensor, " samples"]
    basins: dict[str, dict[int, float]]
    """Of these samples, by where the noise is and hidden layers."""


def noisy(*, seed: int, lr: float, batch_size: int, draws: int) -> Noisy:
    """Train one network of one and one of six layers on the digits, as the chapter does."""
    digits = load_dataset("digits").redrawn(seed)
    plan = ScanPlan(
        data=stacked([digits]),
        seeds=(seed,),
        config=TrainingConfig(optimizer="adam", lr=lr, steps=_STEPS, batch_size=batch_size),
        probe_size=_SAMPLES,
        draws=draws,
    )
    trained = trained_scan(plan, "depth", LAYERS, width=_WIDTH)
    networks = {layers: trained.at(layers).member(0) for layers in LAYERS}
    images, labels = digits.train_inputs[:_SAMPLES], digits.train_labels[:_SAMPLES]
    measured = dict(zip(_WHERE, (sample_basins, weight_basins), strict=True))
    basins = {
        where: {
            layers: float(basin(net, images, labels, draws=draws, seed=seed).amplitude[0, 0])
            for layers, net in networks.items()
        }
        for where, basin in measured.items()
    }
    return Noisy(networks, images, labels, basins)


def noise(found: Noisy) -> Computed:
    """Make the picture: a noisy digit, and the share of right answers over the noise."""
    side = float(np.sqrt(found.images.shape[1]))
    quiet, loud = found.images.quantile(0.02), found.images.quantile(0.98)
    names = tuple(f"{n} hidden layer{'s' * (n > 1)}" for n in LAYERS)
    return Computed(
        "noise",
        (
            Panel("what the network sees", xlim=(0, side), ylim=(0, side), equal=True, ticks=False),
            Panel("share of right answers", "amplitude", "", (_LOW, _HIGH), (0, 1.02), "log"),
        ),
        (
            Choice("network", names),
            Choice("noise on", _WHERE),
            Range("sample", 0, _SAMPLES - 1, 0, whole=True),
            Range("amplitude", _LOW, _HIGH, 0.5, log=True),
        ),
        {
            "networks": [{"layers": layers_of(net)} for net in found.networks.values()],
            "images": packed(found.images.numpy()),
            "labels": found.labels.tolist(),
            "paper": float(quiet),
            "ink": float(loud),
            "low": _LOW,
            "high": _HIGH,
        },
        ("theory", ("theory", 0.4), "sample basin", "weight basin"),
    )


def layers_of(net: nn.Module) -> list[dict[str, Any]]:
    """Return weights and biases of every linear layer, packed for the page."""
    linear = [module for module in net.modules() if isinstance(module, nn.Linear)]
    return [
        {"w": packed(one.weight.detach().numpy()), "b": packed(one.bias.detach().numpy())}
        for one in linear
    ]


def still(theme: Theme, found: Noisy) -> Figure:
    """Draw one digit under growing noise on the input."""
    amplitudes = (0.0, 0.5, 1.0, 2.0) if theme.narrow else (0.0, 0.5, 1.0, 1.5, 2.0, 4.0)
    size = (3.9, 3.9) if theme.narrow else (7.2, 1.75)
    figure = Figure(figsize=size, layout="constrained")
    shape = (2, 2) if theme.narrow else (1, len(amplitudes))
    draw = torch.randn(found.images.shape[1], generator=torch.Generator().manual_seed(0))
    side = round(found.images.shape[1] ** 0.5)
    for ax, amplitude in zip(np.ravel(figure.subplots(*shape)), amplitudes, strict=True):
        seen = found.images[0] + amplitude * draw
        read = [int(net(seen[None]).argmax()) for net in found.networks.values()]
        ax.imshow(seen.view(side, side).numpy(), cmap="gray" if theme.dark else "gray_r")
        ax.set(xticks=[], yticks=[], title=f"noise {amplitude:g}")
        ax.set_xlabel(f"read as {' or '.join(map(str, dict.fromkeys(read)))}")
    return figure


def noise_caption(found: Noisy) -> str:
    """State how much noise either network stands, in either place."""
    one, six = LAYERS
    words = [
        f"{by[one]:.2f} on {where} with {one} hidden layer ({by[six]:.2f} with {six})"
        for where, by in found.basins.items()
    ]
    return (
        f"Half of the answers are wrong from noise of {words[0]}, and of {words[1]}. "
        f"One network of either kind, {_SAMPLES} training samples. Choose a network, a digit and "
        "the place of the noise, and turn it up: the page runs the network."
    )


def noise_alt(found: Noisy) -> str:
    """Say what the noise does to the digit."""
    return (
        f"A handwritten {int(found.labels[0])} under growing noise, less and less legible, with "
        "what the networks of one and of six hidden layers read in it."
    )
