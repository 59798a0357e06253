"""What watching costs when the training batch's own forward pass is the probe."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.parts import COMPARING, NORMS, PACKING, PARTS, clocked
from benchmarks.workloads import Workload, workloads
from regime_lib import RegimeTracker

VARIANTS = {
    "train only": None,
    "+ own forward, weights at every step": lambda step: True,
    "+ own forward, weights at every 50th step": lambda step: step % 50 == 0,
}
SPARSE = "+ own forward, weights at every 50th step"
_PARTS = {part: PARTS[part] for part in (PACKING, COMPARING, NORMS, "writing the series")}


class _Run:
    def __init__(self, work: Workload, schedule: Any) -> None:
        torch.manual_seed(0)
        self._work = work
        self._model = work.build()
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-3, momentum=0.9)
        self._tracker = None
        if schedule is not None:
            batch = work.batch
            self._tracker = RegimeTracker(
                self._model, batch, batches=len(batch), schedule=schedule
            ).__enter__()

    def step(self) -> None:
        self._optimizer.zero_grad(set_to_none=True)
        if self._tracker is None:
            logits = self._model(self._work.batch)
        else:
            with self._tracker.watch():
                logits = self._model(self._work.batch)
        F.cross_entropy(logits.flatten(0, -2), self._work.targets.flatten()).backward()
        self._optimizer.step()
        if self._tracker is not None:
            self._tracker.update()


def measure(work_name: str, rounds: int) -> list[dict[str, Any]]:
    """Time a training step with and without watching its forward pass, interleaved."""
    torch.set_num_threads(1)
    work = next(work for work in workloads() if work.name == work_name)
    runs = {name: _Run(work, schedule) for name, schedule in VARIANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    order = random.Random(0)
    steps = max(50, work.steps)
    for _ in range(rounds):
        for name in order.sample(sorted(runs), len(runs)):
            start = time.thread_time()
            for _ in range(steps):
                runs[name].step()
            times[name].append((time.thread_time() - start) / steps)
    cpu = {name: np.array(values) for name, values in times.items()}
    return [
        {
            "workload": work.name,
            "variant": name,
            "cpu_ms": 1e3 * float(np.median(cpu[name])),
            "over_training": float(np.median(cpu[name] / cpu["train only"])),
        }
        for name in runs
    ]


def measure_parts(work_name: str, rounds: int) -> list[dict[str, Any]]:
    """Clock what watching spends on arithmetic, with weights at every 50th step."""
    torch.set_num_threads(1)
    work = next(work for work in workloads() if work.name == work_name)
    steps = max(100, rounds * work.steps)
    spent = dict.fromkeys(_PARTS, 0)
    with clocked(_PARTS, spent):
        run = _Run(work, VARIANTS[SPARSE])
        for step in range(-(steps // 4), steps):
            if step == 0:  # warm
                spent.update(dict.fromkeys(spent, 0))
            run.step()
    return [
        {"workload": work.name, "part": part, "us": nanoseconds / steps / 1e3}
        for part, nanoseconds in spent.items()
    ]
