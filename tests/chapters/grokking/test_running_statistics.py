"""Running statistics followed on the side equal those of PyTorch, for every momentum at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.chapters.grokking.running_statistics import follow_statistics
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLP, BatchNormMLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from tests.chapters.small_data import small_data
from tests.sentences import refusal

SIZES, SEEDS, MOMENTA = (6, 9, 7, 3), (4, 11), (0.1, 1.0, 0.5)
CONFIG = TrainingConfig(optimizer="sgd", lr=0.2, steps=12, batch_size=None)


def score(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor) -> float:
    with torch.no_grad():
        return float((model(inputs).argmax(1) == labels).double().mean())


@pytest.mark.parametrize("which", range(len(MOMENTA)))
def test_every_momentum_gives_what_a_network_with_it_gives(which: int) -> None:
    ensemble = BatchNormMLPEnsemble(SIZES, SEEDS).double()
    run = follow_statistics(ensemble, small_data(), CONFIG, MOMENTA, [1, 5, 12])
    for k, seed in enumerate(SEEDS):
        solo = BatchNormMLP(SIZES, seed, MOMENTA[which]).double()
        optimizer = torch.optim.SGD(solo.parameters(), lr=CONFIG.lr)
        data = small_data().to(torch.zeros(1, dtype=torch.float64))
        for step in range(1, 13):
            solo.train()
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(solo(data.train_inputs), data.train_labels)
            loss.backward()
            optimizer.step()
            if step not in (1, 5, 12):
                continue
            row = [1, 5, 12].index(step)
            kept = {name: value.clone() for name, value in solo.state_dict().items()}
            test = score(solo.eval(), data.test_inputs, data.test_labels)
            assert run.test_accuracy[row, which, k] == pytest.approx(test)
            batch = score(solo.train(), data.test_inputs, data.test_labels)
            assert run.batch_accuracy[row, k] == pytest.approx(batch)
            for norm in (solo.norm1, solo.norm2):
                norm.momentum = 1.0
            train = score(solo, data.train_inputs, data.train_labels)
            assert run.train_accuracy[row, k] == pytest.approx(train)
            truth = {n: v for n, v in solo.state_dict().items() if "running" in n}
            away = sum(float(((kept[n] - v) ** 2).sum()) for n, v in truth.items())
            size = sum(float((v**2).sum()) for v in truth.values())
            assert run.gap[row, which, k] == pytest.approx(np.sqrt(away / size), rel=1e-6)
            solo.load_state_dict(kept)
            for norm in (solo.norm1, solo.norm2):
                norm.momentum = MOMENTA[which]


def test_true_statistics_are_observed_and_the_ensemble_is_left_alone() -> None:
    ensemble = BatchNormMLPEnsemble(SIZES, SEEDS)

    errors = []

    def observe(model: BatchNormMLPEnsemble) -> None:
        assert not model.training
        evaluated = model(small_data().train_inputs)
        normalised = model.train()(small_data().train_inputs)
        model.eval()
        # variances are unbiased in one and not in the other, so that they nearly agree
        errors.append(float((evaluated - normalised).detach().abs().max()))

    follow_statistics(ensemble, small_data(), CONFIG, (0.1,), [2, 12], observe)
    assert len(errors) == 2
    assert all(0 < error < 0.2 for error in errors)
    assert bool((ensemble.norms[0].running_mean == 0).all())
    assert ensemble.norms[0].momentum == 0.1


def test_unfit_requests_are_refused() -> None:
    ensemble = BatchNormMLPEnsemble(SIZES, SEEDS)
    refusal(
        "batch_size=None",
        lambda: follow_statistics(
            ensemble, small_data(), replace(CONFIG, batch_size=8), (0.1,), [1]
        ),
    )
    for momenta in ((), (0.0,), (1.5,)):
        refusal(
            "above 0 and at most 1",
            lambda momenta=momenta: follow_statistics(ensemble, small_data(), CONFIG, momenta, [1]),
        )
    for steps in ([], [0], [3, 2], [13]):
        refusal(
            "rising steps from 1 to 12",
            lambda steps=steps: follow_statistics(ensemble, small_data(), CONFIG, (0.1,), steps),
        )
