"""The small networks compute what their names say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from regime_lib.chapters.three_times.networks import (
    PatchTransformer,
    ResidualBlock,
    TextTransformer,
    small_cnn,
    small_resnet,
)
from regime_lib.instrument import RegimeTracker
from tests.sentences import refusal

IMAGES = torch.randn(5, 3 * 8 * 8, generator=torch.Generator().manual_seed(0))
TOKENS = torch.randint(1, 11, (4, 9), generator=torch.Generator().manual_seed(1))
MAKERS: dict[str, Any] = {
    "cnn": lambda seed: small_cnn((3, 8, 8), 10, seed=seed),
    "resnet": lambda seed: small_resnet((3, 8, 8), 10, seed=seed),
    "patches": lambda seed: PatchTransformer((3, 8, 8), 10, seed=seed),
    "characters": lambda seed: TextTransformer(11, 9, seed=seed),
    "sentences": lambda seed: TextTransformer(11, 9, 2, seed=seed),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_seed_gives_the_weights_and_leaves_the_global_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    one, same, other = (MAKERS[name](seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", MAKERS)
def test_the_instrument_sees_every_rectifier_and_nothing_else(name: str) -> None:
    probe = IMAGES if name in ("cnn", "resnet", "patches") else TOKENS
    with RegimeTracker(MAKERS[name](0), probe) as tracker:
        pass
    expected = {
        "cnn": [8 * 64, 16 * 16, 64],
        "resnet": [8 * 64, 8 * 64, 8 * 64, 16 * 16, 16 * 16, 32 * 4, 32 * 4],
        "patches": [8 * 64] * 2,
        "characters": [9 * 128] * 2,
        "sentences": [9 * 128] * 2,
    }
    assert [layer.units for layer in tracker.coverage.layers] == expected[name]
    assert tracker.coverage.unseen == ()


def test_a_convolution_equals_explicit_sums() -> None:
    model = small_cnn((3, 8, 8), 10, seed=0)
    maps = IMAGES.view(5, 3, 8, 8)
    for number in (1, 2):
        layer = model.get_submodule(f"conv{number}")
        columns = nn.functional.unfold(maps, 3, padding=1)
        sums = layer.weight.flatten(1) @ columns + layer.bias[:, None]
        grid = sums.clamp(min=0).view(5, -1, *maps.shape[2:])
        maps = sum(grid[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)) / 4
    hidden = (maps.flatten(1) @ model.hidden3.weight.T + model.hidden3.bias).clamp(min=0)
    expected = hidden @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model(IMAGES), expected)
    refusal("multiples of four", lambda: small_cnn((1, 6, 8), 10, seed=0))


def test_patches_are_the_blocks_of_the_image() -> None:
    model, seen = PatchTransformer((3, 8, 8), 10, patch=(2, 4), seed=0), []
    model.embed.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    model(IMAGES)
    unfolded = nn.functional.unfold(IMAGES.view(5, 3, 8, 8), (2, 4), stride=(2, 4)).mT
    torch.testing.assert_close(seen[0], unfolded)
    refusal("do not tile", lambda: PatchTransformer((1, 8, 8), 10, patch=(3, 4), seed=0))


def test_a_next_character_depends_on_what_came_before_only() -> None:
    model = MAKERS["characters"](0)
    changed = TOKENS.clone()
    changed[:, 5:] = 1 + changed[:, 5:] % 10
    before, after = model(TOKENS), model(changed)
    assert before.shape == (4, 9, 11)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_padding_does_not_change_a_label() -> None:
    model = TextTransformer(11, 12, 2, seed=0)
    padded = nn.functional.pad(TOKENS, (0, 3))
    short = TextTransformer(11, 9, 2, seed=0)
    short.load_state_dict({**model.state_dict(), "position": model.position[:9]})
    torch.testing.assert_close(short(TOKENS), model(padded))
    assert torch.isfinite(model(torch.zeros(1, 12, dtype=torch.int64))).all()


def normalised(maps: torch.Tensor, norm: nn.Module) -> torch.Tensor:
    """Normalise over samples and places, channel by channel, by definition."""
    mean = maps.mean(dim=(0, 2, 3), keepdim=True)
    spread = (maps - mean).square().mean(dim=(0, 2, 3), keepdim=True)
    scale, shift = (one.view(1, -1, 1, 1) for one in (norm.weight, norm.bias))
    return (maps - mean) / (spread + norm.eps).sqrt() * scale + shift


@pytest.mark.parametrize(("channels", "stride"), [(3, 1), (5, 1), (6, 2)])
def test_a_residual_block_is_two_convolutions_beside_a_shortcut(channels: int, stride: int) -> None:
    block = ResidualBlock(3, channels, stride)
    maps = IMAGES.view(5, 3, 8, 8)
    convolved = nn.functional.conv2d(maps, block.conv1.weight, stride=stride, padding=1)
    inner = normalised(convolved, block.norm1).clamp(min=0)
    inner = nn.functional.conv2d(inner, block.conv2.weight, padding=1)
    beside = maps
    if channels != 3 or stride > 1:
        mixed = block.shortcut[0].weight[:, :, 0, 0] @ maps[:, :, ::stride, ::stride].flatten(2)
        side = 8 // stride
        beside = normalised(mixed.view(5, channels, side, side), block.shortcut[1])
    expected = (normalised(inner, block.norm2) + beside).clamp(min=0)
    torch.testing.assert_close(block(maps), expected, atol=1e-5, rtol=1e-4)
