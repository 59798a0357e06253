"""The tracker from entry to exit: interruptions, mistakes, memory."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.errors import RegimeWarning
from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import (
    Plain,
    TwoLayers,
    vectors,
)
from tests.instrument.references import as_series, assert_equal
from tests.instrument.runs import small_run, trainer
from tests.sentences import refusal, stable


def test_the_trace_can_be_read_while_training_and_changes_nothing() -> None:
    torch.manual_seed(4)
    model, probe = TwoLayers(nn.ReLU()), torch.randn(37, 6)
    batches = torch.randn(200, 20, 6)
    step = trainer(model, batches.__getitem__, lr=0.05)
    with RegimeTracker(model, probe) as tracker:
        for number in range(12):
            step(number)
            tracker.update()
            steps, _ = tracker.trace.array("pattern_change")
            assert steps.tolist() == list(range(1, number + 2))
            assert tracker.trace.array("weight_from_end")[1][-1] == 0
    assert tracker.trace.frame.equals(small_run(12).frame)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, RegimeWarning])
def test_interrupted_training_keeps_the_trace_so_far(error: type[BaseException]) -> None:
    torch.manual_seed(4)
    model, probe = TwoLayers(nn.ReLU()), torch.randn(37, 6)
    batches = torch.randn(200, 20, 6)
    step = trainer(model, batches.__getitem__, lr=0.05)
    tracker = RegimeTracker(model, probe)

    def interrupted() -> None:
        with tracker:
            for number in range(12):
                step(number)
                if number == 7:
                    raise error
                tracker.update()

    with pytest.raises(error):
        interrupted()
    assert tracker.trace.frame.equals(small_run(7).frame)


@pytest.mark.parametrize("width", [10, 400], ids=["small", "large"])
@pytest.mark.parametrize("failing", ["NaN", "forward", "interrupt"])
def test_an_observation_that_fails_is_not_part_of_the_trace(width: int, failing: str) -> None:
    """All series, and the distances to the end, stop at the last good observation."""

    def run(steps: int, then: str | None) -> Trace:
        torch.manual_seed(0)
        model = TwoLayers(nn.ReLU(), width)
        noise = torch.Generator().manual_seed(0)
        tracker = RegimeTracker(model, torch.randn(20, 6))
        broken = {"now": False}

        def fail(*_: Any) -> None:
            if broken["now"]:
                raise KeyboardInterrupt if then == "interrupt" else ZeroDivisionError

        model.second.register_forward_hook(fail)
        try:
            with tracker:
                for _ in range(steps):
                    with torch.no_grad():
                        for p in model.parameters():
                            p += 0.1 * torch.randn(p.shape, generator=noise)
                    tracker.update()
                if then is not None:
                    with torch.no_grad():
                        model.first.weight.mul_(2.0)
                        if then == "NaN":
                            model.second.bias[3] = float("nan")
                    broken["now"] = then != "NaN"
                    tracker.update()
        except (ValueError, ZeroDivisionError, KeyboardInterrupt):
            assert then is not None
        return tracker.trace

    for steps in (0, 5):
        good, cut = as_series(run(steps, None).frame), as_series(run(steps, failing).frame)
        assert_equal(cut, good, rel=0)


def test_training_can_go_on_after_an_observation_that_failed() -> None:
    model, probe = TwoLayers(nn.ReLU()), vectors()
    broken = {"now": False}

    def fail(*_: Any) -> None:
        if broken["now"]:
            raise ZeroDivisionError

    model.second.register_forward_hook(fail)
    with RegimeTracker(model, probe) as tracker:
        norms = []
        for number in range(6):
            with torch.no_grad():
                model.first.weight.mul_(1.5)
            broken["now"] = number == 2
            if broken["now"]:
                with pytest.raises(ZeroDivisionError):
                    tracker.update()
            else:
                tracker.update()
                norms.append(
                    sum(float((p.detach().double() ** 2).sum()) for p in model.parameters()) ** 0.5
                )
    assert np.allclose(tracker.trace.array("weight_norm")[1][1:, 0], norms)
    assert len(tracker.trace.array("pattern_from_start")[0]) == 6


@pytest.mark.parametrize("width", [10, 400], ids=["small", "large"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")], ids=str)
@pytest.mark.parametrize("which", ["first.weight", "second.bias", "last.weight"])
def test_parameters_that_are_not_finite_are_named_with_the_step(
    which: str, value: float, width: int
) -> None:
    model = TwoLayers(nn.ReLU(), width)
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        tracker.update()
        with torch.no_grad():
            dict(model.named_parameters())[which].view(-1)[-1] = value
        message = refusal(which, tracker.update)
    assert "after step 3" in message
    assert "ends at step 2" in message
    assert tracker.trace.array("weight_norm")[0].tolist() == [0, 1, 2]
    assert np.isfinite(tracker.trace.frame["value"]).all()


def test_a_model_that_starts_with_nan_is_refused() -> None:
    model = TwoLayers(nn.ReLU())
    with torch.no_grad():
        model.second.bias[0] = float("nan")
    refusal("second.bias", lambda: RegimeTracker(model, vectors()).__enter__())


@pytest.mark.parametrize("width", [10, 400], ids=["small", "large"])
def test_parameters_that_are_huge_but_finite_are_measured_or_refused(width: int) -> None:
    """Their squares overflow single precision."""
    model = TwoLayers(nn.ReLU(), width)
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        with torch.no_grad():
            model.last.weight.fill_(1e25)
        try:
            tracker.update()
        except ValueError as error:
            assert "last.weight" in str(error)  # noqa: PT017
            return
    expected = 1e25 * model.last.weight.numel() ** 0.5
    assert tracker.trace.array("weight_norm")[1][-1, 0] == pytest.approx(expected, rel=1e-5)


def test_update_outside_the_block_is_refused() -> None:
    tracker = RegimeTracker(Plain(), vectors())
    refusal("inside `with RegimeTracker", tracker.update)
    with tracker:
        tracker.update()
    refusal("outside the tracker's block", tracker.update)
    assert tracker.trace.array("weight_norm")[0].tolist() == [0, 1]


def test_trace_and_coverage_are_there_from_the_entry_on() -> None:
    tracker = RegimeTracker(Plain(), vectors())
    refusal("enter", lambda: tracker.trace)
    refusal("inside", lambda: tracker.coverage)
    with tracker:
        assert tracker.coverage.units == 17
        assert tracker.trace.array("dead")[0].tolist() == [0]
    assert tracker.coverage.units == 17


def test_a_tracker_is_used_once() -> None:
    tracker = RegimeTracker(Plain(), vectors())
    with tracker:
        refusal("new RegimeTracker", tracker.__enter__)
        tracker.update()
    refusal("new RegimeTracker", tracker.__enter__)


def test_an_entry_that_failed_can_be_tried_again() -> None:
    class Fickle(nn.Module):
        ready = False

        def forward(self, x: Tensor) -> Tensor:
            if not self.ready:
                raise ZeroDivisionError
            return F.relu(x)

    model = nn.Sequential(nn.Linear(6, 4), Fickle())
    tracker = RegimeTracker(model, vectors())
    with pytest.raises(ZeroDivisionError), tracker:
        pass
    model[1].ready = True
    with tracker:
        tracker.update()


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"model": vectors()}, "torch.nn.Module"),
        ({"model": Plain}, "torch.nn.Module"),
        ({"model": torch.relu}, "torch.nn.Module"),
        ({"members": 0}, "members"),
        ({"members": -2}, "members"),
        ({"members": 2}, "first.weight"),
        ({"members": 1.5}, "members"),
        ({"members": "2"}, "members"),
        ({"snapshots": 0}, "snapshots"),
        ({"group": 0}, "group"),
        ({"group": 2.5}, "group"),
        ({"probe": lambda m: m(vectors()), "samples": 0}, "samples"),
        ({"probe": lambda m: m(vectors()), "samples": 5}, "samples"),
        ({"probe": lambda m: m(vectors()), "samples": "x"}, "samples"),
        ({"batches": 0}, "batches"),
        ({"batches": -1}, "batches"),
        ({"batch_axis": -1}, "batch_axis"),
        ({"batch_axis": 5}, "axis 5"),
        ({"schedule": 10}, "schedule"),
        ({"layers": ["act", "nonsense"]}, "nonsense"),
        ({"layers": []}, "layers"),
        ({"batches": 12, "preactivations": True}, "batches"),
    ],
    ids=stable,
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], names: str) -> None:
    def track() -> None:
        options = {"model": Plain(), "probe": vectors()} | arguments
        with RegimeTracker(**options) as tracker:
            tracker.update()

    refusal(names, track)


@pytest.mark.untyped
def test_a_custom_operator_is_warned_of() -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(torch.ops.regime_tests.doubled(x))

    library = torch.library.Library("regime_tests", "DEF")
    library.define("doubled(Tensor x) -> Tensor")
    library.impl("doubled", lambda x: 2 * x, "CompositeExplicitAutograd")
    model = nn.Sequential(nn.Linear(6, 4), Own())
    with (
        pytest.warns(RegimeWarning, match="regime_tests::doubled") as caught,
        RegimeTracker(model, vectors()) as tracker,
    ):
        tracker.update()
    assert caught[0].filename == __file__
    assert tracker.coverage.unseen[0].count == 1


def test_a_model_that_is_all_seen_gives_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small_run(2)


# --- memory -------------------------------------------------------------------------------------


def test_a_tracker_holds_nothing_of_the_model_once_it_is_gone() -> None:
    import weakref

    model = TwoLayers(nn.ReLU())
    alive = weakref.ref(model.first)
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
    trace = tracker.trace
    del model, tracker
    gc.collect()
    assert alive() is None
    assert trace.array("dead")[0].tolist() == [0, 1]


def test_observations_leave_no_tensors_behind() -> None:
    torch.manual_seed(0)
    model, probe = TwoLayers(nn.ReLU()), vectors()
    step = trainer(model, lambda number: probe)

    def tensors() -> int:
        gc.collect()
        return sum(issubclass(type(item), Tensor) for item in gc.get_objects())

    with RegimeTracker(model, probe, snapshots=2) as tracker:
        counts = []
        for number in range(150):
            step(number)
            tracker.update()
            if number % 50 == 20:
                counts.append(tensors())
    assert max(counts) == min(counts)
