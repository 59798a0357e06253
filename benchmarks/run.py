"""Measure what tracking costs, and write RESULTS.md; `make bench` calls this.

Variants of one workload run interleaved in random order, in rounds; every number is a median over
rounds, every ratio the median of the ratios within a round. Times are CPU seconds of the one thread
that works, so that a busy machine does not distort them; wall time is recorded beside them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import torch

from benchmarks import ensembles, own_forward, parts
from benchmarks.contenders import OURS, PEERS, Contender
from benchmarks.machine import environment
from benchmarks.report import render
from benchmarks.workloads import Workload, train_step, workloads

HERE = Path(__file__).parent
CONTENDERS = OURS | PEERS


class Entry:
    """One contender on one workload: its own model, optimiser and set-up."""

    def __init__(self, name: str, contender: Contender, work: Workload) -> None:
        torch.manual_seed(0)
        self.name, self._work = name, work
        self._model = work.build()
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-3, momentum=0.9)
        self._contender: Iterator[None] = contender(self._model, work)
        next(self._contender)

    def run(self, steps: int) -> tuple[float, float]:
        """Train some steps; return CPU and wall seconds a step."""
        wall, cpu = time.perf_counter(), time.thread_time()
        for _ in range(steps):
            train_step(self._model, self._optimizer, self._work)
            next(self._contender)
        return (time.thread_time() - cpu) / steps, (time.perf_counter() - wall) / steps

    def close(self) -> None:
        """Clean up."""
        self._contender.close()  # type: ignore[attr-defined]


def measure(work_name: str, names: tuple[str, ...], rounds: int) -> dict[str, list[list[float]]]:
    """Time some contenders on one workload, interleaved: CPU and wall seconds a step, by round."""
    torch.set_num_threads(1)
    work = next(work for work in workloads() if work.name == work_name)
    order = random.Random(0)
    entries = [Entry(name, CONTENDERS[name], work) for name in names]
    for entry in entries:
        entry.run(max(2, work.steps // 4))  # warm up
    times: dict[str, list[list[float]]] = {entry.name: [] for entry in entries}
    for _ in range(rounds):
        for entry in order.sample(entries, len(entries)):
            steps = work.steps if "every" not in entry.name else max(20, work.steps)
            times[entry.name].append(list(entry.run(steps)))
    for entry in entries:
        entry.close()
    return times


def measure_tracking(work: Workload, rounds: int, peers: bool) -> list[dict[str, Any]]:
    """Time ours in one fresh process, and every other tool in one of its own."""
    own = _in_fresh_process(measure, work.name, tuple(OURS), rounds)
    times = {name: np.array(values) for name, values in own.items()}
    for name in PEERS if peers else ():
        try:
            found = _in_fresh_process(measure, work.name, (name,), rounds)
        except ImportError as missing:
            print(f"  {name}: left out ({missing})")
        else:
            times[name] = np.array(found[name])
    rows = []
    for name, values in times.items():
        cpu, wall = values.T
        paired = name in OURS
        over = {
            column: np.median(cpu / times[base][:, 0])
            if paired
            else np.median(cpu) / np.median(times[base][:, 0])
            for column, base in (
                ("over_bare_probe", "+ bare probe"),
                ("over_training", "train only"),
            )
        }
        milliseconds = {"cpu_ms": 1e3 * np.median(cpu), "wall_ms": 1e3 * np.median(wall)}
        numbers = {key: float(value) for key, value in (milliseconds | over).items()}
        rows.append({"workload": work.name, "variant": name, **numbers})
    return rows


def _in_fresh_process(function: Callable[..., Any], *args: Any) -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args).result()


def main() -> None:
    """Run the benchmarks and write results.json and RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="rounds per workload")
    parser.add_argument("--only", help="run workloads whose name contains this")
    parser.add_argument("--no-peers", action="store_true", help="leave the other tools out")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, own, own_parts, spent = [], [], [], []
    for work in workloads():
        if options.only and options.only not in work.name:
            continue
        print(work.name, flush=True)
        rows += measure_tracking(work, options.rounds, not options.no_peers)
        own += _in_fresh_process(own_forward.measure, work.name, options.rounds)
        own_parts += _in_fresh_process(own_forward.measure_parts, work.name, options.rounds)
        spent += _in_fresh_process(parts.measure, work.name, options.rounds)
    results = {
        "environment": environment("captum", "nnsight", "torchlens"),
        "tracking": rows,
        "own_forward": own,
        "own_parts": own_parts,
        "parts": spent,
        "ensembles": ensembles.measure() if not options.only else [],
    }
    text = render(results)
    print(text)
    if not options.only:
        (HERE / "results.json").write_text(json.dumps(results, indent=1) + "\n")
        (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
