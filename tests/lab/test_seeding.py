"""Seeds and streams."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.lab import generator
from regime_lib.lab.seeding import torch_seeded
from tests.sentences import refusal

seeds = st.integers(0, 2**32 - 1)


def test_streams_keep_their_numbers_for_ever() -> None:
    assert generator(0, "batches").integers(0, 2**32, 3).tolist() == [
        3957595173,
        2415828772,
        4257100252,
    ]


@given(seed=seeds, other=seeds, name=st.text(), other_name=st.text())
def test_streams_are_equal_only_for_equal_seed_and_name(
    seed: int, other: int, name: str, other_name: str
) -> None:
    numbers = generator(seed, name).integers(0, 2**63, 4).tolist()
    again = generator(other, other_name).integers(0, 2**63, 4).tolist()
    assert (numbers == again) == ((seed, name) == (other, other_name))


def test_streams_of_neighbouring_seeds_are_uncorrelated() -> None:
    draws = np.stack([generator(seed, "noise").standard_normal(10_000) for seed in range(12)])
    correlation = np.corrcoef(draws) - np.eye(12)
    assert abs(correlation).max() < 5 / np.sqrt(10_000)


def test_a_stream_neither_reads_nor_moves_the_global_generators() -> None:
    numbers = []
    for _ in range(2):
        np.random.seed(1)  # noqa: NPY002
        torch.manual_seed(1)
        numbers.append((np.random.rand(), torch.rand(()).item()))  # noqa: NPY002
        drawn = generator(3, "x").random(100)
        numbers[-1] += (np.random.rand(), drawn[0])  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert numbers[0] == numbers[1]
    assert numbers[0][2] == np.random.rand(2)[1]  # noqa: NPY002


def test_torch_seeded_gives_the_numbers_of_manual_seed_and_restores_the_state() -> None:
    torch.manual_seed(9)
    expected = torch.rand(4)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with torch_seeded(9):
        inside = torch.rand(4)
    assert torch.equal(inside, expected)
    assert torch.equal(torch.get_rng_state(), before)


def test_torch_seeded_restores_the_state_after_an_error() -> None:
    @torch_seeded(9)
    def fail() -> None:
        torch.rand(4)
        raise KeyError

    before = torch.get_rng_state()
    with pytest.raises(KeyError):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    refusal("4294967295", lambda: generator(seed, "x"))
    refusal(str(seed), lambda: generator(seed, "x"))
