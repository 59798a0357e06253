"""Branches of a training: the same batches, the same end if nothing is frozen, and the parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.freeze_patterns.cases import Case, example
from regime_lib.chapters.freeze_patterns.experiment import (
    EARLY,
    experiment,
    level_at,
    quiet_units,
    turned,
)
from regime_lib.chapters.freeze_patterns.trajectory import (
    Trajectory,
    accuracy_of,
    branch,
    live_branch,
    training_loss,
    trajectory,
)
from regime_lib.instrument.freezing.frozen import freeze_patterns
from regime_lib.instrument.settling.freeze_advice import freeze_advice
from regime_lib.lab.training.loop import train
from tests.companion.refusals import refused

CASE = Case(dataset="digits", seeds=(0, 1), steps=60, hidden=(12, 8), train=300, test=120, probe=40)


@pytest.fixture(scope="module")
def run() -> Trajectory:
    return trajectory(CASE, [0, 20, 24, 30, 60])


def test_the_unfrozen_run_is_that_of_the_lab(run: Trajectory) -> None:
    networks = CASE.networks()
    train(networks, CASE.data(), CASE.training, CASE.seeds, evaluations=1)
    for name, one in networks.named_parameters():
        torch.testing.assert_close(run.end.get_parameter(name), one)


def test_unfrozen_a_branch_ends_where_the_run_does(run: Trajectory) -> None:
    again = live_branch(CASE, run.moments[30], CASE.data())
    for name, one in run.end.named_parameters():
        assert torch.equal(again.get_parameter(name), one)


def test_frozen_at_the_end_nothing_is_lost(run: Trajectory) -> None:
    frozen = branch(CASE, run.moments[60])
    data = CASE.data()
    np.testing.assert_array_equal(accuracy_of(frozen, data), accuracy_of(run.end, data))
    np.testing.assert_allclose(training_loss(frozen, data), training_loss(run.end, data))


def test_stored_patterns_train_as_the_copy_would(run: Trajectory) -> None:
    data, moment = CASE.data(), run.moments[20]
    frozen = branch(CASE, moment)
    networks, optimizer = moment.again(CASE)
    slow = freeze_patterns(networks, example(data), members=2)
    from regime_lib.chapters.freeze_patterns.trajectory import batches, descend

    for step, (_, inputs, labels) in batches(CASE, data, range(20, 60)):
        descend(CASE, slow(inputs), labels, optimizer, step)
    for name, one in slow.live.named_parameters():
        assert torch.equal(frozen.live.get_parameter(name), one)


def test_thawed_at_once_is_not_frozen(run: Trajectory) -> None:
    thawed = branch(CASE, run.moments[20], thaw_at=20)
    for name, one in run.end.named_parameters():
        assert torch.equal(thawed.live.get_parameter(name), one)


def test_the_level_is_what_the_adviser_reads(run: Trajectory) -> None:
    advice = freeze_advice(run.trace.until(60))
    np.testing.assert_allclose(level_at(run, 60), advice.level)
    assert np.isnan(level_at(run, 0)).all()


def test_half_of_the_units_are_quiet_and_flip_least(run: Trajectory) -> None:
    moments = [run.moments[at] for at in (20, 24, 30)]
    quiet = quiet_units(moments, CASE)
    probe = CASE.data().test_inputs[:, :40]
    before, now, last = (
        freeze_patterns(one.networks, example(CASE.data()), members=2).decisions(probe)
        for one in moments
    )
    for layer, (a, b, c) in enumerate(zip(before, now, last, strict=True)):
        flips = (a.planes[0] != b.planes[0]).sum(1) + (b.planes[0] != c.planes[0]).sum(1)
        some = quiet[f"relu{layer + 1}"][:, 0]
        assert (some.sum(dim=1) == some.shape[1] // 2).all()
        for member in range(2):
            own = flips[member]
            assert own[some[member]].max() <= own[~some[member]].min()


def test_turned_images_are_upside_down() -> None:
    data = CASE.data()
    image = data.test_inputs[0, 0].view(8, 8)
    assert torch.equal(turned(data).test_inputs[0, 0].view(8, 8), image.flip(0, 1))


def test_a_row_for_each_branch_and_seed() -> None:
    case = Case(dataset="digits", seeds=(0, 1), steps=120, hidden=(8, 8), train=200, test=80)
    found = experiment(case, (0.0, EARLY, 0.5), parts=True)
    rows = found["branches"]
    assert len(rows) == 2 * (1 + 3 + 5 + 2)
    assert set(rows["seed"]) == {0, 1}
    assert rows["test_accuracy"].between(0, 1).all()
    assert len(found["times"]) == 2 * 2 * 16
    assert not found["times"].duplicated(["seed", "definition", "of"]).any()
    assert (found["series"]["value"] >= 0).all()


def test_rates_that_nobody_chose_are_refused() -> None:
    with refused("no learning rate", "sgd and mlp"):
        Case(dataset="digits", architecture="cnn", optimizer="sgd")


def test_a_transformer_that_reads_text_is_frozen_without_stored_patterns() -> None:
    case = Case(
        dataset="descriptions",
        architecture="transformer",
        seeds=(0, 1),
        steps=24,
        batch_size=4,
        hidden=(8,),
        train=30,
        test=12,
        probe=3,
    )
    table = experiment(case, (0.0, 0.5))["branches"]
    assert set(table["what"]) == {"never", "all"}
    assert table["test_accuracy"].between(0, 1).all()
    assert table[["clean_accuracy", "noisy_accuracy", "attacked_accuracy"]].isna().all(axis=None)
    run = trajectory(case, [24])  # frozen at the end, nothing is left to lose
    data = case.data()
    np.testing.assert_array_equal(
        accuracy_of(branch(case, run.moments[24]), data), accuracy_of(run.end, data)
    )
    never = table[table["what"] == "never"].sort_values("seed")["test_accuracy"]
    np.testing.assert_array_equal(never, accuracy_of(run.end, data))
