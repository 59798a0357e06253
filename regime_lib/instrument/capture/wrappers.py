"""Looking through wrappers at the network itself, and at the modules that it is made of."""

from __future__ import annotations

from torch import nn

from regime_lib.errors import RegimeError

_SHARDED = ("FullyShardedDataParallel", "FSDPModule")
_COMPILED = "_orig_mod"


def unwrap(model: nn.Module) -> nn.Module:
    """Return the network inside data-parallel and compiled wrappers.

    Raises
    ------
    RegimeError
        If parameters are sharded, so that no process holds the network.
    """
    for module in model.modules():
        if any(base.__name__ in _SHARDED for base in type(module).__mro__):
            raise RegimeError(
                "the model is wrapped in FullyShardedDataParallel, whose parameters are split over "
                "processes; track an unsharded copy or wrap it in DistributedDataParallel"
            )
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, _COMPILED, None), nn.Module):
            model = inner
        else:
            return model


def is_compiled(model: nn.Module) -> bool:
    """Tell whether `torch.compile` has wrapped a model or a part of it."""
    # hasattr(module, _COMPILED) would cost an exception with its message for every plain module
    return any(
        _COMPILED in module._modules or getattr(module, "_compiled_call_impl", None) is not None
        for module in all_modules(model)
    )


def plain_name(name: str) -> str:
    """Return a qualified name without what `torch.compile` puts into it."""
    return ".".join(part for part in name.split(".") if part != _COMPILED)


def all_modules(root: nn.Module) -> list[nn.Module]:
    """List a model's modules; several times faster than `root.modules()`, which names them."""
    found, seen = [root], {id(root)}
    for module in found:  # grows while it is walked
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                found.append(child)
    return found


def structure(model: nn.Module) -> list[int]:
    """Return the identities of a model's modules and parameters, in order."""
    found = []
    for module in all_modules(model):
        found.append(id(module))
        found.extend(map(id, module._parameters.values()))
    return found
