"""Noise that a reader turns up: the page gets the networks themselves, the caption their basins."""

from __future__ import annotations

import pytest
import torch

from regime_lib.chapters.attraction_basins import scene
from regime_lib.companion.figures.theme import Theme
from regime_lib.lab.models.mlp import MLP

NETS = {layers: MLP((16, *[8] * layers, 3), seed=layers) for layers in scene.LAYERS}
FOUND = scene.Noisy(
    NETS,
    torch.randn(6, 16, generator=torch.Generator().manual_seed(0)),
    torch.tensor([0, 1, 2, 0, 1, 2]),
    {"inputs": {1: 1.5, 6: 1.25}, "weights": {1: 2.0, 6: 0.5}},
)


def test_the_page_gets_every_layer_of_both_networks() -> None:
    shapes = [
        [layer["w"]["shape"] for layer in net["layers"]]
        for net in scene.noise(FOUND).data["networks"]
    ]
    assert shapes == [[[8, 16], [3, 8]], [[8, 16], *[[8, 8]] * 5, [3, 8]]]


def test_the_caption_states_both_basins_of_both() -> None:
    said = scene.noise_caption(FOUND)
    assert "1.50 on inputs with 1 hidden layer (1.25 with 6)" in said
    assert "2.00 on weights with 1 hidden layer (0.50 with 6)" in said


@pytest.mark.parametrize("narrow", [False, True])
def test_the_still_says_what_the_networks_read(narrow: bool) -> None:
    figure = scene.still(Theme(narrow=narrow), FOUND)
    assert figure.axes[0].get_title() == "noise 0"
    assert all(ax.get_xlabel().startswith("read as ") for ax in figure.axes)
    assert scene.noise_alt(FOUND).startswith("A handwritten 0 under growing noise")
