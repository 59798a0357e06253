"""Freezing the patterns of a model: a copy decides what is on, and only the weights go on learning.

From the moment of freezing the on/off decision of every rectifier, and the winner of every
max-pool, is that of an unchanging copy of the model, for any input. Gradients reach the weights of
the live model through these decisions. The copy runs in evaluation mode, so that a decision depends
on the input alone: not on the other samples of a batch, nor on dropout.

What is frozen is what decides. Soft-max, layer normalisation and the like are left as they are, so
that a Transformer with frozen feed-forward units is still not affine in any of its weights.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.modes import DISPATCH
from regime_lib.instrument.capture.operators import Kind
from regime_lib.instrument.capture.probe import Probe, ProbeLike
from regime_lib.instrument.capture.wrappers import unwrap
from regime_lib.instrument.freezing.decisions import Decision, Imposes, Reads
from regime_lib.instrument.freezing.pieces import PIECES
from regime_lib.instrument.freezing.stored import StoredPatterns, stored_patterns
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.patterns import discover

Units = Mapping[str, Tensor]
"""By the name of a layer, which of its units are frozen: bits that broadcast against its input."""


class FrozenPatterns(nn.Module):
    """A model whose activation patterns are those of a frozen copy; made by `freeze_patterns`.

    Attributes
    ----------
    live : nn.Module
        The model that was given, not copied: its parameters are those that an optimiser already
        holds. Run it alone to thaw the patterns.
    frozen : nn.Module
        The copy that decides; in evaluation mode, without gradients.
    coverage : Coverage
        The layers that decide, by name.
    """

    def __init__(self, live: nn.Module, coverage: Coverage, held: Sequence[bool | Tensor]) -> None:
        super().__init__()
        self.live, self.coverage = live, coverage
        self.frozen = copy.deepcopy(live).requires_grad_(False)
        self.frozen.eval()
        self._held = list(held)

    def train(self, mode: bool = True) -> FrozenPatterns:
        """Set the mode of the live model; the copy stays in evaluation mode."""
        super().train(mode)
        self.frozen.eval()
        return self

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Run the live model, with the decisions that the copy takes on the same inputs."""
        return self._run(self.decisions(*inputs, **named), *inputs, **named)

    @torch.no_grad()
    def decisions(self, *inputs: Any, **named: Any) -> list[Decision]:
        """Return what the copy decides on inputs, call by call."""
        with Reads() as found:
            self.frozen(*inputs, **named)
        return found.decisions

    def store(self, inputs: Tensor, *, sample_axis: int = 0, batch: int = 1024) -> StoredPatterns:
        """Keep the decisions on a fixed set of inputs, at one bit for each unit and sample.

        Parameters
        ----------
        inputs : tensor
            A training set, say.
        sample_axis : int
            The axis of its samples: 1 if each member of an ensemble has inputs of its own.
        batch : int
            Samples in one forward pass.

        Raises
        ------
        RegimeError
            If an activation has no axis of the samples.
        """
        return stored_patterns(self.decisions, inputs, self.coverage, sample_axis, batch)

    def with_stored(self, inputs: Tensor, stored: StoredPatterns, rows: Int[Tensor, "..."]) -> Any:
        """Run the live model on samples whose decisions are stored: the copy does not run.

        Parameters
        ----------
        inputs : tensor
            A batch of the inputs that were stored.
        stored : StoredPatterns
            See `store`.
        rows : tensor of int, shape (batch,) or (members, batch)
            Their numbers there.
        """
        return self._run(stored.decisions(rows), inputs)

    def _run(self, decisions: Sequence[Decision], *inputs: Any, **named: Any) -> Any:
        imposed = Imposes(decisions, self._held)
        with imposed:
            output = self.live(*inputs, **named)
        imposed.finish()
        return output


def freeze_patterns(
    model: nn.Module,
    example: ProbeLike,
    *,
    layers: Sequence[str] | None = None,
    units: Units | None = None,
    members: int = 1,
) -> FrozenPatterns:
    """Freeze what the rectifiers and max-pools of a model decide, and let its weights train on.

    Parameters
    ----------
    model : nn.Module
        Any model of rectifiers (ReLU, leaky ReLU, PReLU, clipped ones) and max-pools, whether
        modules or functions call them. It is trained on, and not copied.
    example : tensor, tuple or dict
        Inputs to find these calls with.
    layers : sequence of str, optional
        Names of the layers to freeze, as in `coverage`; the others decide for themselves. All by
        default.
    units : mapping of str to tensor of bool, optional
        Of some layers only these units, such as those that have long not flipped; the shape
        broadcasts against what the layer reads, ``(units,)`` for a dense one.
    members : int
        Independent networks stacked in an ensemble.

    Returns
    -------
    FrozenPatterns
        At this moment its output is the model's own in evaluation mode, bit for bit.

    Raises
    ------
    RegimeError
        If something in the model decides that cannot be frozen: it is named. Smooth activations
        (GELU, SiLU), comparisons written by hand, random slopes and recurrent layers are such.

    Examples
    --------
    >>> import torch
    >>> from regime_lib.instrument import freeze_patterns
    >>> _ = torch.manual_seed(0)
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    >>> x = torch.randn(32, 4)
    >>> frozen = freeze_patterns(model, x)
    >>> torch.equal(frozen(x), model(x))
    True
    """
    model = unwrap(model)
    probe = Probe(example)
    probe.check(model)
    plan, _ = discover(model, probe, Options(members=members))
    coverage = plan.coverage
    _check(coverage)
    names = [layer.name for layer in coverage.layers]
    asked = {*(layers or ()), *(units or {})}
    if unknown := sorted(asked.difference(names)):
        raise RegimeError(
            f"no layer is called {', '.join(unknown)}; the layers that decide are "
            f"{', '.join(names)}"
        )
    chosen = names if layers is None else layers
    held = [(units or {}).get(name, True) if name in chosen else False for name in names]
    return FrozenPatterns(model, coverage, held)


def _check(coverage: Coverage) -> None:
    """Refuse what cannot be frozen, by name."""
    found = [str(item).replace(_TRACKING, "") for item in coverage.unseen]
    for layer in coverage.layers:
        if layer.via == DISPATCH:
            found.append(f"{layer.op} in {layer.name}, which no Python function calls")
        elif layer.kind is not Kind.WINNER and layer.op not in PIECES:
            found.append(f"{layer.op} in {layer.name}")
    if found:
        raise RegimeError(
            f"these decisions cannot be frozen: {'; '.join(found)}; freeze a model of ReLUs (or "
            "leaky, parametric and clipped ones) and max-pools"
        )


_TRACKING = " (smooth: pass smooth=True to track the sign of its input)"
