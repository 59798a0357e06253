"""`RegimeTracker`: attach it to any PyTorch model and watch patterns and weights settle."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from inspect import cleandoc
from types import TracebackType
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.probe import Probe, ProbeLike
from regime_lib.instrument.capture.torch_private import is_compiled
from regime_lib.instrument.capture.wrappers import unwrap
from regime_lib.instrument.tracking.averages import WeightAverage
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.session import Session, as_tensors
from regime_lib.instrument.tracking.trace import Trace


@dataclass
class _Run:
    """What a tracker goes through between entering and leaving its block."""

    step: int = 0
    coverage: Coverage | None = None
    session: Session | None = None
    trace: Trace | None = None
    average: WeightAverage | None = None
    ema_session: Session | None = None
    ema_trace: Trace | None = None
    saved: dict[str, Any] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class RegimeTracker(Options):
    """Watches the activation patterns and the weights of a model while it trains.

    Parameters
    ----------
    model : nn.Module
        Any PyTorch model; wrappers of DistributedDataParallel and torch.compile are looked through.
    probe : tensor, tuple, dict or callable
        Fixed inputs on which the patterns are taken, called as ``model(x)``, ``model(*inputs)``,
        ``model(**inputs)`` or ``probe(model)``.
    <options>

    Raises
    ------
    RegimeError
        If the probe is empty or on another device, if the model has no layer that can be tracked,
        if an operator hides one, or if an option is of the wrong kind or out of range.

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

    model: nn.Module
    probe: ProbeLike
    _run: _Run = field(init=False, default_factory=_Run)

    def __post_init__(self) -> None:
        if not isinstance(self.model, nn.Module):
            raise RegimeError(
                f"the model is of type {type(self.model).__name__}; expected a torch.nn.Module"
            )
        super().__post_init__()
        Probe(self.probe, self.batch_axis).check(unwrap(self.model))

    def __enter__(self) -> RegimeTracker:
        """Find the layers and observe for the first time: step 0 is the model as it is now."""
        run = self._run
        if run.coverage is not None:
            raise RegimeError(
                "this tracker was used before; make a new RegimeTracker for every run"
            )
        model, probe = unwrap(self.model), Probe(self.probe, self.batch_axis)
        run.session = Session(model, probe, self)
        if self.ema is not None:
            run.average = WeightAverage(model, self.ema)
            run.ema_session = Session(run.average.model, probe, self)
        if (saved := run.saved) is not None:
            run.step, run.saved = saved["step"], None
            run.session.restore(saved["session"])
            if run.average is not None and run.ema_session is not None:
                run.average.model.load_state_dict(saved["average"])
                run.ema_session.restore(saved["ema session"])
        run.coverage = run.session.coverage
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Finish the trace; after an error or an interruption it holds what was seen so far."""
        run = self._run
        run.trace, run.session = self.trace, None
        if run.ema_session is not None:
            run.ema_trace, run.ema_session, run.average = run.ema_session.trace(), None, None
        # whoever keeps a tracker for its trace keeps neither the model nor its inputs alive
        object.__setattr__(self, "model", nn.Module())
        object.__setattr__(self, "probe", ())

    def start(self) -> RegimeTracker:
        """Enter the block without a `with` statement, for loops that have none; see `stop`."""
        return self.__enter__()

    def stop(self) -> None:
        """Leave it, and finish the trace; a second time does nothing."""
        if self._run.session is not None:
            self.__exit__(None, None, None)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of a tracker inside its block, to be saved beside model and optimiser.

        It holds tensors and plain values only.

        Raises
        ------
        RegimeError
            Outside the block, or of a tracker made with ``batches=N``.
        """
        run = self._run
        if run.session is None:
            raise RegimeError("state_dict() was called outside the tracker's block")
        state = {"step": run.step, "session": run.session.state()}
        if run.average is not None and run.ema_session is not None:
            state["average"] = as_tensors(run.average.model.state_dict())
            state["ema session"] = run.ema_session.state()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on, from the next entering of the block, where a saved tracker was.

        Load the model's state first, and make this tracker with the model, probe and options of the
        one that was saved: the trace is then that of a run that was never stopped.
        """
        self._run.saved = dict(state)

    @property
    def stopped(self) -> bool:
        """Whether the trace is finished."""
        return self._run.trace is not None

    def update(self) -> None:
        """Observe the model after an optimiser step.

        Raises
        ------
        RegimeError
            Outside the tracker's block, if the parameters hold NaN or were replaced, if the forward
            pass runs other layers than at the start, or if the probe was changed.
        """
        run = self._run
        if run.session is None:
            raise RegimeError(
                "update() was called outside the tracker's block; "
                "call it inside `with RegimeTracker(model, probe) as tracker:`"
            )
        if torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing():
            raise RegimeError(
                "update() was called while a CUDA graph is captured, which would replay it without "
                "looking; call it after the graph's replay"
            )
        step = run.step + 1
        if self.due(step):
            try:
                run.session.observe(step)
            except AssertionError as error:
                if "set_stance" in str(error):
                    raise RegimeError(
                        "update() was called inside a compiled function; call it outside of it"
                    ) from None
                raise
        if run.average is not None and run.ema_session is not None:
            run.average.update()
            if self.ema_due(step):
                run.ema_session.observe(step)
        run.step = step

    def watch(
        self, index: Tensor | NDArray | Sequence[int] | None = None
    ) -> AbstractContextManager[None]:
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
        session, step = self._run.session, self._run.step
        if session is None or session.batches is None:
            raise RegimeError(
                "watch() needs a tracker made with batches=N, the size of the training set, "
                "and works inside its block only"
            )
        if is_compiled(self.model):
            raise RegimeError(
                "the training forward pass of a compiled model cannot be watched from Python; "
                "leave out batches= so that a probe is run instead"
            )
        session.check_not_watched(step)
        numbers = None if index is None else session.batches.numbers(index)
        session.batches.check(numbers)
        return session.watched(numbers, step)

    @property
    def coverage(self) -> Coverage:
        """What is tracked and what is not; known once the block is entered."""
        if self._run.coverage is None:
            raise RegimeError("coverage is known inside `with RegimeTracker(...) as tracker:` only")
        return self._run.coverage

    @property
    def trace(self) -> Trace:
        """What was measured so far; complete after the block."""
        return _trace_of(self._run.trace, self._run.session)

    @property
    def ema_trace(self) -> Trace:
        """What was measured of the moving average of the weights, a network of its own.

        Its pattern change and weight change are those of the average from one step to the next.

        Raises
        ------
        RegimeError
            If the tracker was made without ``ema=decay``, or before its block.
        """
        if self.ema is None:
            raise RegimeError("no average of the weights was tracked; pass ema=0.99 to the tracker")
        return _trace_of(self._run.ema_trace, self._run.ema_session)


def _trace_of(finished: Trace | None, session: Session | None) -> Trace:
    if finished is not None:
        return finished
    if session is None:
        raise RegimeError(
            "there is no trace yet; enter `with RegimeTracker(...) as tracker:` first"
        )
    return session.trace()


def _with_options(text: str, options: str) -> str:
    """Put the parameters of the options into the docstring of what takes them."""
    _, _, parameters = cleandoc(options).partition("----------\n")
    return cleandoc(text).replace("<options>\n", parameters.partition("\n\nRaises")[0] + "\n")


RegimeTracker.__doc__ = _with_options(RegimeTracker.__doc__ or "", Options.__doc__ or "")
