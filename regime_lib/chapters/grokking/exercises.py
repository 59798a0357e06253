"""Checks of the exercises of the chapter on grokking."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int

from regime_lib.chapters.checking import checks, hint

Steps = Int[np.ndarray, " checks"]
Curve = Float[np.ndarray, " checks"]
Weights = Float[np.ndarray, "units residues"]


@checks
def first_passage(solution: Callable[[Steps, Curve, float], float | None]) -> None:
    """Check a function that returns the first checkpoint at which a curve reaches a level."""
    steps = np.array([1, 10, 100, 1000])
    if solution(steps, np.array([0.1, 0.2, 0.6, 0.9]), 0.5) != 100:
        hint(
            "With accuracies .1, .2, .6, .9 at steps 1, 10, 100, 1000 the level .5 is reached at "
            "100."
        )
    if solution(steps, np.array([0.1, 0.5, 0.4, 0.9]), 0.5) != 10:
        hint(
            "A curve that falls back has still reached the level: take the first time, and count "
            "equality."
        )
    if solution(steps, np.array([0.1, 0.2, 0.3, 0.4]), 0.5) is not None:
        hint(
            "A curve that never reaches the level has no such step; return None rather than the "
            "last step or the first."
        )


@checks
def forgetting(solution: Callable[[float, float], int]) -> None:
    """Check how many batches it takes until running statistics have forgotten their start."""
    for momentum, share in ((0.1, 0.5), (0.1, 0.01), (0.01, 0.05), (0.5, 0.3), (1.0, 0.5)):
        weight, batches = 1.0, 0
        while weight > share:
            weight, batches = weight * (1 - momentum), batches + 1
        found = solution(momentum, share)
        advice = (
            "With momentum 1 one batch is enough."
            if momentum == 1
            else "Each batch leaves a share 1 - momentum of what was there; round up."
        )
        if found != batches:
            hint(
                f"With momentum {momentum} the start weighs at most {share} after {batches} "
                f"batches; your function says {found}. {advice}"
            )


@checks
def decay_time(solution: Callable[[float, float, float], int]) -> None:
    """Check how long AdamW takes to shrink weights that have no gradient."""
    for lr, decay, factor in ((1e-2, 0.5, 2.0), (1e-2, 2.0, 8.0), (0.1, 0.1, 3.0)):
        weight = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
        optimizer = torch.optim.AdamW([weight], lr=lr, weight_decay=decay)
        steps = 0
        while weight.item() > 1 / factor:
            weight.grad = torch.zeros_like(weight)
            optimizer.step()
            steps += 1
        found = solution(lr, decay, factor)
        if not isinstance(found, int | np.integer):
            hint("Steps are counted: return a whole number, rounded up.")
        if found == steps - 1:
            hint(
                f"With learning rate {lr} and decay {decay} the weight is not yet {factor:g} times "
                f"smaller after {found} steps, but a little less: round up."
            )
        if found != steps:
            hint(
                f"With learning rate {lr} and decay {decay} a weight without gradient is "
                f"{factor:g} times smaller after {steps} steps; your function says {found}. Each "
                "step multiplies it by 1 - lr * decay."
            )


@checks
def strongest_share(solution: Callable[[Weights], Float[np.ndarray, " units"]]) -> None:
    """Check a function that returns how much of each unit's power its strongest frequency holds."""
    residues = np.arange(31)

    def wave(frequency: int) -> np.ndarray:
        return np.cos(2 * np.pi * frequency * residues / 31 + 0.7)

    pure = np.array([wave(3), wave(7)])
    if np.shape(solution(pure)) != (2,):
        hint("Return one number for each unit, a row of the weights.")
    if not np.allclose(solution(pure), 1.0):
        hint("A cosine has all its power in one frequency: expected 1 for each of the two units.")
    if not np.allclose(solution(pure + 5.0), 1.0):
        hint("A constant is no frequency: leave out frequency 0.")
    mixed = (2 * wave(3) + wave(5))[None]
    if not np.allclose(solution(mixed), 0.8):
        hint(
            "Of 2 cos + cos at another frequency the first holds 4 / (4 + 1) of the power: square "
            "the sizes, and divide by the sum over frequencies."
        )
