"""A tracker in a loop of Accelerate: on the main process, at the steps that are really made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch import nn

from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.integrations.loop import Loop

if TYPE_CHECKING:
    from accelerate import Accelerator


class AcceleratedLoop(Loop):
    """A `Loop` whose `update` follows `accelerator.sync_gradients`."""

    def __init__(self, accelerator: Accelerator, probe: ProbeLike, **options: Any) -> None:
        super().__init__(probe, **options)
        self._accelerator = accelerator
        self._made = 0

    def update(self) -> None:
        """Look after `optimizer.step()`, unless gradients are being accumulated."""
        self._made += bool(self._accelerator.sync_gradients)
        self.step(self._made)


@contextmanager
def track(
    accelerator: Accelerator, model: nn.Module, probe: ProbeLike, **options: Any
) -> Iterator[AcceleratedLoop]:
    """Track a prepared model in this block; call `update` of what it yields after every step.

    Parameters
    ----------
    accelerator : Accelerator
        Which knows the process and whether gradients are being accumulated.
    model : nn.Module
        As `accelerator.prepare` returned it.
    probe : tensor, tuple, dict or callable
        As for `RegimeTracker`.
    **options
        Of `loop.Loop` and of `RegimeTracker`.
    """
    loop = AcceleratedLoop(accelerator, probe, **options)
    loop.start(accelerator.unwrap_model(model, keep_fp32_wrapper=False))
    try:
        yield loop
    except BaseException:
        loop.stop(failed=True)
        raise
    loop.stop()
