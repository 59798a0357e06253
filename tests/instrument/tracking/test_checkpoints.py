"""Saved states are followed as if the tracker had been there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker, Trace, trace_checkpoints
from tests.instrument.cases import Plain, vectors
from tests.sentences import refusal

torch.manual_seed(5)
PROBE = vectors()


def saved(folder: Path, save: Any, ending: str) -> tuple[list[Path], Trace]:
    """Train, save every state, and track the same run."""
    torch.manual_seed(0)
    model, files = Plain(), []

    def keep() -> None:
        files.append(folder / f"{len(files):03d}{ending}")
        save(model, files[-1])

    optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
    with RegimeTracker(model, PROBE) as tracker:
        keep()
        for _ in range(5):
            optimizer.zero_grad()
            model(PROBE).pow(2).mean().backward()
            optimizer.step()
            tracker.update()
            keep()
    return files, tracker.trace


def save_plain(model: nn.Module, file: Path) -> None:
    torch.save(model.state_dict(), file)


def save_nested(model: nn.Module, file: Path) -> None:
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, file)


def save_safe(model: nn.Module, file: Path) -> None:
    pytest.importorskip("safetensors.torch").save_file(model.state_dict(), file)


@pytest.mark.parametrize(
    ("save", "ending"),
    [(save_plain, ".pt"), (save_nested, ".ckpt"), (save_safe, ".safetensors")],
)
def test_checkpoints_of_every_step_give_the_trace_of_the_run(
    tmp_path: Path, save: Any, ending: str
) -> None:
    files, live = saved(tmp_path, save, ending)
    found = trace_checkpoints(Plain, files, PROBE)
    assert found.quantities == live.quantities
    for quantity in live.quantities:
        for one, other in zip(found.array(quantity), live.array(quantity), strict=True):
            assert np.array_equal(one, other, equal_nan=True), quantity


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (print, ("code ran",))

    files = {name: tmp_path / f"{name}.pt" for name in ("evil", "text", "list", "other")}
    torch.save({"x": Evil()}, files["evil"])
    files["text"].write_text("no checkpoint")
    torch.save([1, 2], files["list"])
    torch.save(nn.Linear(2, 2).state_dict(), files["other"])
    for name in ("evil", "text"):
        refusal("cannot be read", lambda n=name: trace_checkpoints(Plain, [files[n]], vectors()))
    refusal("no state", lambda: trace_checkpoints(Plain, [files["list"]], vectors()))
    refusal("make_model", lambda: trace_checkpoints(Plain, [files["other"]], vectors()))
    refusal("no checkpoint", lambda: trace_checkpoints(Plain, [], vectors()))
