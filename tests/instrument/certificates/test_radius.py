"""Certified radii hold, and are as large as the bound allows: closed forms, exact arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from regime_lib import certify
from regime_lib.lab import MLP
from tests.instrument.chains import copies, drawn, images, small_cnn


def test_one_layer_has_a_closed_form() -> None:
    model, _, _ = drawn((6, 9), 0)
    x = torch.randn(20, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = model[0](x).abs().amin(dim=1) / (x.abs().sum(dim=1) + 1)
    found = certify(model, x)
    assert np.allclose(found.radius, expected.detach().numpy(), rtol=1e-3)
    assert (found.radius <= expected.detach().numpy()).all()
    assert (found.ceiling >= found.radius).all()
    assert np.allclose(found.tightness, 1, atol=2e-3)


def test_a_convolution_has_one_too_patch_by_patch() -> None:
    torch.manual_seed(0)
    layer, x = nn.Conv2d(2, 3, 3, stride=2, padding=1), torch.randn(4, 2, 7, 7)
    patches = nn.functional.unfold(x.abs(), 3, stride=2, padding=1).sum(dim=1)  # (4, places)
    needed = layer(x).abs().flatten(2) / (patches[:, None] + 1)
    found = certify(nn.Sequential(layer, nn.ReLU()), x)
    assert np.allclose(found.radius, needed.flatten(1).amin(dim=1).detach().numpy(), rtol=2e-3)


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple),
    seed=st.integers(0, 10_000),
)
def test_radii_in_floating_point_are_proven_again_by_exact_arithmetic(
    sizes: tuple[int, ...], seed: int
) -> None:
    model, exact, x = drawn(sizes, seed)
    found = float(certify(model, x).radius[0])
    assert exact.keeps(x[0].numpy(), Fraction(found))
    largest = float(exact.radius(x[0].numpy()))
    assert found >= largest * (1 - 2e-3)


def test_no_corner_of_the_certified_box_changes_a_bit_and_the_ceiling_does() -> None:
    for seed in range(3):
        model, exact, x = drawn((2, 2, 1), seed)  # 9 parameters: 512 corners
        found = certify(model, x)
        radius, ceiling = Fraction(float(found.radius[0])), Fraction(float(found.ceiling[0]))
        point, shapes = x[0].numpy(), [(2, 2), (2,), (1, 2), (1,)]
        before = exact.pattern(point)
        changed = False
        for signs in itertools.product((-1, 1), repeat=9):
            direction = np.split(np.array(signs, dtype=object), [4, 6, 8])
            parts = [d.reshape(s) for d, s in zip(direction, shapes, strict=True)]
            assert exact.moved(parts, radius).pattern(point) == before
            changed |= exact.moved(parts, ceiling * Fraction(1001, 1000)).pattern(point) != before
        assert changed


def test_every_smaller_movement_is_covered_not_only_corners() -> None:
    model, probe = small_cnn(), images()
    radius = torch.from_numpy(certify(model, probe).radius)
    from regime_lib.instrument.certificates.chain import read_chain

    chain = read_chain(model, probe)
    here = {name: value.double() for name, value in copies(model).items()}
    before = torch.cat(chain.preactivations(here, probe.double()), dim=1) > 0
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):
        inside = {
            name: torch.rand(value.shape, generator=generator, dtype=torch.float64) * 2 - 1
            for name, value in here.items()
        }
        after = chain.preactivations(here, probe.double(), inside, radius)
        assert torch.equal(torch.cat(after, dim=1) > 0, before)


def test_a_preactivation_of_zero_has_no_radius() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]))
        model[0].bias.zero_()
    found = certify(model, torch.tensor([[1.0, -1.0, 5.0], [1.0, 1.0, 5.0]]))
    assert found.radius[0] == 0 < found.radius[1]
    assert found.ceiling[0] < 1e-15


def test_without_biases_what_is_always_zero_is_always_off() -> None:
    model = nn.Sequential(
        nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False), nn.ReLU()
    )
    found = certify(model, torch.tensor([[0.0, 0.0], [1.0, 2.0]]))
    assert np.isinf(found.radius[0])  # no parameter can change anything there
    assert 0 < found.radius[1] < np.inf


def test_a_dead_layer_without_a_bias_above_does_not_spoil_the_radius() -> None:
    dead = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2, bias=False), nn.ReLU())
    with torch.no_grad():
        dead[0].weight.fill_(1.0)
        dead[0].bias.fill_(-3.0)
    assert certify(dead, torch.tensor([[1.0]])).radius[0] == pytest.approx(1.0, rel=2e-3)


def test_the_limiting_layer_is_named() -> None:
    model, probe = MLP((4, 8, 8, 2), 0), torch.randn(50, 4)
    found = certify(model, probe)
    assert found.layers == ("relu1", "relu2")
    assert set(np.unique(found.layer)) <= {0, 1}
    first = certify(nn.Sequential(model.hidden1, nn.ReLU()), probe).radius
    limited = found.layer == 0
    assert limited.any()
    assert np.allclose(found.radius[limited], first[limited], rtol=3e-3)
    assert (found.radius[~limited] <= first[~limited] * 1.003).all()
    assert "50 inputs" in repr(found)


def test_more_layers_never_enlarge_the_radius() -> None:
    model, probe = small_cnn(), images(20)
    whole = certify(model, probe).radius
    part = certify(model[:5], probe).radius
    assert (whole <= part * 1.002).all()
