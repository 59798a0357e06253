"""Looking through wrappers at the network itself, and at the modules that it is made of."""

from __future__ import annotations

from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.torch_private import COMPILED_ORIGINAL

_SHARDED = ("FullyShardedDataParallel", "FSDPModule")


def unwrap(model: nn.Module) -> nn.Module:
    """Return the network inside data-parallel and compiled wrappers."""
    for module in model.modules():
        if any(base.__name__ in _SHARDED for base in type(module).__mro__):
            raise RegimeError(
                "the model is wrapped in FullyShardedDataParallel, whose parameters are split over "
                "processes; track an unsharded copy or wrap it in DistributedDataParallel"
            )
    for name, parameter in model.named_parameters():
        if any(base.__name__ == "DTensor" for base in type(parameter).__mro__):
            raise RegimeError(
                f"the parameter {name} is a DTensor, split over processes; track an unsharded copy "
                "or wrap the model in DistributedDataParallel"
            )
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, COMPILED_ORIGINAL, None), nn.Module):
            model = inner
        else:
            return model


def plain_name(name: str) -> str:
    """Return a qualified name without what `torch.compile` puts into it."""
    return ".".join(part for part in name.split(".") if part != COMPILED_ORIGINAL)
