"""The addition table: every pair once, right labels, and a control that cannot be learnt."""

from __future__ import annotations

import pytest
import torch

from regime_lib.lab import modular_addition
from tests.sentences import refusal


@pytest.mark.parametrize(("modulus", "share"), [(3, 0.5), (7, 0.3), (12, 0.9)])
def test_every_pair_is_there_once_with_its_sum(modulus: int, share: float) -> None:
    data = modular_addition(modulus, share, seed=1)
    assert len(data.train_labels) == round(share * modulus**2)
    inputs = torch.cat([data.train_inputs, data.test_inputs])
    labels = torch.cat([data.train_labels, data.test_labels])
    first, second = inputs[:, :modulus], inputs[:, modulus:]
    assert bool((first.sum(1) == 1).all() and (second.sum(1) == 1).all())
    pairs = list(zip(first.argmax(1).tolist(), second.argmax(1).tolist(), strict=True))
    assert sorted(pairs) == [(a, b) for a in range(modulus) for b in range(modulus)]
    assert [(a + b) % modulus for a, b in pairs] == labels.tolist()
    assert data.classes == tuple(map(str, range(modulus)))


def test_shuffled_labels_keep_inputs_and_counts_but_nothing_else() -> None:
    true, shuffled = (modular_addition(23, 0.6, 2, shuffled=how) for how in (False, True))
    assert torch.equal(true.train_inputs, shuffled.train_inputs)
    labels = [torch.cat([d.train_labels, d.test_labels]) for d in (true, shuffled)]
    assert torch.equal(labels[0].bincount(), labels[1].bincount())
    agreeing = float((labels[0] == labels[1]).double().mean())
    assert agreeing < 3 / 23  # by chance 1 / 23
    assert "shuffled" in shuffled.provenance


def test_the_split_follows_its_seed() -> None:
    one, again, other = (modular_addition(11, 0.5, seed) for seed in (0, 0, 1))
    assert torch.equal(one.train_inputs, again.train_inputs)
    assert not torch.equal(one.train_inputs, other.train_inputs)


def test_unfit_tables_are_refused() -> None:
    refusal("the modulus is 2", lambda: modular_addition(2, 0.5, 0))
    for share in (0.0, 1.0, -1.0):
        refusal("leaves a set empty", lambda share=share: modular_addition(5, share, 0))
