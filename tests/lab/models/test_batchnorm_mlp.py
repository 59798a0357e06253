"""Ensembles of networks with batch normalisation equal their members, which equal PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from regime_lib.lab import BatchNormMLP, BatchNormMLPEnsemble
from tests.sentences import refusal

SIZES, SEEDS = (6, 9, 7, 3), (4, 11, 2)
INPUTS = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def textbook(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for below, above in ((6, 9), (9, 7)):
        layers += [nn.Linear(below, above), nn.BatchNorm1d(above), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(7, 3)).double()


def test_a_member_trains_and_evaluates_as_it_would_alone() -> None:
    ensemble = BatchNormMLPEnsemble(SIZES, SEEDS).double()
    solos = [BatchNormMLP(SIZES, seed).double() for seed in SEEDS]
    plains = [textbook(seed) for seed in SEEDS]
    models = [ensemble, *solos, *plains]
    optimizers = [torch.optim.SGD(model.parameters(), lr=0.1) for model in models]
    for _ in range(5):
        for model, optimizer in zip(models, optimizers, strict=True):
            optimizer.zero_grad()
            outputs = model(INPUTS)
            (outputs**2).flatten(-2).mean(-1).sum().backward()
            optimizer.step()
    for mode in (True, False):
        logits = ensemble.train(mode)(INPUTS)
        assert logits.shape == (3, 20, 3)
        for k, (solo, plain) in enumerate(zip(solos, plains, strict=True)):
            expected = plain.train(mode)(INPUTS)
            torch.testing.assert_close(solo.train(mode)(INPUTS), expected)
            torch.testing.assert_close(logits[k], expected)
    member = ensemble.member(1)
    assert not member.training
    torch.testing.assert_close(member(INPUTS), plains[1](INPUTS))
    torch.testing.assert_close(member.norm2.running_var, plains[1][4].running_var)


def test_each_member_may_have_inputs_of_its_own() -> None:
    ensemble = BatchNormMLPEnsemble(SIZES, SEEDS).double()
    own = torch.stack([INPUTS, INPUTS.flip(0), 2 * INPUTS])
    torch.testing.assert_close(ensemble(own)[2], ensemble(2 * INPUTS)[2])
    assert [norm.running_mean.shape for norm in ensemble.norms] == [(3, 9), (3, 7)]


def test_unfit_networks_are_refused() -> None:
    refusal("at least three whole numbers", lambda: BatchNormMLP((4, 3), 0))
    refusal("at least one seed", lambda: BatchNormMLPEnsemble(SIZES, []))
    refusal("there is no member 3", lambda: BatchNormMLPEnsemble(SIZES, SEEDS).member(3))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNormMLPEnsemble(SIZES, SEEDS)(INPUTS[:1].float())
