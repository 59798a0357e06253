"""Training to a loss: every member is where plain training would have it at that step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.attraction_basins.equal_loss import AtLoss, train_to_loss
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import small_stack
from tests.sentences import refusal

SEEDS = (4, 11)
DATA = small_stack(SEEDS)
CONFIG = TrainingConfig(optimizer="sgd", lr=0.1, steps=400, batch_size=9)
TARGET = 0.5


def fresh() -> MLPEnsemble:
    return MLPEnsemble((6, 8, 3), SEEDS)


def loss_of(net: MLPEnsemble, member: int) -> float:
    with torch.no_grad():
        logits = net.member(member)(DATA.train_inputs[member])
        return float(torch.nn.functional.cross_entropy(logits, DATA.train_labels[member]))


@pytest.fixture(scope="module")
def found() -> AtLoss:
    return train_to_loss(fresh(), DATA, CONFIG, SEEDS, TARGET)


def test_every_member_stands_at_its_loss(found: AtLoss) -> None:
    assert found.reached.all()
    for k in range(2):
        assert found.loss[k] == pytest.approx(loss_of(found.net, k), rel=1e-5)
        assert found.loss[k] <= TARGET


@pytest.mark.parametrize("member", [0, 1])
def test_a_member_is_what_training_alone_makes_of_it(found: AtLoss, member: int) -> None:
    seed, steps = SEEDS[member], int(found.steps[member])
    alone = fresh().member(member)
    train(alone, DATA.member(member), TrainingConfig(
        optimizer="sgd", lr=0.1, steps=steps, batch_size=9
    ), seed, evaluations=1)  # fmt: skip
    for mine, theirs in zip(found.net.member(member).parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


def test_the_model_given_is_not_trained() -> None:
    model = fresh()
    train_to_loss(model, DATA, TrainingConfig(optimizer="sgd", lr=0.1, steps=20), SEEDS, 1.0)
    for mine, theirs in zip(model.parameters(), fresh().parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_who_never_comes_so_low_is_said_to_be_missing() -> None:
    config = TrainingConfig(optimizer="sgd", lr=0.1, steps=30, batch_size=9)
    missing = train_to_loss(fresh(), DATA, config, SEEDS, 1e-6)
    assert np.isnan(missing.steps).all()
    assert not missing.reached.any()
    assert missing.loss == pytest.approx([loss_of(missing.net, k) for k in range(2)], rel=1e-5)


@pytest.mark.parametrize("target", [0.0, -1.0, float("inf")])
def test_a_loss_that_cannot_be_reached_is_refused(target: float) -> None:
    refusal("the loss to reach", lambda: train_to_loss(fresh(), DATA, CONFIG, SEEDS, target))
