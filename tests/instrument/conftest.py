"""Settings of the instrument's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.instrument import worlds

torch.set_num_threads(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a run-time type checker disturbs: it draws random numbers and adds frames."""
    if not config.getoption("--jaxtyping-packages", None):
        return
    skip = pytest.mark.skip(reason="the run-time type checker draws random numbers, adds frames")
    for item in items:
        if item.get_closest_marker("untyped") or "noise in evaluation" in item.name:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _seeded_and_cleaned_up(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Start every test from one seed, and hand no mode on to the next."""
    if request.config.getoption("--jaxtyping-packages", None):
        monkeypatch.setattr(worlds, "compares_python_random", False)
    torch.manual_seed(0)
    yield
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")
    torch.backends.mha.set_fastpath_enabled(True)
