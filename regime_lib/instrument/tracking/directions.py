"""Where the steps of a training go: their gradients, and the steps before them.

Norms alone (`norms`) do not tell a walk from a march. What is compared here needs two more copies
of the parameters, so that it is measured only where it is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeWarning
from regime_lib.instrument.tracking.blocks import Block
from regime_lib.instrument.tracking.norms import as_real

_NO_GRADIENT = (
    "no parameter has a gradient when the step is looked at, so that gradient_norm and "
    "gradient_alignment are NaN; call update() after optimizer.step() and before zero_grad()"
)


@dataclass(frozen=True, eq=False, repr=False)
class DirectionBlock(Block):
    """Products of steps and gradients by parameter, and which of them make up a module."""

    sums: Float[np.ndarray, "modules_and_all parameters"]
    gradient: Float[np.ndarray, "observations parameters members"]
    """Squared norm of the gradient; NaN where no parameter has one."""
    along: Float[np.ndarray, "observations parameters members"]
    """Product of the gradient and the step."""
    step: Float[np.ndarray, "observations parameters members"]
    """Squared norm of the step."""
    turned: Float[np.ndarray, "observations parameters members"]
    """Product of the step and the one before; NaN where that is not known."""
    before: Float[np.ndarray, "observations parameters members"]
    """Squared norm of the one before."""

    def cosine(
        self,
        product: Float[np.ndarray, "observations parameters members"],
        one: Float[np.ndarray, "observations parameters members"],
        other: Float[np.ndarray, "observations parameters members"],
    ) -> Float[np.ndarray, "observations modules_and_all members"]:
        """Return cosines over all parameters and by module; NaN where one of the two is zero."""
        size = np.sqrt(self.sums @ one) * np.sqrt(self.sums @ other)
        inner = self.sums @ product
        found = np.divide(inner, size, out=np.full_like(inner, np.nan), where=size > 0)
        return np.clip(found, -1.0, 1.0)


class DirectionMeter:
    """Keeps the parameters and the step of the last observation, and compares the next with them.

    Parameters
    ----------
    model : nn.Module
        The network; shared parameters count once.
    members : int
        Independent networks stacked along the first axis of every parameter.
    sums : array, shape (modules_and_all, parameters)
        Which parameters are added up, as in a `WeightBlock`.
    """

    def __init__(
        self,
        model: nn.Module,
        members: int,
        sums: Float[np.ndarray, "modules_and_all parameters"],
    ) -> None:
        self._parameters, self._members, self._sums = list(model.parameters()), members, sums
        # halves are widened: the difference of two of them is none
        self._last = [
            rows.to(torch.promote_types(rows.dtype, torch.float32), copy=True)
            for rows in map(self._rows, self._parameters)
        ]
        self._step = [torch.zeros_like(last) for last in self._last]
        self._follows = False
        self._warns = any(p.requires_grad for p in self._parameters)

    def observe(self, step: int, follows: bool) -> DirectionBlock:
        """Compare the step just made with its gradient and with the step before."""
        known = any(p.grad is not None for p in self._parameters)
        if self._warns and not known:
            warnings.warn(_NO_GRADIENT, RegimeWarning, stacklevel=4)
        self._warns = False
        rows = zip(self._parameters, self._last, self._step, strict=True)
        measured = [self._measure(*row) for row in rows]
        table = torch.stack(measured).cpu().numpy() if measured else self._nothing()
        gradient, along, size, turned, before = np.moveaxis(table, 1, 0)[:, None]
        if not known:
            gradient, along = gradient * np.nan, along * np.nan
        if not (follows and self._follows):
            turned, before = turned * np.nan, before * np.nan
        self._follows = follows
        found = (gradient, along, size, turned, before)
        return DirectionBlock(np.array([step]), np.array([follows]), self._sums, *found)

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        return {"last": self._last, "step": self._step, "follows": self._follows}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._follows = state["follows"]
        for mine, saved in ((self._last, state["last"]), (self._step, state["step"])):
            for one, other in zip(mine, saved, strict=True):
                one.copy_(torch.from_numpy(other) if isinstance(other, np.ndarray) else other)

    @torch.no_grad()
    def _measure(
        self, parameter: Tensor, last: Tensor, before: Tensor
    ) -> Float[Tensor, "5 members"]:
        """Return the five products of one parameter, and keep it and its step."""
        now = self._rows(parameter)
        step = now.double() - last.double()
        old = before.double()
        gradient = torch.zeros_like(step)
        if (grad := parameter.grad) is not None:
            grad = grad if grad.layout == torch.strided else grad.to_dense()
            gradient = self._rows(grad).double()
        pairs: Sequence[tuple[Tensor, Tensor]] = (
            (gradient, gradient), (gradient, step), (step, step), (step, old), (old, old)
        )  # fmt: skip
        products = torch.stack([torch.linalg.vecdot(a, b) for a, b in pairs])
        last.copy_(now)
        before.copy_(step)
        return products

    def _rows(self, values: Tensor) -> Float[Tensor, "members size"]:
        return as_real(values.detach()).reshape(self._members, -1)

    def _nothing(self) -> NDArray[np.float64]:
        return np.zeros((0, 5, self._members))
