"""The order of batches."""

from __future__ import annotations

from itertools import islice

import torch
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.lab import generator
from regime_lib.lab.training.batches import batch_order
from tests.sentences import refusal


@given(samples=st.integers(1, 40), batch_size=st.integers(1, 40), members=st.integers(1, 4))
def test_every_epoch_shows_each_sample_at_most_once_to_each_member(
    samples: int, batch_size: int, members: int
) -> None:
    batch_size = min(batch_size, samples)
    steps = samples // batch_size
    order = torch.stack(list(islice(batch_order(samples, batch_size, range(members)), 3 * steps)))
    assert order.shape == (3 * steps, members, batch_size)
    for epoch in order.split(steps):
        for member in range(members):
            seen = epoch[:, member].flatten()
            assert len(seen.unique()) == steps * batch_size
            assert 0 <= seen.min() <= seen.max() < samples


def test_a_member_follows_the_permutations_of_its_own_stream() -> None:
    stream = generator(7, "batches")
    expected = [
        epoch[start : start + 4].tolist()
        for epoch in (stream.permutation(10) for _ in range(3))
        for start in (0, 4)
    ]
    ours = [batch[0].tolist() for batch in islice(batch_order(10, 4, [7]), 6)]
    assert ours == expected


def test_a_member_s_order_does_not_depend_on_the_others() -> None:
    alone = [batch[0].tolist() for batch in islice(batch_order(20, 3, [5]), 15)]
    among = [batch[1].tolist() for batch in islice(batch_order(20, 3, [9, 5, 2]), 15)]
    assert alone == among


def test_epochs_are_shuffled_anew() -> None:
    first, second = islice(batch_order(50, 50, [0]), 2)
    assert not torch.equal(first, second)


def test_a_batch_larger_than_the_set_is_refused() -> None:
    refusal("11", lambda: next(batch_order(10, 11, [0])))
