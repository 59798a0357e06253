"""Which module runs is known at every moment, and forgotten when it ends."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument.capture.module_stack import ModuleStack


class Asks(nn.Module):
    """Writes down what the stack says while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.said: list[str] = []
        self.stack: list[ModuleStack] = []

    def forward(self, x: Tensor) -> Tensor:
        self.said.append(self.stack[0].description())
        return self.inner(x)


def test_the_innermost_module_is_named_while_it_runs() -> None:
    model, said = Asks(), []
    model.stack.append(ModuleStack(model))
    stack = model.stack[0]
    with stack.following(entered=lambda module: said.append(stack.name)):
        model(torch.ones(1, 2))
    assert said == ["", "inner", "inner.0", "inner.1"]
    assert model.said == ["the forward function of Asks"]
    assert stack.module is None
    assert stack.description() == "the forward function of Asks"


def test_what_is_returned_on_leaving_takes_the_place_of_the_output() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Identity())

    def left(module: nn.Module, output: Any) -> Any:
        return 0 * output if isinstance(module, nn.Identity) else None

    with ModuleStack(model).following(left=left):
        assert not model(torch.ones(1, 2)).any()
    assert model(torch.ones(1, 2)).any()


def test_an_error_leaves_no_hook_and_no_module_behind() -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ZeroDivisionError

    model = nn.Sequential(nn.Identity(), Failing())
    stack = ModuleStack(model)
    with pytest.raises(ZeroDivisionError), stack.following():
        model(torch.ones(1))
    assert stack.module is None


def test_a_second_call_has_a_name_of_its_own() -> None:
    stack = ModuleStack(nn.ReLU())
    assert stack.unused_name("relu", []) == "relu"
    assert stack.unused_name("relu", ["relu"]) == "relu (call 2)"
