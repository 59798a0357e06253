"""Ways to follow patterns and weights: ours, none, the naive way, and the tools that people use.

Every contender is a generator function: it sets up, yields once per training step (the caller takes
the step before it asks for the next value), and cleans up when it is closed. Each computes after
every step the share of flipped bits since the last step on the probe, and the norm of the update.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.workloads import Workload
from regime_lib import RegimeTracker

Contender = Callable[[nn.Module, Workload], Iterator[None]]


def nothing(model: nn.Module, work: Workload) -> Iterator[None]:
    """Train, and look at nothing."""
    while True:
        yield


def bare_probe(model: nn.Module, work: Workload) -> Iterator[None]:
    """Run the probe and throw everything away: the limit for whoever runs a probe at once."""
    while True:
        yield
        with torch.no_grad():
            model(work.probe)


def tracker(model: nn.Module, work: Workload) -> Iterator[None]:
    """Track with ours: patterns, distances, dead units, norms per layer."""
    with RegimeTracker(model, work.probe) as tracking:
        while True:
            yield
            tracking.update()


def tracker_at_once(model: nn.Module, work: Workload) -> Iterator[None]:
    """Track with ours, the probe in one forward pass as the bare probe runs it."""
    with RegimeTracker(model, work.probe, group=len(work.probe)) as tracking:
        while True:
            yield
            tracking.update()


def tracker_every_tenth(model: nn.Module, work: Workload) -> Iterator[None]:
    """Track with ours at every tenth step (and the step before it)."""
    with RegimeTracker(model, work.probe, schedule=lambda step: step % 10 == 0) as tracking:
        while True:
            yield
            tracking.update()


def naive(model: nn.Module, work: Workload) -> Iterator[None]:
    """Hooks, boolean masks, cloned parameters, one `.item()` a number."""
    masks: list[Tensor] = []
    previous: list[Tensor] = []
    weights = [p.detach().clone() for p in model.parameters()]
    hooks = _hook_relus(model, masks)
    try:
        while True:
            yield
            masks.clear()
            with torch.no_grad():
                model(work.probe)
                _compare(masks, previous)
                for old, new in zip(weights, model.parameters(), strict=True):
                    (new - old).norm().item()
                weights = [p.detach().clone() for p in model.parameters()]
            previous = list(masks)
    finally:
        for hook in hooks:
            hook.remove()


def arithmetic_alone(model: nn.Module, work: Workload) -> Iterator[None]:
    """Pack, compare and measure as the tracker does, and nothing else.

    Hooks on known modules; nothing is looked for, checked, refused, put back, snapshotted or kept.
    """
    patterns: dict[nn.Module, NDArray[np.uint8]] = {}
    scratch: dict[nn.Module, NDArray[np.bool_]] = {}
    flips = 0

    def compare(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal flips
        if torch.is_grad_enabled():
            return
        values = output.numpy().reshape(-1)
        if module not in scratch:
            scratch[module] = np.empty(values.shape, bool)
        now = np.packbits(np.greater(values, 0.0, out=scratch[module]))
        before = patterns.get(module, now)
        flips += int(np.bitwise_count(now ^ before).sum())
        patterns[module] = now

    parameters = list(model.parameters())
    rows = np.zeros((4, sum(p.numel() for p in parameters)), np.float32)
    views = [p.detach().numpy().reshape(-1) for p in parameters]
    np.concatenate(views, out=rows[1])
    rows[2] = rows[1]
    hooks = [owner.register_forward_hook(compare) for owner in _relu_owners(model)]
    try:
        while True:
            yield
            now, before, first, difference = rows
            np.concatenate(views, out=now)
            for other in (before, first):
                np.subtract(now, other, out=difference)
                np.dot(difference, difference)
            np.dot(now, now)
            with torch.no_grad():
                model(work.probe)
            rows[1] = now
    finally:
        for hook in hooks:
            hook.remove()


def captum(model: nn.Module, work: Workload) -> Iterator[None]:
    """Take activations with captum's LayerActivation, then do as the naive way does."""
    from captum.attr import LayerActivation

    layers = _relu_owners(model)
    attribution = LayerActivation(model, layers)

    def activations() -> list[Tensor]:
        found = attribution.attribute(work.probe)
        return [a if isinstance(a, Tensor) else a[0] for a in found]

    yield from _with_activations(model, activations)


def nnsight(model: nn.Module, work: Workload) -> Iterator[None]:
    """Take activations with an nnsight trace, then do as the naive way does."""
    import nnsight as nnsight_package
    from nnsight import NNsight

    wrapped = NNsight(model)
    names = [name for name, module in model.named_modules() if module in set(_relu_owners(model))]

    layers = [_at(wrapped, name) for name in names]

    def activations() -> list[Tensor]:
        with torch.no_grad(), wrapped.trace(work.probe):
            # nnsight reads this block's source: a plain loop, no comprehension
            found = nnsight_package.save([])
            for layer in layers:
                found.append(layer.output)
        return list(found)

    yield from _with_activations(model, activations)


def torchlens(model: nn.Module, work: Workload) -> Iterator[None]:
    """Take activations with torchlens, keeping ReLUs only, then do as the naive way does."""
    import torchlens

    def activations() -> list[Tensor]:
        kept = torchlens.record(model, work.probe, save=_is_relu, default_op=False)
        return [record.ram_payload for record in kept]

    yield from _with_activations(model, activations)


def _with_activations(model: nn.Module, activations: Callable[[], list[Tensor]]) -> Iterator[None]:
    previous: list[Tensor] = []
    weights = [p.detach().clone() for p in model.parameters()]
    while True:
        yield
        with torch.no_grad():
            masks = [a.detach() > 0 for a in activations()]
            _compare(masks, previous)
            for old, new in zip(weights, model.parameters(), strict=True):
                (new - old).norm().item()
            weights = [p.detach().clone() for p in model.parameters()]
        previous = masks


def _compare(masks: list[Tensor], previous: list[Tensor]) -> None:
    for now, before in zip(masks, previous, strict=False):
        (now != before).float().mean().item()


def _relu_owners(model: nn.Module) -> list[nn.Module]:
    """Return ReLU modules; an encoder layer calls the function, so its first linear stands in."""
    found: list[nn.Module] = []
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            found.append(module)
        elif isinstance(module, nn.TransformerEncoderLayer):
            found.append(module.linear1)
    return found


def _hook_relus(model: nn.Module, masks: list[Tensor]) -> list[torch.utils.hooks.RemovableHandle]:
    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not torch.is_grad_enabled():
            masks.append(output > 0)

    return [owner.register_forward_hook(keep) for owner in _relu_owners(model)]


def _is_relu(context: Any) -> bool:
    return context.func_name == "relu"


def _at(root: object, name: str) -> object:
    for part in name.split("."):
        root = root[int(part)] if part.isdigit() else getattr(root, part)  # type: ignore[index]
    return root


OURS: dict[str, Contender] = {
    "train only": nothing,
    "+ bare probe": bare_probe,
    "+ tracker": tracker,
    "+ tracker, one pass": tracker_at_once,
    "+ tracker every 10th step": tracker_every_tenth,
    "+ naive (bool masks, clones)": naive,
    "+ the arithmetic alone": arithmetic_alone,
}

PEERS: dict[str, Contender] = {"+ captum": captum, "+ nnsight": nnsight, "+ torchlens": torchlens}
