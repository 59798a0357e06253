"""Initial scales: all parameters times one number, or one number per member."""

from __future__ import annotations

import pytest
import torch

from regime_lib.lab import MLP, MLPEnsemble, scale_parameters
from tests.sentences import refusal

SIZES = (4, 5, 3)


def test_every_parameter_is_multiplied() -> None:
    model, reference = MLP(SIZES, 3), MLP(SIZES, 3)
    scale_parameters(model, 8.0)
    for mine, plain in zip(model.parameters(), reference.parameters(), strict=True):
        assert torch.equal(mine, 8 * plain)


def test_members_may_have_factors_of_their_own() -> None:
    model, reference = MLPEnsemble(SIZES, [1, 2, 3]), MLPEnsemble(SIZES, [1, 2, 3])
    scale_parameters(model, [1.0, 2.0, 0.5])
    for k, factor in enumerate((1.0, 2.0, 0.5)):
        for mine, plain in zip(model.parameters(), reference.parameters(), strict=True):
            assert torch.equal(mine[k], factor * plain[k])


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), float("inf"), [1.0, 0.0]])
def test_factors_that_are_none_are_refused(factor: float | list[float]) -> None:
    refusal(
        "expected finite numbers above 0",
        lambda: scale_parameters(MLPEnsemble(SIZES, [1, 2]), factor),
    )


def test_a_wrong_number_of_factors_is_refused() -> None:
    refusal("2 factors for a plain model", lambda: scale_parameters(MLP(SIZES, 0), [1.0, 2.0]))
    refusal(
        "3 factors for 2 members",
        lambda: scale_parameters(MLPEnsemble(SIZES, [1, 2]), [1.0, 2.0, 3.0]),
    )
