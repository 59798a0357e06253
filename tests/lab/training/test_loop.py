"""The training loop, against a plain one and against closed forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
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
    generator,
    load_dataset,
    train,
)
from tests.sentences import refusal

SIZES = (6, 9, 7, 3)
RATES = {"sgd": 0.3, "momentum": 0.1, "adam": 0.01, "adamw": 0.01}


def config_of(optimizer: str, **changes: Any) -> TrainingConfig:
    options: dict[str, Any] = {
        "lr": RATES[optimizer],
        "steps": 40,
        "batch_size": 8,
        "weight_decay": 0.01,
    }
    return TrainingConfig(optimizer=optimizer, **{**options, **changes})


def plain_loop(data: Dataset, config: TrainingConfig, seed: int) -> tuple[list[float], nn.Module]:
    """What a textbook would write, in double precision."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for below, above in ((6, 9), (9, 7), (7, 3)):
        layers += [nn.Linear(below, above), nn.ReLU()]
    model = nn.Sequential(*layers[:-1]).double()
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    options: dict[str, Any] = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "momentum":
        options["momentum"] = config.momentum
    optimizer = kinds.get(config.optimizer, torch.optim.SGD)(model.parameters(), **options)
    inputs, stream, losses = data.train_inputs.double(), generator(seed, "batches"), []
    while len(losses) < config.steps:
        if config.batch_size is None:
            batches = [torch.arange(len(inputs))]
        else:
            order = torch.from_numpy(stream.permutation(len(inputs)))
            batches = [b for b in order.split(config.batch_size) if len(b) == config.batch_size]
        for batch in batches[: config.steps - len(losses)]:
            optimizer.param_groups[0]["lr"] = config.learning_rate(len(losses))
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs[batch]), data.train_labels[batch])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return losses, model


def assert_same_parameters(one: nn.Module, other: nn.Module, **tolerance: float) -> None:
    for mine, yours in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, yours, **tolerance)


@pytest.mark.parametrize("batch_size", [8, None])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("optimizer", RATES)
def test_members_and_solo_runs_equal_the_textbook_loop(
    small: Dataset, optimizer: str, schedule: str, batch_size: int | None
) -> None:
    config = config_of(optimizer, schedule=schedule, warmup=5, batch_size=batch_size)
    ensemble = MLPEnsemble(SIZES, [4, 11, 2]).double()
    history = train(ensemble, small, config, [4, 11, 2])
    for index, seed in enumerate([4, 11, 2]):
        losses, plain = plain_loop(small, config, seed)
        solo = MLP(SIZES, seed).double()
        alone = train(solo, small, config, seed)
        np.testing.assert_allclose(alone.loss[:, 0], losses, rtol=1e-9)
        np.testing.assert_allclose(history.loss[:, index], losses, rtol=1e-9)
        assert_same_parameters(solo, plain, rtol=1e-7, atol=1e-9)
        assert_same_parameters(ensemble.member(index), plain, rtol=1e-7, atol=1e-9)
        np.testing.assert_array_equal(history.test_accuracy[:, index], alone.test_accuracy[:, 0])
        np.testing.assert_array_equal(history.train_accuracy[:, index], alone.train_accuracy[:, 0])


@pytest.mark.parametrize("optimizer", RATES)
def test_members_equal_their_solo_runs_in_single_precision(small: Dataset, optimizer: str) -> None:
    config = config_of(optimizer)
    ensemble = MLPEnsemble(SIZES, [4, 11])
    history = train(ensemble, small, config, [4, 11])
    for index, seed in enumerate([4, 11]):
        solo = MLP(SIZES, seed)
        alone = train(solo, small, config, seed)
        np.testing.assert_allclose(history.loss[:, index], alone.loss[:, 0], rtol=1e-3)
        assert_same_parameters(ensemble.member(index), solo, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("optimizer", RATES)
def test_a_member_does_not_depend_on_who_else_is_in_the_ensemble(
    small: Dataset, optimizer: str
) -> None:
    def member_of(seeds: Sequence[int], index: int) -> MLP:
        ensemble = MLPEnsemble(SIZES, seeds).double()
        train(ensemble, small, config_of(optimizer), seeds)
        return ensemble.member(index)

    among = member_of([1, 5, 8, 9], 1)
    assert_same_parameters(among, member_of([5, 3], 0), rtol=1e-9, atol=1e-11)
    assert_same_parameters(among, member_of([5], 0), rtol=1e-9, atol=1e-11)


def test_a_full_batch_step_without_hidden_layers_is_the_closed_form(small: Dataset) -> None:
    model = MLP((6, 3), 0).double()
    weight = model.output.weight.detach().numpy().copy()
    bias = model.output.bias.detach().numpy().copy()
    config = TrainingConfig(optimizer="sgd", lr=0.7, steps=1, batch_size=None)
    history = train(model, small, config, 0)
    inputs = small.train_inputs.double().numpy()
    logits = inputs @ weight.T + bias
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.eye(3)[small.train_labels.numpy()]
    expected = weight - 0.7 * (shares - truth).T @ inputs / len(inputs)
    np.testing.assert_allclose(model.output.weight.detach().numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(history.loss[0, 0], -np.log((shares * truth).sum(axis=1)).mean())


def test_the_same_seed_gives_the_same_bits(small: Dataset) -> None:
    runs = []
    for _ in range(2):
        torch.rand(3)  # the global state is another one each time
        ensemble = MLPEnsemble(SIZES, [1, 2])
        runs.append((train(ensemble, small, config_of("adam"), [1, 2]), ensemble))
    assert (runs[0][0].loss == runs[1][0].loss).all()
    assert_same_parameters(runs[0][1], runs[1][1], rtol=0, atol=0)


def test_the_global_state_is_left_alone(small: Dataset) -> None:
    # Python's own generator is not looked at: type checks at test time draw from it
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(), nn.Linear(8, 3))
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    settings = torch.get_num_threads(), torch.get_default_dtype()
    with torch.no_grad():
        train(model, small, config_of("sgd"), 0)
        assert not torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert settings == (torch.get_num_threads(), torch.get_default_dtype())
    assert all(module.training for module in model.modules())


def test_dropout_follows_the_seed_and_is_off_in_evaluations(small: Dataset) -> None:
    histories = []
    for seed in (0, 0, 1):
        torch.manual_seed(3)
        model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(), nn.Linear(8, 3))
        torch.manual_seed(100 + len(histories))
        histories.append(train(model, small, config_of("sgd", batch_size=None), seed))
    assert (histories[0].loss == histories[1].loss).all()
    assert (histories[0].loss != histories[2].loss).any()
    assert (histories[0].train_accuracy[0] == histories[2].train_accuracy[0]).all()


def test_batch_normalisation_is_frozen_in_evaluations_only(small: Dataset) -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    train(model, small, config_of("sgd"), 0, evaluations=7)
    assert model[1].num_batches_tracked == 40


def test_the_callback_comes_after_every_step(small: Dataset) -> None:
    model = MLP(SIZES, 0)
    seen = [model.output.bias.detach().clone()]
    train(
        model, small, config_of("sgd"), 0, lambda: seen.append(model.output.bias.detach().clone())
    )
    assert len(seen) == 41
    assert all(not torch.equal(a, b) for a, b in pairwise(seen))
    assert torch.equal(seen[-1], model.output.bias)


def test_an_interrupted_run_leaves_the_global_state(small: Dataset) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        train(MLP(SIZES, 0), small, config_of("sgd"), 0, interrupt)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("evaluations", "checks"), [(1, [0, 40]), (3, [0, 13, 27, 40])])
def test_accuracies_are_measured_on_a_grid(
    small: Dataset, evaluations: int, checks: list[int]
) -> None:
    ensemble = MLPEnsemble(SIZES, [1, 2])
    start = MLPEnsemble(SIZES, [1, 2])
    history = train(ensemble, small, config_of("adam"), [1, 2], evaluations=evaluations)
    assert history.checks.tolist() == checks
    for row, model in ((0, start), (-1, ensemble)):
        for member in range(2):
            guesses = model.member(member)(small.test_inputs).argmax(dim=1)
            share = (guesses == small.test_labels).double().mean().item()
            assert history.test_accuracy[row, member] == pytest.approx(share)
    assert (history.final_test_accuracy == history.test_accuracy[-1]).all()
    assert history.loss.shape == (40, 2)
    assert "2 member(s), 40 steps" in repr(history)


def test_data_of_any_shape_reach_a_plain_model(small: Dataset) -> None:
    images = replace(
        small,
        train_inputs=small.train_inputs.view(-1, 1, 2, 3),
        test_inputs=small.test_inputs.view(-1, 1, 2, 3),
    )
    model = nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    assert train(model, images, config_of("adam"), 0).loss.shape == (40, 1)
    words = replace(
        small,
        train_inputs=(small.train_inputs > 0).long(),
        test_inputs=(small.test_inputs > 0).long(),
    )
    reader = nn.Sequential(nn.Embedding(2, 5), nn.Flatten(), nn.Linear(30, 3)).double()
    assert train(reader, words, config_of("adam"), 0).loss.shape == (40, 1)


def test_a_diverging_member_is_named_with_its_step(small: Dataset) -> None:
    config = TrainingConfig(optimizer="momentum", lr=1e20, steps=50, batch_size=8)
    message = refusal("lower the learning rate", lambda: train(MLP(SIZES, 7), small, config, 7))
    assert "member 0 (seed 7)" in message
    ensemble = MLPEnsemble(SIZES, [5, 6])
    with torch.no_grad():
        ensemble.output.bias[1, 0] = float("nan")
    message = refusal("member 1 (seed 6)", lambda: train(ensemble, small, config_of("sgd"), [5, 6]))
    assert "step 0" in message


def test_a_last_step_that_diverges_is_noticed(small: Dataset) -> None:
    config = TrainingConfig(optimizer="sgd", lr=1e38, steps=1, batch_size=None)
    refusal("after step 1", lambda: train(MLP(SIZES, 7), small, config, 7))


def test_what_does_not_fit_is_refused(small: Dataset) -> None:
    config = config_of("sgd")
    ensemble = MLPEnsemble(SIZES, [1, 2])
    refusal("3 seeds", lambda: train(ensemble, small, config, [1, 2, 3]))
    refusal("2 seeds", lambda: train(MLP(SIZES, 0), small, config, [1, 2]))
    refusal("4294967295", lambda: train(MLP(SIZES, 0), small, config, -1))
    refusal("evaluations", lambda: train(ensemble, small, config, [1, 2], evaluations=0))
    refusal("takes 5 features", lambda: train(MLP((5, 3), 0), small, config, 0))
    refusal("shape (1, 2)", lambda: train(MLP((6, 2), 0), small, config, 0))
    refusal("no parameters", lambda: train(nn.Identity(), small, config, 0))
    large = config_of("sgd", batch_size=51)
    refusal("a batch of 51", lambda: train(ensemble, small, large, [1, 2]))


@pytest.mark.parametrize("optimizer", RATES)
def test_the_digits_are_learnt(optimizer: str) -> None:
    seeds = [0, 1, 2]
    ensemble = MLPEnsemble((64, 32, 10), seeds)
    steps = 600 if optimizer == "sgd" else 300
    config = TrainingConfig(optimizer=optimizer, lr=RATES[optimizer], steps=steps)
    history = train(ensemble, load_dataset("digits"), config, seeds)
    assert history.final_test_accuracy.min() > 0.93
    assert history.test_accuracy[0].max() < 0.35
