"""How far the parameters have moved since the last observation, and since the first.

The arithmetic lies in `norms`; here is which parameters there are, that they stay the same ones,
and what is said if they are not finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import own_name
from regime_lib.instrument.capture.torch_private import Structure
from regime_lib.instrument.capture.wrappers import plain_name
from regime_lib.instrument.tracking.norms import Blocks, Device, Rows, as_real

_SMALL = 1 << 17  # numbers up to which observations are measured many at a time
_KIND = attrgetter("shape", "device", "dtype")
_SNAPSHOT_SIZE = 1 << 21  # numbers of a member that a snapshot keeps at most


class WeightMeter:
    """Measures how far the parameters have moved; shared parameters count once."""

    def __init__(self, model: nn.Module, members: int = 1) -> None:
        self._model = model
        named = list(model.named_parameters())
        for name, parameter in named:
            _check(name, parameter, members)
        self.names = [plain_name(name) for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._kinds = list(map(_KIND, self._parameters))
        self._structure = Structure(model)
        sizes = np.array([as_real(p).numel() // members for p in self._parameters], dtype=int)
        # an even sample that a snapshot can hold; odd, so as not to follow rows
        self._sampled = max(1, -(-int(sizes.sum()) // _SNAPSHOT_SIZE)) | 1
        kept = -(-sizes // self._sampled)
        self._ends = np.cumsum(kept)
        self._scale = sizes / np.maximum(kept, 1)
        self.store = self._make_store(members)

    def stage(self, *, same_objects: bool = False) -> bool:
        """Read the parameters; return whether they are finite, and can be kept.

        `same_objects` says that modules and parameters are known to be those of before.
        """
        self.check_same_architecture(same_objects)
        return self.store.stage()

    def snapshot(
        self, into: Float[np.ndarray, "members sampled"] | None = None
    ) -> Float[np.ndarray, "members sampled"]:
        """Copy the parameters of the last observation, one row per member.

        Of a network with more than two million parameters, an even sample of them. An earlier copy
        that is no longer wanted may be given, to be written over.
        """
        return self.store.last(self._sampled, into)

    def squared_distance_to_last(
        self, snapshot: Float[np.ndarray, "members sampled"]
    ) -> Float[np.ndarray, "parameters members"]:
        """Return the squared distance of an earlier snapshot to the last observation."""
        difference = snapshot - self.store.last(self._sampled)
        parts = np.split(difference, self._ends, axis=1)[:-1]
        squares = np.array([np.vecdot(part, part) for part in parts], dtype=np.float64)
        return squares.reshape(len(parts), len(difference)) * self._scale[:, None]

    def check_same_architecture(self, same_objects: bool = False) -> None:
        """Refuse a model whose layers or parameters were replaced, added, removed or moved."""
        if (same_objects or self._structure.holds()) and list(
            map(_KIND, self._parameters)
        ) == self._kinds:
            return
        now = list(self._model.parameters())
        raise RegimeError(
            "the model's layers or parameters changed between updates "
            f"({len(self._parameters)} parameter tensors at the start, {len(now)} now, or another "
            "module, shape, type or device); start a new tracker after changing the architecture"
        )

    def not_finite(self) -> str:
        """Say which parameter could not be staged, and why."""
        for name, parameter in zip(self.names, self._parameters, strict=True):
            if not bool(torch.isfinite(parameter).all()):
                return f"the parameter {name} holds NaN or infinite values"
        pairs = zip(self._parameters, self.names, strict=True)
        _, largest = max((float(p.detach().abs().max()), name) for p, name in pairs if p.numel())
        return f"the parameter {largest} is so large that its norm overflows"

    def _make_store(self, members: int) -> Rows | Blocks | Device:
        for p in self._parameters:
            if p.device.type != "cpu" or p.dtype not in (torch.float32, torch.float64):
                return Device(self._parameters, members)
        small = sum(p.numel() for p in self._parameters) <= _SMALL
        return (Rows if small else Blocks)(self._parameters, members)


def modules_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Group parameter indices by the module that owns them, in order of appearance."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        owner, _, leaf = name.rpartition(".")
        groups.setdefault(own_name(owner or leaf), []).append(index)
    return groups


def _check(name: str, parameter: nn.Parameter, members: int) -> None:
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise RegimeError(
            f"the parameter {name} of a lazy layer has no shape yet; "
            "run the model once on a batch before tracking it"
        )
    if parameter.layout != torch.strided:
        raise RegimeError(
            f"the parameter {name} is sparse ({parameter.layout}), and its distances are not "
            "measured; keep it dense, or as a buffer if it is not trained"
        )
    if members > 1 and (parameter.ndim == 0 or parameter.shape[0] != members):
        raise RegimeError(
            f"the parameter {name} has shape {tuple(parameter.shape)}, but with "
            f"members={members} the first axis of every parameter must have size {members}"
        )
