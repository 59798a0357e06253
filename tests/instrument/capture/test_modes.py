"""Every way to write a piecewise-linear function is seen; what is not tracked is listed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import Coverage, Kind, RegimeTracker
from tests.instrument.cases import (
    ARCHITECTURES,
    PIECEWISE,
    POOLS,
    RECTIFIERS,
    SCRIPTED,
    Case,
    Plain,
    TwoLayers,
    linear,
)
from tests.instrument.observing import assert_is, observe, recorded


def coverage_of(model: nn.Module, probe: object, **options: object) -> Coverage:
    with RegimeTracker(model, probe, **options) as tracker:
        return tracker.coverage


@pytest.mark.parametrize("case", [*RECTIFIERS, *PIECEWISE, *POOLS, *ARCHITECTURES], ids=str)
def test_patterns_are_those_of_the_explicit_formula(case: Case) -> None:
    model, probe = case.model(), case.batch(0)
    truth = case.truth(case.model().eval(), probe)
    assert_is(observe(model, probe, **case.options), truth)


@pytest.mark.parametrize("case", RECTIFIERS, ids=str)
def test_every_spelling_of_a_rectifier_is_called_one(case: Case) -> None:
    layers = coverage_of(case.model(), case.batch(0)).layers
    assert [layer.kind for layer in layers] == [Kind.RECTIFIER, Kind.RECTIFIER]


@pytest.mark.parametrize("case", PIECEWISE, ids=str)
def test_other_functions_are_called_by_what_they_are(case: Case) -> None:
    layer, _ = coverage_of(case.model(), case.batch(0), **case.options).layers
    two_sided = len(case.truth(case.model(), case.batch(0))[0].thresholds) == 2
    smooth = "smooth" in case.options
    assert layer.kind is (Kind.CLIP if two_sided else Kind.SMOOTH if smooth else Kind.RECTIFIER)
    assert layer.planes == (2 if two_sided else 1)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:DeprecationWarning")
def test_a_scripted_module_is_seen_run_after_run() -> None:
    """The profiling executor replaces the graph by an optimised one after some runs."""
    model, probe = SCRIPTED.model(), SCRIPTED.batch(0)
    with RegimeTracker(model, probe) as tracker:
        for step in range(12):
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(0.05 * torch.randn_like(parameter))
            model(SCRIPTED.batch(step)).sum().backward()
            tracker.update()
            assert_is(recorded(tracker), SCRIPTED.truth(model, probe))


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_a_traced_module_is_seen() -> None:
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 8), nn.ReLU())
    traced = torch.jit.trace(model, torch.randn(2, 6))
    probe = torch.randn(7, 6)
    (_, one), (_, two) = observe(model, probe)
    (_, first), (_, second) = observe(traced, probe)
    assert (one == first).all()
    assert (two == second).all()


class Ensemble(nn.Module):
    """Three networks run at once by `vmap` over their stacked parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.networks = tuple(Plain() for _ in range(3))  # a tuple: no submodules
        stacked, _ = torch.func.stack_module_state(list(self.networks))
        self.names = list(stacked)
        self.stacked = nn.ParameterList(nn.Parameter(p.detach()) for p in stacked.values())

    def forward(self, x: Tensor) -> Tensor:
        def run(parameters: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(self.networks[0], parameters, (x,))

        return torch.vmap(run)(dict(zip(self.names, self.stacked, strict=True)))


@pytest.mark.parametrize("samples", [3, 5, 9])
def test_an_ensemble_run_by_vmap_is_seen_member_by_member(samples: int) -> None:
    model, probe = Ensemble(), torch.randn(samples, 6)
    (_, first), (_, second) = observe(model, probe, members=3)
    for member, network in enumerate(model.networks):
        z = linear(probe, network.first)
        assert (first[0, member] == (z > 0).numpy()).all()
        assert (second[0, member] == (linear(F.relu(z), network.second) > 0).numpy()).all()


# --- names and counts ---------------------------------------------------------------------------


def test_a_layer_is_called_by_its_module_or_by_its_module_and_function() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.act = nn.Linear(6, 6), nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return F.leaky_relu(self.act(self.linear(x))) + self.act(x)

    model = nn.Sequential(Block(), Block())
    assert [layer.name for layer in coverage_of(model, torch.randn(4, 6)).layers] == [
        "0.act",
        "0.leaky_relu",
        "0.act#2",
        "1.act",
        "1.leaky_relu",
        "1.act#2",
    ]


def test_a_module_called_all_is_not_taken_for_the_whole_model() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.all, self.linear = nn.Linear(4, 4), nn.Linear(4, 4)
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.linear(self.all(x)))

    with RegimeTracker(Odd(), torch.randn(5, 4)) as tracker:
        tracker.update()
    for series in tracker.trace.all_series:
        assert len(set(series.layers)) == len(series.layers), series.quantity


def test_units_are_channels_times_positions_and_tokens_times_hidden_units() -> None:
    images = torch.randn(3, 2, 6, 5)
    assert coverage_of(nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU()), images).units == 4 * 4 * 3
    layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, batch_first=True)
    assert coverage_of(layer, torch.randn(3, 7, 8)).units == 7 * 16
    network = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
    coverage = coverage_of(network, images)
    assert (coverage.units, coverage.winners, coverage.samples) == (48, 4 * 2 * 1, 3)


def test_coverage_prints_a_line_per_layer() -> None:
    model = nn.Sequential(nn.Conv2d(1, 400, 3), nn.ReLU(), nn.MaxPool2d(2), nn.GELU())
    lines = str(coverage_of(model, torch.randn(3, 1, 6, 6))).splitlines()
    assert lines[0] == "6,400 rectified units on each of 3 probe samples"
    assert [line.split()[:3] for line in lines[1:3]] == [
        ["1", "relu", "rectifier"],
        ["2", "max_pool2d", "winner"],
    ]
    assert "not tracked: gelu" in lines[3]
    assert "smooth=True" in lines[3]


def test_layers_can_be_chosen_by_name() -> None:
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.ReLU6(), nn.Linear(7, 3))
    probe = torch.randn(5, 6)
    every = observe(model, probe)
    for chosen in (["1"], ["3"], "3", ["1", "3"]):
        found = observe(model, probe, layers=chosen)
        assert [layer for layer, _ in found] == [
            layer for layer, _ in every if layer.name in chosen
        ]
        for layer, bits in found:
            assert (bits == dict(every)[layer]).all()


def test_layers_seen_by_different_modes_can_be_mixed_and_chosen() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(4, 5, nonlinearity="relu", batch_first=True)
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.rnn(self.act(x))[0])

    model, probe = Mixed(), torch.randn(6, 3, 4)
    every = observe(model, probe)
    assert [layer.name for layer, _ in every] == [
        "act",
        "rnn.relu",
        "rnn.relu#2",
        "rnn.relu#3",
        "act#2",
    ]
    for name in ("act", "rnn.relu#2", "act#2"):
        ((layer, bits),) = observe(model, probe, layers=[name])
        assert layer.name == name
        assert (bits == dict(every)[layer]).all()


# --- what is not tracked ------------------------------------------------------------------------


def _masked_assignment(z: Tensor) -> Tensor:
    z = z.clone()
    z[z < 0] = 0
    return z


HARD_TO_SEE: dict[str, Callable[[Tensor], Tensor]] = {
    "z * (z > zeros)": lambda z: z * (z > torch.zeros_like(z)),
    "z * (z > tensor(0))": lambda z: z * (z > torch.tensor(0.0)),
    "where(z > zeros, z, zeros)": lambda z: torch.where(
        z > torch.zeros_like(z), z, torch.zeros_like(z)
    ),
    "z[z < 0] = 0": _masked_assignment,
    "z.clamp(min=zeros)": lambda z: z.clamp(min=torch.zeros_like(z)),
    "z / 2 + |z| / 2": lambda z: z / 2 + z.abs() / 2,
    "z * (sign(z) + 1) / 2": lambda z: z * (z.sign() + 1) / 2,
    "z * heaviside(z)": lambda z: z * torch.heaviside(z, torch.zeros(1)),
    "-min(-z, 0)": lambda z: -torch.minimum(-z, torch.zeros(1)),
    "sqrt(z * z)": lambda z: z.abs(),
    "max over an axis": lambda z: z.amax(dim=1, keepdim=True) + z,
    "max with indices": lambda z: z.max(dim=1, keepdim=True).values + z,
    "minimum over an axis": lambda z: z.amin(dim=1, keepdim=True) + z,
    "cumulated maximum": lambda z: z.cummax(dim=1).values,
    "median": lambda z: z.median(dim=1, keepdim=True).values + z,
    "sort": lambda z: z.sort(dim=1).values,
    "topk": lambda z: z.topk(3, dim=1).values.sum(dim=1, keepdim=True) + z,
    "rounding": lambda z: z.round(),
    "ceiling": lambda z: z.ceil(),
    "truncation": lambda z: z.trunc(),
    "clamp elsewhere": lambda z: z.clamp(min=0.1),
    "threshold gate elsewhere": lambda z: z * (z > 0.1),
    "gate of another tensor": lambda z: z * (z.roll(1, dims=1) > 0),
    "gelu": F.gelu,
    "fractional max-pool": lambda z: F.fractional_max_pool2d(z[:, None, None], (1, 2), (1, 5))[
        :, 0, 0
    ],
}


@pytest.mark.parametrize("name", HARD_TO_SEE)
def test_a_piecewise_linear_function_is_tracked_or_listed_as_not_tracked(name: str) -> None:
    model = nn.Sequential(TwoLayers(nn.ReLU()), nn.Linear(3, 10))
    plain = coverage_of(model, torch.randn(12, 6))
    assert plain.unseen == ()
    assert len(plain.layers) == 2

    class Hidden(nn.Module):
        def forward(self, z: Tensor) -> Tensor:
            return HARD_TO_SEE[name](z)

    coverage = coverage_of(nn.Sequential(*model, Hidden()), torch.randn(12, 6))
    assert len(coverage.layers) > 2 or coverage.unseen


def test_what_is_not_piecewise_linear_is_not_listed() -> None:
    class Smooth(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x = x.softmax(dim=1) + x.tanh() + x.sigmoid() + x.exp().log1p()
            x = F.layer_norm(x, x.shape[1:]) * x.mean(dim=1, keepdim=True)
            kept = torch.where(torch.arange(x.shape[1]) > 2, x, 0.0)  # a mask of positions
            return F.dropout(kept, 0.1) + F.pad(x, (1, 1))[:, 1:-1]

    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), Smooth())
    coverage = coverage_of(model, torch.randn(5, 6))
    assert coverage.unseen == ()
    assert [layer.name for layer in coverage.layers] == ["1"]


def test_smooth_activations_are_listed_and_tracked_on_request() -> None:
    model = nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 8), nn.SiLU()
    )
    probe = torch.randn(5, 6)
    coverage = coverage_of(model, probe)
    assert [item.where for item in coverage.unseen] == ["3", "5"]
    assert all("smooth=True" in item.what for item in coverage.unseen)
    asked = coverage_of(model, probe, smooth=True)
    assert [(layer.op, layer.kind) for layer in asked.layers] == [
        ("relu", Kind.RECTIFIER),
        ("gelu", Kind.SMOOTH),
        ("silu", Kind.SMOOTH),
    ]
    assert asked.unseen == ()


def test_a_rectifier_without_samples_is_listed() -> None:
    class Hyper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale, self.layer = nn.Parameter(torch.randn(7)), nn.Linear(6, 7)

        def forward(self, x: Tensor) -> Tensor:
            return F.relu(self.layer(x) * F.relu(self.scale))

    coverage = coverage_of(Hyper(), torch.randn(5, 6))
    assert [layer.name for layer in coverage.layers] == ["relu"]
    (item,) = coverage.unseen
    assert "no axis of the samples" in item.what
    assert "(7,)" in item.what


# --- precision ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.Hardtanh(-0.3, 0.7)], ids=["relu", "clip"])
def test_models_of_any_float_type_are_read_exactly(
    dtype: torch.dtype, activation: nn.Module
) -> None:
    model = nn.Sequential(nn.Linear(6, 40), activation).to(dtype)
    probe = torch.randn(30, 6, dtype=dtype)
    values = model[0](probe).detach().float().numpy()
    ((layer, bits),) = observe(model, probe)
    thresholds = (0.0,) if layer.planes == 1 else (-0.3, 0.7)
    for plane, threshold in zip(bits[:, 0], thresholds, strict=True):
        clear = abs(values - threshold) > (2e-3 if threshold else 0)  # 0.3 is no half
        assert (plane == (values > threshold))[clear].all()
