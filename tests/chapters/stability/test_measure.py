"""What chapter 10 measures agrees with counting, with NumPy alone and with retraining."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
import torch
from jaxtyping import Float
from torch import nn

from regime_lib.chapters.stability import measure as stability
from regime_lib.chapters.stability.certified_steps import KINDS, kept_with_random_signs
from regime_lib.chapters.stability.exact_attacks import exact_attacks
from regime_lib.chapters.stability.networks import trained_networks
from regime_lib.chapters.stability.random_steps import (
    RELATIVE_STEPS,
    convolution_on_pixels,
    flips_of_random_steps,
)
from regime_lib.chapters.stability.regions import REACH, half_moons, snapshot
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.instrument.certificates.chain import read_chain
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.simulators.exact.test_symbolic import counted

TINY = stability.Settings(
    n_seeds=2,
    steps=50,
    checks=8,
    hidden=6,
    batch_size=16,
    probe_size=24,
    directions=10,
    lr_sgd=0.1,
    lr_adam=0.01,
    seed=3,
)
Rows = Float[np.ndarray, "samples units"]


@pytest.fixture(scope="module")
def measured() -> stability.Measurements:
    return stability.measure(TINY)


def forward(parameters: Mapping[str, torch.Tensor], x: Rows) -> list[Rows]:
    """Return the pre-activations of both hidden layers, by NumPy."""
    values = {name: value.detach().numpy() for name, value in parameters.items()}
    first = x @ values["hidden1.weight"].T + values["hidden1.bias"]
    second = np.maximum(first, 0) @ values["hidden2.weight"].T + values["hidden2.bias"]
    return [first, second]


def pattern(model: nn.Module, x: Rows) -> np.ndarray:
    return np.hstack(forward(dict(model.named_parameters()), x)) > 0


def test_every_claim_of_the_chapter_is_measured_once(measured: stability.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "10_stability"}
    assert {name: estimate.unit for name, estimate in claims_in(measured).items()} == own


@pytest.mark.parametrize(
    "part", [field.name for field in dataclasses.fields(stability.Measurements)]
)
def test_every_part_survives_keeping(measured: stability.Measurements, part: str) -> None:
    result = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_twelve_architectures_pass_and_the_controls_fail_as_counted(
    measured: stability.Measurements,
) -> None:
    assert measured.algebra.claims["rc-stability"].value == 1
    assert len(measured.algebra.table) == measured.algebra.claims["rc-stability"].n == 12
    controls = measured.algebra.controls.set_index("architecture")
    for sizes in ((2, 3, 2), (2, 3, 3, 2), (2, 2, 2, 2, 2)):
        row = controls.loc["-".join(map(str, sizes)) + ", no bias"]
        assert row["identically zero"] == row["predicted zero"] == counted(sizes)
    assert controls.loc["2x2 residual, no bias", "identically zero"] == 0
    failing = controls["own bias"] < controls["polynomials"]
    assert failing.all()


def test_outputs_bend_only_where_all_layers_move(measured: stability.Measurements) -> None:
    found = measured.affinity
    claim = found.claims["rc-affinity"]
    assert claim.value == found.inside.max() < 1e-10 < np.median(found.together)
    assert claim.n == len(found.inside)


def test_no_radius_exceeds_what_flips_a_unit_of_the_first_layer(
    measured: stability.Measurements,
) -> None:
    model, probe = trained_networks(TINY.sizes, TINY.lr_adam, 16, TINY.probe_size, TINY.seed)["MLP"]
    x = probe.double().numpy()
    z, _ = forward(dict(model.named_parameters()), x)
    certain_flip = np.abs(z).min(axis=1) / (np.abs(x).sum(axis=1) + 1)
    radii = measured.radius.radii["MLP"]
    assert (radii > 0).all()
    assert (radii <= certain_flip * (1 + 1e-9)).all()
    assert measured.radius.proven_again
    assert all(ratio.max() <= 1 for ratio in measured.radius.ratios.values())


def test_few_attacks_without_a_flip_are_no_number(
    measured: stability.Measurements, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert measured.radius.flips == 0
    assert not measured.radius.claims["rc-radius"].known
    monkeypatch.setattr(stability, "_ENOUGH_ATTACKS", 500)
    again = stability.radius(TINY).claims["rc-radius"]
    exact = sum(one.attempts for own in exact_attacks(TINY.seed).values() for one, _ in own)
    targets = 4 * 2 * TINY.probe_size  # two attacks on each of four units, for both networks
    assert (again.value, again.n) == (0, (10 + 1) * TINY.probe_size + 2 * targets + exact)


def test_below_the_radius_nothing_flips_and_far_beyond_it_much_does(
    measured: stability.Measurements,
) -> None:
    found = measured.beyond_radius
    for shares in found.flipped.values():
        for share in shares.values():
            assert (share[found.sizes < 1] == 0).all()
        assert shares["gradient"][-1] == 1
        assert (shares["gradient"] >= shares["random"]).all()


def test_random_steps_flip_what_numpy_counts() -> None:
    model, seed = MLP((64, 60, 60, 10), 1), 8
    x = np.random.default_rng(0).standard_normal((300, 64))
    flipped, predicted = flips_of_random_steps(model, torch.from_numpy(x), seed)
    here = {name: value.double() for name, value in model.named_parameters()}
    random = np.random.default_rng(seed)
    first_size = []
    for _ in range(10):
        moved = {}
        for name, value in here.items():
            noise = torch.from_numpy(random.standard_normal(value.shape))
            moved[name] = value + RELATIVE_STEPS[0] * noise * (value.norm() / noise.norm())
        pairs = zip(forward(here, x), forward(moved, x), strict=True)
        first_size.append([((a > 0) != (b > 0)).mean() for a, b in pairs])
    assert flipped[:, 0] == pytest.approx(np.mean(first_size, axis=0), rel=1e-9)
    # inputs are Gaussian, as the law wants; of the smallest steps too few flip to compare
    assert flipped[0, :2] == pytest.approx(predicted[0, :2], rel=0.15)
    assert (np.diff(flipped, axis=1) < 0).all()


def test_the_law_of_the_step_is_taken_over_layers_and_networks(
    measured: stability.Measurements,
) -> None:
    law = measured.flip_law
    by_step = np.mean([*law.over_law.values()], axis=0).mean(axis=1)
    claim = law.claims["rc-flip-law"]
    assert claim.value == pytest.approx(np.prod(by_step) ** (1 / 3))
    assert law.over_law["layer 1"].shape == (3, 16)
    assert claim.n == 16
    assert law.numbers["law-1"] == pytest.approx(law.over_law["layer 1"].mean())


def test_the_interval_of_the_law_is_over_networks_and_steps_that_flip_nothing_give_none() -> None:
    random = np.random.default_rng(0)
    ratios = np.exp(0.3 * random.standard_normal((3, 16)))
    claim = stability._over_networks(ratios, 0)
    assert claim.value == pytest.approx(np.prod(ratios.mean(axis=1)) ** (1 / 3))
    spread = np.log(ratios).mean(axis=0).std() / 4  # of a mean over 16 networks
    assert (claim.high or 0) - (claim.low or 0) == pytest.approx(3.92 * spread, rel=0.3)
    assert not stability._over_networks(ratios * [[1], [1], [0]], 0).known


def test_every_network_of_the_law_has_its_own_inputs(measured: stability.Measurements) -> None:
    seed = TINY.seed + 5
    probe = load_dataset("digits").redrawn(seed).test_inputs[: TINY.probe_size].double()
    flipped, _ = flips_of_random_steps(MLP(TINY.sizes, seed), probe, seed)
    expected = flipped[0] * np.pi / np.arctan(RELATIVE_STEPS)
    np.testing.assert_allclose(measured.flip_law.over_law["layer 1"][:, 5], expected)


def test_the_truth_along_training_is_that_of_training_again(
    measured: stability.Measurements,
) -> None:
    found = measured.along_training
    data = load_dataset("digits")
    x = data.test_inputs[: TINY.probe_size].numpy()
    config = TrainingConfig(optimizer="adam", lr=TINY.lr_adam, steps=TINY.steps, batch_size=16)
    model = MLP(TINY.sizes, TINY.seed + 1)
    seen = [pattern(model, x)]
    train(model, data, config, TINY.seed + 1, on_step=lambda: seen.append(pattern(model, x)))
    truth = [(seen[step] == seen[step - 1]).all(axis=1).mean() for step in found.steps]
    assert found.steps[-1] == TINY.steps
    assert np.allclose(found.shares["adam"]["unchanged"][:, 1], truth)
    assert found.contradictions == 0
    for own in found.shares.values():
        for finer, coarser in pairwise(KINDS[:-1]):
            assert (own[finer] >= own[coarser]).all()
    stable = found.shares["sgd"]["unchanged"]
    assert found.numbers["stable-sgd"] == np.median(stable[found.steps > 5])
    covered = 100 * found.shares["sgd"]["by_path"].sum() / stable.sum()
    assert found.numbers["covered-sgd-path"] == pytest.approx(covered)


def test_random_signs_keep_the_size_of_every_entry() -> None:
    model, x = MLP(TINY.sizes, 0), torch.randn(40, 64, generator=torch.manual_seed(0))
    here = {name: value.detach().clone() for name, value in model.named_parameters()}
    there = {name: value + 0.01 * torch.randn_like(value) for name, value in here.items()}
    random = np.random.default_rng(4)
    moved = {
        name: value
        + (there[name] - value).abs() * torch.from_numpy(random.choice([-1, 1], value.shape))
        for name, value in here.items()
    }
    kept = kept_with_random_signs(read_chain(model, x), here, there, x, np.random.default_rng(4))
    before, after = (np.hstack(forward(at, x.numpy())) > 0 for at in (here, moved))
    assert (kept == (before == after).all(axis=1)).all()
    assert 0 < kept.mean() < 1


def test_regions_cover_the_square_and_hold_every_pattern_that_occurs() -> None:
    data, model = half_moons(0), MLP((2, 8, 8, 2), 1)
    with torch.no_grad():  # so that the outputs are equal in the middle
        model.get_parameter("output.bias").sub_(model(torch.zeros(2)))
    found = snapshot(model, data, 7)
    areas = []
    for polygon in found.polygons:
        x, y = polygon.T
        areas.append(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)
    assert sum(areas) == pytest.approx((2 * REACH) ** 2)
    grid = np.random.default_rng(0).uniform(-REACH, REACH, (4000, 2)).astype(np.float32)
    assert len(np.unique(pattern(model, grid), axis=0)) <= len(found.sizes) == len(found.on)
    outputs = model(torch.from_numpy(found.border.reshape(-1, 2)).float()).detach().numpy()
    assert np.allclose(outputs[:, 0], outputs[:, 1], atol=1e-5)
    assert len(found.border)


def test_points_learn_to_be_told_apart(measured: stability.Measurements) -> None:
    snapshots = measured.regions.snapshots
    assert (snapshots[0].step, snapshots[-1].step) == (0, 600)
    assert snapshots[-1].accuracy > 0.97 > snapshots[0].accuracy
    assert sum(map(len, measured.regions.classes)) == 160


@pytest.mark.parametrize("zero", [True, False])
def test_zeros_of_a_convolution_are_its_empty_patches_without_bias(zero: bool) -> None:
    images = load_dataset("digits").as_images().test_inputs[:10]
    raw = (images - images.min()) / 8
    zeros, flips, without_radius = convolution_on_pixels(raw, 0, zero)
    padded = np.pad(raw[:, 0].numpy(), ((0, 0), (1, 1), (1, 1)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    empty = (patches == 0).all(axis=(3, 4))
    assert zeros == pytest.approx(empty.mean() if zero else 0)
    assert without_radius == pytest.approx(empty.any(axis=(1, 2)).mean() if zero else 0)
    assert flips < 0.6 * max(zeros, 0.001)


def test_numbers_of_zero_biases_are_percentages(measured: stability.Measurements) -> None:
    found = measured.zero_biases
    assert found.numbers["zero-radius-zero"] == 100 * found.without_radius["zero"] > 50
    assert found.numbers["zeros-default"] == found.without_radius["default"] == 0
