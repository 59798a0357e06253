"""Order preservation: does what a neuron hands on keep the order of the samples that it reads?

Source: arXiv 2501.02436, read in reviews; its definition drifted. Versions 1 and 2 call a single
neuron order-preserving if its activation keeps the order of what it reads over the samples; any
monotone activation does. Version 5 asks it of transformations: one non-monotone neuron, or two
monotone ones that cooperate, can fold the order. Both are here. The graded measure is ours: the
share of concordant pairs of samples, which is (1 + Kendall's tau) / 2 where nothing is tied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.probe import checked_inputs
from regime_lib.instrument.modes.preactivations import read_preactivations
from regime_lib.instrument.modes.substitution import substitution_map
from regime_lib.instrument.shapes import shapes

_ENTRIES = 1 << 23  # pairs times units in one block


@dataclass(frozen=True, eq=False)
class OrderPreservation:
    """How far the order of a layer's pre-activations survives; pairs of equal ones are left out.

    With ``against="unit"`` the leading axes are (members, units); with ``"layer"`` they are
    (members, classes, units).
    """

    layer: str
    against: str
    agreement: Float[Tensor, "*axes units"]
    """Share of pairs in the same order before and after; a pair that the output ties counts half.

    NaN where all pre-activations of a unit are equal.
    """
    stderr: Float[Tensor, "*axes units"]
    """Standard error of the agreement, over samples (a U-statistic's, first order)."""
    exact: Bool[Tensor, "*axes units"]
    """No pair is reversed; ties that the output makes, as behind a closed ReLU, are allowed."""
    strict: Bool[Tensor, "*axes units"]
    """Every pair stays in order: none is reversed, none is tied."""
    pairs: Int[Tensor, "*axes units"]
    """Pairs of samples with different pre-activations."""

    __repr__ = shapes

    def share(self, at_least: float = 1.0) -> Float[Tensor, " members"]:
        """Return the share of units whose agreement is at least a number, one for each member."""
        known = ~torch.isnan(self.agreement)
        counted = (self.agreement >= at_least) & known
        return counted.flatten(1).sum(1) / known.flatten(1).sum(1).clamp(min=1)


def order_preservation(
    model: nn.Module,
    inputs: Tensor,
    *,
    against: Literal["unit", "layer"] = "unit",
    members: int | None = None,
) -> tuple[OrderPreservation, ...]:
    """Measure order preservation of every unit of every layer.

    Parameters
    ----------
    model : nn.Module
        A network with elementwise activations, run in evaluation mode.
    inputs : tensor, shape (samples, ...)
        The samples whose order is asked for; cost grows with their square.
    against : str
        ``unit`` compares a unit's pre-activation with its own output (versions 1 and 2). ``layer``
        compares it, signed as the unit acts on a class, with what the whole layer hands to
        that class through the linear substitution map (version 5's cooperating neurons, in our
        reading).
    members : int, optional
        K if the model is an ensemble of K networks.

    Raises
    ------
    RegimeError
        If there are fewer than two samples, `against` is unknown, or as for
        `read_preactivations` and `substitution_map`.
    """
    if against not in ("unit", "layer"):
        raise RegimeError(f"against is {against!r}; expected 'unit' or 'layer'")
    if checked_inputs(inputs) < 2:
        raise RegimeError("order needs at least two samples; got one")
    read = read_preactivations(model, inputs, members=members)
    found = []
    for number, name in enumerate(read.layers):
        before, after = read.before[number], read.after[number]
        if against == "unit":
            columns, outputs = before.movedim(1, 0), after.movedim(1, 0)
        else:
            matrix = substitution_map(model, inputs, number + 1, members=members).matrix
            signed = before[:, None] * matrix.sign()[:, :, None]  # members classes samples units
            total = torch.einsum("msu,mcu->mcs", after, matrix)
            columns = signed.movedim(2, 0)
            outputs = total.movedim(2, 0).unsqueeze(-1).expand_as(columns)
        flat = order_agreement(columns.flatten(1), outputs.flatten(1))
        shape = columns.shape[1:]
        found.append(OrderPreservation(name, against, *(part.reshape(shape) for part in flat)))
    return tuple(found)


def order_agreement(
    inputs: Float[Tensor, "samples units"], outputs: Float[Tensor, "samples units"]
) -> tuple[Shaped[Tensor, " units"], ...]:
    """Compare the order of two sequences, unit by unit, over all pairs of samples.

    Return agreement, its standard error, exact, strict and pairs, as in `OrderPreservation`.
    """
    samples = len(inputs)
    block = max(1, _ENTRIES // samples**2)
    blocks = zip(inputs.split(block, 1), outputs.split(block, 1), strict=True)
    parts = [_block(before, after) for before, after in blocks]
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def _block(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, ...]:
    """Count pairs of a few units at once."""
    before = (inputs[:, None] - inputs[None]).sign()
    product = before * (outputs[:, None] - outputs[None]).sign()
    distinct = before != 0  # samples samples units
    score = torch.where(distinct, (1 + product) / 2, 0.0).double()
    of_sample, with_sample = score.sum(1), distinct.sum(1)
    total = with_sample.sum(0)
    agreement = of_sample.sum(0) / total  # NaN without pairs
    influence = (of_sample - agreement * with_sample) / (total / len(inputs))
    stderr = 2 * influence.std(0, correction=1) / len(inputs) ** 0.5
    reversed_, tied = (product < 0).sum((0, 1)), (distinct & (product == 0)).sum((0, 1))
    exact = (total > 0) & (reversed_ == 0)
    return agreement, stderr, exact, exact & (tied == 0), total // 2
