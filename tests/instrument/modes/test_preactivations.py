"""Local fields are found wherever they are read, and reading them changes nothing."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import (
    order_preservation,
    rank_distributions,
    read_preactivations,
    sample_basins,
    weight_basins,
)
from regime_lib.instrument.certificates.chain import read_chain
from regime_lib.instrument.modes.preactivations import PreActivationMode
from regime_lib.lab import MLP, MLPEnsemble
from tests.instrument import chains
from tests.sentences import refusal


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(5, 6), nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.three(torch.tanh(self.two(F.relu(self.one(x), inplace=True))))


def test_fields_of_functions_and_modules_are_what_the_layers_compute() -> None:
    torch.manual_seed(0)
    model, x = Functional(), torch.randn(7, 5)
    fields = read_preactivations(model, x)
    one = model.one(x)
    assert fields.layers == ("relu", "tanh")
    torch.testing.assert_close(fields.before[0][0], one.detach())
    torch.testing.assert_close(fields.after[0][0], one.relu().detach())
    torch.testing.assert_close(fields.before[1][0], model.two(one.relu()).detach())
    torch.testing.assert_close(fields.logits[0], model(x).detach())


def test_identity_modules_give_linear_networks_local_fields() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Identity(), nn.Linear(3, 2))
    x = torch.randn(5, 4)
    fields = read_preactivations(model, x)
    assert fields.layers == ("1",)
    torch.testing.assert_close(fields.before[0][0], model[0](x).detach())


def test_members_are_read_as_their_solo_networks() -> None:
    ensemble, x = MLPEnsemble((5, 8, 6, 3), [1, 2]), torch.randn(9, 5)
    fields = read_preactivations(ensemble, x, members=2)
    for member in range(2):
        solo = read_preactivations(ensemble.member(member), x)
        for ours, theirs in zip(fields.before, solo.before, strict=True):
            torch.testing.assert_close(ours[member], theirs[0])


def test_convolutions_have_a_unit_a_channel_and_place() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    assert read_preactivations(model, torch.randn(6, 1, 4, 4)).before[0].shape == (1, 6, 12)


def test_reading_changes_neither_mode_nor_statistics_nor_random_numbers() -> None:
    model = nn.Sequential(
        nn.Linear(4, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 2)
    )
    kept, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    read_preactivations(model, torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(kept[k], v) for k, v in model.state_dict().items())


def test_what_cannot_be_read_is_refused() -> None:
    x = torch.randn(6, 4)
    refusal("no elementwise activation", lambda: read_preactivations(nn.Linear(4, 2), x))
    refusal("members=K", lambda: read_preactivations(MLPEnsemble((4, 3, 2), [0, 1]), x))
    refusal("stack of that many", lambda: read_preactivations(MLP((4, 3, 2), 0), x, members=2))
    refusal("floating-point", lambda: read_preactivations(MLP((4, 3, 2), 0), x.long()))
    refusal("not finite", lambda: read_preactivations(MLP((4, 3, 2), 0), x * torch.inf))


@pytest.mark.parametrize("kind", [nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Softplus, nn.LeakyReLU])
def test_usual_activations_are_known(kind: type[nn.Module]) -> None:
    model = nn.Sequential(nn.Linear(4, 3), kind(), nn.Linear(3, 2))
    assert read_preactivations(model, torch.randn(2, 4)).layers == ("1",)


@pytest.mark.parametrize("model", [chains.small_cnn(), chains.average_cnn()], ids=["max", "mean"])
def test_fields_of_chains_are_those_that_certificates_read(model: nn.Module) -> None:
    x = chains.images(8)
    truth = read_chain(model, x).preactivations(dict(model.named_parameters()), x)
    for ours, theirs in zip(read_preactivations(model, x).before, truth, strict=True):
        torch.testing.assert_close(ours[0], theirs.detach())


def test_chains_can_be_measured_and_a_max_pool_is_refused_where_a_map_is_needed() -> None:
    model, x = chains.small_cnn(), chains.images(8)
    labels = model(x).argmax(-1).detach()
    for measure in (sample_basins, weight_basins):
        found = measure(model, x, labels, draws=3, precision=0.5)
        assert found.censored[0, 0] == 1 or 0 < found.amplitude[0, 0] < 100
    assert all(bool(layer.exact.any()) for layer in order_preservation(model, x))
    refusal("MaxPool2d", lambda: rank_distributions(model, x, torch.arange(8) % 3, bins=2, seed=1))


def test_a_watch_that_does_not_record_sees_the_same_calls() -> None:
    model, x = MLPEnsemble((5, 8, 6, 3), [1, 2]), torch.randn(9, 5)
    seen = []
    for record in (True, False):
        with PreActivationMode(model, 1, record=record).listening() as mode:
            seen.append(model(x))
        assert mode.layers == ["relu1", "relu2"]
        assert len(mode.before) == len(mode.after) == (2 if record else 0)
    assert torch.equal(*seen)
