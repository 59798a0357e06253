"""What a training loop does in one step, and how accuracies are measured between steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.seeding import checked_seed
from regime_lib.lab.training.recipe import TrainingConfig

_ROWS = 2048  # samples times members in one forward pass of an evaluation: stays in the cache


def seeds_of(model: nn.Module, seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Return one checked seed for each member, or refuse their number."""
    members = model.members if isinstance(model, Ensemble) else 1
    seeds = (seeds,) if isinstance(seeds, int | np.integer) else tuple(seeds)
    if len(seeds) != members:
        raise RegimeError(
            f"there are {len(seeds)} seeds for a model of {members} member(s); "
            "give one seed to each member"
        )
    return tuple(checked_seed(seed) for seed in seeds)


def member_losses(
    logits: Float[Tensor, "*rows classes"],
    labels: Int[Tensor, "*rows"],
    stacked: bool,
    kind: str = "cross-entropy",
) -> Float[Tensor, " members"]:
    """Return every member's mean loss over samples and positions, of a kind `TrainingConfig` names."""
    if kind == "squared":
        goal = nn.functional.one_hot(labels, logits.shape[-1]).to(logits)
        errors = (logits - goal).square()
        return errors.flatten(1).mean(dim=1) if stacked else errors.mean().view(1)
    if not stacked:
        return nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten()).view(1)
    logits, labels = logits.flatten(1, -2), labels.flatten(1)
    # classes along axis 1, where the soft-max works on long vectors instead of a few classes
    return nn.functional.cross_entropy(logits.mT, labels, reduction="none").mean(dim=1)


def descend(
    losses: Float[Tensor, " members"],
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    lr: float,
) -> None:
    """Take one optimiser step along the gradient of the summed losses."""
    for parameter in parameters:
        parameter.grad = None
    losses.backward(torch.ones_like(losses))
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()


def accuracies(
    model: nn.Module, data: Dataset, step: int, seeds: tuple[int, ...], recipe: TrainingConfig
) -> Float[np.ndarray, "2 members"]:
    """Measure every member's accuracy on the training and the test set."""
    shares = []
    for inputs, labels in (
        (data.train_inputs, data.train_labels),
        (data.test_inputs, data.test_labels),
    ):
        right = torch.zeros(len(seeds), dtype=torch.int64, device=labels.device)
        rows = max(1, _ROWS // len(seeds))
        for some, true in zip(inputs.split(rows), labels.split(rows), strict=True):
            logits = evaluate(model, some)
            logits = logits.view(len(seeds), true.numel(), logits.shape[-1])
            check_finite(logits.sum(dim=(1, 2)).tolist(), "output", step, seeds, recipe)
            right += (logits.argmax(dim=-1) == true.flatten()).sum(dim=-1)
        shares.append(right.numpy(force=True) / labels.numel())
    return np.stack(shares)


def evaluate(model: nn.Module, inputs: Shaped[Tensor, "batch *features"]) -> Tensor:
    """Run the model without gradients, and without dropout or changes to running statistics."""
    with torch.no_grad(), evaluating(model):
        logits: Tensor = model(inputs)
        return logits


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode for the block; afterwards every module is in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def check_fit(model: nn.Module, data: Dataset) -> None:
    """Refuse a model whose output is not one logit for each class and sample."""
    logits = evaluate(model, data.train_inputs[:1])
    wanted = (1, *data.train_labels.shape[1:])
    leading = logits.ndim - 1 - len(wanted)
    if leading < 0 or logits.shape[leading:-1] != wanted or logits.shape[-1] < len(data.classes):
        raise RegimeError(
            f"for one sample the model's output has shape {tuple(logits.shape)}; expected logits "
            f"of shape {(*wanted, len(data.classes))}, one for each class of {data.name}"
        )


def check_finite(
    values: Sequence[float], what: str, step: int, seeds: tuple[int, ...], recipe: TrainingConfig
) -> None:
    """Stop a run that has diverged."""
    if math.isfinite(sum(values)):
        return
    member = next((k for k, value in enumerate(values) if not math.isfinite(value)), 0)
    raise RegimeError(
        f"the {what} of member {member} (seed {seeds[member]}) is {values[member]} after step "
        f"{step}: the training diverged, so lower the learning rate (now {recipe.lr:g})"
    )
