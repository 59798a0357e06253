"""Attacks find flips where there are some, and none below a certified radius."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib import certify
from regime_lib.instrument import attack, second_differences
from regime_lib.lab import MLP
from tests.instrument.chains import average_cnn, drawn, images, small_cnn
from tests.sentences import refusal

PROBE = torch.randn(30, 6, generator=torch.Generator().manual_seed(4))


def test_no_attack_below_the_radius_succeeds() -> None:
    model = MLP((6, 12, 12, 2), 0)
    found = attack(model, PROBE, certify(model, PROBE).radius, random=50, targets=5)
    assert found.flips == 0
    assert found.attempts == 30 * (50 + 2 * 5)
    assert (found.ratio <= 1).all()
    assert np.median(found.ratio) > 0.9
    assert (found.smallest <= certify(model, PROBE).ceiling * 1.01).mean() > 0.8


def test_a_radius_that_is_a_tenth_too_large_is_refuted() -> None:
    model, _, _ = drawn((6, 9), 0)  # one layer, whose radius cannot be improved
    probe = PROBE.double()
    found = attack(model, probe, 1.1 * certify(model, probe).radius, random=0, targets=1)
    assert found.flips == found.attempts == 60
    assert (found.ratio > 1.05).all()


def test_the_smallest_flip_of_one_layer_is_its_radius() -> None:
    model, _, _ = drawn((6, 9), 1)
    probe = PROBE.double()
    found = attack(model, probe, certify(model, probe).radius, random=1, targets=2)
    assert np.allclose(found.ratio, 1, atol=2e-3)


def test_convolutions_and_pools_are_attacked_too() -> None:
    model, probe = small_cnn(), images()
    radius = certify(model, probe).radius
    assert attack(model, probe, radius, random=20, targets=3).flips == 0
    assert attack(model, probe, 30 * radius, random=5, targets=3).flips > 0


def test_the_same_seed_gives_the_same_attacks() -> None:
    model = MLP((6, 5, 2), 0)
    radius = 20 * certify(model, PROBE).radius
    runs = [attack(model, PROBE, radius, random=5, targets=0, seed=s) for s in (1, 1, 2)]
    assert runs[0].flips == runs[1].flips != runs[2].flips
    assert "attempts" in repr(runs[0])


def test_a_radius_that_does_not_fit_is_refused() -> None:
    refusal("30 inputs", lambda: attack(MLP((6, 5, 2), 0), PROBE, np.ones(3)))


@pytest.mark.parametrize("seed", [0, 1])
def test_second_differences_vanish_inside_a_pattern_only(seed: int) -> None:
    for model, probe in ((MLP((6, 9, 9, 3), seed), PROBE), (average_cnn(seed), images())):
        found = second_differences(model, probe, seed=seed)
        assert found.inputs.max() < 1e-12
        assert max(part.max() for part in found.layers.values()) < 1e-12
        assert np.median(found.together) > 1e-9
        assert (found.input_step > 0).all()


def test_second_differences_see_a_bend() -> None:
    class Bent(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = torch.nn.Linear(6, 4), torch.nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.first(x).relu()).sin()

    assert second_differences(Bent(), PROBE).inputs.max() > 1e-8


def test_winners_of_a_max_pool_bend_the_output_and_are_refused() -> None:
    refusal("max-pool '2'", lambda: second_differences(small_cnn(), images()))


def test_an_output_of_zero_is_refused() -> None:
    model = MLP((6, 5, 2), 0)
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.zero_()
    refusal("zero", lambda: second_differences(model, PROBE))
