"""An activation is read as (members, samples, units), whatever its shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from regime_lib.instrument.capture.layout import Layout


def same_units(rows: Tensor | None, expected: Tensor) -> bool:
    """Whether rows hold the expected (members, samples, units), the units in any fixed order."""
    if rows is None or rows.shape != expected.shape:
        return False
    flat, wanted = rows.flatten(0, 1).T, expected.flatten(0, 1).T
    return sorted(map(tuple, flat.tolist())) == sorted(map(tuple, wanted.tolist()))


@pytest.mark.parametrize("shape", [(5,), (5, 7), (5, 2, 3), (5, 2, 3, 4), (5, 2, 3, 2, 2)], ids=str)
def test_samples_come_first(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape)
    assert same_units(Layout().rows(values, 5), values.reshape(1, 5, -1))


@pytest.mark.parametrize("shape", [(4, 5, 7), (4, 5, 2, 3)], ids=str)
def test_samples_may_come_second(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape)
    expected = values.movedim(1, 0).reshape(1, 5, -1)
    assert same_units(Layout(batch_axis=1).rows(values, 5), expected)


@pytest.mark.parametrize("shape", [(3, 5, 7), (3, 5, 2, 4)], ids=str)
def test_members_come_before_samples(shape: tuple[int, ...]) -> None:
    values = torch.randn(shape)
    assert same_units(Layout(members=3).rows(values, 5), values.reshape(3, 5, -1))


def test_samples_may_come_after_members_and_time() -> None:
    values = torch.randn(3, 4, 5, 7)
    expected = values.movedim(2, 1).reshape(3, 5, -1)
    assert same_units(Layout(members=3, batch_axis=1).rows(values, 5), expected)


def test_tokens_folded_into_the_samples_are_unfolded() -> None:
    tokens = torch.randn(5, 4, 7)
    assert same_units(Layout().rows(tokens.reshape(20, 7), 5), tokens.reshape(1, 5, -1))
    time_first = torch.randn(4, 5, 7)
    expected = time_first.movedim(1, 0).reshape(1, 5, -1)
    assert same_units(Layout(batch_axis=1).rows(time_first.reshape(20, 7), 5), expected)


@pytest.mark.parametrize("shape", [(), (3,), (7, 3), (6, 6)], ids=str)
def test_an_activation_without_samples_is_none(shape: tuple[int, ...]) -> None:
    assert Layout().rows(torch.randn(shape), 5) is None
    assert Layout(members=2).rows(torch.randn(shape), 5) is None


def test_channels_last_is_not_copied() -> None:
    values = torch.randn(5, 3, 4, 4).to(memory_format=torch.channels_last)
    rows = Layout().rows(values, 5)
    assert rows is not None
    assert rows.data_ptr() == values.data_ptr()
    assert same_units(rows, values.reshape(1, 5, -1))


def test_rows_carry_no_graph() -> None:
    rows = Layout().rows(torch.randn(5, 3, requires_grad=True) * 2, 5)
    assert rows is not None
    assert not rows.requires_grad


# --- whole models -------------------------------------------------------------------------------


def dead_and_parts(
    model: nn.Module, probe: Tensor, **options: int
) -> tuple[np.ndarray, np.ndarray]:
    """Flip everything once; return the share of dead units and the flips by part of the probe."""
    with RegimeTracker(model, probe, **options) as tracker:
        with torch.no_grad():
            for p in model.parameters():
                p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
        tracker.update()
    assert tracker.trace.groups is not None
    return tracker.trace.array("dead")[1], tracker.trace.groups[0, 0]


@pytest.mark.parametrize("hidden", [5, 6, 12])
def test_time_first_is_batch_first_even_if_sizes_agree(hidden: int) -> None:
    """A recurrent layer's state has shape (samples, hidden): with 6 of both, axes look the same."""
    found = []
    for batch_first in (True, False):
        torch.manual_seed(0)
        model = nn.RNN(4, hidden, nonlinearity="relu", batch_first=batch_first)
        probe = torch.randn(6, 3, 4)
        probe = probe if batch_first else probe.transpose(0, 1).contiguous()
        found.append(dead_and_parts(model, probe, batch_axis=0 if batch_first else 1))
    for one, other in zip(*found, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_probe_of_few_samples_is_read_right(samples: int) -> None:
    torch.manual_seed(0)
    model, probe = nn.Sequential(nn.Linear(4, 30), nn.ReLU()), torch.randn(samples, 4)
    before = (model(probe) > 0).numpy()
    dead, parts = dead_and_parts(model, probe)
    after = (model(probe) > 0).numpy()
    assert np.allclose(parts, (before != after).mean(axis=1))
    assert dead[:, 0].tolist() == [(~before).all(axis=0).mean(), (~after).all(axis=0).mean()]
