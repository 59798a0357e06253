"""Rank distributions against loops, and where their form is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch import Tensor

from regime_lib.instrument import rank_distribution, rank_distributions
from regime_lib.lab import MLP, MLPEnsemble
from tests.sentences import refusal

RANDOM = np.random.default_rng(0)


def by_loops(fields: np.ndarray, signs: np.ndarray, labels: np.ndarray, bins: int) -> np.ndarray:
    """Return the density of every class, (classes, bins); fields (samples, units) untied."""
    samples, units = fields.shape
    density = np.zeros((len(signs), bins))
    for k in range(len(signs)):
        for i in range(units):
            ranks = rankdata(fields[:, i] * signs[k, i], method="ordinal") - 1
            for rank in ranks[labels == k]:
                density[k, min(bins - 1, int(rank * bins / (samples - 1)))] += 1
        density[k] *= bins / density[k].sum()
    return density


def test_densities_and_slopes_are_those_of_plain_loops() -> None:
    fields = RANDOM.standard_normal((2, 60, 7))
    matrix = RANDOM.standard_normal((2, 3, 7))
    labels = RANDOM.integers(0, 3, 60)
    found = rank_distribution(*map(torch.from_numpy, (fields, matrix, labels)), bins=10)
    for member in range(2):
        truth = by_loops(fields[member], np.sign(matrix[member]), labels, 10)
        assert np.allclose(found.density[member], truth)
        slopes = [np.polyfit(found.centres, row, 1)[0] for row in truth]
        assert np.allclose(found.class_slope[member], slopes)
        assert found.slope[member] == pytest.approx(np.mean(slopes))
        flat = np.polyfit(found.centres, truth.mean(0), 1)[0]
        assert found.slope[member] == pytest.approx(flat)
    assert (found.interval[0] < found.slope).all()
    assert (found.slope < found.interval[1]).all()


def test_random_signs_are_flat_and_a_perfect_order_is_steep() -> None:
    labels = torch.arange(2000) % 10
    fields = torch.randn(1, 2000, 50, generator=torch.Generator().manual_seed(0))
    random = rank_distribution(fields, torch.randn(1, 10, 50), labels)
    assert abs(random.slope[0]) < 4 * random.stderr[0]
    two = torch.arange(2000) >= 1000  # class 1 ranks above class 0 in every unit
    ordered = torch.arange(2000.0).view(1, -1, 1)
    matrix = torch.tensor([[[-1.0], [1.0]]])
    perfect = rank_distribution(ordered, matrix, two.long(), bins=20)
    # density 0 below one half and 2 above: least squares over 20 centres gives 3 / (1 - 1 / 400)
    assert perfect.slope[0] == pytest.approx(3 / (1 - 1 / 400))


def test_the_standard_error_is_the_spread_over_samples() -> None:
    slopes, errors = [], []
    labels = torch.arange(200) % 2
    for _ in range(150):
        h = torch.from_numpy(RANDOM.standard_normal((1, 200, 1))) + 0.5 * labels.view(1, -1, 1)
        found = rank_distribution(h, torch.tensor([[[-1.0], [1.0]]]), labels, bins=10)
        slopes.append(found.class_slope[0, 1])
        errors.append(found.class_stderr[0, 1])
    # ranks share their sum, so that the true spread is a little smaller
    assert 0.6 < np.std(slopes) / np.mean(errors) < 1.1


def test_ties_are_broken_at_random_by_seed_or_share_their_mean_rank() -> None:
    labels = torch.arange(100) % 2
    fields, matrix = torch.zeros(1, 100, 40), torch.ones(1, 2, 40)
    one, same, other = (rank_distribution(fields, matrix, labels, seed=s) for s in (0, 0, 1))
    assert np.array_equal(one.density, same.density)
    assert not np.array_equal(one.density, other.density)
    assert abs(one.slope[0]) < 0.3
    shared = rank_distribution(fields, matrix, labels, bins=20, ties="average")
    assert shared.mean_density[0, 10] == 20  # all in the middle
    mixed = torch.tensor([3.0, 1.0, 3.0, 2.0, 1.0] * 8).view(1, 40, 1)
    averaged = rank_distribution(mixed, matrix[:, :, :1], labels[:40], bins=4, ties="average")
    truth = rankdata(mixed[0, :, 0].numpy()) - 1
    counts = np.bincount(np.minimum(3, (truth * 4 / 39).astype(int)), minlength=4)
    assert np.allclose(averaged.mean_density[0], counts / 10)


def test_a_stack_is_its_members_and_layers_follow_in_order() -> None:
    ensemble, x = MLPEnsemble((5, 8, 6, 3), [4, 2]), torch.randn(100, 5)
    labels: Tensor = torch.arange(100) % 3
    layers = rank_distributions(ensemble, x, labels, members=2, bins=10)
    assert [found.layer for found in layers] == ["relu1", "relu2"]
    for member in range(2):
        solo = rank_distributions(ensemble.member(member), x, labels, bins=10)
        for ours, theirs in zip(layers, solo, strict=True):
            assert np.allclose(ours.density[member], theirs.density[0])


def test_half_precision_is_ranked_as_it_stands() -> None:
    fields = torch.randn(1, 60, 7, generator=torch.Generator().manual_seed(1)).bfloat16()
    matrix, labels = torch.ones(1, 3, 7), torch.arange(60) % 3
    found = rank_distribution(fields, matrix, labels, bins=4)
    same = rank_distribution(fields.double(), matrix, labels, bins=4)  # the same ties, too
    assert np.array_equal(found.density, same.density)


def test_bad_requests_are_refused() -> None:
    model, x, labels = MLP((5, 8, 3), 0), torch.randn(90, 5), torch.arange(90) % 3
    refusal("too few for 20 bins", lambda: rank_distributions(model, x, labels))
    refusal("class 2 has no sample", lambda: rank_distributions(model, x, labels % 2, bins=10))
    refusal("3 classes", lambda: rank_distributions(model, x, labels + 1, bins=10))
    refusal("90 whole-number", lambda: rank_distributions(model, x, labels[:9], bins=10))
    refusal("ties is", lambda: rank_distributions(model, x, labels, bins=10, ties="no"))
    refusal("bins is", lambda: rank_distributions(model, x, labels, bins=1))
