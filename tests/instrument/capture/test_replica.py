"""Which looks can wait, and the copy of the network on which they are made up for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.overrides import TorchFunctionMode

from regime_lib.instrument.capture.isolation import ExecutionState, Precision, RandomState
from regime_lib.instrument.capture.replica import Postponing, Replica, is_pure


class _Heard:
    """A listener that keeps what rectifiers are called on."""

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []

    def on_call(self, rule: Any, via: str, args: Any, kwargs: Any) -> bool:
        assert (rule.op, via, kwargs) == ("relu", "function", {})
        self.inputs.append(args[0].clone())
        return False

    def on_winners(self, winners: Tensor) -> None:
        raise AssertionError("no layer of the copies pools")

    def before_operator(self, operator: Any, kwargs: Any) -> None:
        raise AssertionError("no mode is on")

    def on_operator(self, operator: Any, args: Any, kwargs: Any, result: Any) -> None:
        raise AssertionError("no mode is on")


def _state(**parts: Any) -> ExecutionState:
    return ExecutionState(RandomState.capture(), Precision.capture(), (), **parts)


def _network() -> nn.Sequential:
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Dropout())
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), inner, nn.LayerNorm(8), nn.ReLU(), inner
    )


def _row(model: nn.Module) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])[None]


def _with(change: Callable[[nn.Sequential], Any]) -> nn.Module:
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU())
    return replaced if (replaced := change(model)) is not None else model


class _Own(nn.Sequential):
    def forward(self, input: Tensor) -> Tensor:
        return 2 * super().forward(input)


def _doubled(*_: Any) -> Any:
    return 2 * _[-1]


IMPURE: dict[str, Callable[[nn.Sequential], Any]] = {
    "a class of the user": lambda m: _Own(*m),
    "a layer that is no such": lambda m: m.append(nn.PReLU()),
    "running statistics": lambda m: m.append(nn.BatchNorm1d(6)),
    "a buffer": lambda m: m[0].register_buffer("mask", torch.ones(6)),
    "a forward hook": lambda m: m[1].register_forward_hook(_doubled) and None,
    "a hook before forward": lambda m: m[1].register_forward_pre_hook(_doubled) and None,
    "a forward of its own": lambda m: setattr(m[1], "forward", torch.abs),
    "something attached": lambda m: setattr(m, "temperature", [1.0]),
    "a parametrised weight": lambda m: torch.nn.utils.parametrizations.spectral_norm(m[0]) and None,
    "a pruned weight": lambda m: (
        __import__("torch.nn.utils.prune").nn.utils.prune.l1_unstructured(m[0], "weight", 0.5)
        and None
    ),
    "a transposed weight": lambda m: setattr(m[0].weight, "data", m[0].weight.data.T),
    "another precision": lambda m: m.half() and None,
    "a device without values": lambda m: m.to("meta") and None,
}


@pytest.mark.parametrize("name", IMPURE)
def test_a_network_with_anything_else_is_not_pure(name: str) -> None:
    assert not is_pure(_with(IMPURE[name]))


def test_layers_in_a_row_are_pure() -> None:
    assert is_pure(_network())
    assert is_pure(nn.Linear(2, 2))


@pytest.mark.parametrize("form", ["tensor", "tuple", "by name"])
def test_the_copy_does_what_the_network_does_with_the_parameters_that_are_loaded(form: str) -> None:
    model, x, heard = _network(), torch.randn(5, 2, 3), _Heard()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    replica = Replica(model, _state(), heard)
    for _ in range(3):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    row = _row(model)
    model.eval()
    wanted = model(x)
    first = model[1](x.flatten(1))
    for parameter in model.parameters():  # the network goes on, and the copy does not
        parameter.data.fill_(torch.nan)
    replica.load(row)
    with replica.isolated:
        given = {"tensor": (x,), "tuple": (x,)}.get(form)
        output = replica.run(*given) if given else replica.run(**{"input": x})
    assert torch.equal(output, wanted)
    assert not output.requires_grad
    assert [tuple(one.shape) for one in heard.inputs] == [(5, 8)] * 4  # the inner one runs twice
    assert torch.equal(heard.inputs[0], first)


def test_members_have_their_own_rows() -> None:
    model = nn.Sequential(nn.ReLU())
    model.weight = nn.Parameter(torch.zeros(3, 2, 2))
    replica = Replica(model, _state(), _Heard(), members=3)
    replica.load(np.arange(12, dtype=np.float32).reshape(3, 4))
    (copied,) = replica.isolated.held._model.parameters()
    assert copied.flatten().tolist() == list(range(12))


@contextmanager
def _global_hook() -> Any:
    handle = register_module_forward_hook(_doubled)
    yield
    handle.remove()


@contextmanager
def _local_hook(model: nn.Module) -> Any:
    handle = next(model.children()).register_forward_hook(_doubled)
    yield
    handle.remove()


class _Mode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("what", ["nothing", "global hook", "hook", "mode", "patch"])
def test_a_look_does_not_wait_while_something_watches_or_changes_layers(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _network()
    postponing = Postponing(model, _state(), _Heard())
    assert postponing.may_wait(True)
    around: dict[str, AbstractContextManager[object]] = {
        "global hook": _global_hook(),
        "hook": _local_hook(model),
        "mode": _Mode(),
    }
    with around.get(what, nullcontext()), monkeypatch.context() as patch:
        if what == "patch":
            patch.setattr(F, "relu", torch.abs)
        assert postponing.may_wait(True) is (what == "nothing")
    assert postponing.may_wait(True)


def test_after_a_change_looks_wait_again_once_the_network_has_stood_for_some_steps() -> None:
    model = _network()
    postponing = Postponing(model, _state(), _Heard())
    assert postponing.may_wait(True)
    before = postponing.replica
    found = [postponing.may_wait(False), *(postponing.may_wait(True) for _ in range(9))]
    assert found == [False] * 9 + [True]
    assert postponing.replica is not before


def test_a_network_that_draws_never_waits() -> None:
    state = _state(generators=(torch.Generator(),))
    assert not Postponing(_network(), state, _Heard()).may_wait(True)


def test_a_network_made_without_autograd_can_be_copied() -> None:
    with torch.inference_mode():
        model = _network()
        assert Postponing(model, _state(), _Heard()).may_wait(True)
