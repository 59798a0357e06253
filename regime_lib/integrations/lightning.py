"""A callback for the Trainer of Lightning."""

from __future__ import annotations

from typing import Any

from regime_lib.errors import extra
from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.integrations.loop import Loop

with extra("lightning"):
    from lightning.pytorch import Callback, LightningModule, Trainer


class RegimeCallback(Callback):
    """Watches the patterns and weights of a `LightningModule` after every optimiser step.

    Parameters
    ----------
    probe : tensor, tuple, dict or callable
        As for `RegimeTracker`; a callable is given the module.
    **options
        Of `loop.Loop`, such as ``report="run.html"``, and of `RegimeTracker`.
    """

    def __init__(self, probe: ProbeLike, **options: Any) -> None:
        self.loop = Loop(probe, **options)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look for the first time."""
        self.loop.start(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look again where the optimiser has stepped; accumulated batches are passed over."""
        self.loop.step(trainer.global_step)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Finish the trace."""
        self.loop.stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Keep what was seen until then."""
        self.loop.stop(failed=True)
