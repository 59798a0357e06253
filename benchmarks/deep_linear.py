"""Our solver of deep linear gradient flow against torchdiffeq, at equal error.

Run it with ``python -m benchmarks.deep_linear``. Every solver integrates the same flows over a
range of tolerances; its error is the largest difference of any weight at the end from a reference
at tolerance 1e-13. Cost is CPU seconds of the one thread that works, the median over interleaved
rounds, and is read off at equal error by interpolating log cost in log error.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import numpy as np
import torch

from benchmarks.machine import environment
from benchmarks.report import write_pages
from regime_lib.simulators.deep_linear.flow import gradient_flow
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import LinearTask, gram_differences

TASK = LinearTask.diagonal([3.0, 2.0, 1.0])
#: name: (sizes, scale of the initial weights, runs in an ensemble, end of time)
WORKLOADS: dict[str, tuple[tuple[int, ...], float, int | None, float]] = {
    "depth 2, 3-3-3, stairs": ((3, 3, 3), 1e-3, None, 15.0),
    "depth 3, 3-4-4-3": ((3, 4, 4, 3), 0.4, None, 8.0),
    "depth 4, 3-3-3-3-3, 32 starts": ((3, 3, 3, 3, 3), 0.5, 32, 8.0),
}
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)
EQUAL_ERROR = (1e-6, 1e-9)
TARGET = 2.0  # times faster than the fastest peer

Solver = Callable[[tuple[np.ndarray, ...], float, float], tuple[np.ndarray, ...]]


def ours(start: tuple[np.ndarray, ...], end: float, tolerance: float) -> tuple[np.ndarray, ...]:
    times = np.array([0.0, end])
    return gradient_flow(start, TASK, times, rtol=tolerance, atol=0.01 * tolerance).end


def torchdiffeq(method: str) -> Solver:
    from torchdiffeq import odeint

    target = torch.tensor(TASK.target)

    def slope(_: torch.Tensor, layers: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        below = [layers[0]]
        for layer in layers[1:]:
            below.append(layer @ below[-1])
        pull = target - below.pop()
        moves = []
        for layer, network in zip(reversed(layers[1:]), reversed(below), strict=True):
            moves.append(pull @ network.mT)
            pull = layer.mT @ pull
        return (pull, *reversed(moves))

    def solve(
        start: tuple[np.ndarray, ...], end: float, tolerance: float
    ) -> tuple[np.ndarray, ...]:
        layers = tuple(torch.tensor(layer) for layer in start)
        times = torch.tensor([0.0, end], dtype=torch.float64)
        with torch.no_grad():
            found = odeint(
                slope, layers, times, rtol=tolerance, atol=0.01 * tolerance, method=method
            )
        return tuple(layer[-1].numpy() for layer in found)

    return solve


def measure(rounds: int) -> list[dict[str, Any]]:
    """Return error, drift and cost of each solver at each tolerance."""
    solvers = {
        "regime_lib (DOP853)": ours,
        "torchdiffeq dopri5": torchdiffeq("dopri5"),
        "torchdiffeq dopri8": torchdiffeq("dopri8"),
    }
    rows = []
    for name, (sizes, scale, runs, end) in WORKLOADS.items():
        print(name, flush=True)
        start = random_init(sizes, scale, np.random.default_rng(0), runs=runs)
        reference = ours(start, end, 1e-13)
        conserved = gram_differences(start)
        for tolerance in TOLERANCES:
            seconds: dict[str, list[float]] = {solver: [] for solver in solvers}
            ends = {}
            for _ in range(rounds + 1):
                for solver, solve in solvers.items():
                    clock = time.thread_time()
                    ends[solver] = solve(start, end, tolerance)
                    seconds[solver].append(time.thread_time() - clock)
            for solver, found in ends.items():
                rows.append(
                    {
                        "workload": name,
                        "solver": solver,
                        "tolerance": tolerance,
                        "error": _largest(found, reference),
                        "drift": _largest(gram_differences(found), conserved),
                        "cpu_ms": 1e3 * statistics.median(seconds[solver][1:]),
                    }
                )
    return rows


def _largest(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> float:
    return max(float(abs(a - b).max()) for a, b in zip(first, second, strict=True))


def at_equal_error(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Read the cost of every solver off at the same errors; NaN where it was not reached."""
    table = []
    for workload in WORKLOADS:
        for error in EQUAL_ERROR:
            entry: dict[str, Any] = {"workload": workload, "error": error}
            for solver in dict.fromkeys(row["solver"] for row in rows):
                own = [r for r in rows if (r["workload"], r["solver"]) == (workload, solver)]
                own.sort(key=lambda row: row["error"])
                errors = np.log([max(row["error"], 1e-16) for row in own])
                costs = np.log([row["cpu_ms"] for row in own])
                inside = errors[0] <= np.log(error) <= errors[-1]
                entry[solver] = float(np.exp(np.interp(np.log(error), errors, costs)))
                entry[solver] = entry[solver] if inside else float("nan")
            mine, *peers = (entry[s] for s in list(entry)[2:])
            entry["speed_up"] = float(np.nanmin(peers) / mine)
            table.append(entry)
    return table


def render(results: dict[str, Any]) -> str:
    environment = ", ".join(f"{key} {value}" for key, value in results["environment"].items())
    equal, rows = results["equal_error"], results["runs"]
    speed_ups = [row["speed_up"] for row in equal]
    default = [
        row["drift"]
        for row in rows
        if row["solver"].startswith("regime") and row["tolerance"] == 1e-10
    ]
    reached = "reached" if min(speed_ups) >= TARGET else "missed"
    kept = "reached" if max(default) <= 1e-9 else "missed"
    columns = list(equal[0])
    return (
        "\n\n".join(
            [
                "# The flow of deep linear networks",
                "Generated by `python -m benchmarks.deep_linear`; do not edit by hand. CPU "
                f"milliseconds on one thread, medians over {results['rounds']} interleaved rounds; "
                "error is the largest difference of a weight at the end from a reference at "
                "tolerance 1e-13.",
                f"Measured on: {environment}.",
                "## At equal error",
                f"Target: at least {TARGET:g} times faster than the fastest method of "
                f"torchdiffeq in every row: {reached} (least {min(speed_ups):.2f}). Target: "
                f"conserved quantities to 1e-9 at the default tolerance: {kept} (largest drift "
                f"{max(default):.1e}).",
                _table(equal, columns),
                "## All runs",
                _table(rows, list(rows[0])),
            ]
        )
        + "\n"
    )


def _table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    lines = [
        "| " + " | ".join(column.replace("_", " ") for column in columns) + " |",
        "| " + " | ".join("---" for _ in columns) + " |",
    ]
    lines += ["| " + " | ".join(_cell(c, row[c]) for c in columns) + " |" for row in rows]
    return "\n".join(lines)


def _cell(column: str, value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    small = column in ("error", "drift", "tolerance")
    return f"{value:.1e}" if small else "not reached" if np.isnan(value) else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds per tolerance")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(options.rounds)
    results = {
        "environment": environment("scipy", "torchdiffeq"),
        "rounds": options.rounds,
        "equal_error": at_equal_error(rows),
        "runs": rows,
    }
    write_pages("deep_linear", results, render(results))


if __name__ == "__main__":
    main()
