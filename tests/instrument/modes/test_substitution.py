"""The substitution map against products of weights written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import LinearSubstitute, substitution_map
from regime_lib.instrument.modes.substitution import substitution_matrices
from regime_lib.lab import MLP, MLPEnsemble
from tests.sentences import refusal


@pytest.fixture(scope="module")
def normalised() -> nn.Sequential:
    torch.manual_seed(1)
    model = nn.Sequential(
        *(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Tanh()),
        *(nn.Linear(7, 6), nn.BatchNorm1d(6), nn.ReLU()),
        nn.Linear(6, 3),
    ).double()
    with torch.no_grad():
        for layer in (model[1], model[4]):
            layer.weight.uniform_(-2, 2)
            layer.bias.normal_()
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.2, 3)
    return model


X = torch.randn(11, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def factor(layer: nn.Module) -> Tensor:
    """Return gamma / sigma as a diagonal matrix."""
    return torch.diag(layer.weight / (layer.running_var + layer.eps).sqrt())


def test_the_matrix_is_the_product_of_weights_and_normalisation(normalised: nn.Module) -> None:
    model = normalised
    last = model[6].weight
    middle = last @ factor(model[4]) @ model[3].weight
    whole = middle @ factor(model[1]) @ model[0].weight
    for layer, truth in ((2, last), (1, middle), (0, whole)):
        found = substitution_map(model, X, layer)
        torch.testing.assert_close(found.matrix[0], truth.detach())
        assert found.error < 1e-12
    assert substitution_map(model, X, 0).layer == "inputs"
    assert substitution_map(model, X, 2).layer == "5"


def test_the_substitute_is_the_model_with_identities_above(normalised: nn.Module) -> None:
    plain = normalised.eval()
    for keep in range(3):
        layers = list(plain)
        if keep < 2:
            layers[5] = nn.Identity()
        if keep < 1:
            layers[2] = nn.Identity()
        truth = nn.Sequential(*layers)(X)
        kept = LinearSubstitute(plain, X, keep)(X)
        torch.testing.assert_close(kept, truth.detach())
        moved = LinearSubstitute(plain, X, keep, shifts="recentred")(X)
        torch.testing.assert_close(moved.mean(0), plain(X).mean(0).detach())
        torch.testing.assert_close(moved - moved.mean(0), kept - kept.mean(0))


def test_dropped_shifts_leave_the_matrix_alone(normalised: nn.Module) -> None:
    bare = LinearSubstitute(normalised, X, 0, shifts="dropped")
    torch.testing.assert_close(bare(X), X @ substitution_map(normalised, X, 0).matrix[0].T)
    torch.testing.assert_close(bare(2 * X), 2 * bare(X))


def test_members_have_the_maps_of_their_solo_networks() -> None:
    ensemble, x = MLPEnsemble((5, 8, 6, 3), [4, 2]), torch.randn(9, 5)
    for layer in range(3):
        found = substitution_map(ensemble, x, layer, members=2)
        logits = LinearSubstitute(ensemble, x, layer, members=2)(x)
        for member in range(2):
            solo = ensemble.member(member)
            torch.testing.assert_close(
                found.matrix[member], substitution_map(solo, x, layer).matrix[0]
            )
            torch.testing.assert_close(logits[member], LinearSubstitute(solo, x, layer)(x))


def test_convolutions_and_average_pools_are_affine() -> None:
    model = nn.Sequential(
        *(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(8, 4), nn.GELU(), nn.Linear(4, 3)),
    ).double()
    x = torch.randn(4, 1, 6, 6, dtype=torch.float64)
    found = substitution_map(model, x, 0)
    bent = nn.Sequential(
        *(nn.Identity() if k in (1, 5) else layer for k, layer in enumerate(model))
    )
    by_hand = x.flatten(1) @ found.matrix[0].T + found.shift[0]
    torch.testing.assert_close(by_hand, bent(x).detach())


def test_the_model_is_left_alone(normalised: nn.Module) -> None:
    normalised.train()
    kept = {k: v.clone() for k, v in normalised.state_dict().items()}
    LinearSubstitute(normalised, X, 1)(X)
    assert normalised.training
    assert all(torch.equal(kept[k], v) for k, v in normalised.state_dict().items())
    assert all(p.grad is None for p in normalised.parameters())


class Gate(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x


def test_what_is_not_affine_is_refused_by_name() -> None:
    def net(layer: nn.Module) -> nn.Module:
        return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), layer, nn.Linear(6, 2))

    x = torch.randn(3, 4)
    refusal("layer '2' (LayerNorm)", lambda: substitution_map(net(nn.LayerNorm(6)), x, 1))
    refusal("forward function", lambda: substitution_map(net(Gate()), x, 1))
    pool = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten())
    refusal("MaxPool1d", lambda: substitution_map(pool, torch.randn(2, 1, 6), 0))
    refusal("expected 0 to 1", lambda: substitution_map(MLP((4, 3, 2), 0), x, 2))
    refusal("shifts is", lambda: LinearSubstitute(MLP((4, 3, 2), 0), x, 1, shifts="lost"))


class Bypassed(nn.Module):
    """Two residual blocks, the second adding in place, and a branch that reads the inputs."""

    def __init__(self, top: nn.Module) -> None:
        super().__init__()
        self.one, self.two, self.aside = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 4)
        self.out, self.top = nn.Linear(5, 3), nn.Sequential(top, nn.Linear(4, 3))

    def forward(self, x: Tensor) -> Tensor:
        h = x + self.one(x).relu()
        grown = 2 * self.two(h).tanh()
        grown += h
        return self.out(grown) + self.top(self.aside(x).relu())


@pytest.mark.parametrize("frozen", [False, True])
def test_all_matrices_at_once_are_those_of_the_layers_one_by_one(
    normalised: nn.Sequential, frozen: bool
) -> None:
    torch.manual_seed(3)
    conv = nn.Sequential(
        *(nn.Conv1d(1, 2, 2), nn.ReLU(inplace=True), nn.AvgPool1d(2), nn.Flatten()),
        *(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 3)),
    )
    cases: list[tuple[nn.Module, Tensor, int | None]] = [
        (normalised, X, None),
        (MLPEnsemble((5, 8, 7, 6, 3), [4, 2], "tanh"), X.float(), 2),
        (conv.double(), X[:, None], None),
        (Bypassed(nn.Identity()).double(), X, None),
    ]
    for model, x, members in cases:
        model.requires_grad_(not frozen)
        found = substitution_matrices(model, x, members=members)
        for layer, matrix in enumerate(found, start=1):
            alone = substitution_map(model, x, layer, members=members)
            assert torch.equal(matrix, alone.matrix)
        model.requires_grad_(True)


def test_a_chain_is_differentiated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*given: object, **options: object) -> None:
        raise AssertionError("the layers were looked at one by one")

    monkeypatch.setattr("regime_lib.instrument.modes.substitution.substitution_map", never)
    assert len(substitution_matrices(MLPEnsemble((5, 8, 6, 3), [4, 2]), X.float(), members=2)) == 2


def test_at_once_as_well_what_is_not_affine_is_refused() -> None:
    model = Bypassed(nn.LayerNorm(4)).double()  # not above the first two activations
    refusal("layer 'top.0' (LayerNorm)", lambda: substitution_matrices(model, X))
    high = nn.Sequential(
        *(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.LayerNorm(4)),
        nn.Linear(4, 2),
    ).double()
    refusal("above layer '1' is not affine", lambda: substitution_matrices(high, X))
    # linear along every ray, so that no single ray shows it
    pool = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.MaxPool1d(2), nn.Linear(2, 2)).double()
    refusal("MaxPool1d", lambda: substitution_matrices(pool, X))
