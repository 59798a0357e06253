"""A look at a network in training, against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.chapters.three_times.late.looks import (
    FACTORS,
    Looker,
    differs,
    distance,
    flips_of_step,
    random_step,
)
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.seeding import generator


@pytest.fixture
def looker() -> Looker:
    probe = torch.from_numpy(generator(1, "probe").standard_normal((40, 7)).astype(np.float32))
    return Looker(MLP((7, 12, 9, 3), 0), probe)


def preactivations(model: nn.Module, probe: Tensor) -> list[Tensor]:
    """Run the two hidden layers by hand."""
    first = model.get_submodule("hidden1")(probe)
    return [first, model.get_submodule("hidden2")(first.relu())]


def test_preactivations_are_those_of_a_forward_pass_by_hand(looker: Looker) -> None:
    with torch.no_grad():
        expected = preactivations(looker.model, looker.probe)
    for found, own in zip(looker.preactivations(), expected, strict=True):
        assert torch.equal(found, own)


def test_the_factors_multiply_to_the_flips_that_are_counted_bit_by_bit(looker: Looker) -> None:
    before = looker.preactivations()
    step = random_step(0.3, len(looker.parameters()), generator(0, "step"))
    other = random_step(0.3, len(looker.parameters()), generator(1, "step"))
    with looker.moved(looker.parameters() + step):
        after = looker.preactivations()
    with looker.moved(looker.parameters() + other):
        random = looker.preactivations()
    for found, z, moved in zip(
        flips_of_step(before, after, random, 0.3), before, after, strict=True
    ):
        counted = sum(
            (a > 0) != (b > 0)
            for a, b in zip(z.flatten().tolist(), moved.flatten().tolist(), strict=True)
        )
        assert found.flips == counted / z.numel()
        factors = dict(zip(FACTORS, found.factors, strict=True))
        scale = factors.pop("scale")
        assert np.prod(list(factors.values())) / scale == pytest.approx(found.flips)


def test_small_steps_follow_the_first_order_law() -> None:
    """With many inputs and a small random step the remainder is near one."""
    probe = torch.from_numpy(generator(2, "probe").standard_normal((4000, 7)).astype(np.float32))
    looker = Looker(MLP((7, 64, 3), 0), probe)
    before, size = looker.preactivations(), len(looker.parameters())
    with looker.moved(looker.parameters() + random_step(0.05, size, generator(0, "s"))):
        after = looker.preactivations()
    with looker.moved(looker.parameters() + random_step(0.05, size, generator(1, "s"))):
        random = looker.preactivations()
    (found,) = flips_of_step(before, after, random, 0.05)
    factors = dict(zip(FACTORS, found.factors, strict=True))
    assert factors["remainder"] == pytest.approx(1, abs=0.05)
    assert factors["alignment"] == pytest.approx(1, abs=0.5)  # this step is random itself


def test_nothing_flips_without_a_factor_to_divide_by(looker: Looker) -> None:
    z = looker.preactivations()
    for found in flips_of_step(z, z, [one + 1 for one in z], 1.0):
        assert found.flips == 0
        assert np.isnan(found.factors[-1])


def test_parameters_come_back_bit_for_bit(looker: Looker) -> None:
    kept = looker.parameters()
    with pytest.raises(KeyError), looker.moved(kept + 1):  # whatever happens inside
        raise KeyError
    assert np.array_equal(looker.parameters(), kept)


def test_distances_of_states_count_single_signs(looker: Looker) -> None:
    one, before = looker.state()
    step = random_step(0.4, len(one.parameters), generator(3, "step"))
    with looker.moved(one.parameters + step):
        other, after = looker.state()
    signs = [(torch.cat([z > 0 for z in values], dim=1)).numpy() for values in (before, after)]
    assert distance(one, other) == (signs[0] != signs[1]).mean()
    assert np.array_equal(differs(one, other), (signs[0] != signs[1]).any(axis=1))


def test_a_random_step_has_the_norm_that_is_asked_for() -> None:
    assert np.linalg.norm(random_step(2.5, 1000, generator(0, "x"))) == pytest.approx(2.5)
