"""Order preservation against loops over pairs, SciPy, and the paper's own examples."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import Tensor, nn

from regime_lib.instrument import order_preservation, substitution_map
from regime_lib.instrument.modes.order import order_agreement
from regime_lib.lab import MLP, MLPEnsemble
from tests.sentences import refusal

RANDOM = np.random.default_rng(0)
H = torch.from_numpy(RANDOM.standard_normal((30, 1)))


def by_pairs(field: list[float], output: list[float]) -> tuple[float, bool, bool, int]:
    """Return agreement, exact, strict and pairs with two plain loops."""
    score, reversed_, tied, pairs = 0.0, 0, 0, 0
    for (h1, y1), (h2, y2) in combinations(zip(field, output, strict=True), 2):
        if h1 == h2:
            continue
        pairs += 1
        score += 0.5 if y1 == y2 else float((h1 < h2) == (y1 < y2))
        tied += y1 == y2
        reversed_ += y1 != y2 and (h1 < h2) != (y1 < y2)
    agreement = score / pairs if pairs else float("nan")
    return agreement, bool(pairs) and not reversed_, bool(pairs) and not reversed_ + tied, pairs


def test_agreement_is_a_loop_over_pairs_with_and_without_ties() -> None:
    fields = torch.from_numpy(RANDOM.integers(-3, 4, (25, 6)).astype(float))
    outputs = torch.stack(
        [
            fields[:, 0],
            fields[:, 1].relu(),
            -fields[:, 2],
            fields[:, 3] ** 2,
            fields[:, 5],
            fields[:, 4],
        ],
        dim=1,
    )
    fields[:, 5] = 1.0  # a unit whose field is the same for all samples
    agreement, _, exact, strict, pairs = order_agreement(fields, outputs)
    for unit in range(6):
        truth = by_pairs(fields[:, unit].tolist(), outputs[:, unit].tolist())
        assert float(agreement[unit]) == pytest.approx(truth[0], nan_ok=True)
        assert (bool(exact[unit]), bool(strict[unit]), int(pairs[unit])) == truth[1:]


def test_without_ties_it_is_kendalls_tau() -> None:
    y = H + 0.7 * torch.from_numpy(RANDOM.standard_normal((30, 1)))
    agreement, stderr, *_ = order_agreement(H, y)
    tau = kendalltau(H[:, 0].numpy(), y[:, 0].numpy()).statistic
    assert float(agreement[0]) == pytest.approx((1 + tau) / 2)
    assert 0 < float(stderr[0]) < 0.2


def test_the_standard_error_is_the_spread_over_samples() -> None:
    x = torch.from_numpy(RANDOM.standard_normal((60, 400)))
    y = x + torch.from_numpy(RANDOM.standard_normal((60, 400)))
    agreement, stderr, *_ = order_agreement(x, y)
    assert float(stderr.mean()) == pytest.approx(float(agreement.std()), rel=0.15)


def test_the_papers_examples_of_both_kinds() -> None:
    fold = torch.tanh(2 * H + 0.3) + torch.tanh(-1.5 * H + 1)
    for output, exact in ((H, True), (H.tanh(), True), ((-(H**2)).exp(), False), (fold, False)):
        assert bool(order_agreement(H, output)[2][0]) is exact


@pytest.mark.parametrize("kind", [nn.Tanh, nn.ReLU, nn.Identity])
def test_single_units_of_monotone_activations_keep_order(kind: type[nn.Module]) -> None:
    model = nn.Sequential(nn.Linear(4, 9), kind(), nn.Linear(9, 3))
    (found,) = order_preservation(model, torch.randn(20, 4))
    assert bool(found.exact.all())
    assert bool(found.strict.all()) == (kind is not nn.ReLU)
    assert float(found.share(0.5)[0]) == 1.0


def test_the_layer_hands_on_what_its_cooperating_units_sum_up_to() -> None:
    torch.manual_seed(0)
    model, x = MLP((4, 6, 5, 3), 3), torch.randn(15, 4)
    found = order_preservation(model, x, against="layer")[0]
    matrix = substitution_map(model, x, 1).matrix[0]
    h = model.hidden1(x).detach()
    for k in range(3):
        total = h.relu() @ matrix[k]
        for unit in range(6):
            truth = by_pairs((h[:, unit] * matrix[k, unit].sign()).tolist(), total.tolist())
            assert float(found.agreement[0, k, unit]) == pytest.approx(truth[0])


def test_members_are_their_solo_networks() -> None:
    ensemble, x = MLPEnsemble((4, 6, 3), [1, 2]), torch.randn(12, 4)
    both = order_preservation(ensemble, x, members=2)[0].agreement
    for member in range(2):
        solo = order_preservation(ensemble.member(member), x)[0].agreement
        torch.testing.assert_close(both[member], solo[0])


def test_bad_requests_are_refused() -> None:
    x: Tensor = torch.randn(5, 4)
    refusal("two samples", lambda: order_preservation(MLP((4, 3, 2), 0), x[:1]))
    refusal("against is", lambda: order_preservation(MLP((4, 3, 2), 0), x, against="all"))
