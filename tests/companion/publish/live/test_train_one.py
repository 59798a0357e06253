"""The page's network in NumPy takes PyTorch's steps, and what is watched is what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib import RegimeTracker
from regime_lib.companion.publish.live import train_one
from regime_lib.companion.publish.live.train_one import Digits, Layers, Run, curves, train

SIZES = (64, 7, 5, 10)


@pytest.fixture
def data() -> Digits:
    random = np.random.default_rng(3)
    inputs = random.standard_normal((40, 64))
    labels = random.integers(10, size=40)
    return Digits(inputs[:30], labels[:30], inputs[30:], labels[30:])


def as_torch(layers: Layers) -> nn.Sequential:
    """Return the same network in PyTorch, in double precision."""
    parts: list[nn.Module] = []
    for weight, bias in layers:
        linear = nn.Linear(weight.shape[1], len(weight), dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            linear.bias.copy_(torch.tensor(bias))
        parts += [linear, nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def test_the_gradient_is_pytorchs(data: Digits) -> None:
    layers = train_one.start(SIZES, np.random.default_rng(0))
    model = as_torch(layers)
    loss = nn.functional.cross_entropy(model(torch.tensor(data.inputs)), torch.tensor(data.labels))
    loss.backward()
    found, slopes = train_one.gradient(layers, data.inputs, data.labels)
    assert found == pytest.approx(loss.item(), rel=1e-12)
    ours = [part for layer in slopes for part in layer]
    for slope, parameter in zip(ours, model.parameters(), strict=True):
        assert parameter.grad is not None
        np.testing.assert_allclose(slope, parameter.grad.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("optimiser", ["sgd", "momentum", "adam"])
def test_steps_are_pytorchs_and_changes_are_those_that_the_tracker_sees(
    optimiser: str, data: Digits
) -> None:
    """The same batches, drawn in the same order, lead the same network the same way."""
    steps, rate = 12, 0.02
    run = train(5, 2, optimiser, rate, batch=8, steps=steps, seed=4, data=data)
    random = np.random.default_rng(4)
    model = as_torch(train_one.start((64, 5, 5, 10), random))
    make = {
        "sgd": lambda p: torch.optim.SGD(p, lr=rate),
        "momentum": lambda p: torch.optim.SGD(p, lr=rate, momentum=0.9),
        "adam": lambda p: torch.optim.Adam(p, lr=rate),
    }
    taking = make[optimiser](model.parameters())
    probe = torch.tensor(data.test_inputs)
    with RegimeTracker(model, probe) as tracker:
        for _ in range(steps):
            chosen = random.integers(len(data.labels), size=8)
            taking.zero_grad()
            nn.functional.cross_entropy(
                model(torch.tensor(data.inputs[chosen])), torch.tensor(data.labels[chosen])
            ).backward()
            taking.step()
            tracker.update()
    trace = tracker.trace
    for name, (at, values) in train_one.series_of(run).items():
        seen_at, seen = trace.array(name)
        assert at.tolist() == seen_at.tolist()
        np.testing.assert_allclose(values, np.ravel(seen), rtol=1e-5, atol=1e-9)


def test_what_watches_is_told_as_it_goes_and_at_the_end(data: Digits) -> None:
    seen: list[int] = []
    run = train(4, 1, steps=25, watch=lambda run: seen.append(len(run.loss)), every=10, data=data)
    assert seen == [10, 20, 25]
    assert run.steps == list(range(1, 26))
    assert 0 <= run.accuracy <= 1


def test_it_learns_what_can_be_learnt() -> None:
    random = np.random.default_rng(0)
    centres = 4 * random.standard_normal((10, 64))
    labels = random.integers(10, size=300)
    inputs = centres[labels] + random.standard_normal((300, 64))
    data = Digits(inputs[:200], labels[:200], inputs[200:], labels[200:])
    assert train(32, 2, "adam", 0.01, steps=150, data=data).accuracy == 1


def test_wrong_settings_are_refused_with_a_sentence(data: Digits) -> None:
    with pytest.raises(ValueError, match="no optimiser 'adagrad'"):
        train(optimiser="adagrad", data=data)
    with (
        np.errstate(all="ignore"),
        pytest.raises(ValueError, match=r"diverged at step .* smaller rate"),
    ):
        train(8, 2, "sgd", 1e200, steps=20, data=data)


def test_flips_of_units_are_means_over_their_columns() -> None:
    flips = [np.array([0.4, 0.0]), np.array([0.2, 0.2]), np.array([0.0, 0.2]), np.array([0.0, 0.0])]
    run = Run(flips=flips)
    found = train_one.flip_rates(run, columns=2)  # up to step 5 ** 0.5, and from there on
    means = np.array([[0.4, (0.2 + 0 + 0) / 3], [0.0, (0.2 + 0.2 + 0) / 3]])
    np.testing.assert_allclose(found, np.sqrt(means / 0.4))
    assert train_one.flip_rates(run, columns=50).shape == (2, 50)


def test_curves_are_trailing_means_over_their_peaks() -> None:
    run = Run([0.4, 0.2, 0.0, 0.2], [1.0, 3.0, 5.0, 1.0], [1.0] * 4)
    found = curves(run, window=2)
    assert found["patterns"][0] == [1, 2, 3, 4]
    np.testing.assert_allclose(found["patterns"][1], np.array([0.4, 0.3, 0.1, 0.1]) / 0.4)
    np.testing.assert_allclose(found["weights"][1], np.array([1, 2, 4, 3]) / 4)
    assert curves(Run([0.0], [1.0], [1.0]))["patterns"][1] == [0.0]
