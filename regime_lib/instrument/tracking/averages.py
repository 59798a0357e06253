"""An exponential moving average of a model's weights, as a network of its own to observe.

The average moves with the drift of the weights and little with the noise of single batches, so that
its patterns show which units settle for good. The
average at step 0 is the model itself.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from regime_lib.errors import RegimeError


class WeightAverage:
    """Keeps ``average = decay * average + (1 - decay) * weights`` in a copy of a model.

    Buffers of real numbers, such as the running statistics of batch normalisation, are averaged in
    the same way: they are averages of what the trained weights saw, not what the averaged weights
    would see, which only more forward passes in training mode could tell. Buffers of whole numbers
    (counters) and entries that did not change (masks with infinities) are copied. The trained model
    is only read; `model` is the copy.

    Parameters
    ----------
    model : nn.Module
        The network that is trained.
    decay : float
        Between 0 and 1; the average remembers about ``1 / (1 - decay)`` steps.

    Raises
    ------
    RegimeError
        If the model cannot be copied.
    """

    def __init__(self, model: nn.Module, decay: float = 0.99) -> None:
        self._source, self._decay = model, decay
        try:
            self.model = copy.deepcopy(model)
        except Exception as error:
            raise RegimeError(
                f"the model cannot be copied for an average of its weights "
                f"({type(error).__name__} in copy.deepcopy); leave out ema=, or make it copyable"
            ) from error
        self.model.requires_grad_(False)
        self._blend = get_ema_multi_avg_fn(decay)

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the model's weights as they are now."""
        mine, live = list(self.model.parameters()), list(self._source.parameters())
        _check_same(mine, live, "parameters")
        if mine:
            self._blend(mine, [parameter.detach() for parameter in live], 1)
        averages, buffers = list(self.model.buffers()), list(self._source.buffers())
        _check_same(averages, buffers, "buffers")
        for average, buffer in zip(averages, buffers, strict=True):
            average.copy_(self._next(average, buffer))

    def _next(self, average: Tensor, buffer: Tensor) -> Tensor:
        if not (buffer.is_floating_point() or buffer.is_complex()):
            return buffer
        same = average == buffer  # infinities would give NaN
        return torch.where(same, buffer, torch.lerp(average, buffer, 1 - self._decay))


def _check_same(mine: Sequence[Tensor], live: Sequence[Tensor], what: str) -> None:
    if [tensor.shape for tensor in mine] != [tensor.shape for tensor in live]:
        raise RegimeError(
            f"the model's {what} changed between updates ({len(mine)} at the start, {len(live)} "
            "now, or another shape); start a new tracker after changing the architecture"
        )
