"""The convolutional network against convolutions written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab import CNN, CNNEnsemble
from tests.sentences import refusal


def build(seed: int = 3) -> CNN:
    return CNN((2, 6, 7), (3, 4), 5, 4, seed)


def convolved(x: np.ndarray, conv: nn.Conv2d, stride: int) -> np.ndarray:
    """Sum over every window by hand, with a border of zeros; then rectify."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = -(-x.shape[2] // stride), -(-x.shape[3] // stride)
    out = np.empty((len(x), conv.out_channels, height, width))
    weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
    for i in range(height):
        for j in range(width):
            window = padded[:, :, i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[:, :, i, j] = np.einsum("nchw,ochw->no", window, weight) + bias
    return np.maximum(out, 0)


def test_the_forward_pass_is_that_of_windows_summed_by_hand() -> None:
    model, images = build().double(), torch.randn(5, 2, 6, 7, dtype=torch.float64)
    first = convolved(images.numpy(), model.conv1, 1)
    second = convolved(first, model.conv2, 2)
    assert second.shape == (5, 4, 3, 4)
    hidden = second.reshape(5, -1) @ model.hidden.weight.detach().numpy().T
    hidden = np.maximum(hidden + model.hidden.bias.detach().numpy(), 0)
    logits = hidden @ model.output.weight.detach().numpy().T + model.output.bias.detach().numpy()
    assert np.allclose(model(images).detach().numpy(), logits)


def test_parameters_follow_from_the_seed_alone() -> None:
    before = torch.get_rng_state()
    one, two, other = build(), build(), build(4)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.conv1.weight, other.conv1.weight)
    torch.manual_seed(3)
    assert torch.equal(one.conv1.weight, nn.Conv2d(2, 3, 3, padding=1).weight)


@pytest.mark.parametrize("channels", [(), (0,), (3, 2.5)])
def test_sizes_that_make_no_network_are_refused(channels: tuple) -> None:
    refusal("whole numbers above 0", lambda: CNN((1, 8, 8), channels, 4, 3, 0))


def test_flat_images_are_answered_by_what_to_call() -> None:
    refusal("as_images", lambda: build()(torch.zeros(4, 84)))


def test_every_member_is_its_network_alone_forward_and_backward() -> None:
    seeds, images = (3, 8, 5), torch.randn(3, 7, 2, 6, 7, dtype=torch.float64)
    both = CNNEnsemble((2, 6, 7), (3, 4), 5, 4, seeds).double()
    logits = both(images)
    assert logits.shape == (3, 7, 4)
    logits.square().sum().backward()
    for index, seed in enumerate(seeds):
        alone = build(seed).double()
        expected = alone(images[index])
        torch.testing.assert_close(logits[index], expected)
        expected.square().sum().backward()
        for name, parameter in alone.named_parameters():
            mine = both.get_parameter(name)
            assert mine.grad is not None
            torch.testing.assert_close(mine[index], parameter)
            torch.testing.assert_close(mine.grad[index], parameter.grad)
        torch.testing.assert_close(both.member(index)(images[index]), expected)
        torch.testing.assert_close(both(images[0])[index], alone(images[0]))


def test_the_tracker_sees_the_layers_of_an_ensemble_as_those_of_its_members() -> None:
    seeds, images = (3, 8), torch.randn(7, 2, 6, 7)
    both = CNNEnsemble((2, 6, 7), (3, 4), 5, 4, seeds)
    with RegimeTracker(both, images, members=2) as tracker, torch.no_grad():
        both.conv2.bias += 0.1
        tracker.update()
    layers = [(layer.name, layer.units) for layer in tracker.coverage.layers]
    assert layers == [("relu1", 3 * 6 * 7), ("relu2", 4 * 3 * 4), ("relu", 5)]
    for index, seed in enumerate(seeds):
        model = build(seed)
        with RegimeTracker(model, images) as alone, torch.no_grad():
            model.conv2.bias += 0.1
            alone.update()
        for layer, _ in layers:
            mine, expected = (t.trace.array("pattern_change", layer)[1] for t in (tracker, alone))
            assert np.allclose(mine[:, index], expected[:, 0])
            assert mine[:, index].any() == (layer != "relu1")


def test_an_ensemble_refuses_what_a_network_does() -> None:
    refusal("whole numbers above 0", lambda: CNNEnsemble((1, 8, 8), (0,), 4, 3, (1,)))
    refusal("as_images", lambda: CNNEnsemble((1, 8, 8), (2,), 4, 3, (1, 2))(torch.zeros(4, 64)))
