"""Every private name of PyTorch is still there, and means what the instrument takes it for."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from regime_lib.instrument.capture import torch_private
from regime_lib.instrument.capture.torch_private import (
    COMPILED_ORIGINAL,
    NN_FUNCTIONS,
    Structure,
    TorchDispatchMode,
    all_modules,
    eager,
    inside_transform,
    is_compiled,
    keep_versions,
    rectifies_plainly,
    set_gradients,
    version_of,
    versions_of,
)


@pytest.mark.parametrize("name", torch_private.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(torch_private, name) is not None


def test_the_dispatch_mode_sees_operators() -> None:
    seen: list[str] = []

    class Names(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            seen.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    with Names():
        F.hardtanh(torch.ones(2))
    assert "hardtanh" in seen


def test_functions_of_torch_nn_are_found_at_their_home() -> None:
    assert NN_FUNCTIONS.gelu is F.gelu


def test_a_tensor_inside_a_transform_is_told_from_a_plain_one() -> None:
    found = []

    def note(x: torch.Tensor) -> torch.Tensor:
        found.append(inside_transform(x))
        return x

    torch.vmap(note)(torch.ones(2))
    assert found == [True]
    assert not inside_transform(torch.ones(2))


def test_versions_can_be_kept_and_read() -> None:
    x = torch.ones(2)
    before = version_of(x)
    with keep_versions((x,)):
        x.zero_()
    assert version_of(x) == before
    x.zero_()
    assert version_of(x) == before + 1
    with torch.inference_mode():
        uncounted = torch.ones(1)
    assert version_of(uncounted) == -1
    assert versions_of((x, uncounted)) == [before + 1, -1]


def test_compiled_models_are_told_from_plain_ones() -> None:
    plain, part = (nn.Sequential(nn.Linear(2, 2), nn.ReLU()) for _ in "ab")
    wrapped = torch.compile(nn.Sequential(nn.ReLU()), backend="eager")
    assert isinstance(getattr(wrapped, COMPILED_ORIGINAL), nn.Sequential)
    part[0].compile(backend="eager")
    assert [is_compiled(m) for m in (plain, wrapped, part)] == [False, True, True]


def test_modules_and_parameters_are_those_that_torch_lists() -> None:
    shared = nn.Linear(2, 2)
    model = nn.Sequential(shared, nn.Sequential(nn.ReLU(), shared), nn.BatchNorm1d(2))
    assert {*map(id, all_modules(model))} == {*map(id, model.modules())}
    assert len(all_modules(model)) == len(list(model.modules()))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:DeprecationWarning")
@pytest.mark.parametrize("scripted", [False, True])
def test_a_structure_holds_until_a_module_or_a_parameter_is_another_one(scripted: bool) -> None:
    model: nn.Module = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    model = torch.jit.script(model) if scripted else model
    before = Structure(model)
    model(torch.ones(1, 2))
    assert before.holds()
    next(iter(model.children())).weight = nn.Parameter(torch.ones(2, 2))
    assert not before.holds()
    now = Structure(model)
    assert now.holds()
    if not scripted:
        model[1].append(nn.ReLU())
        assert not now.holds()


def test_compiled_parts_run_eagerly_until_that_is_ended() -> None:
    compiled = []

    def backend(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> object:
        compiled.append(graph)
        return graph.forward

    function = torch.compile(lambda x: x + 1, backend=backend)
    end = eager()
    function(torch.ones(2))
    assert not compiled
    end()
    function(torch.ones(2))
    assert len(compiled) == 1


def test_gradients_are_switched() -> None:
    set_gradients(False)
    try:
        assert not torch.is_grad_enabled()
    finally:
        set_gradients(True)
    assert torch.is_grad_enabled()


def _wrapped(inner: Callable[..., object]) -> Callable[..., object]:
    @functools.wraps(inner)
    def outer(*args: object, **kwargs: object) -> object:
        return inner(*args, **kwargs)

    return outer


def test_a_rectifier_that_somebody_wrapped_is_not_called_past_the_wrapper(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert rectifies_plainly()
    for home, name in ((F, "relu"), (nn.ReLU, "forward")):
        with monkeypatch.context() as patch:
            patch.setattr(home, name, _wrapped(getattr(home, name)))
            assert not rectifies_plainly()
            patch.setattr(home, name, torch.relu)
            assert not rectifies_plainly()
    assert rectifies_plainly()
