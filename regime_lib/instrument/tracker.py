"""`RegimeTracker`: attach it to any PyTorch model and watch patterns and weights settle."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeError, RegimeWarning
from regime_lib.instrument.batches import BatchMeter
from regime_lib.instrument.coverage import Coverage
from regime_lib.instrument.guard import unwrap
from regime_lib.instrument.journal import Journal
from regime_lib.instrument.layout import Layout
from regime_lib.instrument.looks import Ring
from regime_lib.instrument.patterns import PatternMeter, discover
from regime_lib.instrument.probe import Probe, ProbeLike
from regime_lib.instrument.snapshots import Snapshots
from regime_lib.instrument.trace import Trace
from regime_lib.instrument.weights import WeightMeter

_SNAPSHOT_BYTES = 256 << 20
_SNAPSHOT_EVERY_STEP = 256 << 10  # larger states are copied at every second, third, ... look only

_Snapshot = tuple[NDArray[np.uint8] | None, NDArray]


class RegimeTracker:
    """Watches the activation patterns and the weights of a model while it trains.

    Parameters
    ----------
    model : nn.Module
        Any PyTorch model; wrappers of DistributedDataParallel and torch.compile are looked through.
    probe : tensor, tuple, dict or callable
        Fixed inputs on which the patterns are taken, called as ``model(x)``, ``model(*inputs)``,
        ``model(**inputs)`` or ``probe(model)``.
    schedule : callable, optional
        ``step -> bool``: at which steps to look; every step by default. A scheduled step is looked
        at together with the step before it, so that a change is always the change of one step.
    layers : collection of str, optional
        Names of the layers to track (see `coverage`); all by default.
    smooth : bool
        Also track the sign of the input of smooth activations (GELU, SiLU, ...).
    members : int
        Independent networks stacked along the first axis of every parameter and activation.
    batch_axis : int
        Axis of the samples in the probe (1 for inputs of shape ``(time, batch, features)``).
    samples : int, optional
        Number of probe samples, where the probe is a callable and its activations do not tell.
    group : int, optional
        Probe samples a forward pass; chosen by the size of the activations by default.
    preactivations : bool
        Also record scale and change of pre-activations and the flip law's prediction (keeps 32 bits
        a unit instead of 1, and is slower).
    batches : int, optional
        Size of the training set: patterns are then taken from the training's own forward passes,
        inside ``with tracker.watch(index):``, and `probe` is used only once, to learn the layers.
    snapshots : int
        Most states kept for the distances to the final state (also limited to 256 MiB).

    Raises
    ------
    RegimeError
        If the probe is empty or on another device, if the model has no layer that can be tracked,
        or if an operator hides one.

    Examples
    --------
    >>> import torch
    >>> from regime_lib import RegimeTracker
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> x = torch.randn(32, 4)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with RegimeTracker(model, x) as tracker:
    ...     for step in range(3):
    ...         optimizer.zero_grad()
    ...         (model(x) ** 2).mean().backward()
    ...         optimizer.step()
    ...         tracker.update()
    >>> print(tracker.coverage)
    8 rectified units on each of 32 probe samples
      1                            relu           rectifier          8 units  via function
    """

    def __init__(
        self,
        model: nn.Module,
        probe: ProbeLike,
        *,
        schedule: Callable[[int], bool] | None = None,
        layers: Collection[str] | None = None,
        smooth: bool = False,
        members: int = 1,
        batch_axis: int = 0,
        samples: int | None = None,
        group: int | None = None,
        preactivations: bool = False,
        batches: int | None = None,
        snapshots: int = 400,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise RegimeError(
                f"the model is of type {type(model).__name__}; expected a torch.nn.Module"
            )
        if batches is not None and preactivations:
            raise RegimeError(
                "preactivations are kept for a probe only; leave out batches=, or preactivations="
            )
        for name, number in (("members", members), ("snapshots", snapshots), ("group", group)):
            if number is not None and number < 1:
                raise RegimeError(f"{name} is {number}; expected a whole number of at least 1")
        self._wrapped, self._model = model, unwrap(model)
        if isinstance(layers, str):
            layers = [layers]
        self._probe = Probe(probe, batch_axis)
        self._probe.check_device(self._model)
        self._layout = Layout(members, batch_axis)
        self._schedule = schedule
        self._options: dict[str, Any] = {
            "samples": samples,
            "smooth": smooth,
            "keep": None if layers is None else frozenset(layers),
        }
        self._group, self._preactivations = group, preactivations
        self._batches, self._room = batches, snapshots
        self._inside = False
        self._step = 0
        self._journal: Journal | None = None
        self._trace: Trace | None = None
        self._pattern_meter: PatternMeter | None = None
        self._batch_meter: BatchMeter | None = None

    def __enter__(self) -> RegimeTracker:
        """Find the layers and look for the first time: step 0 is the model as it is now."""
        if self._journal is not None:
            raise RegimeError(
                "this tracker was used before; make a new RegimeTracker for every run"
            )
        plan, given = discover(self._model, self._probe, self._layout, **self._options)
        self._coverage = plan.coverage
        _warn_of_custom_operators(plan.coverage)
        self._weights = WeightMeter(self._model, self._layout.members)
        self._journal = Journal(plan.coverage, self._weights.names)
        self._weight_looks: list[tuple[int, bool]] = []
        self._pattern_looks: list[tuple[int, bool]] = []
        self._watched: list[int] = []
        self._last_look = 0
        start, never = np.array([0]), np.array([False])
        if self._batches is not None:
            self._batch_meter = BatchMeter(plan, self._layout, self._batches)
        else:
            self._pattern_meter = PatternMeter(
                self._model,
                self._probe,
                plan,
                given,
                self._layout,
                group=self._group,
                preactivations=self._preactivations,
            )
            self._journal.write_patterns(start, self._pattern_meter.first_look(), never)
        self._weights.look()
        self._journal.write_weights(start, self._weights.take(), never)
        self._snapshots = self._room_for_snapshots()
        self._snapshots.offer(0, self._take_snapshot)
        self._inside = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Finish the trace; after an error or an interruption it holds what was seen so far."""
        self._inside = False
        self._trace = self.trace
        del self._weights, self._snapshots
        self._pattern_meter = self._batch_meter = None

    def update(self) -> None:
        """Look at the model after an optimiser step.

        Raises
        ------
        RegimeError
            Outside the tracker's block, if the parameters hold NaN or were replaced, if the forward
            pass runs other layers than at the start, or if the probe was changed.
        """
        if not self._inside:
            raise RegimeError(
                "update() was called outside the tracker's block; "
                "call it inside `with RegimeTracker(model, probe) as tracker:`"
            )
        step = self._step + 1
        if self._is_due(step):
            self._look(step)
        self._step = step

    def watch(self, index: Tensor | NDArray | None = None) -> Any:
        """Return a context in which the training's own forward pass is watched.

        Parameters
        ----------
        index : tensor or array of int, shape (batch,), optional
            Numbers of the batch's samples in the training set; may be left out if the batch is the
            whole training set.

        Raises
        ------
        RegimeError
            If the tracker was made without ``batches=N``, or the numbers do not fit it.
        """
        if not self._inside or self._batch_meter is None:
            raise RegimeError(
                "watch() needs a tracker made with batches=N, the size of the training set, "
                "and works inside its block only"
            )
        if _is_compiled(self._wrapped):
            raise RegimeError(
                "the training forward pass of a compiled model cannot be watched from Python; "
                "leave out batches= so that a probe is run instead"
            )
        if index is None:
            return _WatchingAll(self, self._batch_meter)
        return _WatchingSome(self, self._batch_meter, self._batch_meter.numbers(index))

    @property
    def coverage(self) -> Coverage:
        """What is tracked and what is not; known once the block is entered."""
        if self._journal is None:
            raise RegimeError("coverage is known inside `with RegimeTracker(...) as tracker:` only")
        return self._coverage

    @property
    def trace(self) -> Trace:
        """What was measured so far; complete after the block."""
        if self._journal is None:
            raise RegimeError(
                "there is no trace yet; enter `with RegimeTracker(...) as tracker:` first"
            )
        if self._trace is not None:
            return self._trace
        self._write_weights()
        self._write_patterns()
        kept = self._snapshots.items
        meter = self._pattern_meter
        return self._journal.trace(
            self._snapshots.steps,
            [meter.distance_to_last(p) for p, _ in kept if meter is not None and p is not None],
            [self._weights.squared_distance_to_last(weights) for _, weights in kept],
        )

    def _is_due(self, step: int) -> bool:
        return self._schedule is None or self._schedule(step) or self._schedule(step + 1)

    def _look(self, step: int) -> None:
        if not self._weights.look():
            self._refuse_not_finite(step)
        follows = self._last_look == step - 1
        self._weight_looks.append((step, follows))
        if self._pattern_meter is not None:
            self._probe.check_unchanged(step)
            self._pattern_meter.look()
            self._pattern_looks.append((step, follows))
        self._last_look = step
        self._snapshots.offer(step, self._take_snapshot)
        if self._weights.full:
            self._write_weights()
        if self._pattern_meter is not None and self._pattern_meter.full:
            self._write_patterns()

    def _write_weights(self) -> None:
        assert self._journal is not None
        if self._weight_looks:
            steps, follows = _unzip(self._weight_looks)
            self._journal.write_weights(steps, self._weights.take(), follows)
            self._weight_looks = []

    def _write_patterns(self) -> None:
        assert self._journal is not None
        source: PatternMeter | Ring | None = self._pattern_meter
        if self._batch_meter is not None and self._pattern_looks:
            source = self._batch_meter.ring
        if self._pattern_looks and source is not None:
            steps, follows = _unzip(self._pattern_looks)
            self._journal.write_patterns(steps, source.take(), follows)
            self._pattern_looks = []

    def _note_full_batch(self, ring: Ring, first: bool) -> None:
        assert self._journal is not None
        step, last = self._step, self._watched[-1] if self._watched else None
        self._watched = [step]
        if first:
            ring.start()
            self._journal.write_patterns(np.array([step]), ring.unchanged(), np.array([False]))
            return
        ring.filled += 1
        self._pattern_looks.append((step, last == step - 1))
        if ring.full:
            self._write_patterns()

    def _note_minibatch(self, meter: BatchMeter, index: NDArray[np.int64]) -> None:
        assert self._journal is not None
        looks, lag = meter.take(index, self._step)
        seen_before = np.array([not np.isnan(lag)])
        self._journal.write_patterns(np.array([self._step]), looks, seen_before, lag)

    def _refuse_not_finite(self, step: int) -> None:
        name = self._weights.first_not_finite()
        if name is None:
            return  # large but finite: only its square is not
        raise RegimeError(
            f"the parameter {name} holds NaN or infinite values after step {step}; the trace ends "
            f"at step {self._last_look}: lower the learning rate or clip the gradients"
        )

    def _take_snapshot(self) -> _Snapshot:
        patterns = None if self._pattern_meter is None else self._pattern_meter.snapshot()
        return patterns, self._weights.snapshot()

    def _room_for_snapshots(self) -> Snapshots[_Snapshot]:
        patterns, weights = self._take_snapshot()
        size = weights.nbytes + (0 if patterns is None else patterns.nbytes)
        room = min(self._room, _SNAPSHOT_BYTES // max(1, size))
        return Snapshots(room, stride=max(1, size // _SNAPSHOT_EVERY_STEP))


class _WatchingAll:
    """Records one forward pass over the whole training set."""

    def __init__(self, tracker: RegimeTracker, meter: BatchMeter) -> None:
        self._tracker, self._ring = tracker, meter.ring
        self._first = not tracker._watched
        slot = 0 if self._first else self._ring.filled + 1
        self._pass = meter.watch(self._ring.shelves, slot, meter.samples)

    def __enter__(self) -> None:
        self._pass.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._pass.__exit__(kind, *rest)
        if kind is None:
            self._tracker._note_full_batch(self._ring, self._first)


class _WatchingSome:
    """Records one forward pass over some training samples, if it succeeds."""

    def __init__(self, tracker: RegimeTracker, meter: BatchMeter, index: NDArray[np.int64]) -> None:
        self._tracker, self._meter, self._index = tracker, meter, index
        self._pass = meter.watch(meter.shelves(len(index)), 1, len(index))

    def __enter__(self) -> None:
        self._pass.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._pass.__exit__(kind, *rest)
        if kind is None:
            self._tracker._note_minibatch(self._meter, self._index)


def _unzip(looks: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.array([step for step, _ in looks]), np.array([follows for _, follows in looks])


def _is_compiled(model: nn.Module) -> bool:
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )


def _warn_of_custom_operators(coverage: Coverage) -> None:
    for item in coverage.unseen:
        if item.what.startswith("the custom operator"):
            warnings.warn(
                f"{item}: if it contains a rectifier, that one is not tracked",
                RegimeWarning,
                stacklevel=4,
            )
