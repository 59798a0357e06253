"""What chapter 30 measures agrees with plain loops, with SciPy and with PyTorch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import solve_ivp

from regime_lib.chapters.training_response import measure as chapter
from regime_lib.chapters.training_response.flips import as_module
from regime_lib.chapters.training_response.reductions import CHOICES
from regime_lib.chapters.training_response.responses import trained
from regime_lib.chapters.training_response.tasks import DEFINITIONS, STEPS, exponent_of_step
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads
from regime_lib.simulators.training_response.features import feature_space
from regime_lib.simulators.training_response.networks import make_networks, trained_inputs
from regime_lib.simulators.training_response.setup import Setup
from regime_lib.simulators.training_response.tasks import random_task, train_on_task
from tests.chapters.training_response.tiny import TINY, tiny_measurements

PARTS = [field.name for field in dataclasses.fields(chapter.Measurements)]


@pytest.fixture(scope="module")
def measured() -> chapter.Measurements:
    return tiny_measurements()


def slopes(epochs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Fit the last two decades by SciPy."""
    late = epochs >= epochs[-1] / 100
    return np.array(
        [stats.linregress(np.log(epochs[late]), np.log(own[late])).slope for own in values.T]
    )


def test_every_claim_of_the_chapter_is_measured_once(measured: chapter.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "30_training_response"}
    assert {name: estimate.unit for name, estimate in claims_in(measured).items()} == own


def test_the_parts_with_claims_and_no_others_are_named(measured: chapter.Measurements) -> None:
    named = {part.__name__ for part in chapter.PARTS}
    assert named == {part for part in PARTS if getattr(getattr(measured, part), "claims", None)}
    claims = load_claims(find_project().claims_file)
    empirical = {name for name in claims_in(measured) if claims[name].kind == "empirical"}
    parts = [getattr(measured, part.__name__) for part in chapter.EMPIRICAL]
    assert empirical <= {name for part in parts for name in part.claims}


@pytest.mark.parametrize("part", PARTS)
def test_every_part_survives_keeping(measured: chapter.Measurements, part: str) -> None:
    result = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_a_part_does_not_depend_on_what_ran_before(measured: chapter.Measurements) -> None:
    trained.cache_clear()
    np.random.seed(1)  # noqa: NPY002  (what other code may have left behind)
    assert dumps(chapter.kernels(TINY)) == dumps(measured.kernels)


def test_responses_are_those_of_plain_gradient_descent(measured: chapter.Measurements) -> None:
    found, setup = measured.response, TINY.setup()
    seeds = TINY.seeds
    model = as_module(make_networks(setup, seeds), 1)
    x = torch.tensor(trained_inputs(setup, seeds)[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    logits = []
    for _ in range(TINY.epochs + 1):
        optimizer.zero_grad()
        logits.append(model(x).item())
        torch.nn.functional.softplus(-model(x)).sum().backward()
        optimizer.step()
    for where, values in (("logit", logits), ("output", 1 / (1 + np.exp(-np.array(logits))))):
        truth = np.diff(values)[found.epochs - 1]
        ours = found.responses["relu", "cross-entropy", where][:, 1]
        np.testing.assert_allclose(ours, truth, rtol=1e-8)


def test_exponents_are_those_of_scipy(measured: chapter.Measurements) -> None:
    found = measured.response
    for loss, short in (("cross-entropy", "ce"), ("squared", "mse")):
        for where in ("output", "logit"):
            own = found.responses["relu", loss, where]
            truth = np.median(slopes(found.epochs, own))
            assert found.claims[f"tr-exponent-{short}-{where}"].value == pytest.approx(truth)
            assert found.exponents["relu", loss, where] == pytest.approx(truth)


def test_kernels_change_as_their_values_say(measured: chapter.Measurements) -> None:
    claims, by_activation = measured.kernels.claims, measured.response.kernels
    for name, pair in (
        ("relu", by_activation["relu"]),
        ("elu", by_activation["elu"]),
        ("output", measured.kernels.kernels["output"][[0, 2]]),
    ):
        changes = [np.sqrt(np.mean((pair[1, :, s] - pair[0, :, s]) ** 2)) for s in range(3)]
        assert claims[f"tr-kernel-shape-{name}"].value == pytest.approx(np.median(changes))
    mean = by_activation["elu"][1].mean(axis=1)
    crosses = np.interp(0, mean[::-1], np.arange(9.0)[::-1])
    assert claims["tr-kernel-elu-zero"].value == pytest.approx(crosses)


def test_the_initial_kernel_is_that_of_autograd(measured: chapter.Measurements) -> None:
    setup, seeds = TINY.setup(), TINY.seeds
    own, table = trained_inputs(setup, seeds), np.zeros((3, 9))
    for place in range(3):
        model = as_module(make_networks(setup, seeds), place)

        def gradient(x: np.ndarray, model: torch.nn.Module = model) -> torch.Tensor:
            found = torch.autograd.grad(model(torch.tensor(x)).sum(), [*model.parameters()])
            return torch.cat([part.ravel() for part in found])

        there = gradient(own[place])
        inputs = setup.all_inputs()
        kernel = np.array([float(gradient(x) @ there) for x in inputs])
        distance = (inputs != own[place]).sum(axis=1)
        table[place] = [kernel[distance == d].mean() for d in range(9)]
    relative = (table / table[:, :1]).mean(axis=0)
    angle = np.arccos(1 - np.arange(9) / 4)
    closed = (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi
    truth = np.abs(relative - closed).max()
    assert measured.kernels.claims["tr-kernel-arc-cosine"].value == pytest.approx(truth)


def test_the_one_weight_system_is_a_loop(measured: chapter.Measurements) -> None:
    speeds = np.array([rate * slope**2 for slope in (1.0, 3.0) for rate in (0.1, 0.3, 1.0)])
    u = np.zeros((2, 6))
    for _ in range(100_000):
        rest = 1 / (1 + np.exp(u))
        u += speeds * np.stack([rest[0], rest[1] ** 2 * (1 - rest[1])])
    rest = 1 / (1 + np.exp(u))
    late = np.stack([rest[0], 2 * rest[1] ** 2]) * speeds * 100_000
    for name, values in zip(("ce", "mse"), late, strict=True):
        claim = measured.one_weight.claims[f"tr-simplified-{name}"]
        assert claim.value == pytest.approx(values[np.abs(values - 1).argmax()])
        assert [claim.low, claim.high] == pytest.approx([values.min(), values.max()])
    assert measured.algebra.claims["tr-simplified-solution"].value == 0
    assert [law.holds for law in measured.algebra.limits] == [True] * 6


def test_what_the_reader_chooses_is_descent_and_flow(measured: chapter.Measurements) -> None:
    found = measured.one_weight
    assert len(found.chosen) == np.prod([len(values) for values in CHOICES])
    own, law = found.chosen[0.3, 1.0, 0.9]
    u, path = 0.0, [0.5]
    for _ in range(2000):
        u += 0.3 * (0.9 - 1 / (1 + np.exp(-u)))
        path.append(1 / (1 + np.exp(-u)))
    flow = solve_ivp(
        lambda _, u: 0.3 * (0.9 - 1 / (1 + np.exp(-u))),
        (0, 2000),
        [0.0],
        t_eval=range(2001),
        rtol=1e-11,
        atol=1e-12,
        method="LSODA",
    )
    for ours, values in ((own, path), (law, 1 / (1 + np.exp(-flow.y[0])))):
        truth = np.diff(values)[found.steps - 1]
        shown = np.isfinite(ours)
        assert shown.sum() > 10
        np.testing.assert_allclose(ours[shown], truth[shown], rtol=1e-3, atol=1e-9)
        assert (truth[~shown] <= 2e-9).all()


def test_responses_have_halved_when_it_is_said(measured: chapter.Measurements) -> None:
    found = measured.stages
    own = found.curves["output"]
    times = [
        np.exp(np.interp(-np.log(0.5), -np.log(column), np.log(found.times))) for column in own.T
    ]
    assert found.claims["tr-stages"].value == pytest.approx(np.median(times), rel=0.02)
    assert found.halved["output"] == found.claims["tr-stages"].value
    assert found.claims["tr-prefactor-ce"].value == pytest.approx(1, abs=0.2)


def test_what_never_halves_is_no_number() -> None:
    found = chapter.stages(dataclasses.replace(TINY, rate_ce=1e-6))
    assert not found.claims["tr-stages"].known
    assert found.claims["tr-prefactor-ce"].known


def test_the_rotation_is_what_networks_do(measured: chapter.Measurements) -> None:
    found = measured.rotation
    for epoch, angles in zip(found.epochs, found.measured, strict=True):
        predicted = [np.interp(epoch, found.times, own) for own in found.angles.T]
        assert angles == pytest.approx(predicted, abs=0.02)
    coarse, fine, finest = (np.median(values[-1]) for _, values in found.differences.values())
    assert 2.4 < coarse / fine < 3.6
    assert 2.4 < fine / finest < 3.6
    assert found.numbers["flow-error-ratio"] == pytest.approx(coarse / fine)


def test_what_a_product_leaves_out_is_that_of_singular_values(
    measured: chapter.Measurements,
) -> None:
    found = measured.separability
    relu = trained(TINY)
    scaled = relu.logit_table / relu.own("logit")[..., None]
    squares = [np.linalg.svd(scaled[:, seed], compute_uv=False) ** 2 for seed in range(3)]
    carried = np.median([own[0] / own.sum() for own in squares])
    assert found.claims["tr-separability"].value == pytest.approx(carried)
    run = trained(TINY, "elu")
    table = run.output_table / run.own("output")[..., None]
    for seed in range(3):
        squares = np.linalg.svd(table[:, seed], compute_uv=False) ** 2
        truth = 1 - squares[0] / squares.sum()
        assert found.missing["elu", "output", True][-1, seed] == pytest.approx(truth, rel=1e-6)


def test_noise_is_compared_seed_by_seed(measured: chapter.Measurements) -> None:
    found = measured.noise
    ratios, changes = [], []
    for activation in ("relu", "elu"):
        noisy, clean = (
            slopes(found.epochs, found.responses[activation, kind])
            for kind in ("Gaussian", "no noise")
        )
        ratios += [*(noisy / clean)]
        pair = [found.kernels[activation, kind] for kind in ("Gaussian", "no noise")]
        changes += [*np.sqrt(((pair[0] - pair[1]) ** 2).mean(axis=0))]
    assert found.claims["tr-noise-steeper"].value == pytest.approx(np.median(ratios))
    assert found.claims["tr-noise-kernel"].value == pytest.approx(np.median(changes))


def test_inner_targets_are_approached_as_predicted(measured: chapter.Measurements) -> None:
    found = measured.regression
    for key, ratio in found.ratios.items():
        assert ratio == pytest.approx(1, abs=2e-3)
        own, law = found.residuals[key], found.predicted[key]
        late = (own < 1e-5) & (own > 1e-9)
        np.testing.assert_allclose(law[late], own[late], rtol=0.02)
    assert found.claims["tr-regression-ce"].value == pytest.approx(1, abs=1e-3)


def test_feature_spaces_are_compared_task_by_task(measured: chapter.Measurements) -> None:
    found = measured.feature_spaces
    full, sgd, noisy, cyclic = found.effective.swapaxes(0, 1)
    both = {
        "": stats.gmean(sgd / full, axis=0),
        "-label-noise": stats.gmean(noisy / sgd, axis=0),
    }
    for name, ratio in both.items():
        rate = found.rates / found.rates[0]
        # a quadratic at zero, by the normal equations
        design = np.stack([np.ones_like(rate), rate, rate**2], axis=1)
        limits = np.exp(np.linalg.solve(design.T @ design, design.T @ np.log(ratio))[0])
        assert found.claims[f"tr-feature-space{name}"].value == pytest.approx(np.median(limits))
        kept = found.numbers[f"features-kept{name}"]
        assert kept == pytest.approx(np.exp(np.median(np.log(ratio[0]))))
    order = np.median(stats.gmean(sgd[:, 0] / cyclic[:, 0], axis=0))
    assert found.claims["tr-feature-space-order"].value == pytest.approx(order)
    elu_over_relu = np.median((sgd[1, 0] / full[1, 0]) / (sgd[0, 0] / full[0, 0]))
    assert found.claims["tr-feature-space-activation"].value == pytest.approx(elu_over_relu)
    assert found.numbers["neff-elu-sgd"] == np.median(sgd[1, 0])


def test_steps_of_all_sizes_go_equally_far_in_time(measured: chapter.Measurements) -> None:
    setup, seeds = TINY.setup(), range(TINY.seed, TINY.seed + TINY.task_seeds)
    task = random_task(setup, seeds, 32)
    finer = train_on_task(setup, seeds, task, "sgd", rate=0.02, passes=25)
    truth = feature_space(finer, task.inputs).effective
    assert measured.feature_spaces.effective[0, 1, -1] == pytest.approx(truth)
    uneven = train_on_task(setup, seeds, task, "full-batch", rate=0.1 * 5 / 12, passes=12)
    truth = feature_space(uneven, task.inputs).effective
    assert measured.feature_spaces.effective[0, 0, 3] == pytest.approx(truth)


def test_an_effect_in_proportion_to_the_step_has_exponent_one() -> None:
    random = np.random.default_rng(0)
    large = random.uniform(0.5, 1, 30)
    for power in (1, 2):
        reduced = STEPS[:, None] ** power * large
        assert exponent_of_step(reduced, "30 tasks", 0).value == pytest.approx(power)
    assert not exponent_of_step(-reduced, "30 tasks", 0).known  # nothing was reduced


def test_fragility_is_compared_within_training_and_step(measured: chapter.Measurements) -> None:
    found, spaces = measured.fragility, measured.feature_spaces
    ranks = {
        "x": np.apply_along_axis(stats.rankdata, -1, spaces.effective),
        "y": np.apply_along_axis(stats.rankdata, -1, spaces.flipped),
    }
    x, y = (own - own.mean(axis=-1, keepdims=True) for own in ranks.values())
    truth = np.corrcoef(x.ravel(), y.ravel())[0, 1]
    assert found.held["training and step"].value == pytest.approx(truth)
    assert found.claims["tr-fragility-held"] == found.held["margin too"]
    by_step = spaces.flipped[:, 1].mean(axis=0)
    ratio = by_step[0].mean() / by_step[-1].mean()
    assert found.claims["tr-fragility-step"].value == pytest.approx(ratio)


def test_fragility_correlates_as_scipy_says(measured: chapter.Measurements) -> None:
    spaces, found = measured.feature_spaces, measured.fragility
    effective, flipped = (own[:, :3, 0] for own in (spaces.effective, spaces.flipped))
    truth = stats.spearmanr(effective[1].ravel(), flipped[1].ravel()).statistic
    assert found.correlations["flips", "ELU"].value == pytest.approx(truth)
    assert found.numbers["fragility-elu"] == pytest.approx(truth)
    values = [found.correlations[name, "ELU"].value for name in DEFINITIONS]
    assert found.numbers["negative-elu"] == sum(value is not None and value < 0 for value in values)
    change = 100 * (flipped[0, 2] - flipped[0, 0]) / flipped[0, 0].mean()
    assert found.numbers["paired-relu"] == pytest.approx(change.mean())
    assert found.numbers["paired-se-relu"] == pytest.approx(stats.sem(change))


def test_instrument_simulator_and_rotation_see_the_same_flips(
    measured: chapter.Measurements,
) -> None:
    found = measured.flips
    assert found.differing == 0
    assert found.tracked[1][-1] > 0
    predicted = np.interp(found.epochs, *found.predicted)
    assert np.median(found.from_start, axis=1) == pytest.approx(predicted, abs=5e-4)
    assert found.numbers["flips-share"] == 100 * np.median(found.from_start[-1])


def test_a_module_is_the_network_that_it_was_made_from() -> None:
    setup = Setup(bits=4, features=6, init="uniform")
    networks, inputs = make_networks(setup, range(3)), setup.all_inputs()
    with torch.no_grad():
        found = as_module(networks, 2)(torch.tensor(inputs))[:, 0].numpy()
    np.testing.assert_allclose(found, networks.logits(inputs)[2], rtol=1e-12)


def test_exponents_hold_until_steps_are_unstable(measured: chapter.Measurements) -> None:
    found = measured.unstable_rates
    ratio = found.sizes / found.sizes[0]
    assert ratio == pytest.approx(np.array([0.3, 1, 2, 4, 8, 16, 32]) / 0.3)
    assert found.exponents["logit"][1] == pytest.approx(-1, abs=0.05)
    assert found.exponents["output"][1] == pytest.approx(-2, abs=0.2)


def test_variants_are_what_the_chapter_would_measure(measured: chapter.Measurements) -> None:
    rows = measured.variants.table.set_index(["coding", "initial weights"])
    assert len(rows) == 6
    own = rows.loc[("signs", "gaussian")]
    assert own["exponent, output"] == measured.response.exponents["relu", "cross-entropy", "output"]
    claims = measured.kernels.claims
    assert own["kernel change, median"] == claims["tr-kernel-shape-relu"].value
    assert own["off the closed form"] == pytest.approx(claims["tr-kernel-arc-cosine"].value)
    assert measured.variants.numbers["worst-variant"] == rows["kernel change, median"].max()
