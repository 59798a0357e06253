"""A probe is any fixed input of a model; anything else is refused in one sentence."""

from __future__ import annotations

from collections import UserDict
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from regime_lib.instrument.capture.probe import Probe
from tests.instrument.cases import Keywords, Plain, vectors
from tests.instrument.observing import observe
from tests.sentences import refusal, stable


def test_every_way_to_give_the_inputs_gives_the_same_patterns() -> None:
    model, x, scale = Keywords(), vectors(), torch.rand(8)
    probes: list[Any] = [
        (x, scale),
        [x, scale],
        {"x": x, "scale": scale},
        UserDict(x=x, scale=scale),
        {"x": x, "scale": scale, "shift": 0.0},
        (x, scale, 0.0),
        lambda m: m(x, scale),
        lambda m: m(x, scale=scale),
    ]
    found = [observe(model, probe) for probe in probes]
    for ((layer, bits),) in found:
        assert layer == found[0][0][0]
        assert np.array_equal(bits, found[0][0][1])


def test_a_callable_may_run_a_part_of_the_model() -> None:
    model, x = Plain(), vectors()
    ((layer, bits),) = observe(model, lambda m: m.act(m.first(x)))
    assert layer.name == "act"
    assert np.array_equal(bits[0, 0], (model.first(x) > 0).numpy())


def test_a_callable_may_say_how_many_samples_it_has() -> None:
    class Tokens(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x.reshape(-1, x.shape[-1]))

    model, x = nn.Sequential(nn.Linear(3, 5), Tokens()), torch.randn(4, 7, 3)
    with RegimeTracker(model, lambda m: m(x), samples=4) as tracker:
        assert (tracker.coverage.samples, tracker.coverage.units) == (4, 7 * 5)


def test_integer_inputs_are_a_probe() -> None:
    model = nn.Sequential(nn.Embedding(10, 6), nn.ReLU())
    tokens = torch.randint(10, (5, 3))
    ((layer, bits),) = observe(model, tokens)
    assert layer.units == 18
    assert np.array_equal(bits[0, 0], (model[0](tokens) > 0).flatten(1).numpy())


def test_nested_inputs_are_a_probe() -> None:
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 4)

        def forward(self, pair: tuple[Tensor, Tensor], extra: dict[str, Tensor]) -> Tensor:
            return F.relu(self.layer(pair[0] + pair[1]) + extra["shift"])

    a, b, shift = vectors(), vectors(), torch.randn(12, 4)
    model = Pair()
    expected = (model.layer(a + b) + shift > 0).numpy()
    for group in (None, 5):
        ((_, bits),) = observe(model, ((a, b), {"shift": shift}), group=group)
        assert np.array_equal(bits[0, 0], expected)


@pytest.mark.parametrize("pair", [tuple, list])
def test_a_named_tuple_or_a_list_is_given_in_groups_as_it_is(pair: type) -> None:
    class Takes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 4)

        def forward(self, inputs: Any) -> Tensor:
            assert isinstance(inputs, pair)
            return F.relu(self.layer(inputs[0]))

    with RegimeTracker(Takes(), (pair([vectors(), vectors()]),), group=5) as tracker:
        tracker.update()


@pytest.mark.parametrize(
    "probe",
    [
        torch.empty(0, 6),
        torch.empty(5, 0),
        torch.tensor(1.0),
        (torch.empty(0, 6),),
        {"x": torch.empty(0, 6)},
        (vectors(), torch.empty(0)),
    ],
    ids=stable,
)
def test_an_empty_probe_is_refused(probe: Any) -> None:
    refusal("probe is empty", lambda: RegimeTracker(Plain(), probe))


@pytest.mark.parametrize("probe", [(), [], {}, (1.0, "x"), {"x": 3}])
def test_a_probe_without_a_tensor_is_refused(probe: Any) -> None:
    refusal("no tensor", lambda: RegimeTracker(Plain(), probe))


@pytest.mark.parametrize("where", [0, 71])
def test_a_probe_that_is_no_number_is_refused(where: int) -> None:
    probe = vectors()
    probe.view(-1)[where] = float("nan")
    refusal("NaN", lambda: RegimeTracker(Plain(), probe))


@pytest.mark.parametrize("probe", ["text", 3, None, np.zeros((3, 6)), iter([vectors()]), {1, 2}])
def test_another_kind_of_probe_is_refused(probe: Any) -> None:
    refusal("expected a tensor", lambda: RegimeTracker(Plain(), probe))


def test_a_data_loader_is_refused_with_advice() -> None:
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(vectors()), batch_size=4)
    refusal("DataLoader", lambda: RegimeTracker(Plain(), loader))


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: (x,), lambda x: {"x": x}])
def test_a_probe_on_another_device_is_refused(wrap: Any) -> None:
    probe = wrap(torch.empty(12, 6, device="meta"))
    message = refusal("meta", lambda: RegimeTracker(Plain(), probe))
    assert ".to('cpu')" in message
    refusal(".to('meta')", lambda: RegimeTracker(Plain().to("meta"), vectors()))


@pytest.mark.parametrize(
    "write", [lambda x: x.add_(1), lambda x: x.__setitem__(0, 0.0), lambda x: x[3:].zero_()]
)
def test_a_probe_written_to_is_refused_with_the_step(write: Any) -> None:
    probe = vectors()
    with RegimeTracker(Plain(), (probe,)) as tracker:
        tracker.update()
        write(probe)
        message = refusal("step 2", tracker.update)
    assert ".clone()" in message


def test_a_probe_made_in_inference_mode_is_a_probe() -> None:
    with torch.inference_mode():
        probe = vectors() * 2
    with RegimeTracker(Plain(), probe) as tracker:
        tracker.update()
    assert tracker.trace.array("pattern_change")[1].tolist() == [[0.0]]


@pytest.mark.parametrize(
    ("inputs", "axis", "divisible"),
    [
        (torch.zeros(4, 3), 0, True),
        (torch.zeros(4, 3), 1, True),
        ((torch.zeros(4, 3), torch.zeros(4)), 0, True),
        ((torch.zeros(4, 3), torch.zeros(4)), 1, False),
        ((torch.zeros(4, 3), torch.zeros(3)), 0, False),
        ({"x": torch.zeros(4, 3), "n": 2}, 0, True),
    ],
)
def test_a_probe_is_divisible_if_every_tensor_has_the_samples(
    inputs: Any, axis: int, divisible: bool
) -> None:
    assert Probe(inputs, axis).divisible(3 if axis else 4) is divisible


def test_group_needs_a_divisible_probe() -> None:
    def track(probe: Any) -> None:
        with RegimeTracker(Keywords(), probe, group=5):
            pass

    refusal("group", lambda: track((vectors(), torch.rand(8))))
    refusal("group", lambda: track(lambda m: m(vectors(), torch.rand(8))))
