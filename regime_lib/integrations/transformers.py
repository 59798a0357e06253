"""A callback for the Trainer of Hugging Face Transformers."""

from __future__ import annotations

from typing import Any

from regime_lib.errors import extra
from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.integrations.loop import Loop

with extra("transformers"):
    from transformers import TrainerCallback


class RegimeCallback(TrainerCallback):
    """Watches the patterns and weights of a model after every optimiser step.

    Parameters
    ----------
    probe : tensor, tuple, dict or callable
        As for `RegimeTracker`: what a tokenizer returns, say.
    **options
        Of `loop.Loop`, such as ``report="run.html"``, and of `RegimeTracker`.
    """

    def __init__(self, probe: ProbeLike, **options: Any) -> None:
        self.loop = Loop(probe, **options)

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look for the first time."""
        self._before = state.global_step
        self.loop.start(given["model"])

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look again, while the gradients are there; this step is not counted yet."""
        self.loop.step(state.global_step + 1 - self._before)

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Look again where the event before is not known; accumulated gradients make no step."""
        self.loop.step(state.global_step - self._before)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Finish the trace."""
        self.loop.stop()
