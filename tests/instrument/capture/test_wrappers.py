"""Models inside other machinery: compiled, in mixed precision, data parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch._dynamo
import torch._dynamo.testing
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import (
    ConvNet,
    Encoder,
    Plain,
    Truth,
    images,
    linear,
    rectified,
    vectors,
)
from tests.instrument.execution_state import assert_same, state_of
from tests.instrument.observing import assert_is, recorded
from tests.two_ranks import in_two_ranks, needs_fork

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning"),
]


def plain_truth(model: Any, x: Tensor, prefix: str = "") -> list[Truth]:
    first = linear(x, model.first)
    second = linear(rectified(first), model.second)
    return [Truth(f"{prefix}act", first), Truth(f"{prefix}relu", second)]


def train(model: nn.Module, tracker: RegimeTracker | None, steps: int = 3) -> list[Any]:
    """Train on fixed batches; return the state after every step."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.05, 0.9)
    states = []
    for step in range(steps):
        batch = torch.randn(12, 6, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (model(batch) ** 2).mean().backward()
        optimizer.step()
        if tracker is not None:
            tracker.update()
        states.append(state_of(model, optimizer))
    return states


# --- torch.compile ------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_compiled_code_is_handed_on() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Halved(nn.Module):
    """A network of which one half is compiled."""

    def __init__(self, backend: Any) -> None:
        super().__init__()
        self.part = torch.compile(nn.Sequential(nn.Linear(6, 9), nn.ReLU()), backend=backend)
        self.last = nn.Linear(9, 3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.last(self.part(x)))


def compiled_in_place(backend: Any) -> nn.Module:
    model = Plain()
    model.compile(backend=backend)
    return model


COMPILED: dict[str, Callable[[Any], nn.Module]] = {
    "torch.compile(m)": lambda backend: torch.compile(Plain(), backend=backend),
    "m.compile()": compiled_in_place,
    "compiled part": Halved,
}


@pytest.mark.parametrize("called_before", [False, True], ids=["new", "called before"])
@pytest.mark.parametrize("kind", COMPILED)
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_model_is_seen_and_its_run_is_the_untracked_one(
    backend: str, kind: str, called_before: bool
) -> None:
    runs = []
    for tracked in (False, True):
        torch._dynamo.reset()
        torch.manual_seed(1)
        counter = torch._dynamo.testing.CompileCounterWithBackend(backend)
        model = COMPILED[kind](counter)
        if called_before:
            model(vectors()).sum().backward()
            model.zero_grad()
        probe = torch.randn(30, 6)
        torch.manual_seed(2)
        with RegimeTracker(model, probe) if tracked else nullcontext() as tracker:
            states = train(model, tracker)
            if tracker is not None and kind != "compiled part":
                assert_is(recorded(tracker), plain_truth(getattr(model, "_orig_mod", model), probe))
            elif tracker is not None:
                (_, bits), (_, more) = recorded(tracker)
                first = linear(probe, model.part._orig_mod[0])
                assert (bits[0, 0] == (first > 0).numpy()).all()
                assert (more[0, 0] == (linear(rectified(first), model.last) > 0).numpy()).all()
        runs.append((states, counter.frame_count))
    (plain, frames), (watched, tracked_frames) = runs
    assert_same(plain, watched)
    assert tracked_frames == frames > 0  # nothing is compiled anew


def test_layers_of_a_compiled_model_are_called_as_in_the_model_itself() -> None:
    for model in (Plain(), torch.compile(Plain(), backend="eager"), compiled_in_place("eager")):
        with RegimeTracker(model, vectors()) as tracker:
            assert [layer.name for layer in tracker.coverage.layers] == ["act", "relu"]


def test_parts_of_a_compiled_part_are_named_without_its_wrapper() -> None:
    with RegimeTracker(Halved("eager"), vectors()) as tracker:
        assert [layer.name for layer in tracker.coverage.layers] == ["part.1", "relu"]


def test_the_users_stance_is_kept() -> None:
    model = torch.compile(Plain(), backend="eager")
    with torch.compiler.set_stance("force_eager"), RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        counter = torch._dynamo.testing.CompileCounter()
        torch.compile(Plain(), backend=counter)(vectors())
        assert counter.frame_count == 0


# --- mixed precision ----------------------------------------------------------------------------


def autocast() -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16)


def mixed_truth(model: Plain, probe: Tensor) -> list[Truth]:
    """The patterns with every linear layer in bfloat16."""

    def half(x: Tensor, layer: nn.Linear) -> Tensor:
        return F.linear(x.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16())

    first = half(probe, model.first)
    second = half(rectified(first), model.second)
    return [Truth("act", first.float()), Truth("relu", second.float())]


def test_autocast_around_the_tracker_gives_the_patterns_of_half_precision() -> None:
    model, probe = Plain(), torch.randn(200, 6)
    with autocast(), RegimeTracker(model, probe) as tracker:
        for _ in range(2):
            assert_is(recorded(tracker), mixed_truth(model, probe))
            tracker.update()
    assert mixed_truth(model, probe)[1].values.ne(plain_truth(model, probe)[1].values).any()


def test_autocast_around_the_training_step_only_leaves_the_probe_in_full_precision() -> None:
    model, probe = Plain(), torch.randn(200, 6)
    with RegimeTracker(model, probe) as tracker:
        for _ in range(2):
            with autocast():
                tracker.update()
            assert_is(recorded(tracker), plain_truth(model, probe))


def test_the_precision_of_the_probe_is_that_of_the_start_even_if_autocast_ends() -> None:
    model, probe = Plain(), torch.randn(200, 6)
    with autocast():
        tracker = RegimeTracker(model, probe).__enter__()
    tracker.update()
    assert_is(recorded(tracker), mixed_truth(model, probe))
    tracker.__exit__(None, None, None)
    assert not tracker.trace.array("pattern_change")[1].any()


@pytest.mark.parametrize("where", ["around everything", "around the steps", "around the forward"])
def test_mixed_precision_training_is_undisturbed(where: str) -> None:
    """Weights cast without gradients must not stay in autocast's cache."""
    runs = []
    for tracked in (False, True):
        torch.manual_seed(1)
        model = Plain()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        states = []
        with (
            autocast() if where == "around everything" else nullcontext(),
            RegimeTracker(model, torch.randn(30, 6)) if tracked else nullcontext() as tracker,
        ):
            for step in range(3):
                batch = torch.randn(12, 6, generator=torch.Generator().manual_seed(step))
                optimizer.zero_grad()
                with autocast() if where == "around the forward" else nullcontext():
                    loss = model(batch).float().square().mean()
                loss.backward()
                assert all(p.grad is not None and p.grad.any() for p in model.parameters())
                optimizer.step()
                with autocast() if where == "around the steps" else nullcontext():
                    if tracker is not None:
                        tracker.update()
                    model(batch).float().square().mean().backward()
                states.append([p.grad.clone() for p in model.parameters()])
        torch.manual_seed(5)
        runs.append((states, state_of(model, optimizer)))
    assert_same(*runs)


def test_a_look_between_forward_and_backward_under_autocast_keeps_the_gradients() -> None:
    found = []
    for tracked in (False, True):
        torch.manual_seed(1)
        model, batch = Plain(), vectors()
        with autocast(), RegimeTracker(model, vectors()) if tracked else nullcontext() as tracker:
            loss = model(batch).float().sum()
            if tracker is not None:
                tracker.update()
            loss = loss + model(batch).float().square().sum()
            loss.backward()
        found.append([p.grad for p in model.parameters()])
    assert_same(*found)


# --- data parallel ------------------------------------------------------------------------------


def test_the_network_inside_data_parallel_is_tracked() -> None:
    torch.manual_seed(1)
    plain = Plain()
    wrapped, probe = nn.DataParallel(plain), torch.randn(20, 6)
    with RegimeTracker(wrapped, probe) as tracker:
        train(wrapped, tracker)
        assert_is(recorded(tracker), plain_truth(plain, probe))


@pytest.mark.usefixtures("one_process_group")
@pytest.mark.parametrize("compiled", [False, True])
def test_distributed_data_parallel_is_tracked_and_undisturbed(compiled: bool) -> None:
    runs = []
    probe = torch.randn(20, 6)
    for tracked in (False, True):
        torch.manual_seed(1)
        plain = Plain()
        wrapped: nn.Module = nn.parallel.DistributedDataParallel(plain)
        if compiled:
            wrapped = torch.compile(wrapped, backend="eager")
        with RegimeTracker(wrapped, probe) if tracked else nullcontext() as tracker:
            runs.append(train(wrapped, tracker))
            if tracker is not None:
                assert_is(recorded(tracker), plain_truth(plain, probe))
    assert_same(*runs)


@pytest.mark.usefixtures("one_process_group")
def test_a_look_inside_no_sync_does_not_run_the_wrapper() -> None:
    wrapped = nn.parallel.DistributedDataParallel(ConvNet())
    with RegimeTracker(wrapped, images()) as tracker:
        with wrapped.no_sync():
            wrapped(images()).sum().backward()
            tracker.update()
        wrapped(images()).sum().backward()
        tracker.update()
    assert len(tracker.trace.array("pattern_change")[0]) == 2


IMPORTS = """
from regime_lib import RegimeTracker
from tests.instrument.cases import Encoder
"""
STEPS = """
model = nn.parallel.DistributedDataParallel(Encoder())
probe = torch.randn(10, 5, 8, generator=torch.Generator().manual_seed(9))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
torch.manual_seed(100 + rank)
with RegimeTracker(model, probe) as tracker:
    for step in range(4):
        optimizer.zero_grad()
        (model(torch.randn(6, 5, 8)) ** 2).mean().backward()
        optimizer.step()
        tracker.update()
tracker.trace.save(folder / str(rank))
"""


@needs_fork
def test_two_ranks_see_the_same(tmp_path: Path) -> None:
    in_two_ranks(tmp_path, IMPORTS, STEPS)
    one, other = (Trace.load(tmp_path / str(rank)) for rank in (0, 1))
    assert one.frame.equals(other.frame)
    changes = one.array("pattern_change")[1]
    assert len(changes) == 4
    assert changes.min() > 0


def test_a_wrapped_and_a_bare_model_give_the_same_trace() -> None:
    frames = []
    for wrap in (lambda m: m, nn.DataParallel, lambda m: torch.compile(m, backend="eager")):
        torch.manual_seed(1)
        model = wrap(Encoder())
        probe = torch.randn(7, 5, 8, generator=torch.Generator().manual_seed(0))
        with RegimeTracker(model, probe) as tracker:
            for step in range(3):
                with torch.no_grad():
                    for p in model.parameters():
                        p += 0.1 * torch.randn(
                            p.shape, generator=torch.Generator().manual_seed(step)
                        )
                tracker.update()
        frames.append(tracker.trace.frame)
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    assert np.isfinite(frames[0]["value"]).all()
