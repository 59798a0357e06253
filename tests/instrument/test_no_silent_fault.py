"""Constructs that monitors are known to stumble over: tracked bit for bit, or refused by name.

Each is a kind of fault, not a single model; `test_grammar` draws networks of such constructs.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import orthogonal

from regime_lib.errors import RegimeWarning
from regime_lib.instrument import (
    RegimeTracker,
    attack,
    certify,
    order_preservation,
    rank_distributions,
    read_preactivations,
    sample_basins,
    substitution_map,
    weight_basins,
)
from tests.instrument.execution_state import assert_same, state_of
from tests.sentences import refusal

FEATURES, SAMPLES = 6, 16


def inputs(seed: int = 0, samples: int = SAMPLES) -> Tensor:
    return torch.randn(samples, FEATURES, generator=torch.Generator().manual_seed(seed))


def bits_of(model: nn.Module) -> dict[str, Any]:
    """Read a model with tensors of any layout."""
    seen: dict[str, Any] = {"random": torch.get_rng_state(), "numpy": np.random.get_state()[1]}  # noqa: NPY002
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor):
            seen[name] = tensor.detach().to_dense().contiguous().clone()
            seen[f"{name}: gradient"] = None if tensor.grad is None else tensor.grad.clone()
    return seen


def train(model: nn.Module, look: Callable[[], None], batch: Any, steps: int = 5) -> dict[str, Any]:
    learnable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learnable, lr=0.2)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(*batch) - 1).abs().pow(2).mean().backward()
        optimizer.step()
        look()
    return bits_of(model)


def tracked_as_untracked(
    make: Callable[[], nn.Module], probe: Any, batch: Any = None, **options: Any
) -> RegimeTracker:
    """Train twice, once tracked; compare bit for bit and return the tracker."""
    batch = batch or ((probe,) if isinstance(probe, Tensor) else probe)
    torch.manual_seed(0)
    plain = train(make(), lambda: None, batch)
    torch.manual_seed(0)
    model = make()
    with RegimeTracker(model, probe, **options) as tracker:
        seen = train(model, tracker.update, batch)
    assert_same(plain, seen)
    return tracker


class Two(nn.Module):
    """Two linear layers with a rectifier between; subclasses add what they are about."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(FEATURES, 12), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.b(F.relu(self.a(x)))


# --- state that a forward pass writes ------------------------------------------------------------


class Momentum(Two):
    """Follows its own weights, whatever the mode; through `data`, which no version counts."""

    def __init__(self, data: bool) -> None:
        super().__init__()
        self.slow, self.data = nn.Linear(FEATURES, 12).requires_grad_(False), data

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            for mine, live in zip(self.slow.parameters(), self.a.parameters(), strict=True):
                (mine.data if self.data else mine).lerp_(live, 0.1)
        return super().forward(x) + self.slow(x).mean(1, keepdim=True)


class Lazy(Two):
    """Makes a buffer, an attribute and entries of a list in its forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("state", None)
        self.calls, self.memory, self.last = 0, [], None

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.a(x))
        if self.state is None:
            self.state = h.detach().mean(0)
            self.register_buffer("more", self.state + 1)
        self.calls, self.last = self.calls + 1, h
        self.memory.append(self.calls)
        return self.b(h - self.state * len(self.memory) / 10)


class Late(Two):
    """Begins to write to a buffer, and grows it, after some calls."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("n", torch.tensor(0))
        self.register_buffer("mean", torch.zeros(12))
        self.register_buffer("log", torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.a(x))
        self.n += 1
        if self.n % 3 == 0:
            self.mean.data.lerp_(h.detach().mean(0), 0.5)
            self.log.resize_(len(self.log) + 1).fill_(self.n)
        return self.b(h - self.mean) + self.log.mean() / 100


class Noisy(Two):
    """Draws from generators of its own: an attribute, and one that no module holds."""

    def __init__(self) -> None:
        super().__init__()
        self.own = torch.Generator().manual_seed(1)
        self.array = np.random.default_rng(2)
        hidden = torch.Generator().manual_seed(3)
        self.draw = lambda: torch.rand(12, generator=hidden)

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(12, generator=self.own) + self.draw() + float(self.array.normal())
        return self.b(F.relu(self.a(x) + noise))


@pytest.mark.parametrize(
    "make", [lambda: Momentum(False), lambda: Momentum(True), Lazy, Late, Noisy]
)
def test_what_a_forward_pass_writes_is_put_back(make: Callable[[], nn.Module]) -> None:
    tracker = tracked_as_untracked(make, inputs(1, 24), (inputs(),))
    assert tracker.coverage.units == 12


def test_what_a_forward_pass_makes_is_gone_after_the_block() -> None:
    model = Lazy()
    keys, before = list(model.state_dict()), state_of(model)
    with RegimeTracker(model, inputs()) as tracker:
        tracker.update()
    assert list(model.state_dict()) == keys
    assert (model.calls, model.memory, model.last) == (0, [], None)
    assert_same(state_of(model), before)


def test_a_parameter_that_is_first_written_later_is_named() -> None:
    class Later(Two):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            type(self).calls += 1  # of the class: nothing puts that back
            if self.calls > 3:
                with torch.no_grad():
                    self.b.bias += 1
            return super().forward(x)

    with RegimeTracker(Later(), inputs()) as tracker:
        tracker.update()
        assert "b.bias" in refusal("parameter", tracker.update)


@pytest.mark.parametrize(
    "measure",
    [
        lambda m, x, y: certify(m, x),
        lambda m, x, y: attack(m, x, np.full(len(x), 1e-6), random=1, targets=1),
        lambda m, x, y: read_preactivations(m, x),
        lambda m, x, y: order_preservation(m, x),
        lambda m, x, y: rank_distributions(m, x, y),
        lambda m, x, y: sample_basins(m, x, y, draws=2, precision=0.5),
        lambda m, x, y: weight_basins(m, x, y, draws=2, precision=0.5),
        lambda m, x, y: substitution_map(m, x, 1),
    ],
)
def test_functions_of_a_trained_model_leave_it_as_it_was(measure: Any) -> None:
    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, 2))
            self.register_buffer("n", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                self.n.add_(1)
                self.f[0].bias.mul_(1.01)
            return self.f(x)

    torch.manual_seed(0)
    model, x = Counting(), inputs(samples=120)
    before, given = bits_of(model), x.clone()
    measure(model, x, torch.arange(120) % 2)
    assert_same(bits_of(model), before)
    assert torch.equal(x, given)


# --- buffers of any layout -----------------------------------------------------------------------


def _buffers() -> Iterator[tuple[str, Callable[[], Tensor]]]:
    dense = torch.eye(FEATURES) + 0.1
    yield "expanded", lambda: torch.full((1, 1), 0.3).expand(FEATURES, FEATURES)
    yield "transposed", lambda: dense.clone().T
    yield "sparse", lambda: dense.to_sparse()
    yield "sparse rows", lambda: dense.to_sparse_csr()
    yield "not a number", lambda: torch.where(dense > 1, dense, torch.nan)
    yield "read-only", _read_only


def _read_only() -> Tensor:
    values = np.eye(FEATURES, dtype=np.float32)
    values.flags.writeable = False
    return torch.from_numpy(values)


@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning", "ignore:The given NumPy:UserWarning")
@pytest.mark.parametrize(("name", "build"), list(_buffers()), ids=lambda value: str(value)[:12])
def test_buffers_of_any_layout_are_left_alone(name: str, build: Callable[[], Tensor]) -> None:
    class Holds(Two):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("adjacency", build())

        def forward(self, x: Tensor) -> Tensor:
            return super().forward((self.adjacency @ x.T).T.nan_to_num())

    assert tracked_as_untracked(Holds, inputs()).coverage.units == 12


@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_a_sparse_input_is_taken(layout: torch.layout) -> None:
    class Graph(Two):
        def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
            return self.b(torch.sparse.mm(adjacency, F.relu(self.a(x))))

    graph = (torch.eye(SAMPLES) + torch.eye(SAMPLES).roll(1, 0)).to_sparse(layout=layout)
    assert tracked_as_untracked(Graph, (inputs(), graph)).coverage.samples == SAMPLES


# --- which axis holds the samples ----------------------------------------------------------------


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.e, self.p = nn.Embedding(20, 8), nn.Embedding(20, 8)
        self.f = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, positions: Tensor, ids: Tensor) -> Tensor:
        return self.f(self.e(ids) + self.p(positions))


class Edges(Two):
    def forward(self, edges: Tensor, x: Tensor) -> Tensor:
        m = F.relu(self.a(x))
        return self.b(torch.zeros_like(m).index_add(0, edges[1], m[edges[0]]))


class Scaled(Two):
    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return super().forward(x) * t


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.layer(x, src_mask=mask)


class Images(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: list[Tensor]) -> Tensor:
        stacked = torch.stack([F.interpolate(one[None], 8)[0] for one in images])
        return F.relu(self.c(stacked)).mean((2, 3))


def _ids() -> Tensor:
    return torch.arange(60).view(12, 5) % 20


IMAGES = [torch.ones(3, 8 + k, 8) for k in range(6)]
MASK = nn.Transformer.generate_square_subsequent_mask(5)


@pytest.mark.parametrize(
    ("make", "probe", "options", "samples"),
    [
        (Positions, lambda: (torch.arange(5)[None], _ids()), {}, 12),
        (Edges, lambda: (torch.arange(64).view(2, 32) % 30, inputs(0, 30)), {}, 30),
        (Scaled, lambda: (inputs(0, 9), torch.tensor(0.5)), {}, 9),
        (Masked, lambda: (torch.ones(6, 5, 8), MASK), {}, 6),  # with infinities
        (Images, lambda: (IMAGES,), {"samples": 6}, 6),
    ],
)
def test_the_sample_axis_is_the_one_that_activations_have(
    make: Any, probe: Any, options: Any, samples: int
) -> None:
    with RegimeTracker(make(), probe(), **options) as tracker:
        assert tracker.coverage.samples == samples
    with RegimeTracker(make(), probe(), samples=samples) as tracker:
        assert tracker.coverage.samples == samples


def test_samples_that_nothing_proves_are_asked_for() -> None:
    tracker = RegimeTracker(Images(), (IMAGES,))
    refusal("pass samples=", tracker.__enter__)


def test_rows_that_are_only_divisible_are_listed() -> None:
    class Folds(Two):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.flatten(0, 1)).view(len(x), -1)

    with RegimeTracker(Folds(), torch.ones(4, 5, FEATURES)) as tracker:
        assert "5 rows a sample" in str(tracker.coverage)


def test_a_graph_is_run_at_once_where_groups_fail() -> None:
    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(FEATURES, 4096), nn.Linear(4096, 2)

        def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
            return self.b(adjacency @ F.relu(self.a(x)))

    probe = (inputs(0, 600), torch.eye(600))
    with RegimeTracker(Graph(), probe) as tracker:
        assert tracker.coverage.samples == 600
    refusal("groups", RegimeTracker(Graph(), probe, group=100).__enter__)


# --- rectifiers in other words -------------------------------------------------------------------


class Jump(Two):
    """A rectifier with a learnt threshold for each unit, in several spellings."""

    def __init__(self, gate: Callable[[Tensor, Tensor], Tensor], apart: float = 0.0) -> None:
        super().__init__()
        self.threshold = nn.Parameter(0.05 + apart * torch.arange(12.0))
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        # the second term trains the threshold
        return self.b(self.gate(self.a(x), self.threshold)) + self.threshold.mean()


SPELLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "z * (z > t)": lambda z, t: z * (z > t),
    "z * (t < z)": lambda z, t: z * (t < z),
    "where": lambda z, t: torch.where(z > t, z, 0.0),
    "float mask": lambda z, t: (z > t).to(z.dtype) * z,
    "clamp": lambda z, t: z.clamp(min=t),
}


@pytest.mark.parametrize("apart", [0.0, 0.01])
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_threshold_for_each_unit_is_followed(name: str, apart: float) -> None:
    probe = inputs(1, 40)
    tracker = tracked_as_untracked(lambda: Jump(SPELLINGS[name], apart), probe, (inputs(),))
    assert tracker.coverage.units == 12
    torch.manual_seed(0)
    model, patterns = Jump(SPELLINGS[name], apart), []
    look = lambda: patterns.append((model.a(probe) > model.threshold).numpy(force=True))  # noqa: E731
    look()
    train(model, look, (inputs(),))
    changes = [float((a != b).mean()) for a, b in pairwise(patterns)]
    assert np.allclose(tracker.trace.array("pattern_change")[1][:, 0], changes, atol=2e-3)


class Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, v: Tensor) -> Tensor:
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


@pytest.mark.parametrize(
    "step", [Spike.apply, lambda v: (v > 0).float(), lambda v: v.clone().gt_(0)]
)
def test_a_step_by_comparison_is_listed(step: Callable[[Tensor], Tensor]) -> None:
    class Steps(Two):
        def forward(self, x: Tensor) -> Tensor:
            return self.b(F.relu(step(self.a(x)) - 0.5))

    with RegimeTracker(Steps(), inputs()) as tracker:
        (found,) = tracker.coverage.unseen
    assert "comparison" in str(found) or "step" in str(found)


def test_parts_in_another_thread_are_refused() -> None:
    class Threads(Two):
        def forward(self, x: Tensor) -> Tensor:
            with ThreadPoolExecutor(1) as pool:
                return self.b(F.relu(pool.submit(self.a, x).result()))

    assert "thread" in refusal("a ran in another", RegimeTracker(Threads(), inputs()).__enter__)


# --- ordinary constructs -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_branches_of_cond_are_looked_into() -> None:
    class Branches(Two):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                h = torch.cond(x.sum() > 1e6, torch.relu, lambda t: (t + 1).relu(), (x,))
            return super().forward(h)

    with RegimeTracker(Branches(), inputs()) as tracker:
        tracker.update()
        assert tracker.coverage.units == FEATURES + 12


def test_other_operators_that_take_functions_are_listed() -> None:
    from torch._higher_order_ops.while_loop import while_loop

    class Loops(Two):
        def forward(self, x: Tensor) -> Tensor:
            n = torch.tensor(0)
            _, x = while_loop(lambda i, t: i < 2, lambda i, t: (i + 1, t * 1.1), (n, x))
            return super().forward(x)

    with pytest.warns(RegimeWarning, match="while_loop"), RegimeTracker(Loops(), inputs()) as it:
        assert it.coverage.units == 12


def test_modules_are_not_asked_for_their_truth() -> None:
    class Empty(nn.ReLU):
        def __len__(self) -> int:
            return 0

    def make() -> nn.Module:
        first = torch.compile(nn.Linear(FEATURES, 5), backend="eager")
        return nn.Sequential(first, Empty(), nn.Linear(5, 2))

    with RegimeTracker(make(), inputs()) as tracker:
        assert tracker.coverage.units == 5


def test_an_error_of_the_model_is_one_sentence() -> None:
    class Stateful(Two):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("state", None)

        def forward(self, x: Tensor) -> Tensor:
            self.state = x.detach() if self.state is None else self.state + x.detach()
            return super().forward(self.state)

    model = Stateful()
    with RegimeTracker(model, inputs(0, 5)) as tracker:
        model(inputs(0, 7))
        refusal("at step 1", tracker.update)


# --- the inputs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("writes", [lambda x: x.clamp_(min=-0.2), lambda x: x.data.sub_(0.5)])
def test_a_forward_pass_that_writes_to_its_input_gets_copies(writes: Any) -> None:
    class InPlace(Two):
        def forward(self, x: Tensor) -> Tensor:
            writes(x)
            return super().forward(x)

    torch.manual_seed(0)
    model, probe = InPlace(), inputs()
    given = probe.clone()
    with RegimeTracker(model, probe) as tracker:
        tracker.update()
        first = tracker.trace.array("dead")[1]
    assert torch.equal(probe, given)
    changed = given.clone()
    writes(changed)
    off = float((model.a(changed) <= 0).all(0).float().mean())
    assert first[:, 0].tolist() == pytest.approx([off, off])


def test_a_probe_that_is_changed_behind_torch_is_noticed() -> None:
    memory = inputs().numpy()
    with RegimeTracker(Two(), torch.from_numpy(memory)) as tracker:
        memory += 1
        refusal("changed in place", tracker.update)


# --- weights -------------------------------------------------------------------------------------


def test_complex_weights_move_along_both_axes() -> None:
    class Fourier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.randn(FEATURES, dtype=torch.cfloat))

        def forward(self, x: Tensor) -> Tensor:
            return F.relu((x * self.w).imag)

    model = Fourier()
    size = float(torch.view_as_real(model.w.detach()).norm())
    with RegimeTracker(model, inputs()) as tracker:
        with torch.no_grad():
            model.w += 0.5j
        tracker.update()
    trace = tracker.trace
    assert trace.series("weight_norm")[0] == pytest.approx(size, rel=1e-6)
    assert trace.series("weight_change")[1] == pytest.approx(0.5 * FEATURES**0.5, rel=1e-6)
    assert trace.series("weight_from_end")[0] == pytest.approx(0.5 * FEATURES**0.5, rel=1e-6)


# --- the state of the process --------------------------------------------------------------------


def test_a_cache_of_parametrisations_is_neither_read_nor_filled() -> None:
    def run(look: Callable[[], None], model: nn.Module) -> dict[str, Any]:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
        for _ in range(4):
            with parametrize.cached():
                look()
                optimizer.zero_grad()
                (model(inputs()) - 2).pow(2).mean().backward()
                optimizer.step()
                look()
        return bits_of(model)

    def make() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(orthogonal(nn.Linear(6, 6)), nn.ReLU(), nn.Linear(6, 2))

    plain, model = run(lambda: None, make()), make()
    with RegimeTracker(model, inputs()) as tracker:
        assert_same(plain, run(tracker.update, model))


@pytest.mark.untyped
def test_a_look_inside_a_compiled_function_is_refused_and_leaves_gradients_on() -> None:
    model = Two()
    with RegimeTracker(model, inputs()) as tracker:

        @torch.compile(backend="eager")
        def step(x: Tensor) -> Tensor:
            tracker.update()
            return x + 1

        refusal("compiled function", lambda: step(torch.ones(1)))
        assert torch.is_grad_enabled()
        assert model.training
        tracker.update()


def test_a_tracker_keeps_neither_model_nor_probe() -> None:
    model, probe = Two(), inputs()
    with RegimeTracker(model, probe) as tracker:
        tracker.update()
    gone = weakref.ref(model), weakref.ref(probe)
    del model, probe
    gc.collect()
    assert [one() for one in gone] == [None, None]
    assert len(tracker.trace.frame) > 0


def test_a_change_of_path_is_refused_with_its_step() -> None:
    class Routes(Two):
        deep = False

        def forward(self, x: Tensor) -> Tensor:
            h = F.relu(self.a(x))
            return self.b(F.relu(h) if self.deep else h)

    model = Routes()
    with RegimeTracker(model, inputs()) as tracker:
        tracker.update()
        model.deep = True
        refusal("at step 2", tracker.update)


# --- certificates --------------------------------------------------------------------------------


def test_dropout_that_is_on_is_no_identity() -> None:
    class Drops(nn.Module):
        def __init__(self, on: bool) -> None:
            super().__init__()
            self.a, self.b, self.on = nn.Linear(6, 8), nn.Linear(8, 4), on

        def forward(self, x: Tensor) -> Tensor:
            h = F.dropout(F.relu(self.a(x)), 0.5, training=self.on)
            return F.relu(self.b(h))

    refusal("dropout", lambda: certify(Drops(True), inputs()))
    assert (certify(Drops(False), inputs()).radius > 0).all()


def test_a_view_as_another_type_is_no_reshape() -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            h = self.a(x).view(torch.int32).view(torch.float32)
            return F.relu(self.b(h))

    refusal("view", lambda: certify(Views(), inputs()))


def test_a_rectifier_of_the_inputs_is_refused() -> None:
    model = nn.Sequential(nn.ReLU(), nn.Linear(6, 4), nn.ReLU())
    refusal("rectifies the inputs", lambda: certify(model, inputs()))


# --- several processes ---------------------------------------------------------------------------


@pytest.mark.usefixtures("one_process_group")
def test_data_parallel_parts_do_not_wait_for_other_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    parallel = nn.parallel.DistributedDataParallel
    model = nn.Sequential(parallel(nn.Linear(FEATURES, 5)), nn.ReLU())
    with RegimeTracker(model, inputs()) as tracker:
        monkeypatch.setattr(parallel, "forward", lambda *_: pytest.fail("ranks would talk"))
        tracker.update()
    assert "forward" not in vars(model[0])


def test_a_distributed_parameter_is_refused_by_name() -> None:
    class DTensor(nn.Parameter):
        """As the class of PyTorch is called."""

    model = Two()
    model.a.weight = DTensor(model.a.weight.detach())
    assert "DTensor" in refusal("a.weight", lambda: RegimeTracker(model, inputs()))
