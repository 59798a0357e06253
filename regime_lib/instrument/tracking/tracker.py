"""`RegimeTracker`: attach it to any PyTorch model and watch patterns and weights settle."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.probe import Probe, ProbeLike
from regime_lib.instrument.capture.wrappers import is_compiled, unwrap
from regime_lib.instrument.tracking.averages import WeightAverage
from regime_lib.instrument.tracking.batches import BatchMeter
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.session import Session
from regime_lib.instrument.tracking.trace import Trace


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
    window : int, optional
        Steps after which the net change of the patterns is measured, again and again, for
        `flips_per_net_flip`.
    ema : float, optional
        Decay of an exponential moving average of the weights (0.99, say) that is tracked as well,
        on the same probe: see `ema_trace`.
    oui : int, optional
        Pairs of probe samples whose patterns are compared with each other at every look, for the
        overfitting-underfitting indicator (28 in the code of its authors).
    oui_seed : int
        Seed that draws these pairs, once for the whole run.

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
        window: int | None = None,
        ema: float | None = None,
        oui: int | None = None,
        oui_seed: int = 0,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise RegimeError(
                f"the model is of type {type(model).__name__}; expected a torch.nn.Module"
            )
        self._options = Options(
            schedule=schedule,
            layers=layers,
            smooth=smooth,
            members=members,
            batch_axis=batch_axis,
            samples=samples,
            group=group,
            preactivations=preactivations,
            batches=batches,
            snapshots=snapshots,
            window=window,
            ema=ema,
            oui=oui,
            oui_seed=oui_seed,
        )
        self._wrapped, self._model = model, unwrap(model)
        self._probe = Probe(probe, batch_axis)
        self._probe.check(self._model)
        self._step = 0
        self._session: Session | None = None
        self._coverage: Coverage | None = None
        self._trace: Trace | None = None
        self._average: WeightAverage | None = None
        self._average_session: Session | None = None
        self._average_trace: Trace | None = None

    def __enter__(self) -> RegimeTracker:
        """Find the layers and look for the first time: step 0 is the model as it is now."""
        if self._coverage is not None:
            raise RegimeError(
                "this tracker was used before; make a new RegimeTracker for every run"
            )
        self._session = Session(self._model, self._probe, self._options)
        if self._options.ema is not None:
            self._average = WeightAverage(self._model, self._options.ema)
            self._average_session = Session(self._average.model, self._probe, self._options)
        self._coverage = self._session.coverage
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Finish the trace; after an error or an interruption it holds what was seen so far."""
        self._trace, self._session = self.trace, None
        if self._average_session is not None:
            self._average_trace = self._average_session.trace()
            self._average_session = self._average = None

    def update(self) -> None:
        """Look at the model after an optimiser step.

        Raises
        ------
        RegimeError
            Outside the tracker's block, if the parameters hold NaN or were replaced, if the forward
            pass runs other layers than at the start, or if the probe was changed.
        """
        if self._session is None:
            raise RegimeError(
                "update() was called outside the tracker's block; "
                "call it inside `with RegimeTracker(model, probe) as tracker:`"
            )
        step, scheduled = self._step + 1, self._options.schedule
        due = scheduled is None or scheduled(step) or scheduled(step + 1)
        if due:
            self._session.look(step)
        if self._average is not None and self._average_session is not None:
            self._average.update()
            if due:
                self._average_session.look(step)
        self._step = step

    def watch(self, index: Tensor | NDArray | Sequence[int] | None = None) -> Watching:
        """Return a context in which the training's own forward pass is watched.

        Parameters
        ----------
        index : tensor, array or sequence of int, shape (batch,), optional
            Numbers of the batch's samples in the training set; may be left out if the batch is the
            whole training set.

        Raises
        ------
        RegimeError
            If the tracker was made without ``batches=N``, the numbers do not fit it, or a forward
            pass was watched since the last optimiser step.
        """
        session = self._session
        if session is None or session.batches is None:
            raise RegimeError(
                "watch() needs a tracker made with batches=N, the size of the training set, "
                "and works inside its block only"
            )
        if is_compiled(self._wrapped):
            raise RegimeError(
                "the training forward pass of a compiled model cannot be watched from Python; "
                "leave out batches= so that a probe is run instead"
            )
        session.check_not_watched(self._step)
        return Watching(session, session.batches, index, self._step)

    @property
    def coverage(self) -> Coverage:
        """What is tracked and what is not; known once the block is entered."""
        if self._coverage is None:
            raise RegimeError("coverage is known inside `with RegimeTracker(...) as tracker:` only")
        return self._coverage

    @property
    def trace(self) -> Trace:
        """What was measured so far; complete after the block."""
        if self._trace is not None:
            return self._trace
        if self._session is None:
            raise RegimeError(
                "there is no trace yet; enter `with RegimeTracker(...) as tracker:` first"
            )
        return self._session.trace()

    @property
    def ema_trace(self) -> Trace:
        """What was measured of the moving average of the weights, a network of its own.

        Its pattern change and weight change are those of the average from one step to the next.

        Raises
        ------
        RegimeError
            If the tracker was made without ``ema=decay``, or before its block.
        """
        if self._options.ema is None:
            raise RegimeError("no average of the weights was tracked; pass ema=0.99 to the tracker")
        if self._average_trace is not None:
            return self._average_trace
        if self._average_session is None:
            raise RegimeError(
                "there is no trace yet; enter `with RegimeTracker(...) as tracker:` first"
            )
        return self._average_session.trace()


class Watching:
    """Records one forward pass of the training, if it succeeds."""

    def __init__(self, session: Session, meter: BatchMeter, index: Any, step: int) -> None:
        self._session, self._meter, self._step = session, meter, step
        self._index = None if index is None else meter.numbers(index)
        self._pass = meter.watch(self._index)

    def __enter__(self) -> None:
        self._pass.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        self._pass.__exit__(kind, *rest)
        if kind is not None:
            return
        if self._index is None:
            self._session.note_full_batch(self._meter.ring, self._step)
        else:
            self._session.note_minibatch(self._meter, self._index, self._step)
