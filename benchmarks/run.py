"""Measure what tracking costs, and write RESULTS.md; `make bench` calls this.

Variants of one workload run interleaved in random order, in rounds; every number is a median over
rounds, every ratio the median of the ratios within a round. Times are CPU seconds of the one thread
that works, so that a busy machine does not distort them; wall time is recorded beside them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import torch

from benchmarks import ensembles, own_forward
from benchmarks.contenders import OURS, PEERS, Contender
from benchmarks.report import render
from benchmarks.workloads import Workload, train_step, workloads

HERE = Path(__file__).parent


class Entry:
    """One contender on one workload: its own model, optimiser and set-up."""

    def __init__(self, name: str, contender: Contender, work: Workload) -> None:
        torch.manual_seed(0)
        self.name, self._work = name, work
        self._model = work.build()
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-3, momentum=0.9)
        self._looks: Iterator[None] = contender(self._model, work)
        next(self._looks)

    def run(self, steps: int) -> tuple[float, float]:
        """Train some steps; return CPU and wall seconds a step."""
        wall, cpu = time.perf_counter(), time.thread_time()
        for _ in range(steps):
            train_step(self._model, self._optimizer, self._work)
            next(self._looks)
        return (time.thread_time() - cpu) / steps, (time.perf_counter() - wall) / steps

    def close(self) -> None:
        """Clean up."""
        self._looks.close()  # type: ignore[attr-defined]


def measure(work: Workload, contenders: dict[str, Contender], rounds: int) -> list[dict[str, Any]]:
    """Time all contenders on one workload."""
    order = random.Random(0)
    entries = []
    for name, contender in contenders.items():
        try:
            entries.append(Entry(name, contender, work))
        except ImportError as missing:
            print(f"  {name}: left out ({missing})")
    for entry in entries:
        entry.run(max(2, work.steps // 4))  # warm up
    times: dict[str, list[tuple[float, float]]] = {entry.name: [] for entry in entries}
    for _ in range(rounds):
        for entry in order.sample(entries, len(entries)):
            steps = work.steps if "every" not in entry.name else max(20, work.steps)
            times[entry.name].append(entry.run(steps))
    for entry in entries:
        entry.close()
    cpu = {name: np.array(values)[:, 0] for name, values in times.items()}
    wall = {name: np.array(values)[:, 1] for name, values in times.items()}
    return [
        {
            "workload": work.name,
            "variant": name,
            "cpu_ms": 1e3 * float(np.median(cpu[name])),
            "wall_ms": 1e3 * float(np.median(wall[name])),
            "over_bare_probe": float(np.median(cpu[name] / cpu["+ bare probe"])),
            "over_training": float(np.median(cpu[name] / cpu["train only"])),
        }
        for name in times
    ]


def environment() -> dict[str, str]:
    """Describe the machine and the versions that were measured."""
    packages = ("torch", "numpy", "captum", "nnsight", "torchlens")
    versions = {}
    for package in packages:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "cpu": _cpu_name(),
        "cores": str(os.cpu_count()),
        "threads used": str(torch.get_num_threads()),
        "python": platform.python_version(),
        **versions,
        "commit": commit or "not under version control",
        "date": time.strftime("%Y-%m-%d"),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "unknown")


def main() -> None:
    """Run the benchmarks and write results.json and RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds per workload")
    parser.add_argument("--only", help="run workloads whose name contains this")
    parser.add_argument("--no-peers", action="store_true", help="leave the other tools out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    contenders = OURS if options.no_peers else OURS | PEERS
    rows, own = [], []
    for work in workloads():
        if options.only and options.only not in work.name:
            continue
        print(work.name)
        rows += measure(work, contenders, options.rounds)
        own += own_forward.measure(work, options.rounds)
    results = {
        "environment": environment(),
        "tracking": rows,
        "own_forward": own,
        "ensembles": ensembles.measure() if not options.only else [],
    }
    text = render(results)
    print(text)
    if not options.only:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
