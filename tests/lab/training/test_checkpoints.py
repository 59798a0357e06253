"""Checkpoints: the course of plain training, exact replays, and runs that are taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.lab import (
    MLP,
    Dataset,
    MLPEnsemble,
    TrainingConfig,
    log_steps,
    train,
    train_to_checkpoints,
)
from regime_lib.lab.training import checkpoints
from tests.sentences import refusal

SIZES = (6, 9, 7, 3)
CONFIG = TrainingConfig(optimizer="adamw", lr=0.01, steps=40, batch_size=None, weight_decay=0.1)
STEPS = [0, 3, 10, 40]


def ensemble() -> MLPEnsemble:
    return MLPEnsemble(SIZES, [4, 11])


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(mine, yours) for mine, yours in pairs)


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_the_course_is_that_of_plain_training(
    small: Dataset, loss: str, batch_size: int | None
) -> None:
    config = replace(CONFIG, loss=loss, batch_size=batch_size)
    run = train_to_checkpoints(ensemble(), small, config, [4, 11], STEPS)
    plain = ensemble()
    history = train(plain, small, config, [4, 11], evaluations=1)
    assert same(run.model_at(3), plain)
    if batch_size is None:
        np.testing.assert_allclose(run.loss[:3], history.loss[[0, 3, 10]], rtol=1e-6)
    np.testing.assert_array_equal(run.test_accuracy[[0, -1]], history.test_accuracy)
    np.testing.assert_array_equal(run.train_accuracy[[0, -1]], history.train_accuracy)


def test_the_squared_loss_is_the_distance_to_one_hot_labels(small: Dataset) -> None:
    run = train_to_checkpoints(ensemble(), small, replace(CONFIG, loss="squared"), [4, 11], [0])
    for k, seed in enumerate((4, 11)):
        solo = MLP(SIZES, seed)
        goal = torch.eye(3)[small.train_labels]
        expected = nn.functional.mse_loss(solo(small.train_inputs), goal).item()
        assert run.loss[0, k] == pytest.approx(expected, rel=1e-5)
        alone = train_to_checkpoints(solo, small, replace(CONFIG, loss="squared"), seed, [0, 5])
        assert alone.loss[0, 0] == pytest.approx(expected, rel=1e-5)
        assert alone.weight_norm[0, 0] == pytest.approx(run.weight_norm[0, k], rel=1e-6)


def test_norms_are_those_of_all_parameters_of_a_member(small: Dataset) -> None:
    run = train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], STEPS)
    member = run.model_at(2).member(1)  # type: ignore[operator]
    norm = nn.utils.parameters_to_vector(member.parameters()).norm()
    assert run.weight_norm[2, 1] == pytest.approx(norm.item(), rel=1e-6)


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_replay_is_the_course_itself_however_often(
    small: Dataset, batch_size: int | None
) -> None:
    model, config = ensemble(), replace(CONFIG, batch_size=batch_size)
    run = train_to_checkpoints(model, small, config, [4, 11], STEPS)
    assert same(model, ensemble())  # left as it was
    for _ in range(2):
        seen: list[float] = []

        def watch(replayed: nn.Module, seen: list[float] = seen) -> Callable[[], object]:
            assert same(replayed, run.model_at(1))
            return lambda: seen.append(0.0)

        assert same(run.replay(1, 7, watch), run.model_at(2))
        assert len(seen) == 7


@pytest.mark.parametrize("batch_size", [None, 7])
def test_a_run_is_taken_up_after_its_last_checkpoint(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch_size: int | None
) -> None:
    config = replace(CONFIG, batch_size=batch_size)
    whole = train_to_checkpoints(ensemble(), small, config, [4, 11], STEPS)
    train_to_checkpoints(ensemble(), small, config, [4, 11], STEPS[:3], folder=tmp_path)
    taken: list[int] = []
    descend = checkpoints.descend

    def counted(*given: Any) -> Iterator[Any]:
        for step in descend(*given):
            taken.append(1)
            yield step

    monkeypatch.setattr(checkpoints, "descend", counted)
    run = train_to_checkpoints(ensemble(), small, config, [4, 11], STEPS, folder=tmp_path)
    assert len(taken) == 30  # from step 10 to step 40
    assert same(run.model_at(3), whole.model_at(3))
    np.testing.assert_array_equal(run.weight_norm, whole.weight_norm)
    taken.clear()
    changed = replace(config, weight_decay=0.2)
    train_to_checkpoints(ensemble(), small, changed, [4, 11], STEPS, folder=tmp_path)
    assert len(taken) == 40  # another config is another run


@pytest.mark.parametrize("harm", ["empty", "cut", "flip", "other"])
def test_a_damaged_checkpoint_is_made_again_from_the_one_before(
    small: Dataset, tmp_path: Path, harm: str
) -> None:
    whole = train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], STEPS, folder=tmp_path)
    path = next(tmp_path.rglob("step-00000010.pt"))
    content = bytearray(path.read_bytes())
    flipped = content.copy()
    flipped[content.index(whole.model_at(2).hidden1.bias.detach().numpy().tobytes())] ^= 1
    path.write_bytes({"empty": b"", "cut": content[:500], "flip": flipped, "other": b"hi"}[harm])
    refusal("step-00000010.pt", lambda: whole.model_at(2))
    again = train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], STEPS, folder=tmp_path)
    np.testing.assert_array_equal(again.weight_norm, whole.weight_norm)
    assert same(again.model_at(2), whole.model_at(2))


def test_steps_are_even_in_their_logarithm() -> None:
    steps = log_steps(10, 1000, 5)
    np.testing.assert_array_equal(steps, [0, 10, 32, 100, 316, 1000])
    assert len(log_steps(1, 4, 50)) == 5
    refusal("expected 1 <= first < last and at least 2 steps", lambda: log_steps(5, 5, 3))


def test_unfit_requests_are_refused(small: Dataset) -> None:
    refusal(
        "measured is 0; expected at least 1 training sample",
        lambda: train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], STEPS, measured=0),
    )
    for steps in ([], [3, 3], [0, 41], [-1, 2]):
        refusal(
            "rising steps from 0 to 40",
            lambda steps=steps: train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], steps),
        )
    wild = replace(CONFIG, optimizer="sgd", lr=1e30)
    refusal(
        "training diverged", lambda: train_to_checkpoints(ensemble(), small, wild, [4, 11], STEPS)
    )
    refusal(
        "2 seeds for a model of 1 member",
        lambda: train_to_checkpoints(MLP(SIZES, 0), small, CONFIG, [4, 11], STEPS),
    )


def test_a_run_says_how_it_ended(small: Dataset) -> None:
    run = train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], [0, 2])
    assert "2 member(s), 2 checkpoints up to step 2" in repr(run)


def test_looking_changes_no_running_statistics(small: Dataset) -> None:
    def normalised() -> nn.Module:
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))

    config = replace(CONFIG, batch_size=7)
    run = train_to_checkpoints(normalised(), small, config, 4, STEPS)
    plain = normalised()
    history = train(plain, small, config, 4, evaluations=1)
    ours, theirs = run.model_at(3).state_dict(), plain.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    np.testing.assert_array_equal(run.test_accuracy[-1], history.test_accuracy[-1])


def test_only_some_training_samples_are_measured(small: Dataset, tmp_path: Path) -> None:
    few = train_to_checkpoints(
        ensemble(), small, CONFIG, [4, 11], STEPS, measured=5, folder=tmp_path
    )
    alone = small.subset(5, len(small.test_labels))
    expected = train_to_checkpoints(ensemble(), alone, CONFIG, [4, 11], [0])
    np.testing.assert_array_equal(few.train_accuracy[0], expected.train_accuracy[0])
    np.testing.assert_allclose(few.loss[0], expected.loss[0], rtol=1e-6)
    whole = train_to_checkpoints(ensemble(), small, CONFIG, [4, 11], STEPS, folder=tmp_path)
    assert same(few.model_at(3), whole.model_at(3))  # the course is the same
    assert (few.train_accuracy != whole.train_accuracy).any()


def test_another_activation_is_another_run(small: Dataset, tmp_path: Path) -> None:
    for activation in ("relu", "tanh"):  # both start with the same weights
        model = MLPEnsemble(SIZES, [4, 11], activation)
        kept = train_to_checkpoints(model, small, CONFIG, [4, 11], STEPS, folder=tmp_path)
        whole = train_to_checkpoints(model, small, CONFIG, [4, 11], STEPS)
        np.testing.assert_array_equal(kept.loss, whole.loss)
