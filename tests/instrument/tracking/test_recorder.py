"""A forward pass that differs from the first one is refused, with what differs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import TwoLayers, vectors
from tests.sentences import refusal


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2))


def _replace(index: int, module: nn.Module) -> Callable[[nn.Sequential], None]:
    return lambda model: model.__setitem__(index, module)


CHANGES: dict[str, Callable[[nn.Sequential], None]] = {
    "another activation": _replace(3, nn.LeakyReLU()),
    "a smooth activation": _replace(3, nn.Tanh()),
    "no activation": _replace(1, nn.Identity()),
    "one more": lambda model: model.append(nn.ReLU()),
    "another layer": _replace(2, nn.Linear(8, 8)),
    "a layer without bias": _replace(0, nn.Linear(6, 8, bias=False)),
    "a parameter replaced": lambda model: setattr(
        model[0], "weight", nn.Parameter(model[0].weight.clone())
    ),
    "a parameter added": lambda model: model.register_parameter(
        "extra", nn.Parameter(torch.zeros(2))
    ),
    "a parameter removed": lambda model: setattr(model[4], "bias", None),
    "another type": lambda model: model.double(),
    "another shape": lambda model: setattr(model[4].weight, "data", torch.zeros(3, 8)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_architecture_is_refused(change: str) -> None:
    model = network()
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        CHANGES[change](model)
        message = refusal("start a new tracker", tracker.update)
    assert "change" in message or "differs" in message
    assert tracker.trace.array("pattern_change")[0].tolist() == [1]


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (F.leaky_relu, "called leaky_relu where it called relu before"),
        (torch.tanh, "0 of 2 expected calls"),
        (lambda z: F.relu(F.relu(z)), "a further call, relu"),
        (F.max_pool1d, "0 of 2 expected calls"),
    ],
)
def test_another_function_is_refused_by_its_name(
    function: Callable[[Tensor], Tensor], names: str
) -> None:
    model = TwoLayers(F.relu)
    with RegimeTracker(model, vectors()) as tracker:
        model.activation = lambda z: function(z, 1) if function is F.max_pool1d else function(z)
        refusal(names, tracker.update)


def test_a_number_of_calls_that_depends_on_the_data_is_refused() -> None:
    class Adaptive(nn.Module):
        """Iterates until its state is small."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            while x.norm() > 1:
                x = 0.5 * F.relu(self.layer(x))
            return x

    torch.manual_seed(0)
    model = Adaptive()
    with RegimeTracker(model, 10 * vectors()) as tracker:
        with torch.no_grad():
            model.layer.weight.mul_(0.01)
        refusal("step 1 differs from the first one", tracker.update)


def test_a_width_that_depends_on_the_data_is_refused() -> None:
    class Selecting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.wide = nn.Linear(6, 6), True

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.layer(x)[:, : 6 if self.wide else 4])

    model = Selecting()
    with RegimeTracker(model, vectors()) as tracker:
        model.wide = False
        message = refusal("(12, 4)", tracker.update)
    assert "relu" in message


def test_calls_in_another_order_are_refused() -> None:
    class Ordered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.swap = nn.Linear(6, 6), False

        def forward(self, x: Tensor) -> Tensor:
            x = self.layer(x)
            return F.relu(F.leaky_relu(x)) if self.swap else F.leaky_relu(F.relu(x))

    model = Ordered()
    with RegimeTracker(model, vectors()) as tracker:
        model.swap = True
        refusal("called leaky_relu where it called relu before", tracker.update)


def test_parameters_moved_in_memory_are_followed() -> None:
    """`.data = ...` and flattening give a parameter new memory; it stays the same parameter."""
    model = network()
    with RegimeTracker(model, vectors()) as tracker:
        for scale in (2.0, 3.0):
            for p in model.parameters():
                p.data = scale * p.data
            tracker.update()
        model[0].weight.data = model[0].weight.data.t().contiguous().t()
        tracker.update()
    norms, changes = (tracker.trace.array(q)[1][:, 0] for q in ("weight_norm", "weight_change"))
    assert norms[1:] == pytest.approx([2 * norms[0], 6 * norms[0], 6 * norms[0]], rel=1e-6)
    assert changes == pytest.approx([norms[0], 4 * norms[0], 0.0], rel=1e-6)


def test_a_parameter_that_is_not_contiguous_is_followed() -> None:
    model = network()
    model[0].weight.data = model[0].weight.data.t().contiguous().t()
    with RegimeTracker(model, vectors()) as tracker:
        for _ in range(3):
            with torch.no_grad():
                model[0].weight.mul_(2.0)
            tracker.update()
    norms = tracker.trace.array("weight_norm", "0")[1][:, 0]
    weight, bias = norms[3], float(model[0].bias.detach().norm())
    expected = [(((weight**2 - bias**2) / 4 ** (3 - k)) + bias**2) ** 0.5 for k in range(4)]
    assert norms == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "dtype"),
    [
        (lambda z: z.t().contiguous().t(), torch.float32),  # lies otherwise in memory
        (lambda z: z.to(torch.bfloat16), torch.bfloat16),
        (lambda z: z.double(), torch.float64),
        (lambda z: z[:, None], torch.float32),
    ],
    ids=["strides", "half", "double", "shape"],
)
def test_a_call_that_begins_to_look_otherwise_is_read_all_the_same(
    change: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    """What a call is known by is asked anew at every look."""

    class Changing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.change = nn.Linear(6, 8), None

        def forward(self, x: Tensor) -> Tensor:
            z = self.layer(x)
            return F.relu(z if self.change is None else self.change(z))

    torch.manual_seed(0)
    model, x = Changing(), vectors()
    flips, before = [], model.layer(x) > 0
    with RegimeTracker(model, x) as tracker:
        for step in range(6):
            model.change = change if step in (2, 3) else None
            with torch.no_grad():
                model.layer.weight.add_(0.3 * torch.randn(8, 6))
                now = model.layer(x)
            now = (now.to(dtype) if model.change is not None else now) > 0
            tracker.update()
            flips.append(float((now != before).float().mean()))
            before = now
    assert tracker.trace.array("pattern_change")[1][:, 0] == pytest.approx(flips, abs=1e-7)
    assert sum(flips) > 0
