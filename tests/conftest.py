"""Settings of every test: one thread, and the same examples from hypothesis in every run."""

from __future__ import annotations

import os

from hypothesis import settings

# before torch or NumPy start their threads: two cores are shared by the workers of pytest-xdist
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

settings.register_profile("same-everywhere", deadline=None, derandomize=True)
settings.load_profile("same-everywhere")
