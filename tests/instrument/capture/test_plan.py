"""What is refused at the first look, and that the refusal names what was found."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import Stacked, vectors
from tests.sentences import refusal


def refused(model: nn.Module, names: str, **options: object) -> str:
    def track() -> None:
        with RegimeTracker(model, vectors(), **options):
            pass

    return refusal(names, track)


def test_a_model_without_a_pattern_is_refused_with_its_modules() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 5), nn.Sigmoid())
    message = refused(model, "no rectifier ran")
    assert "Linear x2" in message
    assert "Tanh x1" in message
    assert "Sigmoid x1" in message


def test_a_model_of_smooth_activations_is_refused_with_the_option_that_tracks_them() -> None:
    message = refused(nn.Sequential(nn.Linear(6, 5), nn.GELU(), nn.SiLU()), "smooth=True")
    assert "gelu" in message
    assert "silu" in message


def test_what_was_found_but_cannot_be_tracked_is_named() -> None:
    class Folded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x.sum(dim=0)[:5]) + x.abs()[:, :5]

    message = refused(Folded(), "no axis of the samples")
    assert "absolute value" in message


def test_a_bare_function_of_nothing_is_refused() -> None:
    assert "Identity x1" in refused(nn.Identity(), "no rectifier ran")


def test_an_unknown_layer_is_refused_with_the_known_ones() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.ReLU6())
    message = refused(model, "no layer is called 7", layers=["1", "7"])
    assert "1, 2" in message


def test_a_lazy_layer_is_refused_and_not_initialised() -> None:
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU())
    refused(model, "0.weight")
    assert isinstance(model[0], nn.LazyLinear)
    assert isinstance(model[0].weight, nn.parameter.UninitializedParameter)


def test_a_lazy_layer_can_be_tracked_once_it_has_run() -> None:
    model = nn.Sequential(nn.LazyLinear(5), nn.ReLU())
    model(vectors())
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
    assert tracker.coverage.units == 5


@pytest.mark.parametrize("members", [2, 4])
def test_a_wrong_number_of_members_is_refused_with_the_parameter(members: int) -> None:
    def track() -> None:
        with RegimeTracker(Stacked(3), torch.randn(5, 6), members=members):
            pass

    message = refusal("the parameter weight has shape (3, 6, 9)", track)
    assert f"members={members}" in message


def test_members_of_a_scalar_parameter_are_refused() -> None:
    class Scaled(Stacked):
        def __init__(self) -> None:
            super().__init__(3)
            self.scale = nn.Parameter(torch.ones(()))

    def track() -> None:
        with RegimeTracker(Scaled(), torch.randn(5, 6), members=3):
            pass

    refusal("the parameter scale", track)


def test_an_operator_that_hides_its_rectifiers_is_refused() -> None:
    """The fused encoder layer cannot be avoided where a model calls the operator itself."""

    class Fused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            layer, attention = self.layer, self.layer.self_attn
            return torch._transformer_encoder_layer_fwd(
                x[:, None],
                6,
                2,
                attention.in_proj_weight,
                attention.in_proj_bias,
                attention.out_proj.weight,
                attention.out_proj.bias,
                False,
                False,
                1e-5,
                layer.norm1.weight,
                layer.norm1.bias,
                layer.norm2.weight,
                layer.norm2.bias,
                layer.linear1.weight,
                layer.linear1.bias,
                layer.linear2.weight,
                layer.linear2.bias,
            )

    message = refused(Fused(), "_transformer_encoder_layer_fwd")
    assert "rectifier" in message
