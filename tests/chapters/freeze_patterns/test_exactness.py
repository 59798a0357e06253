"""The checks of exactness can fail: a network that decides for itself does not pass them."""

from __future__ import annotations

import torch

from regime_lib.chapters.freeze_patterns.exactness import KINDS, exactness, second_differences
from regime_lib.instrument.freezing.frozen import FrozenPatterns, freeze_patterns
from regime_lib.lab import MLP


def test_all_that_is_promised_holds() -> None:
    found = exactness(1)
    assert set(found.at_freezing) == set(KINDS)
    assert max(found.at_freezing.values()) == 0
    assert max(found.within_layers.values()) < 1e-10
    assert max(found.from_masks.values()) < 1e-10
    assert min(found.together.values()) > 1e-3


def test_a_network_that_decides_for_itself_bends() -> None:
    inputs = torch.randn(30, 16, generator=torch.Generator().manual_seed(0)).double()
    model = MLP((16, 12, 8, 4), 0).double()
    frozen = freeze_patterns(model, inputs)
    live = FrozenPatterns(model, frozen.coverage, [False, False])
    bends = second_differences(live, inputs, 0)
    assert min(bends["hidden1"], bends["hidden2"]) > 1e-3
    assert max(second_differences(frozen, inputs, 0)["hidden1"], 0) < 1e-10
