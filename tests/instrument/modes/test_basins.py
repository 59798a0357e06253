"""Basins against closed forms, and against loops that draw and disturb one at a time."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from regime_lib.instrument import sample_basins, weight_basins
from regime_lib.instrument.modes.basins import Basins
from regime_lib.instrument.modes.noise import SampleNoise, WeightNoise
from regime_lib.lab import MLP, MLPEnsemble
from tests.sentences import refusal

X = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 3


def fitted(*sizes: int, seed: int = 0) -> MLP:
    """Return a small network that has learnt (X, Y) a little."""
    model = MLP(sizes, seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(120):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()
    return model


@pytest.fixture(scope="module")
def model() -> MLP:
    return fitted(5, 16, 3)


class Band(nn.Module):
    """Class 1 inside |x| < 1, else class 0: the closed form is 2 Phi(1 / s) - 1 at x = 0."""

    def forward(self, x: Tensor) -> Tensor:
        inside = 1 - x[..., :1].abs()
        return torch.cat([-inside, inside], dim=-1)


def test_a_sample_in_a_band_has_the_closed_form_basin() -> None:
    x = torch.zeros(50, 1)
    found = sample_basins(Band(), x, torch.ones(50, dtype=torch.long), draws=400, precision=1e-3)
    truth = 1 / norm.ppf(0.75)
    assert found.low[0, 0] < truth < found.high[0, 0]
    assert found.amplitude[0, 0] == pytest.approx(truth, rel=0.03)
    assert found.high[0, 0] - found.low[0, 0] < 0.1


class Wire(nn.Module):
    """Logit w x against 0 with weights (1, -1): noise g std(W) = g, so P(w > 0) = Phi(1 / g)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0], [-1.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x @ self.weight[:1].T, torch.zeros_like(x)], dim=-1)


def test_weight_noise_has_the_closed_form_basin() -> None:
    x, labels = torch.ones(1, 1), torch.zeros(1, dtype=torch.long)
    found = weight_basins(Wire(), x, labels, draws=4000, level=0.75, precision=1e-3)
    assert found.amplitude[0, 0] == pytest.approx(1 / norm.ppf(0.75), rel=0.06)
    assert found.low[0, 0] < 1 / norm.ppf(0.75) < found.high[0, 0]


@pytest.mark.parametrize("by", ["all", "class", "sample"])
def test_sample_basins_are_those_of_a_loop_over_draws(model: MLP, by: str) -> None:
    found = sample_basins(model, X, Y, by=by, draws=8, seed=3)
    noise = SampleNoise(model, X, Y, 8, 3)._noise
    groups = {"all": [range(40)], "class": [range(k, 40, 3) for k in range(3)]}
    for g, group in enumerate(groups.get(by, [[k] for k in range(40)])):

        def accuracy(level: float, group: object = group) -> float:
            right = [
                int(model((X[k] + level * noise[r, k])[None]).argmax()) == int(Y[k])
                for k in group
                for r in range(8)
            ]
            return sum(right) / len(right)

        amplitude = found.amplitude[0, g]
        if found.censored[0, g] < 0:
            assert accuracy(found.bracket[0]) < 0.5
        elif found.censored[0, g] == 0 and g < 6:
            error = found.resolution[0, g] * 1.001
            assert 0 < error / amplitude < 0.011
            assert accuracy(amplitude - error) >= 0.5 > accuracy(amplitude + error)
            assert found.low[0, g] <= amplitude <= found.high[0, g]


@pytest.mark.parametrize("by", ["all", "class"])
def test_weight_basins_are_those_of_a_loop_over_disturbed_copies(model: MLP, by: str) -> None:
    found = weight_basins(model, X, Y, by=by, draws=8, seed=3)
    drawn = WeightNoise(model, X, Y, 8, 3)._noise
    assert set(drawn) == {"hidden1.weight", "output.weight"}
    for g in range(len(found.groups)):
        own = slice(None) if by == "all" else slice(g, None, 3)

        def accuracy(level: float, own: slice = own) -> float:
            shares = []
            for r in range(8):
                noisy = copy.deepcopy(model)
                with torch.no_grad():
                    for name, value in drawn.items():
                        noisy.get_parameter(name).add_(level * value[r])
                shares.append(float((noisy(X[own]).argmax(-1) == Y[own]).float().mean()))
            return float(np.mean(shares))

        if found.censored[0, g] == 0:
            amplitude, error = found.amplitude[0, g], found.resolution[0, g] * 1.001
            assert accuracy(amplitude - error) >= 0.5 - 1e-6
            assert accuracy(amplitude + error) < 0.5


def test_weight_noise_is_scaled_by_the_deviation_of_each_layer(model: MLP) -> None:
    for name, value in WeightNoise(model, X, Y, 400, 0)._noise.items():
        spread = float(model.get_parameter(name).detach().std(correction=0))
        assert float(value.std()) == pytest.approx(spread, rel=0.05)


def test_members_are_measured_as_their_solo_networks() -> None:
    ensemble = MLPEnsemble((5, 16, 3), [0, 1])
    solos = [fitted(5, 16, 3), fitted(5, 16, 3, seed=1)]
    with torch.no_grad():
        for name, value in ensemble.named_parameters():
            value.copy_(torch.stack([solo.get_parameter(name) for solo in solos]))
    for measure in (sample_basins, weight_basins):
        both = measure(ensemble, X, Y, draws=6, members=2, by="class")
        for member, solo in enumerate(solos):
            alone = measure(solo, X, Y, draws=6, by="class")
            assert np.allclose(both.amplitude[member], alone.amplitude[0], rtol=1e-6)
            assert np.allclose(both.low[member], alone.low[0], rtol=1e-6)


def test_the_model_is_not_changed(model: MLP) -> None:
    net = nn.Sequential(model, nn.BatchNorm1d(3), nn.Dropout(0.3)).train()
    kept, state = {k: v.clone() for k, v in net.state_dict().items()}, torch.get_rng_state()
    grads = [p.grad for p in net.parameters()]
    for measure in (sample_basins, weight_basins):
        measure(net, X, Y, draws=4)
    assert net.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(kept[k], v) for k, v in net.state_dict().items())
    assert all(p.grad is g for p, g in zip(net.parameters(), grads, strict=True))


@pytest.mark.parametrize("basins", [sample_basins, weight_basins])
@pytest.mark.parametrize("bracket", [(1e-2, 1e2), (1e-3, 2e-3), (50.0, 60.0)])
def test_without_intervals_nothing_else_is_different(
    model: MLP, basins: Callable[..., Basins], bracket: tuple[float, float]
) -> None:
    asked = {"by": "class", "draws": 5, "bracket": bracket}
    whole = basins(model, X, Y, **asked)
    less = basins(model, X, Y, **asked, intervals=False)
    for name in ("amplitude", "resolution", "censored"):
        assert np.array_equal(getattr(whole, name), getattr(less, name))
    assert np.isnan([less.low, less.high]).all()
    assert not np.isnan([whole.low, whole.high]).any()


def test_levels_outside_the_bracket_are_censored(model: MLP) -> None:
    wide = sample_basins(model, X, Y, draws=4, bracket=(1e-4, 1e-3))
    assert wide.censored[0, 0] == 1
    assert math.isinf(wide.amplitude[0, 0])
    assert (wide.low[0, 0], wide.high[0, 0]) == (1e-3, math.inf)
    wrong = sample_basins(model, X, (Y + 1) % 3, draws=4)
    assert wrong.censored[0, 0] == -1
    assert (wrong.amplitude[0, 0], wrong.low[0, 0], wrong.high[0, 0]) == (0, 0, 1e-2)


def test_bad_requests_are_refused(model: MLP) -> None:
    refusal("draws is", lambda: sample_basins(model, X, Y, draws=1))
    refusal("level is", lambda: sample_basins(model, X, Y, level=1.5))
    refusal("bracket is", lambda: weight_basins(model, X, Y, bracket=(1.0, 0.1)))
    refusal("precision is", lambda: weight_basins(model, X, Y, precision=2.0))
    refusal("by is", lambda: weight_basins(model, X, Y, by="digit"))
    refusal("labels", lambda: weight_basins(model, X, Y[:5]))
    refusal("two or more axes", lambda: weight_basins(Band(), torch.zeros(2, 1), Y[:2] % 2))
