"""A tracked run is, bit for bit, the untracked run; and nothing is left behind."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import (
    ARCHITECTURES,
    PIECEWISE,
    POOLS,
    RECTIFIERS,
    SCRIPTED,
    Case,
    Counting,
    Encoder,
    NoisyInEvaluation,
    Plain,
    call,
    vectors,
)
from tests.instrument.execution_state import assert_same, state_of

NOISY = Case("noise in evaluation", NoisyInEvaluation, vectors, lambda m, x: [])
EVERY_CASE = [*RECTIFIERS, *PIECEWISE, *POOLS, *ARCHITECTURES, SCRIPTED, NOISY]
OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
}
STEPS = 4


def seeded(case: Case) -> nn.Module:
    """Build a network and put the generators of all three libraries into one state."""
    model = case.model()
    torch.manual_seed(3)
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    return model


def loss_of(model: nn.Module, inputs: Any) -> Tensor:
    return (call(model, inputs).float() ** 2).mean()


def train(case: Case, optimizer_name: str, tracked: bool, watched: bool = False) -> list[Any]:
    """Train for some steps; return the state of the world after every step."""
    batches = [case.batch(step) for step in range(STEPS)]
    probe = case.batch(99)
    model = seeded(case)
    learnable = [p for p in model.parameters() if p.requires_grad]
    optimizer = OPTIMIZERS[optimizer_name](learnable)
    options = case.options | ({"batches": 100} if watched else {})
    tracker = RegimeTracker(model, batches[0] if watched else probe, **options) if tracked else None
    states, losses = [], []
    with tracker or nullcontext():
        for batch in batches:
            optimizer.zero_grad()
            with tracker.watch(np.arange(12)) if tracker and watched else nullcontext():
                loss = loss_of(model, batch)
            loss.backward()
            optimizer.step()
            if tracker is not None:
                tracker.update()
            losses.append(loss.detach())
            states.append(state_of(model, optimizer))
    if tracker is not None:
        assert len(tracker.trace.array("weight_change")[0]) == STEPS
    return [*states, losses, state_of(model, optimizer)]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:DeprecationWarning")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("case", [*ARCHITECTURES, SCRIPTED, NOISY], ids=str)
def test_a_tracked_run_is_the_untracked_run(case: Case, optimizer: str) -> None:
    assert_same(train(case, optimizer, tracked=False), train(case, optimizer, tracked=True))


@pytest.mark.parametrize("case", [*RECTIFIERS, *PIECEWISE, *POOLS], ids=str)
def test_a_tracked_run_is_the_untracked_run_for_every_function(case: Case) -> None:
    assert_same(train(case, "momentum", tracked=False), train(case, "momentum", tracked=True))


WATCHABLE = [case for case in EVERY_CASE if case not in POOLS and case.name != "checkpointed"]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:DeprecationWarning")
@pytest.mark.parametrize("case", WATCHABLE, ids=str)
def test_a_watched_run_is_the_untracked_run(case: Case) -> None:
    plain = train(case, "momentum", tracked=False)
    assert_same(plain, train(case, "momentum", tracked=True, watched=True))


@pytest.mark.parametrize("case", POOLS, ids=str)
def test_watching_a_max_pool_changes_neither_values_nor_gradients(case: Case) -> None:
    """The winners come from another call of the same kernel."""
    results = []
    for watched in (False, True):
        model, batch = case.model(), case.batch(0).requires_grad_()
        with RegimeTracker(model, case.batch(0), batches=5) as tracker:
            with tracker.watch() if watched else nullcontext():
                output = model(batch)
            (output**3).sum().backward()
        results.append((output.detach(), batch.grad, [p.grad for p in model.parameters()]))
    assert_same(*results)


# --- the autograd graph --------------------------------------------------------------------------


@pytest.mark.parametrize("case", [*RECTIFIERS[:4], *ARCHITECTURES], ids=str)
def test_a_loss_made_before_an_observation_can_be_differentiated_after_it(case: Case) -> None:
    gradients = []
    for tracked in (False, True):
        batch, probe = case.batch(0), case.batch(1)
        model = seeded(case)
        with RegimeTracker(model, probe, **case.options) if tracked else nullcontext() as it:
            loss = loss_of(model, batch)
            if it is not None:
                it.update()
            loss.backward()
        gradients.append([p.grad for p in model.parameters()])
    assert_same(*gradients)


def test_observing_makes_no_graph_and_no_gradient() -> None:
    model, outputs = Plain(), []
    model.register_forward_hook(lambda module, inputs, output: outputs.append(output))
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
    assert len(outputs) == 3  # to find the layers, at step 0, at step 1
    assert not any(output.requires_grad for output in outputs)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_second_derivative_through_a_watched_pass_is_the_same() -> None:
    found = []
    for watched in (False, True):
        torch.manual_seed(0)
        model, x = (
            nn.Sequential(nn.Linear(4, 5), nn.Softplus(), nn.Linear(5, 5), nn.ReLU()),
            torch.randn(3, 4),
        )
        x.requires_grad_()
        with RegimeTracker(model, x.detach(), batches=3) as tracker:
            with tracker.watch() if watched else nullcontext():
                output = model(x)
            (first,) = torch.autograd.grad((output**2).sum(), x, create_graph=True)
            found.append(torch.autograd.grad(first.sum(), x))
    assert_same(*found)


# --- left as found, however the block is left ----------------------------------------------------


def _leave(case: Case, how: str) -> tuple[Any, Any]:
    """Return the state before and after a block that is left in some way."""
    probe, model = case.batch(0), seeded(case)
    before = state_of(model)
    try:
        with RegimeTracker(model, probe, **case.options) as tracker:
            tracker.update()
            if how == "error":
                raise ZeroDivisionError
            if how == "interrupt":
                raise KeyboardInterrupt
            if how == "failed observation":
                _break(model)
                tracker.update()
    except (ZeroDivisionError, KeyboardInterrupt):
        pass
    finally:
        _mend(model)
    return before, state_of(model)


def _break(model: nn.Module) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    model.regime_handle = model.register_forward_hook(fail)


def _mend(model: nn.Module) -> None:
    if handle := vars(model).pop("regime_handle", None):
        handle.remove()


@pytest.mark.parametrize("how", ["end", "error", "interrupt", "failed observation"])
@pytest.mark.parametrize("case", [*RECTIFIERS[:2], *ARCHITECTURES, NOISY], ids=str)
def test_nothing_is_left_behind(case: Case, how: str) -> None:
    assert_same(*_leave(case, how))


@pytest.mark.parametrize("case", [*ARCHITECTURES, NOISY], ids=str)
def test_a_first_observation_that_fails_leaves_nothing_behind(case: Case) -> None:
    probe, model = case.batch(0), seeded(case)
    before = state_of(model)
    _break(model)
    with pytest.raises(ZeroDivisionError), RegimeTracker(model, probe, **case.options):
        pass
    _mend(model)
    assert_same(before, state_of(model))


def test_a_watched_pass_that_fails_leaves_nothing_behind() -> None:
    model, x = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.MaxPool1d(2)), vectors()
    with RegimeTracker(model, x, batches=len(x)) as tracker:
        before = state_of(model)
        _break(model)
        with pytest.raises(ZeroDivisionError), tracker.watch():
            model(x)
        _mend(model)
        assert_same(before, state_of(model))
        for _ in range(2):
            with tracker.watch():
                model(x)
            tracker.update()
    assert list(tracker.trace.array("pattern_change")[1][:, 0]) == [0.0]


def test_a_refused_model_is_left_as_it_was() -> None:
    model, probe = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Tanh()), vectors()
    before = state_of(model)
    with pytest.raises(ValueError, match="no rectifier ran"), RegimeTracker(model, probe):
        pass
    assert_same(before, state_of(model))


def test_training_flags_are_kept_module_by_module() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.ReLU())
    rng = random.Random(0)
    for _ in range(5):
        flags = [rng.random() < 0.5 for _ in model]
        for module, flag in zip(model, flags, strict=True):
            module.training = flag
        with RegimeTracker(model, vectors()) as tracker:
            tracker.update()
            assert [module.training for module in model] == flags
        assert [module.training for module in model] == flags


def test_the_probe_runs_in_evaluation_mode() -> None:
    class Check(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            assert not self.training
            assert not torch.is_grad_enabled()
            return F.relu(x)

    model = nn.Sequential(nn.Linear(6, 8), Check(), nn.Sequential(Check()))
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()


def test_flags_changed_between_observations_stay_changed() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout())
    with RegimeTracker(model, vectors()) as tracker:
        model.eval()
        tracker.update()
        assert not any(module.training for module in model.modules())
        model.train()
        tracker.update()
        assert all(module.training for module in model.modules())


def test_observing_inside_any_gradient_mode_keeps_it() -> None:
    model = Plain()
    with RegimeTracker(model, vectors()) as tracker:
        for mode in (torch.no_grad, torch.enable_grad, torch.inference_mode):
            with mode():
                before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
                tracker.update()
                assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before


def test_random_draws_in_the_probe_are_the_same_at_every_observation() -> None:
    """A model that is random in evaluation mode must not flip bits by its noise alone."""
    model = NoisyInEvaluation()
    with RegimeTracker(model, vectors()) as tracker:
        for _ in range(5):
            torch.rand(7), random.random(), np.random.rand()  # noqa: NPY002
            tracker.update()
    assert not tracker.trace.array("pattern_change")[1].any()


def test_buffers_written_in_evaluation_are_put_back() -> None:
    model = Counting()
    with RegimeTracker(model, vectors()) as tracker:
        for _ in range(3):
            tracker.update()
        assert not model.in_place.any()
        assert float(model.replaced) == 0


def test_a_buffer_written_in_evaluation_can_be_in_a_graph() -> None:
    """Restoring its values is not enough: autograd refuses a tensor that was written to."""
    model, x = Counting(), vectors()
    with RegimeTracker(model, x) as tracker:
        loss = (model.layer(x) * model.in_place).sum()
        tracker.update()
        loss.backward()


def test_two_trackers_at_once_see_the_same_and_disturb_no_more() -> None:
    case = ARCHITECTURES[1]
    probe, model = case.batch(0), seeded(case)
    before = state_of(model)
    with (
        RegimeTracker(model, probe) as one,
        RegimeTracker(model, probe, preactivations=True) as two,
    ):
        for _ in range(3):
            with torch.no_grad():
                model.head.weight.mul_(1.0)
            one.update()
            two.update()
    frames = [tracker.trace.array("dead")[1] for tracker in (one, two)]
    assert np.array_equal(*frames, equal_nan=True)
    after = state_of(model)
    for key in ("parameter head.weight: flags",):
        before.pop(key), after.pop(key)
    assert_same(before, after)


def test_a_module_with_its_own_idea_of_training_is_left_alone() -> None:
    class Frozen(nn.Module):
        """Keeps its batch norm in evaluation mode, whatever the rest does."""

        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(6)

        def train(self, mode: bool = True) -> Frozen:
            super().train(mode)
            self.norm.training = False
            return self

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.norm(x))

    model, probe = Frozen().train(), vectors()
    before = state_of(model)
    with RegimeTracker(model, probe) as tracker:
        tracker.update()
        assert_same(before, state_of(model))


def test_the_fused_encoder_is_used_again_after_tracking() -> None:
    model = Encoder().eval()
    model.requires_grad_(False)
    fused: list[str] = []

    class Names(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            fused.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    with RegimeTracker(model, torch.randn(4, 5, 8)) as tracker:
        tracker.update()
    with Names():
        model(torch.randn(4, 5, 8))
    assert "_transformer_encoder_layer_fwd" in fused
