"""One thread per chapter: several run side by side, and sums have one order."""

from __future__ import annotations

import os
import sys

#: What a process finds that runs a chapter.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def use_one_thread() -> None:
    """Let this process compute on one thread, whether or not its libraries are loaded yet."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    if "threadpoolctl" in sys.modules or "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(1)
