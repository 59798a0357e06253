"""A plain function mapped over a grid: resumable, on this machine or on a cluster.

Each result is one file under the hash of everything that it depends on. What is finished is never
computed again, whoever was killed meanwhile.
"""

from __future__ import annotations

from regime_lib.sweeps.cluster import dask_executor, machines
from regime_lib.sweeps.engine import Sweep, sweep
from regime_lib.sweeps.grid import Grid, parse_grid
from regime_lib.sweeps.store import Status, Store

__all__ = ["Grid", "Status", "Store", "Sweep", "dask_executor", "machines", "parse_grid", "sweep"]
