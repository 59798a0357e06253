"""Ageing of 128 networks at once against loops; `python -m benchmarks.training_response`.

Four ways do the same gradient steps on one input: the reduced coordinates of `OnePoint`, the
batched step on all weights, a lean NumPy loop over the seeds (written by hand, in place), and one
over seeds with autograd. A second table times the evaluation of all 256 inputs. Ways run
interleaved, medians over rounds, CPU seconds of the one thread that works; the autograd loop runs a
share of the seeds and is scaled up. The logits after the steps are compared.
"""

from __future__ import annotations

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
from regime_lib.simulators.training_response.networks import (
    Networks,
    make_networks,
    trained_inputs,
    with_one,
)
from regime_lib.simulators.training_response.noise import step
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.setup import Setup

SEEDS, LOOPED, STEPS, ROUNDS, RATE = 128, 8, 40, 11, 0.03
OVER_AUTOGRAD, OVER_LEAN = 50.0, 3.0

Way = Callable[[Setup, Networks, np.ndarray], tuple[float, np.ndarray]]


def one_point(setup: Setup, start: Networks, trained: np.ndarray) -> tuple[float, np.ndarray]:
    """Steps in the reduced coordinates; a run of the chapter."""
    run = OnePoint(start, trained, RATE)
    clock = time.thread_time()
    for _ in range(STEPS):
        run.step()
    return time.thread_time() - clock, run.logits


def batched(setup: Setup, start: Networks, trained: np.ndarray) -> tuple[float, np.ndarray]:
    """Steps on all weights, which noise and tasks need."""
    networks, padded = start.copy(), with_one(trained)
    clock = time.thread_time()
    for _ in range(STEPS):
        step(networks, padded, 1.0, RATE)
    spent = time.thread_time() - clock
    return spent, np.diag(networks.logits(trained)).copy()


def lean_loop(setup: Setup, start: Networks, trained: np.ndarray) -> tuple[float, np.ndarray]:
    """One network after the other, by hand-written NumPy."""
    logits, spent = np.empty(len(start)), 0.0
    for seed in range(len(start)):
        w = np.ascontiguousarray(start.weights[:-1, seed].T)
        b, v, c = (a[seed].copy() for a in (start.weights[-1], start.readout, start.offset))
        x = trained[seed]
        clock = time.thread_time()
        for _ in range(STEPS):
            h = w @ x + b
            on = h > 0
            if setup.activation == "relu":
                phi, slope = h * on, on
            else:
                slope = np.exp(np.minimum(h, 0))
                phi = np.where(on, h, slope - 1)
            size = RATE / (1 + np.exp(v @ phi + c))
            delta = size * v * slope
            v += size * phi
            c += size
            b += delta
            w += np.outer(delta, x)
        spent += time.thread_time() - clock
        h = w @ x + b
        logits[seed] = v @ (np.maximum(h, 0) if setup.activation == "relu" else _elu(h)) + c
    return spent, logits


def autograd_loop(setup: Setup, start: Networks, trained: np.ndarray) -> tuple[float, np.ndarray]:
    """A share of the networks, one after the other, by PyTorch; the time is scaled up."""
    logits, spent = np.full(len(start), np.nan), 0.0
    for seed in range(LOOPED):
        activation = torch.nn.ReLU() if setup.activation == "relu" else torch.nn.ELU()
        model = torch.nn.Sequential(
            torch.nn.Linear(setup.bits, setup.features),
            activation,
            torch.nn.Linear(setup.features, 1),
        ).double()
        with torch.no_grad():
            model[0].weight.copy_(torch.tensor(start.weights[:-1, seed].T))
            model[0].bias.copy_(torch.tensor(start.weights[-1, seed]))
            model[2].weight.copy_(torch.tensor(start.readout[None, seed]))
            model[2].bias.copy_(torch.tensor(start.offset[seed : seed + 1]))
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        x, one = torch.tensor(trained[seed : seed + 1]), torch.ones(1, 1, dtype=torch.float64)
        clock = time.thread_time()
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(model(x), one).backward()
            optimizer.step()
        spent += time.thread_time() - clock
        logits[seed] = model(x).item()
    return spent * len(start) / LOOPED, logits


WAYS: dict[str, Way] = {
    "reduced coordinates": one_point,
    "batched, all weights": batched,
    "lean NumPy loop": lean_loop,
    "autograd loop": autograd_loop,
}


def measure_steps(setup: Setup) -> list[dict[str, Any]]:
    """Return milliseconds a step of all seeds for every way, and what it is over ours."""
    start, trained = make_networks(setup, range(SEEDS)), trained_inputs(setup, range(SEEDS))
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    found: dict[str, np.ndarray] = {}
    for _ in range(ROUNDS + 1):
        for name, way in WAYS.items():
            spent, found[name] = way(setup, start, trained)
            times[name].append(1e3 * spent / STEPS)
    rows = []
    for name, spent_ms in times.items():
        ratio = [
            statistics.median(a / b for a, b in zip(spent_ms[1:], times[ours][1:], strict=True))
            for ours in ("reduced coordinates", "batched, all weights")
        ]
        difference = np.nanmax(np.abs(found[name] - found["reduced coordinates"]))
        rows.append(
            {
                "network": setup.activation,
                "way": name,
                "cpu_ms": statistics.median(spent_ms[1:]),
                "over_reduced": ratio[0],
                "over_batched": ratio[1],
                "difference": float(difference),
            }
        )
    return rows


def measure_evaluation(setup: Setup) -> list[dict[str, Any]]:
    """Return milliseconds of the logits of all seeds for all inputs: in chunks, and at once."""
    networks, inputs = make_networks(setup, range(SEEDS)), setup.all_inputs()
    padded = with_one(inputs)
    weights = np.ascontiguousarray(networks.weights.transpose(1, 0, 2))

    def at_once() -> np.ndarray:
        phi, _ = setup.activate(padded @ weights)
        return (phi @ networks.readout[:, :, None])[..., 0] + networks.offset[:, None]

    ways = {"one network at a time": lambda: networks.logits(inputs), "all at once": at_once}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS + 1):
        for name, way in ways.items():
            clock = time.thread_time()
            way()
            times[name].append(1e3 * (time.thread_time() - clock))
    assert np.allclose(at_once(), networks.logits(inputs))
    return [
        {"network": setup.activation, "way": name, "cpu_ms": statistics.median(spent[1:])}
        for name, spent in times.items()
    ]


def render(results: dict[str, Any]) -> str:
    """Return the page."""
    machine = ", ".join(f"{key} {value}" for key, value in results["environment"].items())
    steps = {(row["network"], row["way"]): row for row in results["steps"]}
    said = []
    for network in ("relu", "elu"):
        for way, target in (("autograd loop", OVER_AUTOGRAD), ("lean NumPy loop", OVER_LEAN)):
            ratio = steps[network, way]["over_reduced"]
            other = steps[network, way]["over_batched"]
            reached = "reached" if ratio >= target else "missed"
            also = "reached" if other >= target else "missed"
            said.append(
                f"{network}, {way}: {ratio:.1f} over the reduced coordinates ({reached}), "
                f"{other:.1f} over the batched step on all weights ({also})"
            )
    return (
        "\n\n".join(
            [
                "# Ageing many networks at once",
                "Generated by `python -m benchmarks.training_response`; do not edit by hand. "
                f"CPU time of one thread, medians over {ROUNDS} rounds; one step of {SEEDS} "
                "networks with 128 features in float64. The autograd loop runs "
                f"{LOOPED} of them and is scaled up.",
                f"Measured on: {machine}.",
                f"Targets: at least {OVER_AUTOGRAD:g} times faster than the autograd loop, "
                f"{OVER_LEAN:g} times faster than the lean loop. {'; '.join(said)}.",
                "`difference`: largest absolute difference of the logits after the steps from "
                "those of the reduced coordinates.",
                _table(results["steps"]),
                "## All 256 inputs",
                _table(results["evaluation"]),
            ]
        )
        + "\n"
    )


def _table(rows: list[dict[str, Any]]) -> str:
    def cell(value: Any) -> str:
        if not isinstance(value, float):
            return str(value)
        return f"{value:.1e}" if 0 < value < 1e-3 else f"{value:.2f}"

    lines = ["| " + " | ".join(name.replace("_", " ") for name in rows[0]) + " |"]
    lines.append("| " + " | ".join("---" for _ in rows[0]) + " |")
    lines += ["| " + " | ".join(cell(value) for value in row.values()) + " |" for row in rows]
    return "\n".join(lines)


def _elu(h: np.ndarray) -> np.ndarray:
    return np.where(h > 0, h, np.expm1(np.minimum(h, 0)))


def main() -> None:
    """Measure, and write training_response.json and TRAINING_RESPONSE.md."""
    torch.set_num_threads(1)
    setups = [Setup("relu"), Setup("elu")]
    results = {
        "environment": environment(),
        "steps": [row for setup in setups for row in measure_steps(setup)],
        "evaluation": [row for setup in setups for row in measure_evaluation(setup)],
    }
    write_pages("training_response", results, render(results))


if __name__ == "__main__":
    main()
