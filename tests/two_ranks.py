"""Two processes that train one model together: what a test does in each of them is a script."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")

_FRAME = """
import gc, os, sys
from datetime import timedelta
from pathlib import Path
import torch
import torch._dynamo  # which data-parallel models import: here once for both
from torch import nn
{imports}

def train(rank, folder):
{body}

def be(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{{folder}}/store", rank=rank, world_size=2,
        timeout=timedelta(minutes=2),
    )
    torch.manual_seed(0)
    train(rank, folder)
    gc.collect()  # a data-parallel model that outlives its group can wait for it forever
    torch.distributed.destroy_process_group()

child = os.fork()  # rather than two processes that import everything
be(int(child == 0), Path(sys.argv[1]))
if child:
    sys.exit(os.waitpid(child, 0)[1] != 0)
"""


def in_two_ranks(folder: Path, imports: str, body: str) -> None:
    """Run statements as rank 0 and as rank 1; they may use `rank` and `folder`.

    They are a function of their own, whose models are gone before the group is: PyTorch's
    reducer, where it is the last to hold the group, waits for a thread of it while holding
    Python's lock, which that thread may need.
    """
    script = _FRAME.format(imports=imports, body=textwrap.indent(textwrap.dedent(body), "    "))
    command = [sys.executable, "-c", script, str(folder)]
    subprocess.run(command, check=True, timeout=300, cwd=Path(__file__).parents[1])
