"""The Transformers against PyTorch's own, alone and as an ensemble, and the data that they read."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from regime_lib.lab import (
    CharacterData,
    Dataset,
    TrainingConfig,
    Transformer,
    TransformerEnsemble,
    TransformerShape,
    load_dataset,
    train,
)
from tests.sentences import refusal

PATCHES = TransformerShape(tokens=4, inputs=6, outputs=3, width=8, ffn=10, heads=2, blocks=2)
TEXT = TransformerShape(tokens=5, inputs=7, outputs=7, text=True, width=6, ffn=9, heads=3, blocks=1)
SHAPES = pytest.mark.parametrize("shape", [PATCHES, TEXT], ids=["patches", "text"])


def inputs_of(shape: TransformerShape, *leading: int) -> Tensor:
    torch.manual_seed(1)
    if shape.text:
        return torch.randint(shape.inputs, (*leading, shape.tokens))
    return torch.randn(*leading, shape.tokens, shape.inputs)


def by_pytorch(model: Transformer, inputs: Tensor) -> Tensor:
    """The same network out of `nn.TransformerEncoderLayer`."""
    shape = model.shape
    x = model.embed(inputs) + model.positions
    mask = nn.Transformer.generate_square_subsequent_mask(shape.tokens) if shape.text else None
    for block in model.blocks:
        layer = nn.TransformerEncoderLayer(
            shape.width, shape.heads, shape.ffn, dropout=0.0, batch_first=True, norm_first=True
        )
        layer.load_state_dict(
            {
                "self_attn.in_proj_weight": block.qkv.weight,
                "self_attn.in_proj_bias": block.qkv.bias,
                "self_attn.out_proj.weight": block.merge.weight,
                "self_attn.out_proj.bias": block.merge.bias,
                "linear1.weight": block.hidden.weight,
                "linear1.bias": block.hidden.bias,
                "linear2.weight": block.output.weight,
                "linear2.bias": block.output.bias,
                "norm1.weight": block.norm1.weight,
                "norm1.bias": block.norm1.bias,
                "norm2.weight": block.norm2.weight,
                "norm2.bias": block.norm2.bias,
            }
        )
        x = layer(x, src_mask=mask)
    x = model.norm(x)
    return model.output(x if shape.text else x.mean(dim=1))


@SHAPES
def test_the_forward_pass_is_that_of_pytorchs_own_layers(shape: TransformerShape) -> None:
    model, inputs = Transformer(shape, seed=2), inputs_of(shape, 3)
    torch.testing.assert_close(model(inputs), by_pytorch(model, inputs), rtol=1e-5, atol=1e-5)


@SHAPES
@pytest.mark.parametrize("shared", [True, False])
def test_an_ensemble_gives_outputs_and_gradients_of_its_members(
    shape: TransformerShape, shared: bool
) -> None:
    ensemble = TransformerEnsemble(shape, [3, 1])
    inputs = inputs_of(shape, 4) if shared else inputs_of(shape, 2, 4)
    outputs = ensemble(inputs)
    outputs.square().sum().backward()
    for index, seed in enumerate((3, 1)):
        solo = ensemble.member(index)
        fresh = Transformer(shape, seed)
        for name, value in fresh.named_parameters():
            assert torch.equal(value, solo.get_parameter(name))
        own = solo(inputs if shared else inputs[index])
        own.square().sum().backward()
        torch.testing.assert_close(outputs[index], own, rtol=1e-4, atol=1e-5)
        for name, value in solo.named_parameters():
            gradient = ensemble.get_parameter(name).grad[index]
            torch.testing.assert_close(gradient, value.grad, rtol=1e-3, atol=1e-4)


def test_a_text_model_reads_no_character_that_comes_later() -> None:
    model, inputs = Transformer(TEXT, 0), inputs_of(TEXT, 2)
    changed = inputs.clone()
    changed[:, 3] = (changed[:, 3] + 1) % TEXT.inputs
    before, after = model(inputs), model(changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


@SHAPES
def test_the_instrument_sees_one_layer_per_block_and_members_of_their_own(
    shape: TransformerShape,
) -> None:
    ensemble, probe = TransformerEnsemble(shape, [0, 5]), inputs_of(shape, 6)
    with RegimeTracker(ensemble, probe, members=2, oui=5) as tracker:
        pass
    assert [layer.name for layer in tracker.coverage.layers] == [
        f"blocks.{i}.relu" for i in range(shape.blocks)
    ]
    assert all(layer.units == shape.tokens * shape.ffn for layer in tracker.coverage.layers)
    assert not tracker.coverage.unseen
    with RegimeTracker(ensemble.member(1), probe, oui=5) as alone:
        pass
    for quantity in ("dead", "oui"):
        assert tracker.trace.series(quantity, member=1)[0] == alone.trace.series(quantity)[0]


@pytest.fixture(scope="module")
def windows() -> Dataset:
    text = load_dataset("descriptions")
    return text.subset(400, 200).as_windows(8)


def shape_for(data: Dataset, **options: Any) -> TransformerShape:
    n = len(data.classes)
    return TransformerShape(tokens=8, inputs=n, outputs=n, text=True, width=8, ffn=8, **options)


def test_members_learn_text_as_they_would_alone(windows: Dataset) -> None:
    config = TrainingConfig(optimizer="sgd", lr=0.5, steps=6, batch_size=4)
    shape = shape_for(windows, blocks=1)
    ensemble = TransformerEnsemble(shape, [0, 1])
    together = train(ensemble, windows, config, [0, 1], evaluations=1)
    for index, seed in enumerate((0, 1)):
        solo = Transformer(shape, seed)
        alone = train(solo, windows, config, seed, evaluations=1)
        assert together.loss[:, index] == pytest.approx(alone.loss[:, 0], rel=1e-4)
        torch.testing.assert_close(
            ensemble.member(index)(windows.test_inputs),
            solo(windows.test_inputs),
            rtol=1e-3,
            atol=1e-4,
        )
        assert 0 < together.test_accuracy[-1, index] < 1


def test_the_loss_of_text_is_the_mean_over_all_positions(windows: Dataset) -> None:
    solo = Transformer(shape_for(windows), 0)
    config = TrainingConfig(optimizer="sgd", lr=1e-9, steps=1, batch_size=None)
    found = train(solo, windows, config, 0, evaluations=1)
    chances = solo(windows.train_inputs).log_softmax(-1)
    losses = [
        -chances[row, position, windows.train_labels[row, position]].item()
        for row in range(len(chances))
        for position in range(8)
    ]
    assert found.loss[0, 0] == pytest.approx(sum(losses) / len(losses), rel=1e-4)
    right = (solo(windows.test_inputs).argmax(-1) == windows.test_labels).float().mean().item()
    assert found.final_test_accuracy[0] == pytest.approx(right)


def test_windows_are_the_text_and_what_follows(windows: Dataset) -> None:
    text = load_dataset("descriptions").subset(400, 200)
    assert isinstance(text, CharacterData)
    whole = text.decode(text.train_tokens)
    found = []
    for row, following in zip(windows.train_inputs, windows.train_labels, strict=True):
        assert torch.equal(row[1:], following[:-1])
        found.append(text.decode(row) + text.decode(following[-1:]))
    expected = [whole[start : start + 9] for start in range(0, 49 * 8, 8)]
    assert sorted(found) == sorted(expected)
    assert found != expected  # they are shuffled
    refusal("do not fit", lambda: text.as_windows(500))


def test_descriptions_are_real_text_that_comes_with_the_package() -> None:
    text = load_dataset("descriptions")
    assert text.decode(text.train_tokens).startswith(".. _breast_cancer_dataset:")
    assert len(text.train_tokens) + len(text.test_tokens) > 30_000
    assert 60 < len(text.alphabet) < 200
    assert "scikit-learn" in text.provenance


def test_patches_tile_the_image() -> None:
    data = load_dataset("digits")
    patches = data.as_patches(2, 4)
    assert patches.train_inputs.shape == (1297, 8, 8)
    image = data.as_images().train_inputs[5, 0]
    expected = [
        image[row : row + 2, column : column + 4].flatten()
        for row in range(0, 8, 2)
        for column in (0, 4)
    ]
    assert torch.equal(patches.train_inputs[5], torch.stack(expected))
    refusal("do not tile", lambda: data.as_patches(3, 4))
    refusal("no images", lambda: patches.as_patches(2, 4))


def test_what_does_not_fit_is_refused() -> None:
    refusal("ffn is 0", lambda: TransformerShape(tokens=4, inputs=6, outputs=3, ffn=0))
    refusal("do not divide", lambda: TransformerShape(tokens=4, inputs=6, outputs=3, heads=3))
    refusal("the Transformer reads", lambda: Transformer(PATCHES, 0)(torch.zeros(2, 6, 4)))
    ensemble = TransformerEnsemble(PATCHES, [0, 1])
    refusal("an ensemble of 2", lambda: ensemble(torch.zeros(3, 2, 4, 6)))
    refusal("no member 2", lambda: ensemble.member(2))
