"""Every row of the table of limitations in the book is what happens: one test for each."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize, rnn
from torch.nn.utils.parametrizations import orthogonal

from regime_lib.errors import RegimeWarning
from regime_lib.instrument import (
    Kind,
    LinearSubstitute,
    RegimeTracker,
    order_preservation,
    rank_distributions,
    read_preactivations,
    regime_change,
    sample_basins,
    substitution_map,
    weight_basins,
)
from tests.instrument.execution_state import assert_same, state_of
from tests.instrument.runs import small_run
from tests.sentences import refusal

PAGE = Path(__file__).parents[2] / "book" / "instrument.md"
ROWS: list[str] = []
T = TypeVar("T", bound=Callable[..., None])


def row(context: str) -> Callable[[T], T]:
    """Say which row a test is about: the beginning of its first cell."""
    ROWS.append(context)
    return lambda test: test


def contexts() -> list[str]:
    """Read the first cells of the table."""
    table = PAGE.read_text(encoding="utf-8").partition("(limitations)=")[2]
    table = table.partition(":::{list-table}")[2].partition("\n:::\n")[0]
    cells = re.findall(r"^\* - (.*?)\n  - ", table, re.MULTILINE | re.DOTALL)
    return [" ".join(cell.split()) for cell in cells if cell != "Context"]


def test_every_row_has_a_test_and_every_test_a_row() -> None:
    found = contexts()
    assert len(found) > 30
    tested = []
    for context in ROWS:
        rows = [context] if context in found else [one for one in found if one.startswith(context)]
        assert len(rows) == 1, (context, rows)
        tested += rows
    assert sorted(tested) == sorted(found)
    tests = inspect.getmembers(sys.modules[__name__], inspect.isfunction)
    assert len(ROWS) == sum(name.startswith("test_") for name, _ in tests) - 2


def test_every_name_of_code_in_the_table_exists() -> None:
    """A row must not send a reader to a function that was renamed."""
    import regime_lib.instrument as instrument

    text = PAGE.read_text(encoding="utf-8").partition("(limitations)=")[2]
    options = set(inspect.signature(RegimeTracker).parameters)
    others = {"bracket", "level", "shifts", "min"}
    others |= set(inspect.signature(sample_basins).parameters)
    named = set(re.findall(r"`(\w+)=[^`]*`", text))
    assert named <= options | others, named - options - others
    known = {*dir(instrument), *dir(instrument.Trace), *dir(RegimeTracker), *dir(torch), *dir(F)}
    known |= {*(one.name for one in instrument.QUANTITIES), "DTensor", "ema", "act", "amax"}
    known |= {"DistributedDataParallel", "FullyShardedDataParallel", "flex_attention", "forward"}
    known |= {"while_loop", "schedule", "coverage", "fully_shard"}
    plain = set(re.findall(r"`([A-Za-z_]\w+)`", text))
    assert plain <= known, plain - known


class Two(nn.Module):
    """Two linear layers with an activation between."""

    def __init__(self, activation: Callable[[Tensor], Tensor] = F.relu) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.activation = nn.Linear(6, 8), nn.Linear(8, 2), activation

    def forward(self, x: Tensor) -> Tensor:
        return self.b(self.activation(self.a(x)))


def x(samples: int = 10, *shape: int) -> Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.randn(samples, *(shape or (6,)), generator=draws)


def track(model: nn.Module, probe: Any = None, updates: int = 1, **options: Any) -> RegimeTracker:
    with RegimeTracker(model, x() if probe is None else probe, **options) as tracker:
        for _ in range(updates):
            tracker.update()
    return tracker


def kinds(tracker: RegimeTracker) -> list[tuple[str, int, int]]:
    return [(layer.name, layer.units, layer.planes) for layer in tracker.coverage.layers]


def off(tracker: RegimeTracker) -> float:
    """Return the share of dead units, which shows that the right numbers are read."""
    return float(tracker.trace.array("dead")[1][0, 0])


# --- what is seen --------------------------------------------------------------------------------


@row("`nn.ReLU`, `F.relu`")
@pytest.mark.parametrize(
    "spelled",
    [nn.ReLU(), F.relu, torch.relu, nn.ReLU(inplace=True), torch.relu_, lambda z: z.clamp(min=0)],
)
def test_rectifiers_are_seen_before_they_are_overwritten(spelled: Any) -> None:
    model, probe = Two(spelled), x(3)
    tracker = track(model, probe)
    assert tracker.coverage.units == 8
    assert off(tracker) == float((model.a(probe) <= 0).all(0).float().mean())


@row("One module called several times")
def test_each_call_is_its_own_layer() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.act(self.act(x) - 1)

    assert kinds(track(Twice())) == [("act", 6, 1), ("act#2", 6, 1)]


@row("`nn.TransformerEncoderLayer`")
@pytest.mark.parametrize("training", [True, False])
def test_the_encoder_layer_is_seen_in_any_mode(training: bool) -> None:
    model = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).train(training)
    model.requires_grad_(training)
    assert track(model, x(4, 5, 8)).coverage.units == 5 * 16


@row('`nn.RNN(nonlinearity="relu")`')
def test_rectifiers_inside_one_operator_are_seen() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(4, 7, nonlinearity="relu", batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            return self.rnn(x)[0]

    assert track(Recurrent(), x(5, 3, 4)).coverage.units == 3 * 7


@row("LeakyReLU, PReLU, ReLU6")
def test_two_thresholds_take_two_bits() -> None:
    for activation, planes in ((nn.LeakyReLU(), 1), (nn.PReLU(), 1), (nn.ReLU6(), 2),
                               (nn.Hardtanh(), 2), (lambda z: z.clamp(-1, 1), 2)):  # fmt: skip
        assert [one[1:] for one in kinds(track(Two(activation)))] == [(8, planes)]


@row("Max-pooling")
def test_winners_of_windows_are_counted_apart() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    tracker = track(model, x(3, 1, 4, 4))
    assert (tracker.coverage.units, tracker.coverage.winners) == (32, 8)
    assert [one.kind for one in tracker.coverage.layers] == [Kind.RECTIFIER, Kind.WINNER]
    assert track(model, x(3, 1, 4, 4), layers=["1"]).coverage.winners == 0


@row("GELU, SiLU and other smooth functions")
def test_smooth_functions_are_tracked_on_request() -> None:
    assert "smooth=True" in refusal("gelu", lambda: track(Two(nn.GELU())))
    assert track(Two(nn.GELU()), smooth=True).coverage.units == 8
    listed = track(nn.Sequential(Two(nn.SiLU()), nn.ReLU())).coverage.unseen
    assert "smooth=True" in str(listed[0])


@row("Rectifiers written by hand")
@pytest.mark.parametrize("threshold", [0.0, torch.linspace(-0.1, 0.1, 8)], ids=["zero", "each"])
def test_gates_are_recognised(threshold: Any) -> None:
    model, probe = Two(lambda z: z * (z > threshold)), x(3)
    tracker = track(model, probe)
    assert tracker.coverage.units == 8
    assert off(tracker) == float((model.a(probe) <= threshold).all(0).float().mean())


@row("Other piecewise-linear functions and steps")
@pytest.mark.parametrize(
    "other",
    [
        lambda z: z.sort(dim=1).values,
        torch.round,
        lambda z: z - z.amax(1, keepdim=True),
        lambda z: (z > 0).float(),
    ],
    ids=["sort", "round", "amax", "comparison"],
)
def test_other_functions_with_pieces_are_listed(other: Any) -> None:
    tracker = track(nn.Sequential(Two(other), nn.ReLU()))
    assert tracker.coverage.units == 2
    assert len(tracker.coverage.unseen) == 1
    assert "not tracked" in str(tracker.coverage)


# --- compiled and distributed --------------------------------------------------------------------


@row("`torch.compile`")
@pytest.mark.untyped
def test_the_original_of_a_compiled_model_is_looked_at() -> None:
    compiled = torch.compile(Two(), backend="eager")
    assert track(compiled).coverage.units == 8
    with RegimeTracker(compiled, x(), batches=10) as tracker:
        refusal("compiled", tracker.watch)


@row("Mixed precision and `DistributedDataParallel`")
@pytest.mark.usefixtures("one_process_group")
def test_precision_and_wrappers_are_those_around_the_block() -> None:
    seen = []

    class Notes(Two):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(self.a(x).dtype)
            return super().forward(x)

    with torch.autocast("cpu", torch.bfloat16):
        tracker = RegimeTracker(nn.parallel.DistributedDataParallel(Notes()), x()).start()
    tracker.update()
    tracker.stop()
    assert set(seen) == {torch.bfloat16}
    assert [name for name, *_ in kinds(tracker)] == ["relu"]


@row("`FullyShardedDataParallel` and `fully_shard`")
@pytest.mark.usefixtures("one_process_group")
def test_sharded_models_are_refused_by_name() -> None:
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    model = fsdp.fully_shard(Two(), mesh=mesh)
    assert "DistributedDataParallel" in refusal(
        "FullyShardedDataParallel", lambda: RegimeTracker(model, x())
    )


@row("`DistributedDataParallel` inside a model")
@pytest.mark.usefixtures("one_process_group")
def test_inner_parts_run_without_their_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    parallel = nn.parallel.DistributedDataParallel
    model = nn.Sequential(parallel(nn.Linear(6, 5)), nn.ReLU())
    monkeypatch.setattr(parallel, "forward", lambda *_: pytest.fail("ranks would talk"))
    assert track(model).coverage.units == 5


@row("`DTensor` parameters")
@pytest.mark.usefixtures("one_process_group")
def test_distributed_parameters_are_refused_by_name() -> None:
    tensor = pytest.importorskip("torch.distributed.tensor")
    mesh = torch.distributed.device_mesh.init_device_mesh("cpu", (1,))
    model = tensor.distribute_module(Two(), mesh)
    assert "a.weight" in refusal("DTensor", lambda: RegimeTracker(model, x()))


@row("Parts of the model in other threads")
def test_other_threads_are_refused() -> None:
    class Threads(Two):
        def forward(self, x: Tensor) -> Tensor:
            with ThreadPoolExecutor(1) as pool:
                return F.relu(pool.submit(self.a, x).result())

    refusal("thread", lambda: track(Threads()))


@row("A tracker inside a compiled function")
@pytest.mark.untyped
@pytest.mark.parametrize("in_a_row", [False, True])
def test_a_look_inside_a_compiled_function_is_refused(in_a_row: bool) -> None:
    model = nn.Sequential(nn.Linear(x().shape[1], 4), nn.ReLU()) if in_a_row else Two()
    with RegimeTracker(model, x()) as tracker:

        @torch.compile(backend="eager")
        def step(x: Tensor) -> Tensor:
            tracker.update()
            return x + 1

        refusal("outside", lambda: step(torch.ones(1)))


@row("A look while a CUDA graph is captured")
def test_a_look_inside_a_captured_graph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with RegimeTracker(Two(), x()) as tracker:
        with monkeypatch.context() as captured:  # `test_on_a_gpu` captures a graph where it can
            captured.setattr(torch.cuda, "is_initialized", lambda: True)
            captured.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
            refusal("CUDA graph", tracker.update)
        tracker.update()
    assert tracker.trace.array("weight_norm")[0].tolist() == [0, 1]


# --- ordinary constructs -------------------------------------------------------------------------


@row("Complex parameters")
def test_both_parts_of_complex_numbers_count() -> None:
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([3.0 + 4.0j]))

        def forward(self, x: Tensor) -> Tensor:
            return (x * self.w).imag.relu()

    assert track(Complex()).trace.series("weight_norm")[0] == pytest.approx(5)


@row("`torch.cond`")
@pytest.mark.untyped
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_the_branch_taken_is_looked_into() -> None:
    def branches(z: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cond(z.sum() > 1e6, torch.relu, lambda t: (t + 1).relu(), (z,))

    assert track(Two(branches)).coverage.units == 8


@row("Custom operators, extensions")
@pytest.mark.untyped
def test_opaque_operators_are_warned_of() -> None:
    @torch.library.custom_op("regimes_limits::opaque", mutates_args=())
    def opaque(z: Tensor) -> Tensor:
        return z.clamp(min=0)

    opaque.register_fake(torch.empty_like)
    with pytest.warns(RegimeWarning, match="opaque"):
        tracker = track(nn.Sequential(Two(opaque), nn.ReLU()))
    assert tracker.coverage.units == 2


@row("`torch.nn.utils.parametrize.cached()`")
def test_the_cache_of_parametrisations_is_left_alone() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(orthogonal(nn.Linear(6, 6)), nn.ReLU())
    with RegimeTracker(model, x()) as tracker, parametrize.cached():
        tracker.update()
        assert not parametrize._cache
        _ = model[0].weight
        kept = dict(parametrize._cache)
        with torch.no_grad():
            model[0].parametrizations.weight.original.mul_(-1.0)
        tracker.update()
        assert parametrize._cache == kept
    assert tracker.trace.array("weight_change")[1][-1, 0] > 0


@row("Sparse and expanded buffers")
@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning")
def test_buffers_and_inputs_of_other_layouts_are_taken() -> None:
    class Graph(Two):
        def __init__(self, buffer: Tensor) -> None:
            super().__init__()
            self.register_buffer("adjacency", buffer)

        def forward(self, x: Tensor, other: Tensor) -> Tensor:
            return super().forward(torch.sparse.mm(other, self.adjacency @ x))

    eye = torch.eye(10)
    for buffer in (eye.to_sparse(), eye.to_sparse_csr(), torch.ones(1, 1).expand(10, 10)):
        for other in (eye.to_sparse(), eye.to_sparse_csr()):
            model = Graph(buffer)
            assert track(model, (x(), other)).coverage.units == 8
            assert model.adjacency is buffer


@row("Data-dependent forward passes")
def test_another_path_is_refused_with_its_step() -> None:
    class Routes(Two):
        deep = False

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(F.relu(x) if self.deep else x)

    model = Routes()
    with RegimeTracker(model, x()) as tracker:
        tracker.update()
        model.deep = True
        refusal("at step 2", tracker.update)


@row("Dropout and batch normalisation")
def test_the_probe_runs_in_evaluation_mode_and_all_is_put_back() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.ReLU())
    before = state_of(model)
    tracker = track(model, updates=4)
    assert_same(state_of(model), before)
    assert not tracker.trace.array("pattern_change")[1].any()


# --- averages, windows, probes -------------------------------------------------------------------


@row("Batch normalisation and `ema=`")
def test_running_statistics_are_averaged_and_counters_copied() -> None:
    model = nn.Sequential(nn.BatchNorm1d(6), nn.ReLU())
    with RegimeTracker(model, x(), ema=0.9) as tracker:
        for _ in range(3):
            model(x() + 5)
            tracker.update()
        average = tracker._run.average
        assert average is not None
        norm: Any = average.model[0]
        assert 0 < float(norm.running_mean.mean()) < float(model[0].running_mean.mean())
        assert int(norm.num_batches_tracked) == 3


@row("Models that cannot be copied")
def test_a_model_that_cannot_be_copied_has_no_average() -> None:
    model = Two()
    model.lock = (one for one in ())  # type: ignore[assignment]
    refusal("ema=", lambda: track(model, ema=0.9))
    assert track(model).coverage.units == 8


@row("`flips_per_net_flip` and `edge_of_stability` with a `schedule`")
def test_flips_between_looks_are_not_guessed() -> None:
    trace = small_run(12, schedule=lambda step: step % 4 == 0)
    refusal("every step", lambda: trace.flips_per_net_flip("start"))
    trace = small_run(120, window=2, schedule=lambda step: step % 4 == 0)
    refusal("leave out schedule=", trace.edge_of_stability)


@row("Probe on another device, empty, or changed")
def test_a_probe_that_cannot_serve_is_refused() -> None:
    refusal("lies on meta", lambda: RegimeTracker(Two(), x().to("meta")))
    refusal("empty", lambda: RegimeTracker(Two(), x()[:0]))
    probe = x()
    with RegimeTracker(Two(), probe) as tracker:
        probe += 1
        assert "clone" in refusal("changed", tracker.update)


@row("Inputs that disagree about the number of samples")
def test_the_axis_of_samples_is_asked_for_or_told() -> None:
    class Positions(Two):
        def forward(self, positions: Tensor, x: Tensor) -> Tensor:
            return super().forward(x + positions[..., None])

    assert track(Positions(), (torch.ones(1, 5), x(4, 5, 6))).coverage.samples == 4

    class Lists(Two):
        def forward(self, rows: list[Tensor]) -> Tensor:
            return super().forward(torch.stack([row[:6] for row in rows]))

    probe = ([torch.ones(6 + k) for k in range(3)],)
    refusal("samples=", lambda: track(Lists(), probe))
    assert track(Lists(), probe, samples=3).coverage.samples == 3

    class Folds(Two):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.flatten(0, 1))

    assert "5 rows a sample" in str(track(Folds(), x(4, 5, 6)).coverage)


@row("What the model's `forward` writes")
def test_what_forward_writes_is_put_back() -> None:
    class Writes(Two):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("n", torch.zeros(()))
            self.slow = nn.Parameter(torch.zeros(3), requires_grad=False)
            self.log, self.nested, self.last = [0], [[0]], None

        def forward(self, x: Tensor) -> Tensor:
            self.n += 1
            with torch.no_grad():
                self.slow += 1
            self.log.append(1)
            self.nested[0].append(1)
            self.last, self.fresh = x, x
            return super().forward(x)

    model = Writes()
    track(model, updates=3)
    assert (float(model.n), float(model.slow.sum()), model.log, model.last) == (0, 0, [0], None)
    assert not hasattr(model, "fresh")
    assert len(model.nested[0]) > 1  # what lies inside nested lists is not


@row("Random generators of the model's own")
def test_own_generators_are_put_back_and_global_ones_are_not() -> None:
    free = np.random.default_rng(0)

    class Noisy(Two):
        def __init__(self) -> None:
            super().__init__()
            self.own, self.numpy = torch.Generator(), np.random.default_rng(1)

        def forward(self, x: Tensor) -> Tensor:
            free.random()
            noise = torch.randn(6, generator=self.own) + float(self.numpy.normal())
            return super().forward(x + noise)

    model, before = Noisy(), free.bit_generator.state
    states = model.own.get_state(), model.numpy.bit_generator.state
    tracker = track(model, updates=3)
    assert torch.equal(model.own.get_state(), states[0])
    assert model.numpy.bit_generator.state == states[1]
    assert not tracker.trace.array("pattern_change")[1].any()
    assert free.bit_generator.state != before


@row("Your own forward hooks")
def test_hooks_fire_and_can_know() -> None:
    model, every, training = Two(), [], []
    model.a.register_forward_hook(lambda *_: every.append(1))
    model.a.register_forward_hook(
        lambda *_: training.append(1) if torch.is_grad_enabled() else None
    )
    track(model)
    assert len(every) > 0
    assert not training


@row("Padded tokens, packed sequences")
def test_padding_counts_and_packed_rows_are_listed() -> None:
    class Packed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 3)

        def forward(self, x: Tensor) -> Tensor:
            packed = rnn.pack_padded_sequence(x, torch.tensor([3, 2, 2]), batch_first=True)
            rows = F.relu(self.a(packed.data))  # seven rows of three samples
            return F.relu(self.b(rows[:3]))

    tracker = track(Packed(), x(3, 3, 4))
    assert tracker.coverage.units == 3
    assert "no axis of the samples" in str(tracker.coverage.unseen[0])
    padded = x(3, 4, 6)
    padded[:, 2:] = 0
    assert track(Two(), padded).coverage.units == 4 * 8


@row("Inputs of shape (time, batch, features)")
def test_the_batch_may_be_the_second_axis() -> None:
    probe = x(7, 3, 6)
    one, other = track(Two(), probe), track(Two(), probe, batch_axis=1)
    assert (one.coverage.samples, one.coverage.units) == (7, 3 * 8)
    assert (other.coverage.samples, other.coverage.units) == (3, 7 * 8)


@row("Gradient accumulation with `batches=`")
def test_a_second_watched_pass_is_refused() -> None:
    model = Two()
    with RegimeTracker(model, x(), batches=10) as tracker:
        with tracker.watch():
            model(x())
        refusal("twice", tracker.watch)


@row("Looks that are made up for later")
def test_a_trace_is_complete_whenever_it_is_read_and_a_hook_counts_from_its_step_on() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    probe = torch.randn(20, 6)
    with torch.no_grad(), RegimeTracker(model, probe) as tracker:
        for step in range(1, 6):
            model[0].weight.add_(0.05)
            tracker.update()
            if step % 2:
                assert tracker.trace.array("pattern_from_start")[0].tolist() == [*range(step + 1)]
        before = model(probe) * 0 + (model[0](probe) > 0).sum()  # the network is not touched
        tracker.update()
        model[0].register_forward_hook(lambda layer, inputs, output: -output)
        tracker.update()
        assert torch.equal(before, model(probe) * 0 + (model[0](probe) < 0).sum())
    changes = tracker.trace.array("pattern_change")[1][:, 0]
    assert changes[-2] == 0
    assert changes[-1] == 1


@row("Parameters beyond a hundred thousand")
def test_distances_of_large_networks_are_taken_now_and_then() -> None:
    model = nn.Sequential(nn.Linear(6, 30_000), nn.ReLU())
    trace = track(model, x(2), updates=17).trace
    assert trace.array("weight_from_start")[0].tolist() == [0, 8, 16]
    assert trace.array("weight_norm")[0].tolist() == list(range(18))
    meter = RegimeTracker(model, x(2)).start()._run.session
    assert meter is not None
    assert meter._weights._sampled == 1  # below two million numbers all are kept
    assert meter._weights.snapshot().shape == (1, 7 * 30_000)


@row("Very long runs")
def test_distances_to_the_end_are_known_at_fewer_steps() -> None:
    trace = small_run(40, snapshots=10)
    assert len(trace.array("weight_from_end")[0]) <= 10
    assert len(trace.array("weight_from_start")[0]) == 41
    assert len(small_run(40, snapshots=100).array("weight_from_end")[0]) == 41


# --- neuron modes, basins, times -----------------------------------------------------------------

LABELS = torch.arange(60) % 2


@row("Max-pooling, attention or layer normalisation above")
def test_no_linear_map_replaces_them() -> None:
    model = nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), nn.LayerNorm(8), nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 2)
    )
    refusal("LayerNorm", lambda: substitution_map(model, x(60), 1))
    refusal("LayerNorm", lambda: rank_distributions(model, x(60), LABELS))
    assert len(read_preactivations(model, x(60)).layers) == 2
    order_preservation(model, x(60))
    for basins in (sample_basins, weight_basins):
        basins(model, x(60), LABELS, draws=2, precision=0.5)


@row("Rank densities with few samples")
def test_thin_bins_and_empty_classes_are_refused() -> None:
    model = Two()
    refusal("bins", lambda: rank_distributions(model, x(60), LABELS, bins=13))
    one_class = torch.zeros(60, dtype=torch.int64)
    refusal("no sample", lambda: rank_distributions(model, x(60), one_class, bins=12))


@row("Basins outside the bracket")
def test_basins_outside_the_bracket_are_censored() -> None:
    model = Two()
    labels = model(x(60)).argmax(1)
    never = sample_basins(model, x(60), labels, draws=2, bracket=(1e-9, 1e-8))
    assert np.isinf(never.amplitude).all()
    assert np.isinf(never.high).all()
    assert (never.low > 0).all()
    always = sample_basins(model, x(60), 1 - labels, draws=2)  # wrong without any noise
    assert (always.amplitude == 0).all()
    assert np.isfinite(always.high).all()


@row("Batch normalisation in linear maps")
def test_running_statistics_count_in_linear_maps() -> None:
    model = nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8), nn.BatchNorm1d(8),
        nn.ReLU(), nn.Linear(8, 2),
    ).eval()  # fmt: skip
    with torch.no_grad():
        model[1].running_mean.normal_()
        model[4].running_mean.normal_()
    kept, dropped, centred = (
        LinearSubstitute(model, x(60), 0, shifts=shifts)(x(60)).detach()
        for shifts in ("kept", "dropped", "recentred")
    )
    assert not torch.allclose(kept, dropped)
    assert not torch.allclose(kept, centred)
    found = substitution_map(model, x(60), 0)
    assert torch.allclose(x(60) @ found.matrix[0].T + found.shift[0], kept, atol=1e-5)


@row("Short runs, noisy runs at a constant rate")
def test_times_that_a_run_does_not_show_are_censored() -> None:
    found = regime_change(small_run(30), "peak@0.001")
    assert found.bound != "exact"
    assert max(found.censored) > 0
    assert "censored" in str(found) or ">" in str(found) or found.bound in str(found)
