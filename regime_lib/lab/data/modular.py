"""Modular addition: the task on which late generalisation was first seen.

All pairs (a, b) below a modulus p, each as two one-hot vectors side by side; the label is
(a + b) mod p. A share of the pairs is for training. (Power et al. 2022; the setting is ours.)
"""

from __future__ import annotations

import torch

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.seeding import generator


def modular_addition(
    modulus: int, train_share: float, seed: int, *, shuffled: bool = False
) -> Dataset:
    """Return the addition table of a modulus, split at random.

    Parameters
    ----------
    modulus : int
        p, at least 3; there are p squared pairs.
    train_share : float
        Share of the pairs in the training set, above 0 and below 1.
    seed : int
        Of the split, and of the shuffling.
    shuffled : bool
        Whether the labels are dealt out at random: as many of each, but nothing to be learnt.
        Inputs and split are those of the true labels.

    Returns
    -------
    Dataset
        float32 inputs of shape (pairs, 2 p), labels from 0 to p - 1.

    Examples
    --------
    >>> modular_addition(5, 0.6, seed=0)
    Dataset('modular addition', 15 training and 10 test samples of shape (10,), 5 classes)
    """
    if not isinstance(modulus, int) or modulus < 3:
        raise RegimeError(f"the modulus is {modulus!r}; expected a whole number of at least 3")
    pairs = modulus**2
    cut = round(train_share * pairs)
    if not 0 < cut < pairs:
        raise RegimeError(
            f"a share of {train_share} of {pairs} pairs leaves a set empty; expected a number "
            "between 0 and 1 such as 0.5"
        )
    order = torch.from_numpy(generator(seed, "modular split").permutation(pairs))
    first, second = order // modulus, order % modulus
    one_hot = torch.eye(modulus)
    inputs = torch.cat([one_hot[first], one_hot[second]], dim=1)
    labels = (first + second) % modulus
    if shuffled:
        labels = labels[torch.from_numpy(generator(seed, "modular shuffle").permutation(pairs))]
    provenance = "the addition table" + (", labels shuffled" if shuffled else "")
    train, test = (inputs[:cut], labels[:cut]), (inputs[cut:], labels[cut:])
    return Dataset("modular addition", provenance, tuple(map(str, range(modulus))), *train, *test)
