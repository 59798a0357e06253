"""Which samples each member sees in each step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int, Shaped
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.config import TrainingConfig


def batch_order(
    samples: int, batch_size: int, seeds: Sequence[int], device: torch.device | str = "cpu"
) -> Iterator[Int[Tensor, "members batch"]]:
    """Yield, step after step and without end, the sample numbers of every member's batch.

    Each member goes through its own permutation of the samples, drawn from
    ``generator(seed, "batches")`` anew in every epoch, whatever the other members do; the samples
    that do not fill a last batch sit that epoch out.
    """
    if batch_size > samples:
        raise RegimeError(
            f"a batch of {batch_size} is larger than the training set of {samples} samples; "
            "choose a smaller batch_size, or None for the whole set"
        )
    streams = [generator(seed, "batches") for seed in seeds]
    steps = samples // batch_size
    while True:
        orders = np.stack([stream.permutation(samples) for stream in streams])
        epoch = orders[:, : steps * batch_size].reshape(len(seeds), steps, batch_size)
        yield from torch.from_numpy(np.ascontiguousarray(epoch.swapaxes(0, 1))).to(device)


def batches(
    model: nn.Module,
    data: Dataset | Stack,
    config: TrainingConfig,
    seeds: tuple[int, ...],
    done: int = 0,
) -> Iterator[tuple[Shaped[Tensor, "..."], Int[Tensor, "..."]]]:
    """Yield inputs and labels after the first `done` steps, with an ensemble's member axis."""
    inputs, labels = data.train_inputs, data.train_labels
    members = (len(seeds),) if isinstance(model, Ensemble) else ()
    own = isinstance(data, Stack)
    if config.batch_size is None:
        while True:
            yield inputs, labels if own else labels.expand(*members, *labels.shape)
    samples = labels.shape[1] if own else len(labels)
    begin = torch.zeros(len(seeds), 1, dtype=torch.int64, device=labels.device)
    if own:  # all samples in one row, in which each member's begin somewhere else
        begin = samples * torch.arange(len(seeds), device=labels.device).unsqueeze(1)
        inputs, labels = inputs.flatten(0, 1), labels.flatten(0, 1)
    shape = (*members, config.batch_size)
    order = batch_order(samples, config.batch_size, seeds, labels.device)
    for index in islice(order, done, None):
        rows = (begin + index).view(-1)
        batch = inputs.index_select(0, rows).view(*shape, *inputs.shape[1:])
        yield batch, labels.index_select(0, rows).view(*shape, *labels.shape[1:])
