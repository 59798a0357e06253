"""Every number of a trace against a slow second version or a case worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import (
    ARCHITECTURES,
    PIECEWISE,
    POOLS,
    RECTIFIERS,
    Case,
    Stacked,
    Truth,
    TwoLayers,
    linear,
    vectors,
)
from tests.instrument.references import SlowTracker, as_series, assert_equal
from tests.instrument.runs import Step, doubled, small_run, trainer
from tests.sentences import refusal

# --- every quantity -----------------------------------------------------------------------------

EXACT = [
    RECTIFIERS[0],
    *(case for case in PIECEWISE[:8] if case.name != "nn.PReLU"),  # whose slope is learned
    *POOLS,
    *(case for case in ARCHITECTURES if case.name != "buffers written in evaluation"),
]


@pytest.mark.parametrize("case", EXACT, ids=str)
def test_every_quantity_equals_that_of_a_slow_second_version(case: Case) -> None:
    """In double precision, so that rounding decides no bit."""
    model, probe = case.model().double(), doubled(case.batch(99))
    batches = [doubled(case.batch(number)) for number in range(8)]
    step = trainer(model, batches.__getitem__)
    slow = SlowTracker(case, model, probe)
    with RegimeTracker(model, probe, **case.options) as tracker:
        for number in range(8):
            step(number)
            tracker.update()
            slow.observe()
    found = as_series(tracker.trace.frame)
    assert any(0 < value < 1 for value in found["pattern_change", "all"].values())
    assert_equal(found, slow.series(), rel=1e-9)


@pytest.mark.parametrize(
    ("width", "dtype", "rel"),
    [
        (16, torch.float32, 1e-5),
        (16, torch.bfloat16, 2e-2),
        (16, torch.float16, 5e-3),
        (400, torch.float32, 1e-5),
        (400, torch.float64, 1e-10),
        (400, torch.bfloat16, 2e-2),
    ],
)
def test_weights_of_any_size_and_type_are_measured_as_in_double_precision(
    width: int, dtype: torch.dtype, rel: float
) -> None:
    torch.manual_seed(0)
    model = TwoLayers(nn.ReLU(), width).to(dtype)
    truth = Case("", nn.Identity, vectors, lambda m, x: [Truth("activation", x)])
    slow = SlowTracker(truth, model, torch.ones(3, 6))
    with RegimeTracker(model, vectors().to(dtype)) as tracker:
        for _ in range(40):
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(0.05 * torch.randn_like(p))
            tracker.update()
            slow.observe()
    trace = tracker.trace
    expected = slow.series()
    for quantity in (q for q in trace.quantities if q.startswith("weight")):
        for layer in ("all", "first", "second", "last"):
            steps, values = trace.array(quantity, layer)
            other = [expected[quantity, layer][step] for step in steps]
            assert np.allclose(values[:, 0], other, rtol=rel, atol=rel * max(other))


def test_one_step_that_is_tiny_against_the_weights_is_measured_exactly() -> None:
    """A late update is lost if norms are subtracted instead of weights."""
    model = nn.Sequential(nn.Linear(50, 50), nn.ReLU()).double()
    with RegimeTracker(model, torch.randn(4, 50).double()) as tracker:
        with torch.no_grad():
            model[0].weight[3, 3] += 1e-9
        tracker.update()
    assert tracker.trace.array("weight_change")[1][0, 0] == pytest.approx(1e-9, rel=1e-5)


def test_tied_parameters_count_once_and_frozen_ones_count() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(5, 5), nn.Linear(5, 5)
            self.two.weight = self.one.weight
            self.one.bias.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.two(F.relu(self.one(x))))

    model = Tied()
    with RegimeTracker(model, torch.randn(4, 5)) as tracker:
        tracker.update()
    parts = (model.one.weight, model.one.bias, model.two.bias)
    expected = sum(float((p.detach().double() ** 2).sum()) for p in parts) ** 0.5
    assert tracker.trace.array("weight_norm")[1][0, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("empty", [False, True], ids=["no parameters", "an empty parameter"])
def test_a_model_without_weights_has_patterns_all_the_same(empty: bool) -> None:
    model = nn.Sequential(nn.ReLU())
    if empty:
        model.placeholder = nn.Parameter(torch.empty(0))
    with RegimeTracker(model, torch.randn(6, 5)) as tracker:
        tracker.update()
    assert tracker.trace.array("pattern_change")[1].tolist() == [[0.0]]
    assert tracker.trace.array("weight_norm")[1].tolist() == [[0.0], [0.0]]


# --- meaning of single quantities ---------------------------------------------------------------


class Scalar(nn.Module):
    """One unit per bias: its pre-activation on sample x is x + bias."""

    def __init__(self, activation: Callable[[Tensor], Tensor], biases: list[float]) -> None:
        super().__init__()
        self.bias, self.activation = nn.Parameter(torch.tensor(biases)), activation

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x[:, None] + self.bias)


def moved(
    activation: Callable[[Tensor], Tensor], probe: list[float], path: list[list[float]]
) -> Trace:
    """Track `Scalar` while its biases go along a path."""
    model = Scalar(activation, path[0])
    with RegimeTracker(model, torch.tensor(probe)) as tracker:
        for biases in path[1:]:
            with torch.no_grad():
                model.bias.copy_(torch.tensor(biases))
            tracker.update()
    return tracker.trace


def values_of(trace: Trace, quantity: str) -> list[float]:
    return trace.array(quantity)[1][:, 0].tolist()


def test_dead_units_are_off_and_always_on_units_on_for_every_sample() -> None:
    trace = moved(F.relu, [-1.0, 0.0, 1.0], [[-5.0, 5.0, 0.0, 0.5], [-0.5, 1.0, -1.0, 1.01]])
    assert values_of(trace, "dead") == [0.25, 0.25]  # x - 5; then x - 1, which is 0 at most
    assert values_of(trace, "always_on") == [0.25, 0.25]  # x + 5; then x + 1.01


def test_a_unit_at_exactly_zero_is_off() -> None:
    assert values_of(moved(F.relu, [0.0], [[0.0], [1e-30], [-0.0]]), "always_on") == [0, 1, 0]


def test_both_thresholds_of_a_clipped_unit_count_but_once() -> None:
    """Below, linear, above: each move is one flip, the jump over both thresholds as well."""
    path = [[-5.0], [0.0], [5.0], [-5.0], [-6.0]]
    trace = moved(F.hardtanh, [0.0], path)
    assert values_of(trace, "pattern_change") == [1, 1, 1, 0]
    assert values_of(trace, "pattern_from_start") == [0, 1, 1, 0, 0]
    assert values_of(trace, "dead") == [1, 0, 0, 1, 1]
    assert values_of(trace, "always_on") == [0, 1, 0, 0, 0]


def test_distances_to_the_end_are_those_of_brute_force_at_the_kept_steps() -> None:
    path = [[float(bias)] for bias in np.random.default_rng(0).normal(size=30)]
    trace = moved(F.relu, np.linspace(-2, 2, 50).tolist(), path)
    z = np.linspace(-2, 2, 50)[None] + np.array(path)
    steps, flips = trace.array("pattern_from_end")
    assert steps.tolist() == list(range(30))
    assert np.allclose(flips[:, 0], ((z > 0) != (z[-1] > 0)).mean(axis=1))
    assert np.allclose(
        trace.array("weight_from_end")[1][:, 0], np.abs(np.array(path) - path[-1])[:, 0]
    )


def test_a_model_of_max_pools_alone_has_no_dead_units() -> None:
    model, probe = POOLS[2].model(), POOLS[2].batch(0)
    with RegimeTracker(model, probe) as tracker:
        with torch.no_grad():
            model.conv.weight.neg_()
        tracker.update()
    assert values_of(tracker.trace, "pattern_change")[0] > 0.5
    assert np.isnan(values_of(tracker.trace, "dead")).all()


# --- schedules, snapshots, groups ---------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule",
    [
        lambda step: step % 5 == 0,
        lambda step: step in (1, 2, 7, 30),
        lambda step: step > 20,
        lambda step: step in (3, 4),
        lambda step: True,
    ],
)
def test_a_schedule_gives_the_values_of_the_full_run_at_its_steps(schedule: Step) -> None:
    full, sparse = (as_series(small_run(30, schedule=s).frame) for s in (None, schedule))
    due = [step for step in range(1, 31) if schedule(step)]
    for key, values in sparse.items():
        if key[0].endswith("from_end"):
            continue  # another last observation
        assert values.items() <= full[key].items(), key
        assert set(due) <= values.keys(), key
    observed = sparse["weight_norm", "all"].keys()
    assert observed == {0} | {s for s in range(1, 31) if schedule(s) or schedule(s + 1)}


def test_a_schedule_that_is_never_due_gives_the_start_only() -> None:
    trace = small_run(5, schedule=lambda step: False)
    assert trace.array("weight_norm")[0].tolist() == [0]
    assert "pattern_change" not in trace.quantities
    refusal("pattern_change", lambda: trace.regime_change())


@pytest.mark.parametrize("snapshots", [1, 2, 7, 10, 400])
def test_thinned_distances_to_the_end_equal_the_full_ones(snapshots: int) -> None:
    full, thin = small_run(60), small_run(60, snapshots=snapshots)
    for quantity in ("pattern_from_end", "weight_from_end"):
        steps, values = thin.array(quantity)
        assert len(steps) <= max(2, snapshots)
        assert len(steps) >= min(61, snapshots) / 2
        assert len(set(np.diff(steps))) <= 1  # evenly spread
        assert steps[0] == 0
        every, expected = full.array(quantity)
        assert np.array_equal(values, expected[np.isin(every, steps)])


def test_the_distance_to_the_end_ends_at_zero() -> None:
    trace = small_run(25)
    for quantity in ("pattern_from_end", "weight_from_end"):
        steps, values = trace.array(quantity)
        assert steps[-1] == 25
        assert values[-1, 0] == 0


def test_parts_of_the_probe_sum_to_the_whole() -> None:
    trace = small_run(10)
    steps, change = trace.array("pattern_change")
    assert trace.groups is not None
    sizes = np.array([len(range(part, 37, 32)) for part in range(32)])
    assert trace.groups.shape == (len(steps), 1, 32)
    assert np.allclose(trace.groups @ sizes / 37, change)


@pytest.mark.parametrize("group", [1, 5, 36, 37, 1000])
def test_a_probe_in_groups_gives_the_values_of_the_probe_at_once(group: int) -> None:
    assert small_run(6).frame.equals(small_run(6, group=group).frame)


# --- members ------------------------------------------------------------------------------------


@pytest.mark.parametrize("preactivations", [False, True])
def test_members_are_tracked_as_by_trackers_of_their_own(preactivations: bool) -> None:
    torch.manual_seed(0)
    options = {"preactivations": preactivations, "members": 3}
    stacked, probe = Stacked(3).double(), torch.randn(3, 25, 6).double()
    solos = []
    for member in range(3):
        solo = Stacked(1).double()
        solos.append(
            (solo, RegimeTracker(solo, probe[[member]], **options | {"members": 1}, batch_axis=1))
        )
    noise = torch.Generator().manual_seed(0)
    with RegimeTracker(stacked, probe, batch_axis=1, **options) as tracker:
        _copy(stacked, solos)
        for _, own in solos:
            own.__enter__()
        for _ in range(20):
            with torch.no_grad():
                for p in stacked.parameters():
                    p += 0.2 * torch.randn(p.shape, generator=noise, dtype=p.dtype)
            _copy(stacked, solos)
            tracker.update()
            for _, own in solos:
                own.update()
        for _, own in solos:
            own.__exit__(None, None, None)
    trace = tracker.trace
    assert trace.members == 3
    for member, (_, own) in enumerate(solos):
        for series in trace.all_series:
            for layer in series.layers:
                values = trace.series(series.quantity, layer, member)
                alone = own.trace.series(series.quantity, layer)
                assert values.index.equals(alone.index)
                assert np.allclose(values, alone, rtol=1e-9, atol=1e-12, equal_nan=True)


def _copy(stacked: nn.Module, solos: list[Any]) -> None:
    with torch.no_grad():
        for member, (solo, _) in enumerate(solos):
            for own, every in zip(solo.parameters(), stacked.parameters(), strict=True):
                own.copy_(every[[member]])


def test_members_can_share_one_probe() -> None:
    model, probe = Stacked(4), torch.randn(9, 6)
    with RegimeTracker(model, probe, members=4) as tracker:
        with torch.no_grad():
            model.bias[2] += 100.0
        tracker.update()
    changes = tracker.trace.array("pattern_change")[1][0]
    assert changes[[0, 1, 3]].tolist() == [0, 0, 0]
    assert changes[2] > 0.1
    assert tracker.trace.array("always_on")[1][1].tolist()[2] == 1.0
    assert "member" in tracker.trace.frame
    assert str(tracker.coverage).splitlines()[0].endswith(", 4 members")


# --- pre-activations ----------------------------------------------------------------------------


def test_preactivations_and_the_flip_law_equal_direct_numpy() -> None:
    torch.manual_seed(0)
    model, probe = TwoLayers(nn.ReLU()).double(), torch.randn(50, 6).double()
    history: list[list[np.ndarray]] = []

    def remember() -> None:
        first = linear(probe, model.first).detach()
        second = linear(F.relu(first), model.second).detach()
        history.append([first.numpy(), second.numpy()])

    batches = torch.randn(6, 20, 6).double()
    step = trainer(model, batches.__getitem__, lr=0.02)
    with RegimeTracker(model, probe, preactivations=True) as tracker:
        remember()
        for number in range(6):
            step(number)
            tracker.update()
            remember()
    trace = tracker.trace
    for row in range(6):
        scales, changes, centred, shifted = [], [], [], []
        for before, now in zip(history[row], history[row + 1], strict=True):
            scale, change = before.std(axis=0), np.sqrt(((now - before) ** 2).mean(axis=0))
            law = np.arctan(change / scale) / np.pi
            scales.append(np.sqrt((scale**2).mean()))
            changes.append(np.sqrt((change**2).mean()))
            centred.append(law.mean())
            shifted.append((law * np.exp(-(before.mean(axis=0) ** 2) / (2 * scale**2))).mean())
        for quantity, expected in (
            ("preactivation_scale", scales),
            ("preactivation_change", changes),
            ("flip_law_centred", centred),
            ("flip_law", shifted),
        ):
            for layer, value in zip(("activation", "activation#2"), expected, strict=True):
                steps, found = trace.array(quantity, layer)
                assert steps[row] == row + 1
                assert found[row, 0] == pytest.approx(value, rel=1e-4)
            whole = trace.array(quantity)[1][row, 0]
            assert whole == pytest.approx(np.mean(expected), rel=1e-4)  # layers of one width


def test_preactivations_change_no_other_quantity() -> None:
    plain, with_law = (
        as_series(small_run(8).frame),
        as_series(small_run(8, preactivations=True).frame),
    )
    assert {key: with_law[key] for key in plain} == plain


def test_the_flip_law_predicts_a_small_step_of_a_random_network() -> None:
    torch.manual_seed(0)
    model, probe = nn.Sequential(nn.Linear(40, 300), nn.ReLU()), torch.randn(2000, 40)
    with RegimeTracker(model, probe, preactivations=True) as tracker:
        with torch.no_grad():
            model[0].weight += 0.01 * torch.randn_like(model[0].weight)
        tracker.update()
    measured = tracker.trace.array("pattern_change")[1][0, 0]
    assert tracker.trace.array("flip_law")[1][0, 0] == pytest.approx(measured, rel=0.03)


def test_pooling_windows_have_no_preactivation_statistics() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2))
    with RegimeTracker(model, torch.randn(5, 1, 6, 6), preactivations=True) as tracker:
        with torch.no_grad():
            model[0].weight.mul_(1.1)
        tracker.update()
    assert np.isnan(tracker.trace.array("preactivation_scale", "2")[1]).all()
    assert np.isfinite(tracker.trace.array("preactivation_scale")[1]).all()
