"""Everything around a training run that a tracker could disturb, read bit for bit."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

compares_python_random = True
"""False under a run-time type checker that draws from Python's generator itself."""

_GLOBAL_HOOKS = [name for name in vars(module_hooks) if name.startswith("_global_")]


def state_of(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Any]:
    """Read the model, its optimiser and the process's own state."""
    seen: dict[str, Any] = {
        "random": random.getstate() if compares_python_random else None,
        "numpy random": np.random.get_state()[1:],  # noqa: NPY002
        "torch random": torch.get_rng_state(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.is_autocast_cache_enabled()),
        "autocast type": torch.get_autocast_dtype("cpu"),
        "function modes": torch._C._len_torch_function_stack(),
        "dispatch modes": torch._C._len_torch_dispatch_stack(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "threads": torch.get_num_threads(),
        "default type": torch.get_default_dtype(),
    }
    for name in _GLOBAL_HOOKS:
        value = getattr(module_hooks, name)
        seen[name] = len(value) if hasattr(value, "__len__") else value
    for name, module in model.named_modules():
        own = vars(module)
        seen[f"{name}: attributes"] = sorted(own)
        seen[f"{name}: training"] = module.training
        for hooks in (key for key in own if key.endswith("_hooks")):
            seen[f"{name}: {hooks}"] = len(own[hooks])
    for kind, tensors in (
        ("parameter", model.named_parameters()),
        ("buffer", model.named_buffers()),
    ):
        for name, tensor in tensors:
            seen[f"{kind} {name}"] = tensor.detach().clone()
            seen[f"{kind} {name}: gradient"] = None if tensor.grad is None else tensor.grad.clone()
            seen[f"{kind} {name}: flags"] = (tensor.requires_grad, tensor.stride())
    if optimizer is not None:
        for index, own in enumerate(optimizer.state.values()):
            for name, value in own.items():
                seen[f"optimiser {index} {name}"] = (
                    value.clone() if torch.is_tensor(value) else value
                )
    return seen


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Compare two states bit for bit."""
    assert type(one) is type(other), where
    if isinstance(one, Tensor):
        assert one.dtype == other.dtype, where
        assert one.shape == other.shape, where
        assert one.numpy(force=True).tobytes() == other.numpy(force=True).tobytes(), where
    elif isinstance(one, np.ndarray):
        assert np.array_equal(one, other), where
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            assert_same(one[key], other[key], f"{where} {key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), where
        for index, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_same(a, b, f"{where} {index}")
    else:
        assert one == other, where
