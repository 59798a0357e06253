"""Every function is its own piece where its own decision is given, for any input."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from regime_lib.instrument.capture.operators import FUNCTIONS
from regime_lib.instrument.freezing.decisions import Decision, Imposes, Reads
from regime_lib.instrument.freezing.pieces import PIECES, chosen, picked
from tests.companion.refusals import refused

CALLS = {
    "relu": lambda x: F.relu(x),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3),
    "prelu": lambda x: F.prelu(x, torch.tensor([0.25])),
    "threshold": lambda x: F.threshold(x, 0.5, -2.0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "clamp_max": lambda x: torch.clamp_max(x, 0),
    "clamp": lambda x: x.clamp(-0.5, 1.5),
    "relu6": lambda x: F.relu6(x),
    "hardtanh": lambda x: F.hardtanh(x, -0.3, 0.4),
    "softshrink": lambda x: F.softshrink(x, 0.7),
}
NUMBERS = st.lists(
    st.floats(-10, 10, width=32) | st.sampled_from([0.0, -0.0, 0.5, 6.0, -0.3, 0.4, 0.7, -0.7]),
    min_size=1,
    max_size=12,
)


def test_every_piecewise_function_is_tried() -> None:
    assert set(CALLS) == set(PIECES)
    assert set(PIECES) <= {rule.op for rule in FUNCTIONS.values()}


@pytest.mark.parametrize("op", PIECES)
@given(numbers=NUMBERS)
def test_the_own_decision_gives_the_own_result(op: str, numbers: list[float]) -> None:
    x = torch.tensor([numbers])
    with Reads() as read:
        truth = CALLS[op](x)
    with Imposes(read.decisions, [True]) as imposed:
        found = CALLS[op](x)
    imposed.finish()
    assert torch.equal(found, truth)


@pytest.mark.parametrize("op", PIECES)
def test_another_decision_gives_another_piece(op: str) -> None:
    x = torch.tensor([[-5.0, 5.0, 0.6]])
    with Reads() as read:
        CALLS[op](-x)
    with Imposes(read.decisions, [True]):
        found = CALLS[op](x)
    # relu among them: -5 counts as on, and is handed on
    assert not torch.equal(found, CALLS[op](x))


def test_a_pool_takes_the_given_position() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    won = torch.tensor([[[[0, 3], [8, 11]]]])
    assert torch.equal(picked("max_pool2d", x, won), x.flatten()[won.flatten()].view(1, 1, 2, 2))
    with Imposes([Decision("max_pool2d", winners=won)], [True]):
        found, positions = F.max_pool2d(x, 2, return_indices=True)
    assert torch.equal(positions, won)
    assert torch.equal(found, won.float())


def test_in_place_stays_in_place() -> None:
    x = torch.tensor([[-1.0, 2.0]])
    flipped = Decision("relu", (torch.tensor([[True, False]]),))
    with Imposes([flipped], [True]):
        same: Tensor = F.relu(x, inplace=True)
    assert same is x
    assert torch.equal(x, torch.tensor([[-1.0, 0.0]]))


def test_pieces_and_decisions_must_fit() -> None:
    with refused("1 decisions", "3 pieces"):
        chosen((0.0, torch.ones(2), 6.0), [torch.ones(2, dtype=torch.bool)])
