"""Settings of the instrument's tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.instrument import execution_state

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded_and_cleaned_up(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Start every test from one seed, and hand no mode on to the next."""
    if request.config.getoption("--jaxtyping-packages", None):
        monkeypatch.setattr(execution_state, "compares_python_random", False)
    torch.manual_seed(0)
    yield
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    torch.backends.mha.set_fastpath_enabled(True)


@pytest.fixture
def one_process_group(tmp_path: Path) -> Iterator[None]:
    """Be the only process of a group, which outlives the test's models: see `in_two_ranks`."""
    import torch.distributed as dist

    dist.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1
    )
    yield
    gc.collect()
    dist.destroy_process_group()
