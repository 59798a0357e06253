"""Following a series of saved states instead of a training that runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError, extra
from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker

#: Where trainers put the model's state inside a checkpoint, and what they write before its names.
_NESTED = ("state_dict", "model_state_dict", "model", "module")
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")


def trace_checkpoints(
    make_model: Callable[[], nn.Module],
    files: Sequence[str | Path],
    probe: ProbeLike,
    **options: Any,
) -> Trace:
    """Return the trace of a run of which only checkpoints are left.

    A step of this trace is one checkpoint: the first one is step 0, and a change is that from one
    checkpoint to the next.

    Parameters
    ----------
    make_model : callable
        Returns the network, of any weights.
    files : sequence of path
        Of safetensors, or as ``torch.save`` writes them; in the order of training. They are read
        without running code that they may hold.
    probe : tensor, tuple, dict or callable
        As for `RegimeTracker`.
    **options
        Of `RegimeTracker`.

    Raises
    ------
    RegimeError
        If there are no files, or one cannot be read or does not fit the network.
    """
    if not files:
        raise RegimeError("there is no checkpoint; pass at least one file")
    model = make_model()
    _load(model, Path(files[0]))
    with RegimeTracker(model, probe, **options) as tracker:
        for file in files[1:]:
            _load(model, Path(file))
            tracker.update()
    return tracker.trace


def _load(model: nn.Module, file: Path) -> None:
    state = _state_of(file)
    wanted = set(model.state_dict())
    for prefix in _PREFIXES:
        if not wanted.intersection(state) and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): value for name, value in state.items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200].replace(". ", ", ")
        raise RegimeError(
            f"{file} does not fit the network that make_model returns ({reason}); return the one "
            "that was saved"
        ) from None


def _state_of(file: Path) -> Mapping[str, Tensor]:
    """Read a file; return the state of the model in it."""
    try:
        if file.suffix == ".safetensors":
            with extra("checkpoints"):
                from safetensors.torch import load_file
            return load_file(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except RegimeError:
        raise
    except Exception as error:
        raise RegimeError(
            f"{file} cannot be read as a checkpoint ({type(error).__name__}); pass safetensors, or "
            "a file of torch.save that holds tensors and plain values only"
        ) from None
    for name in _NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise RegimeError(
            f"{file} holds no state of a model; expected names and tensors, by themselves or under "
            f"one of {', '.join(_NESTED)}"
        )
    return found
