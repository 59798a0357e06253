"""Sharpness against whole Hessians, of networks with samples of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.loop import member_losses
from regime_lib.lab.training.sharpness import Sharpness

SEEDS = (1, 2, 3)


def made(loss: str) -> tuple[MLPEnsemble, Sharpness, Tensor, Tensor]:
    """Make three tiny networks in double precision, each with samples of its own."""
    model = MLPEnsemble((4, 5, 3), SEEDS).double()
    fixed = torch.Generator().manual_seed(7)
    inputs = torch.randn(3, 12, 4, generator=fixed, dtype=torch.float64)
    labels = torch.randint(3, (3, 12), generator=fixed)
    return model, Sharpness(model, inputs, labels, loss, tolerance=1e-10), inputs, labels


def hessian_of(member: int, loss: str, model: MLPEnsemble, x: Tensor, y: Tensor) -> np.ndarray:
    """Return the whole Hessian of one member's loss, in all of its weights."""
    solo = model.member(member)
    names, values = zip(*solo.named_parameters(), strict=True)
    sizes = [value.numel() for value in values]

    def of(flat: Tensor) -> Tensor:
        parts = flat.split(sizes)
        own = {n: p.view_as(v) for n, p, v in zip(names, parts, values, strict=True)}
        return member_losses(functional_call(solo, own, (x[member],)), y[member], False, loss)[0]

    flat = torch.cat([value.detach().flatten() for value in values])
    return np.asarray(torch.autograd.functional.hessian(of, flat))


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
def test_it_is_the_largest_eigenvalue_of_the_whole_hessian(loss: str) -> None:
    model, look, inputs, labels = made(loss)
    found = look()
    for member in range(3):
        whole = hessian_of(member, loss, model, inputs, labels)
        assert found[member] == pytest.approx(np.linalg.eigvalsh(whole)[-1], rel=1e-6)


def test_it_follows_the_weights_and_leaves_them_alone() -> None:
    model, look, inputs, labels = made("squared")
    look()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.3)
    found = look()  # from the vector that was found before
    expected = [
        np.linalg.eigvalsh(hessian_of(member, "squared", model, inputs, labels))[-1]
        for member in range(3)
    ]
    assert np.allclose(found, expected, rtol=1e-5)
    assert all(torch.equal(1.3 * before[n], v) for n, v in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_it_is_found_to_the_share_that_is_asked_for_and_the_same_again() -> None:
    model, exact, inputs, labels = made("cross-entropy")
    coarse, again = (Sharpness(model, inputs, labels, "cross-entropy") for _ in "ab")
    found = coarse()
    assert found == pytest.approx(exact(), rel=1e-4)
    assert np.array_equal(found, again())
