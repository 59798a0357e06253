"""Many seeds at once: an ensemble of 32 small networks against loops over the seeds.

Three ways run interleaved: the ensemble, `train` on each member alone, and a textbook loop in plain
PyTorch with its default optimiser. Times are CPU seconds of the one thread that works, between the
first and the last step, so that set-up and evaluation count in none of them. The loops run a share
of the seeds and are scaled up: their members cost the same.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from regime_lib.lab import MLP, Dataset, MLPEnsemble, TrainingConfig, load_dataset, train

MEMBERS, LOOPED, STEPS, ROUNDS = 32, 8, 120, 9
SHAPES = ((64, 64, 10), (64, 32, 32, 10), (64, 128, 128, 10))
CONFIGS = (
    TrainingConfig(optimizer="momentum", lr=0.03, steps=STEPS),
    TrainingConfig(optimizer="adam", lr=1e-3, steps=STEPS),
)


def measure() -> list[dict[str, Any]]:
    """Return, for each shape and optimiser, medians over rounds in ms per step of all members."""
    torch.set_num_threads(1)
    data = load_dataset("digits")
    return [_measure(shape, config, data) for shape in SHAPES for config in CONFIGS]


def _measure(shape: tuple[int, ...], config: TrainingConfig, data: Dataset) -> dict[str, Any]:
    rounds = []
    for _ in range(ROUNDS + 1):
        ensemble = _time(MLPEnsemble(shape, range(MEMBERS)), data, config, range(MEMBERS))
        loop = sum(_time(MLP(shape, k), data, config, [k]) for k in range(LOOPED))
        textbook = sum(_time_textbook(shape, data, config, k) for k in range(LOOPED))
        scale = MEMBERS / LOOPED
        rounds.append((ensemble, loop * scale, textbook * scale))
    del rounds[0]  # a warm-up
    ensemble, loop, textbook = (
        1e3 * statistics.median(times) for times in zip(*rounds, strict=True)
    )
    assert config.batch_size is not None
    products = 1e3 * _time_products(shape, config.batch_size)
    return {
        "network": "-".join(map(str, shape)),
        "optimizer": config.optimizer,
        "members": MEMBERS,
        "ensemble_ms": ensemble,
        "loop_of_train_ms": loop,
        "textbook_loop_ms": textbook,
        "speed_up": statistics.median(loop / ensemble for ensemble, loop, _ in rounds),
        "over_textbook": statistics.median(textbook / ensemble for ensemble, _, textbook in rounds),
        "products_ms": products,
        "most_possible": loop / products,
    }


def _time(
    model: nn.Module, data: Dataset, config: TrainingConfig, seeds: range | list[int]
) -> float:
    """Return the seconds a step of our loop."""
    clock: list[float] = []
    train(model, data, config, seeds, lambda: clock.append(time.thread_time()), evaluations=1)
    return (clock[-1] - clock[0]) / (len(clock) - 1)


def _time_products(shape: tuple[int, ...], batch: int) -> float:
    """Return the seconds that the matrix products of one step of all members take."""
    layers = [
        (torch.randn(MEMBERS, batch, below), torch.randn(MEMBERS, above, below))
        for below, above in pairwise(shape)
    ]
    clock = [time.thread_time()]
    while len(clock) < STEPS:
        for number, (inputs, weight) in enumerate(layers):
            outputs = torch.bmm(inputs, weight.mT)
            torch.bmm(outputs.mT, inputs)  # the gradient of the weights
            if number:
                torch.bmm(outputs, weight)  # the gradient of the layer below
        clock.append(time.thread_time())
    return statistics.median(after - before for before, after in pairwise(clock))


def _time_textbook(
    shape: tuple[int, ...], data: Dataset, config: TrainingConfig, seed: int
) -> float:
    """Return the seconds a step of the loop that one would write without this library."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for below, above in pairwise(shape):
        layers += [nn.Linear(below, above), nn.ReLU()]
    model = nn.Sequential(*layers[:-1])
    optimizer: torch.optim.Optimizer
    if config.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    else:
        optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, momentum=config.momentum)
    assert config.batch_size is not None
    clock: list[float] = []
    while len(clock) < config.steps:
        for batch in torch.randperm(len(data.train_labels)).split(config.batch_size):
            optimizer.zero_grad()
            logits = model(data.train_inputs[batch])
            nn.functional.cross_entropy(logits, data.train_labels[batch]).backward()
            optimizer.step()
            clock.append(time.thread_time())
    return (clock[-1] - clock[0]) / (len(clock) - 1)


if __name__ == "__main__":
    rows = measure()
    print(*(f"{name:>16}" for name in rows[0]))
    for row in rows:
        cells = (f"{x:.2f}" if isinstance(x, float) else str(x) for x in row.values())
        print(*(f"{cell:>16}" for cell in cells))
