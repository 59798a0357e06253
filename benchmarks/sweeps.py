"""What a sweep costs over the bare function; `python -m benchmarks.sweeps` writes SWEEPS.md.

Overhead is the wall time of a sweep of tiny points over that of calling the function in a loop, per
point; variants run interleaved, medians over rounds. Scaling is measured on points that compute for
a while. Papermill runs the same tiny computation as a notebook a point.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from regime_lib.sweeps.cluster import dask_executor
from regime_lib.sweeps.engine import sweep

HERE = Path(__file__).parent
TINY, ROUNDS, BUSY, NOTEBOOKS = 1000, 5, 64, 5
TARGET_MS = 5.0


def tiny(point: dict[str, Any]) -> dict[str, Any]:
    return {"square": point["x"] ** 2}


def busy(point: dict[str, Any]) -> dict[str, Any]:
    """Compute for about a twentieth of a second on one thread."""
    values = np.arange(60_000, dtype=float) + point["x"]
    for _ in range(100):
        values = np.sqrt(values + 1.0)
    return {"sum": float(values.sum())}


def overhead() -> dict[str, float]:
    """Return ms a point: bare, in a pool from scratch, found finished, and through Dask."""
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for x in range(TINY):
            tiny({"x": x})
        times.setdefault("bare function", []).append(time.perf_counter() - start)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("pool of 2 processes", "all points finished before"):
                run = _seconds(tiny, TINY, folder, jobs=2)
                times.setdefault(name, []).append(run)
    return {name: 1e3 * statistics.median(values) / TINY for name, values in times.items()}


def through_dask() -> float:
    """Return ms a point on a local Dask cluster of two workers."""
    from distributed import LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
        ) as cluster,
        dask_executor(cluster.scheduler_address) as (executor, check),
    ):
        values = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as folder:
                values.append(_seconds(tiny, TINY, folder, executor=executor, check=check))
    return 1e3 * statistics.median(values) / TINY


def scaling() -> dict[int, float]:
    """Return seconds for the busy points by number of workers."""
    times: dict[int, list[float]] = {}
    for _ in range(ROUNDS):
        for jobs in (1, 2):
            with tempfile.TemporaryDirectory() as folder:
                times.setdefault(jobs, []).append(_seconds(busy, BUSY, folder, jobs=jobs))
    return {jobs: statistics.median(values) for jobs, values in times.items()}


def through_papermill() -> float:
    """Return ms a point if every point is a notebook of its own."""
    import nbformat
    import papermill

    cells = [
        nbformat.v4.new_code_cell("x = 0", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("square = x**2"),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {
        "name": "python3", "display_name": "Python 3", "language": "python"}})  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tiny.ipynb"
        nbformat.write(notebook, source)
        start = time.perf_counter()
        for x in range(NOTEBOOKS):
            papermill.execute_notebook(
                str(source), f"{folder}/{x}.ipynb", parameters={"x": x}, progress_bar=False
            )
        return 1e3 * (time.perf_counter() - start) / NOTEBOOKS


def _seconds(run: Callable[..., Any], points: int, folder: str, **named: Any) -> float:
    start = time.perf_counter()
    sweep(run, {"x": range(points)}, into=folder, progress=False, **named)
    return time.perf_counter() - start


def main() -> None:
    result = {
        "overhead_ms": {**overhead(), "Dask cluster of 2 workers": through_dask(),
                        "papermill, a notebook a point": through_papermill()},
        "scaling_s": scaling(),
        "machine": {
            "cores": os.cpu_count(), "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 2),
            **{name: metadata.version(name) for name in ("distributed", "papermill")},
            "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE,
                                     capture_output=True, text=True, check=False).stdout.strip(),
            "date": time.strftime("%Y-%m-%d"),
        },
    }  # fmt: skip
    (HERE / "sweeps.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    (HERE / "SWEEPS.md").write_text(render(result), encoding="utf-8")


def render(result: dict[str, Any]) -> str:
    """Return the page; its numbers are those of the result."""
    costs, scale = result["overhead_ms"], result["scaling_s"]
    pool = costs["pool of 2 processes"] - costs["bare function"]
    reached = "reached" if pool <= TARGET_MS else "missed"
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in costs.items())
    one, two = scale[1], scale[2]
    machine = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    return f"""# What a sweep costs

Generated by `python -m benchmarks.sweeps`; do not edit by hand. Wall time, medians over {ROUNDS}
rounds of {TINY} points that compute next to nothing; starting the processes is included.

Measured on: {machine}.

Target: at most {TARGET_MS:g} ms a point over the bare function in the pool. Measured: {pool:.2f}
ms ({reached}).

| way | ms a point |
| --- | --- |
{rows}

## Scaling

{BUSY} points that compute for a while: {one:.2f} s with one process, {two:.2f} s with two
({one / two:.2f} times as fast; starting them is included). The machine's load is part of this
number: it stands above.
"""


if __name__ == "__main__":
    main()
