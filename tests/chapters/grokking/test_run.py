"""A measured run: flips counted by hand in a plain loop, slopes and basins of the same networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.chapters.grokking.run import (
    MeasuredRun,
    change_rates_at,
    distance_to_class,
    layer_slopes,
    measure_run,
    state_at,
)
from regime_lib.instrument.modes.basins import sample_basins, weight_basins
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.checkpoints import CheckpointedRun, train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig
from tests.chapters.small_data import small_data, small_stack
from tests.sentences import refusal

SIZES, SEEDS, STEPS, REPLAYED = (6, 9, 7, 3), (4, 11), [0, 3, 10], 5
CONFIG = TrainingConfig(optimizer="adamw", lr=0.02, steps=10, batch_size=None, weight_decay=0.1)
DATA = small_stack(SEEDS)
PROBE = DATA.test_inputs[:, :12]


@pytest.fixture(scope="module")
def run() -> CheckpointedRun:
    return train_to_checkpoints(MLPEnsemble(SIZES, SEEDS), DATA, CONFIG, SEEDS, STEPS)


@pytest.fixture(scope="module")
def measured(run: CheckpointedRun) -> MeasuredRun:
    return measure_run(run, DATA, probe=PROBE, replayed=REPLAYED)


def by_hand(seed: int, first: int, steps: int) -> tuple[float, float]:
    """Train one network alone; count the units that switch, and measure the weight steps."""
    model, data = MLP(SIZES, seed), small_data().redrawn(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.1)
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]

    def observe() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            below = linears[0](data.test_inputs[:12])
            above = linears[1](below.relu())
        weights = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        return torch.cat([below > 0, above > 0], dim=1), weights

    flips, moves = [], []
    before = observe()
    for step in range(first + steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data.train_inputs), data.train_labels).backward()
        optimizer.step()
        now = observe()
        if step >= first:
            flips.append((now[0] != before[0]).double().mean().item())
            moves.append(((now[1] - before[1]).norm() / now[1].norm()).item())
        before = now
    return float(np.mean(flips)), float(np.mean(moves))


@pytest.mark.parametrize("check", range(3))
def test_the_change_rates_are_those_of_training_alone_counted_by_hand(
    measured: MeasuredRun, check: int
) -> None:
    for k, seed in enumerate(SEEDS):
        flips, update = by_hand(seed, STEPS[check], REPLAYED)
        assert flips > 0
        assert measured.flips[check, k] == pytest.approx(flips, rel=1e-6)
        assert measured.update[check, k] == pytest.approx(update, rel=1e-3)
        excess = measured.flips[check, k] / measured.update[check, k]
        assert measured.excess[check, k] == excess


def test_a_single_network_has_the_change_rates_of_its_member(measured: MeasuredRun) -> None:
    alone = train_to_checkpoints(MLP(SIZES, 11), DATA.member(1), CONFIG, 11, STEPS)
    found = change_rates_at(alone, 1, PROBE[1], REPLAYED)
    assert found.flips.shape == (1,)
    assert found.flips[0] == pytest.approx(measured.flips[1, 1], rel=1e-6)
    assert found.update[0] == pytest.approx(measured.update[1, 1], rel=1e-3)


def test_states_are_those_of_each_network_alone(
    run: CheckpointedRun, measured: MeasuredRun
) -> None:
    options = {"precision": 0.05, "bracket": (1e-3, 10.0)}
    for k in range(len(SEEDS)):
        learnt = DATA.member(k).train_inputs, DATA.member(k).train_labels
        member = run.model_at(2).member(k)  # type: ignore[operator]
        layers = rank_distributions(member, *learnt, bins=10)
        slopes = [layer.slope[0] for layer in layers]
        np.testing.assert_allclose(measured.slopes[:, 2, k], slopes, rtol=1e-5)
        inputs = sample_basins(member, *learnt, draws=4, **options)  # type: ignore[arg-type]
        assert measured.sample_basin[2, k] == pytest.approx(inputs.amplitude[0, 0], rel=0.05)
        weights = weight_basins(member, *learnt, draws=8, **options)  # type: ignore[arg-type]
        assert measured.weight_basin[2, k] == pytest.approx(weights.amplitude[0, 0], rel=0.05)


def test_basins_are_of_every_other_check_and_of_the_first_samples(
    run: CheckpointedRun, measured: MeasuredRun
) -> None:
    assert np.isnan(measured.sample_basin[1]).all()
    assert np.isnan(measured.weight_basin[1]).all()
    assert np.isfinite(measured.slopes).all()
    twice = replace(
        small_data(),
        train_inputs=torch.cat([small_data().train_inputs] * 3 + [1000 * small_data().test_inputs]),
        train_labels=torch.cat(
            [small_data().train_labels] * 3 + [(small_data().test_labels + 1) % 3]
        ),
    )
    first = replace(
        small_data(), train_inputs=twice.train_inputs[:150], train_labels=twice.train_labels[:150]
    )
    more, less = state_at(run, twice, 2), state_at(run, first, 2)
    np.testing.assert_array_equal(more.sample_basin, less.sample_basin)
    np.testing.assert_array_equal(more.weight_basin, less.weight_basin)
    assert not np.allclose(more.slopes, less.slopes)  # they are over all samples


def test_a_run_can_be_measured_without_its_states(
    run: CheckpointedRun, measured: MeasuredRun
) -> None:
    found = measure_run(run, DATA, probe=PROBE, replayed=REPLAYED, states=False)
    np.testing.assert_array_equal(found.flips, measured.flips)
    assert found.slopes.shape == (0, 3, 2)
    assert np.isnan(found.sample_basin).all()


def test_values_at_a_step_are_medians_over_networks(measured: MeasuredRun) -> None:
    there = measured.at(3.0)
    assert there["norm of the weights"] == pytest.approx(np.median(measured.norm[1]))
    assert there["slope of the first layer"] == pytest.approx(np.median(measured.slopes[0, 1]))
    assert there["sample basin"] == pytest.approx(np.median(measured.sample_basin[2]))  # the next


def test_moments_are_those_of_the_accuracies(measured: MeasuredRun) -> None:
    always = replace(measured, train=np.ones((3, 2)), test=np.array([[0, 0], [1, 0.0], [1, 0]]))
    np.testing.assert_array_equal(always.moments.memorised, [0, 0])
    np.testing.assert_allclose(always.moments.jump, [3**0.5, np.nan])


def test_basins_grow_from_memorisation_to_the_end(measured: MeasuredRun) -> None:
    basins = np.array([[1, 1], [np.nan, np.nan], [2, 9.0]])
    train = np.array([[0, 0], [0.99, 0], [1, 0.99]])
    found = replace(measured, train=train, test=train, sample_basin=basins).basin_growth
    np.testing.assert_allclose(found, 1)  # known at the last check only: step 0 has no logarithm


def test_slopes_have_a_row_for_each_layer() -> None:
    found = layer_slopes(MLPEnsemble(SIZES, SEEDS), small_data())
    assert found.shape == (2, 2)
    np.testing.assert_array_equal(layer_slopes(MLP(SIZES, 11), small_data())[:, 0], found[:, 1])


def test_the_distance_to_a_class_is_the_nearest_of_it() -> None:
    found = distance_to_class(small_data())
    nearest = []
    for inputs, label in zip(small_data().test_inputs, small_data().test_labels, strict=True):
        own = small_data().train_inputs[small_data().train_labels == label]
        nearest.append(float(((own - inputs) ** 2).mean(dim=1).min().sqrt()))
    assert found == pytest.approx(np.median(nearest), rel=1e-5)


def test_no_step_to_replay_is_refused(run: CheckpointedRun) -> None:
    refusal("at least 1", lambda: change_rates_at(run, 0, PROBE, 0))
