"""Stacks of data sets: each member trains on its own, exactly as it would alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.modular import modular_addition
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.models.transformer import Transformer, TransformerEnsemble, TransformerShape
from regime_lib.lab.training.checkpoints import train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.sentences import refusal

SEEDS = (3, 8)
SIZES = (10, 6, 5)


def parts() -> list[Dataset]:
    return [modular_addition(5, 0.6, seed) for seed in SEEDS]


def plan(batch_size: int | None) -> TrainingConfig:
    return TrainingConfig(optimizer="adam", lr=0.01, steps=9, batch_size=batch_size)


def test_members_are_the_data_sets_that_were_stacked() -> None:
    stack = stacked(parts())
    assert stack.members == 2
    for k, part in enumerate(parts()):
        for name in ("train_inputs", "train_labels", "test_inputs", "test_labels"):
            assert torch.equal(getattr(stack.member(k), name), getattr(part, name))
        fewer = stack.subset(4, 3).member(k)
        assert torch.equal(fewer.train_inputs, part.train_inputs[:4])
        assert torch.equal(fewer.test_labels, part.test_labels[:3])
    assert torch.equal(stack.first(1).train_inputs, stack.train_inputs[:1])
    assert stack.to(torch.zeros(1, dtype=torch.float64)).test_inputs.dtype == torch.float64
    assert "Stack of 2" in repr(stack)


@pytest.mark.parametrize("batch_size", [None, 4])
def test_every_member_trains_as_it_would_alone_on_its_own_data(batch_size: int | None) -> None:
    ensemble = MLPEnsemble(SIZES, SEEDS)
    history = train(ensemble, stacked(parts()), plan(batch_size), SEEDS, evaluations=3)
    for k, (seed, part) in enumerate(zip(SEEDS, parts(), strict=True)):
        alone = MLP(SIZES, seed)
        own = train(alone, part, plan(batch_size), seed, evaluations=3)
        for mine, yours in zip(ensemble.member(k).parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(mine, yours)
        np.testing.assert_allclose(history.loss[:, k], own.loss[:, 0], rtol=1e-5)
        np.testing.assert_array_equal(history.train_accuracy[:, k], own.train_accuracy[:, 0])
        np.testing.assert_array_equal(history.test_accuracy[:, k], own.test_accuracy[:, 0])


def test_checkpoints_measure_each_member_on_its_own_samples() -> None:
    stack, steps = stacked(parts()), [0, 4, 9]
    run = train_to_checkpoints(MLPEnsemble(SIZES, SEEDS), stack, plan(4), SEEDS, steps, measured=7)
    for k, (seed, part) in enumerate(zip(SEEDS, parts(), strict=True)):
        own = train_to_checkpoints(MLP(SIZES, seed), part, plan(4), seed, steps, measured=7)
        np.testing.assert_allclose(run.loss[:, k], own.loss[:, 0], rtol=1e-5)
        np.testing.assert_array_equal(run.train_accuracy[:, k], own.train_accuracy[:, 0])
        np.testing.assert_array_equal(run.test_accuracy[:, k], own.test_accuracy[:, 0])
    again = run.replay(1, 5, lambda _: lambda: None)
    for mine, yours in zip(again.parameters(), run.model_at(2).parameters(), strict=True):
        assert torch.equal(mine, yours)


def test_text_is_stacked_with_a_label_for_every_position() -> None:
    text = load_dataset("descriptions").as_windows(6)
    own = [text.redrawn(seed).subset(40, 10) for seed in SEEDS]
    letters = len(text.classes)
    sizes = {"width": 4, "ffn": 5, "heads": 1, "blocks": 1}
    shape = TransformerShape(tokens=6, inputs=letters, outputs=letters, text=True, **sizes)
    ensemble = TransformerEnsemble(shape, SEEDS)
    history = train(ensemble, stacked(own), plan(4), SEEDS, evaluations=1)
    for k, (seed, part) in enumerate(zip(SEEDS, own, strict=True)):
        alone = train(Transformer(shape, seed), part, plan(4), seed, evaluations=1)
        np.testing.assert_allclose(history.loss[:, k], alone.loss[:, 0], rtol=1e-4)
        np.testing.assert_allclose(
            history.test_accuracy[:, k], alone.test_accuracy[:, 0], atol=0.02
        )
    assert stacked(own).to(torch.zeros(1)).train_inputs.dtype == torch.int64


def test_what_does_not_fit_is_refused() -> None:
    one, other = parts()
    short = replace(other, train_inputs=other.train_inputs[:3], train_labels=other.train_labels[:3])
    refusal("one shape", lambda: stacked([one, short]))
    refusal("the same classes", lambda: stacked([one, replace(other, classes=tuple("abcde"))]))
    refusal("at least one data set", lambda: stacked([]))
    stack = stacked(parts())
    refusal("3 of 2 data sets", lambda: stack.first(3))
    refusal("expected 1 to 15", lambda: stack.subset(16, 1))
    refusal("expected 1 to 10", lambda: stack.subset(1, 11))

    def fit(model: torch.nn.Module, data: Stack, seeds: tuple[int, ...]) -> object:
        return train(model, data, plan(None), seeds)

    refusal(
        "2 data sets for a model of 3", lambda: fit(MLPEnsemble(SIZES, (1, 2, 3)), stack, (1, 2, 3))
    )
    refusal("2 data sets for a model of 1", lambda: fit(MLP(SIZES, 0), stack, (0,)))
