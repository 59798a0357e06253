"""What chapter 50 measures agrees with closed forms, brute force and NumPy alone."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from regime_lib.chapters.deep_linear import beyond, landscape, learning, structure
from regime_lib.chapters.deep_linear.measure import Measurements, measure
from regime_lib.chapters.deep_linear.settings import ONE, Settings, farthest_from_one
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads
from regime_lib.simulators.deep_linear.critical import chain_points
from regime_lib.simulators.deep_linear.flow import FlowPath, gradient_flow
from regime_lib.simulators.deep_linear.hessian import hessian
from regime_lib.simulators.deep_linear.initialisation import chain, decoupled_init, random_init
from regime_lib.simulators.deep_linear.problem import LinearTask, product, speed, velocity
from regime_lib.simulators.deep_linear.settle import settle
from regime_lib.simulators.deep_linear.solutions import escape_time, learning_time
from regime_lib.simulators.deep_linear.symmetry import random_bases

TINY = Settings(
    n_starts=10,
    n_seeds=2,
    width=3,
    deepest=3,
    sigma_1=3.0,
    sigma_2=2.0,
    sigma_3=1.0,
    initial_scale=0.01,
    seed=3,
)
SIGMA = np.array(TINY.sigma)


@pytest.fixture(scope="module")
def measured() -> Measurements:
    return measure(TINY)


def test_every_claim_of_the_chapter_is_measured_once(measured: Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "50_deep_linear"}
    found = claims_in(measured)
    assert {name: estimate.unit for name, estimate in found.items()} == own
    assert all(estimate.known and estimate.over for estimate in found.values())


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(Measurements)])
def test_every_part_survives_keeping(measured: Measurements, part: str) -> None:
    result = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_of_ratios_the_one_that_differs_most_from_one_is_taken() -> None:
    assert farthest_from_one(np.array([0.9, 1.05, 1.2])) == 1.2


def test_sections_draw_their_own_numbers() -> None:
    first, again, other = (TINY.generator(k).standard_normal(3).tolist() for k in (1, 1, 2))
    assert first == again != other


# ── one matrix, conservation, symmetry ──────────────────────────────────────────────────────────


def test_autograd_finds_the_flow() -> None:
    random = np.random.default_rng(0)
    layers = random_init((2, 3, 1, 2), 1.0, random)
    task = LinearTask(random.standard_normal((2, 2)))
    pairs = zip(
        structure.velocity_by_autograd(layers, task.target), velocity(layers, task), strict=True
    )
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_free_matrix_learns_and_stays_a_network(measured: Measurements) -> None:
    flow = measured.matrix_flow
    corner = flow.power[-3:, :3]
    np.testing.assert_allclose(corner, np.diag(SIGMA), atol=1e-5)
    assert abs(flow.power).sum() == pytest.approx(abs(corner).sum())
    assert flow.stray == 0
    assert measured.proofs.table["proved"].all()


def test_the_product_of_a_chain_crosses_zero_when_its_closed_form_says(
    measured: Measurements,
) -> None:
    # w' = sqrt(δ² + 4w²)(1 − w) from w = -1/2 with δ = -3/4, integrated by quadrature
    w = np.linspace(-0.5, 0, 100_001)
    slowness = 1 / (np.sqrt(0.75**2 + 4 * w**2) * (1 - w))
    assert measured.matrix_flow.numbers["jordan-time"] == pytest.approx(
        np.trapezoid(slowness, w), abs=1e-6
    )


def test_drift_of_descent_is_first_order_in_the_step(measured: Measurements) -> None:
    found = measured.conservation
    np.testing.assert_allclose(np.median(found.drifts, axis=1)[0] / found.predicted[0], 1, atol=0.1)
    assert found.claims["dl-conservation-descent"].value == pytest.approx(1, abs=0.05)
    assert [len(run) for run in found.runs.values()] == [401, 401, 401]


def test_only_turns_commute_with_the_flow() -> None:
    random, task = np.random.default_rng(1), TINY.task
    layers = random_init((3, 2, 3), 0.5, random)
    turn, stretch = (random_bases((3, 2, 3), random, orthogonal=kind) for kind in (True, False))
    assert structure.commutation_gap(layers, turn, task) < 1e-9
    assert structure.commutation_gap(layers, stretch, task) > 1e-3


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_curvature_along_minima_is_the_largest_of_the_hessian(depth: int) -> None:
    imbalance = np.array([-0.7, 0.0, 1.2])
    layers = [[np.array([[w]]) for w in chain(1.0, depth, delta)] for delta in imbalance]
    expected = [np.linalg.eigvalsh(hessian(tuple(one), ONE))[-1] for one in layers]
    np.testing.assert_allclose(structure.curvature_of_chains(depth, imbalance), expected)


# ── landscape ───────────────────────────────────────────────────────────────────────────────────


def test_explicit_points_are_critical_and_lie_on_their_value(measured: Measurements) -> None:
    for learnt in ((), (1,), (0, 2), (0, 1, 2)):
        point = landscape.explicit_point(TINY.task, learnt)
        assert speed(point, TINY.task) < 1e-12
        rest = np.delete(SIGMA, learnt)
        assert TINY.task.loss(product(point)) == pytest.approx(0.5 * (rest**2).sum())
    found = measured.critical_points
    assert found.predicted["learnt: σ₁, σ₃"] == 2.0
    assert len(found.predicted) == len(found.found["explicit"]) == 8
    assert found.numbers["critical-tried"] == 9


def test_kinds_of_points_agree_with_eigenvalues() -> None:
    points = landscape.classified_points(2)
    own = points[points["network"] == "2-2-2"]["kind"].tolist()
    kinds = []
    for point in chain_points((2, 1), (2, 2, 2)):
        layers = tuple(layer.astype(float) for layer in point.layers)
        task = LinearTask(point.target.astype(float))
        negative = np.linalg.eigvalsh(hessian(layers, task))[0] < -1e-9
        minimum = task.loss(product(layers)) == 0
        kinds.append("minimum" if minimum else "strict" if negative else "not strict")
    assert own == kinds
    assert not points["wrong"].any()


def test_the_exact_signs_are_those_of_the_eigenvalues(measured: Measurements) -> None:
    signs = measured.saddles.inertia
    assert signs["depth 2, origin"] == (4, 0, 4)
    assert signs["depth 3, origin"] == (0, 12, 0)
    table = measured.saddles.table.set_index("network")
    assert table.loc["2-2-2-2"].tolist() == [1, 2, 22, 0]


def test_random_networks_settle_at_the_best_loss(measured: Measurements) -> None:
    claims = measured.ends.claims
    assert (claims["dl-no-spurious-minima"].value, claims["dl-no-spurious-minima"].n) == (0, 10)
    assert measured.ends.numbers["ends-where"] == "at a global minimum"
    assert claims["dl-bottleneck"].n == 4
    moved, gradient = (float(measured.ends.numbers[f"again-{k}"]) for k in ("moved", "gradient"))
    assert claims["dl-convergence"].value == max(moved, gradient) < 1e-6


def test_a_network_that_only_lingers_at_a_saddle_is_seen_to_move_on() -> None:
    begin = tuple(np.array([[[w]], [[v]]]) for w, v in ((1.0, 0.5), (-1.0 + 1e-5, 0.5)))
    lingering = settle(begin, ONE, tolerance=1e-3)
    moved, gradient = landscape.still_moving(lingering)
    assert moved < 0.1  # it has learnt, after it left the saddle
    short = dataclasses.replace(
        lingering,
        times=np.array([0.0, 6.0]),
        layers=gradient_flow(begin, ONE, np.array([0.0, 6.0])).layers,
    )
    moved, gradient = landscape.still_moving(short)
    assert moved > 1e-3
    later = [layer[:, 0, 0] for layer in gradient_flow(short.end, ONE, np.array([0.0, 6.0])).end]
    shifts = np.array(later) - np.array([layer[:, 0, 0] for layer in short.end])
    assert moved == pytest.approx(np.linalg.norm(shifts, axis=0).max(), rel=1e-6)
    error = 1 - later[0] * later[1]
    assert gradient == pytest.approx(np.hypot(error * later[0], error * later[1]).max(), rel=1e-6)


def test_products_of_one_value_differ_where_two_sets_of_values_have_one_sum() -> None:
    products = np.array([np.diag(d) for d in ([5.0, 0, 0], [0, 4, 3], [5, 4, 3])])
    losses = np.array([0.0, 12.5])
    apart = landscape.spread_at_one_value(products, LinearTask.diagonal([5.0, 4.0, 3.0]), losses)
    assert apart == 5
    collide = dataclasses.replace(TINY, sigma_1=2.5, sigma_2=2.0, sigma_3=1.5)
    assert (landscape.critical_points(collide).claims["dl-quotient"].value or 0) > 1
    assert (landscape.critical_points(TINY).claims["dl-quotient"].value or 0) < 1e-8


def test_fibres_have_as_many_dimensions_as_the_product_map_loses(measured: Measurements) -> None:
    table = measured.fibre.table.set_index("network")
    for network, fibre in table["fibre"].items():
        sizes = tuple(map(int, str(network).split("-")))
        layers = random_init(sizes, 1.0, np.random.default_rng(0))
        edges = np.cumsum([0, *(w.size for w in layers)])

        def network_of(
            state: np.ndarray, shapes: tuple[int, ...] = sizes, cuts: np.ndarray = edges
        ) -> np.ndarray:
            pairs = zip(shapes[1:], shapes[:-1], strict=True)
            spans = zip(cuts[:-1], cuts[1:], pairs, strict=True)
            return product(tuple(state[a:b].reshape(shape) for a, b, shape in spans)).ravel()

        state = np.concatenate([w.ravel() for w in layers])
        step = 1e-5 * np.eye(len(state))
        jacobian = [network_of(state + s) - network_of(state - s) for s in step]
        assert len(state) - np.linalg.matrix_rank(np.array(jacobian) / 2e-5, tol=1e-6) == fibre


@pytest.mark.parametrize(("depth", "goal", "distance"), [(3, 1.5, 0.1), (5, 0.5, 0.2)])
def test_escapes_take_the_integral(depth: int, goal: float, distance: float) -> None:
    exact = learning_time(goal / 2, depth, goal, distance**depth)
    expected = exact / escape_time(depth, goal, distance)
    assert landscape.escape_ratio(depth, goal, distance) == pytest.approx(expected, rel=1e-4)


def test_half_lines_follow_their_powers(measured: Measurements) -> None:
    slopes = list(measured.half_lines.slopes.values())
    np.testing.assert_allclose(slopes, [-1, -1 / 2, -1 / 3], rtol=1e-3)
    weights, formulas = measured.half_lines.weights, measured.half_lines.formulas
    assert weights["depth 3"][-1] == pytest.approx(formulas["depth 3"][-1], rel=1e-3)


# ── learning ────────────────────────────────────────────────────────────────────────────────────


def test_small_weights_visit_the_values_one_after_the_other(measured: Measurements) -> None:
    found = measured.small_weights
    assert found.values.tolist() == [7, 2.5, 0.5, 0]
    assert found.plateaus == {"depth 1": 1, "depth 2": 3, "depth 3": 3}
    assert found.numbers["stairs-missed-1"] == 2
    assert found.worst[1].tolist() == [1, 1]
    medians = [np.median(found.worst[h]) for h in (2, 3)]
    assert found.claims["dl-stairs"].value == max(medians) < 0.1


def test_half_times_are_those_of_the_sigmoid() -> None:
    starts = np.array([0.01, 0.003])
    stack = [decoupled_init(TINY.task, (3, 3, 3), np.full((2, 3), s**0.5)) for s in starts]
    layers = tuple(np.stack(pair) for pair in zip(*stack, strict=True))
    path = gradient_flow(layers, TINY.task, np.linspace(0, 6, 6001))
    expected = np.log(SIGMA / starts[:, None] - 1) / (2 * SIGMA)
    np.testing.assert_allclose(
        learning.half_times(path.times, path.modes, SIGMA), expected, atol=1e-5
    )
    assert learning.is_ordered(np.array([[1.0, 2, 3], [1, 3, 2]])).tolist() == [True, False]


def test_networks_are_followed_until_their_order_is_known() -> None:
    starts = np.array([[0.01, 0.01, 0.01], [1e-5, 1e-3, 1e-7]])  # by network and mode
    stack = [decoupled_init(TINY.task, (3, 3, 3), np.tile(s**0.5, (2, 1))) for s in starts]
    layers = tuple(np.stack(pair) for pair in zip(*stack, strict=True))
    found = learning.half_times_of(layers, TINY.task, 1e-14)
    expected = np.log(SIGMA / starts - 1) / (2 * SIGMA)
    known = np.isfinite(found)
    assert (known.sum(axis=1) >= 2).all()
    np.testing.assert_allclose(found[known], expected[known], atol=1e-4)
    assert learning.is_ordered(found).tolist() == [True, False]


def test_the_claims_on_order_count_starts_at_their_depth(measured: Measurements) -> None:
    for depth, claim in ((2, "dl-stairs-order"), (3, "dl-stairs-order-deep")):
        hits, n = str(measured.order.numbers[f"order-{depth}"]).split(" of ")
        assert measured.order.claims[claim].value == int(hits) / int(n)
        assert measured.order.claims[claim].n == int(n) == 50


def test_decoupled_networks_learn_at_the_times_of_the_integral(measured: Measurements) -> None:
    first, last = measured.initialisations.halves["decoupled, 0-balanced"]
    expected = [learning_time(s / 2, 3, s, 0.02) for s in (SIGMA[0], SIGMA[2])]
    np.testing.assert_allclose([first, last], expected, atol=0.026)  # the spacing of times


def test_closed_forms_hold(measured: Measurements) -> None:
    values = [claim.value or 0.0 for claim in measured.closed_forms.claims.values()]
    assert 0 < min(values) < max(values) < 1e-7


def test_the_smallest_fall_is_that_of_exponents_and_sees_a_bound_that_is_broken() -> None:
    times = np.linspace(0, 3, 31)
    bound = np.exp(-2 * times)
    assert learning.smallest_fall(times, np.exp(-3 * times), bound) == pytest.approx(1.5)
    broken = np.exp(-3 * times) + (times == 3) * np.exp(-4)
    assert learning.smallest_fall(times, broken, bound) < 0.7
    assert learning.smallest_fall(times, 0.5 * np.exp(-20 * times), 0.5 * bound) == pytest.approx(
        10
    )


def test_the_fitted_rate_of_an_exponential_is_its_own() -> None:
    times = np.linspace(0, 9, 181)
    path = FlowPath(ONE, times, ((1 - np.exp(-1.7 * times))[:, None, None],))
    assert learning.fitted_rate(path, 1e-2, 1e-9) == pytest.approx(1.7, rel=1e-6)


def test_rates_and_bounds_hold(measured: Measurements) -> None:
    assert measured.rates.claims["dl-rate"].value == pytest.approx(1, abs=1e-3)
    for (times, losses), formula in zip(
        measured.rates.decays.values(), measured.rates.formulas.values(), strict=True
    ):
        assert times[0] == 0
        assert losses[-1] == formula[-1]
    ratios = measured.rate_bound.ratios
    assert ratios.shape == (241, 6)
    assert ratios[0].tolist() == [1] * 6
    assert (np.diff(ratios[:20], axis=0) < 0).all()
    falls = np.log(ratios[1:]) / np.log(ratios[1]) >= 0
    assert (falls | np.isnan(ratios[1:])).all()
    assert (measured.rate_bound.claims["dl-rate-bound"].value or 0) > 1


# ── beyond ──────────────────────────────────────────────────────────────────────────────────────


def test_correlated_data_have_the_values_of_least_squares(measured: Measurements) -> None:
    task = beyond.correlated_task(TINY.sigma, TINY.generator(14))
    assert task.root is not None
    spread = np.linalg.eigvalsh(task.root)
    assert spread[-1] / spread[0] == pytest.approx(4)
    values = measured.correlated_data.values
    assert values[-1] == pytest.approx(task.floor)
    assert task.loss(task.target @ np.linalg.inv(task.root)) == pytest.approx(task.floor)
    assert values[0] == pytest.approx(task.loss(np.zeros((3, 5))))


def test_large_steps_are_those_of_two_numbers(measured: Measurements) -> None:
    a, b = 0.2, 6.0
    limit = 2 / np.hypot(b**2 - a**2, 2)
    losses = []
    for _ in range(151):
        losses.append(0.5 * (1 - a * b) ** 2)
        a, b = a + 1.2 * limit * (1 - a * b) * b, b + 1.2 * limit * (1 - a * b) * a
    found = measured.large_steps
    np.testing.assert_allclose(found.losses["1.2 times the limit"][:40], losses[:40], rtol=1e-6)
    assert list(found.converged.values()) == [True, True, True, False]
    sharpness = (a**2 + b**2) * 1.2 * limit / 2  # at a minimum
    assert found.sharpness["1.2 times the limit"][-1] == pytest.approx(sharpness, rel=1e-4)
    assert found.numbers["edge-ends"] == "0.80, 0.73, 0.12"


def test_stages_are_plateaus_and_transitions() -> None:
    values = np.array([7.0, 2.5, 0.5, 0.0])
    losses = np.array([7.0, 6.8, 6.7, 2.8, 2.7, 2.45, 2.3, 0.61, 0.55, 0.48, 0.4, 0.026, 0.02])
    stages = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]
    assert beyond.stage_of(losses, values).tolist() == stages
    flips = np.arange(1.0, 14)
    steps, switches = beyond.shares_of_stages(losses[:, None], flips[:, None], values)
    counts = [stages.count(k) for k in range(7)]
    np.testing.assert_allclose(steps, np.array(counts) / 13)
    sums = [sum(f for f, stage in zip(flips, stages, strict=True) if stage == k) for k in range(7)]
    np.testing.assert_allclose(switches, np.array(sums) / flips.sum())


def test_rectified_networks_are_trained_and_counted_as_numpy_does(measured: Measurements) -> None:
    half = TINY.generator(16).standard_normal((128, 3))
    inputs = beyond.whitened(np.concatenate([half, -half]))
    np.testing.assert_allclose(inputs.T @ inputs, np.eye(3), atol=1e-12)
    first, second, third = (
        w[0] for w in random_init((3, 16, 16, 3), 0.03, TINY.generator(15), runs=2)
    )
    losses, patterns = [], []
    for _ in range(6):
        below, one = inputs @ first.T, np.maximum(inputs @ first.T, 0)
        above, two = one @ second.T, np.maximum(one @ second.T, 0)
        patterns.append(np.hstack([below, above]) > 0)
        error = two @ third.T - inputs @ np.diag(SIGMA)
        losses.append(0.5 * (error**2).sum())
        back = (error @ third) * (above > 0)
        moves = (back @ second * (below > 0)).T @ inputs, back.T @ one, error.T @ two
        first, second, third = (
            w - 0.03 * move for w, move in zip((first, second, third), moves, strict=True)
        )
    np.testing.assert_allclose(measured.relu.losses[:6, 0], losses, rtol=1e-10)
    flips = [(a != b).mean() for a, b in itertools.pairwise(patterns)]
    np.testing.assert_allclose(measured.relu.flips[:5, 0], flips, atol=1e-12)
    assert sum(measured.relu.shares["of the steps"]) == pytest.approx(1, abs=0.1)


def test_the_scale_law_has_the_estimated_power(measured: Measurements) -> None:
    found = measured.scale_law
    assert found.exponent == pytest.approx(0.5)
    assert found.numbers["scale-exponent"] == pytest.approx(0.5, abs=0.2)
    assert found.deviations.shape == (5, 2)


@pytest.mark.parametrize("seed", [1, 177])  # the gradients of the smallest starts are tiny here
def test_the_scale_law_starts_from_any_seed(seed: int) -> None:
    found = beyond.scale_law(dataclasses.replace(TINY, n_seeds=3, seed=seed))
    assert np.isfinite(found.numbers["scale-exponent"])
