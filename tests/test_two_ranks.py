"""A failure in either of two processes is a failure of the test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.two_ranks import in_two_ranks, needs_fork


@needs_fork
@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_fails_is_not_overlooked(tmp_path: Path, rank: int) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        in_two_ranks(tmp_path, "", f"assert rank != {rank}")
