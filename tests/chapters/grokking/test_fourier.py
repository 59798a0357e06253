"""Frequencies of weights: pure waves, mixtures, and a run whose weights are replaced."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.grokking.fourier import fourier_over_training, frequency_shares
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.checkpoints import train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig
from tests.chapters.small_data import small_data
from tests.sentences import refusal

RESIDUES = np.arange(13)


def wave(frequency: int, size: float = 1.0) -> np.ndarray:
    return size * np.cos(2 * np.pi * frequency * RESIDUES / 13 + 0.3)


def test_a_wave_has_one_frequency_and_a_sum_shares_by_squares() -> None:
    shares = frequency_shares(np.stack([wave(2) + 7, wave(1) + wave(5, 3)]))
    assert shares.shape == (2, 6)
    np.testing.assert_allclose(shares[0], np.eye(6)[1], atol=1e-12)
    np.testing.assert_allclose(shares[1], [0.1, 0, 0, 0, 0.9, 0], atol=1e-12)


def test_units_over_training_are_those_of_the_checkpoints() -> None:
    config = TrainingConfig(optimizer="adam", lr=0.01, steps=6, batch_size=None)
    run = train_to_checkpoints(
        MLPEnsemble((6, 9, 3), [4, 11]), small_data(), config, [4, 11], [1, 3, 6]
    )

    def weights(model: torch.nn.Module) -> torch.Tensor:
        found: torch.Tensor = model.hidden1.weight[1]  # type: ignore[index,union-attr,assignment]
        return found

    found = fourier_over_training(run, weights, [0, 2], member=1, shown=2)
    last = weights(run.model_at(2)).numpy(force=True)
    sizes = np.abs(last).max(axis=1)
    order = sorted(range(9), key=lambda unit: -sizes[unit])[:2]
    np.testing.assert_array_equal(found.steps, [1, 6])
    np.testing.assert_array_equal(found.test, run.test_accuracy[[0, 2], 1])
    np.testing.assert_allclose(found.waves[1], last[order] / sizes.max())
    power = np.abs(np.fft.fft(last)[:, 1:4]) ** 2  # six residues: frequencies 1, 2 and 3
    power /= power.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.shares[1], power[order], rtol=1e-5)
    assert found.purity[1] == pytest.approx(power.max(axis=1).mean(), rel=1e-5)
    assert (found.nearest(2.0), found.nearest(3.0)) == (0, 1)


def test_what_has_no_frequency_is_refused() -> None:
    refusal("a constant has no frequency", lambda: frequency_shares(np.ones((2, 5))))
    config = TrainingConfig(optimizer="adam", lr=0.01, steps=1, batch_size=None)
    run = train_to_checkpoints(MLPEnsemble((6, 9, 3), [4]), small_data(), config, [4], [1])
    refusal("give at least one", lambda: fourier_over_training(run, lambda model: model, []))
