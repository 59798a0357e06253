"""A small ReLU network that learns the digits in NumPy, watched step by step, in the reader's page.

It is shipped to the page as it stands, with the digits beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

#: Beside this file: pixels (as whole numbers) and labels of scikit-learn's digits.
DIGITS = "digits.npz"

_TRAINING = 1297
_PROBE = 128  # test images on which patterns are watched
_BETA, _BETAS, _TINY = 0.9, (0.9, 0.999), 1e-8  # momentum; Adam's, as PyTorch has them

Layers = list[tuple[Float[np.ndarray, "out in"], Float[np.ndarray, " out"]]]


@dataclass(frozen=True)
class Digits:
    """Images, standardised by the mean and deviation of all pixels of the training set."""

    inputs: Float[np.ndarray, "train 64"]
    labels: Int[np.ndarray, " train"]
    test_inputs: Float[np.ndarray, "test 64"]
    test_labels: Int[np.ndarray, " test"]
    classes: int = 10


@dataclass
class Run:
    """What was seen of a run, a number for each step."""

    pattern_change: list[float] = field(default_factory=list)
    """Share of the units, over all probe images, that a step switched on or off."""
    weight_change: list[float] = field(default_factory=list)
    """Length of the step in the space of all parameters."""
    loss: list[float] = field(default_factory=list)
    """Cross-entropy of the step's batch, before the step."""
    accuracy: float = float("nan")
    """Share of the test images that are classified correctly at the end."""
    pattern_from_start: list[float] = field(default_factory=lambda: [0.0])
    """Share of the units, over all probe images, that are not as before the first step: from
    there on, so one number more."""
    weight_from_start: list[float] = field(default_factory=lambda: [0.0])
    """Distance from the parameters before the first step, likewise."""
    flips: list[Float[np.ndarray, " units"]] = field(default_factory=list)
    """Of each hidden unit, the share of the probe images on which a step switched it."""
    layers: Layers = field(default_factory=list)
    """Weights and biases as they are now."""

    @property
    def steps(self) -> list[int]:
        """The steps, counted from one."""
        return list(range(1, len(self.loss) + 1))


def series_of(run: Run) -> dict[str, tuple[Int[np.ndarray, " _"], Float[np.ndarray, " _"]]]:
    """Return what was seen as steps and values, by the names that a tracker gives them."""
    found = {}
    for name in ("pattern_change", "weight_change", "pattern_from_start", "weight_from_start"):
        values = np.array(getattr(run, name))
        found[name] = (np.arange(len(run.loss) + 1)[-len(values) :], values)
    return found


def flip_rates(run: Run, columns: int = 90) -> Float[np.ndarray, "units columns"]:
    """Return how often each unit flips over columns of equal width in log time, over the largest.

    A share is shown by its root, so that rare flips can be seen.
    """
    ends = np.geomspace(1, len(run.flips) + 1, columns + 1)
    begins = np.floor(ends[:-1] + 1e-9).astype(int) - 1
    stops = np.maximum(np.floor(ends[1:] + 1e-9).astype(int) - 1, begins + 1)
    sums = np.cumsum([np.zeros_like(run.flips[0]), *run.flips], axis=0)
    means = ((sums[stops] - sums[begins]) / (stops - begins)[:, None]).T
    return np.sqrt(means / (means.max() or 1.0))


def curves(run: Run, window: int = 25) -> dict[str, tuple[list[int], list[float]]]:
    """Return both changes against the step: trailing means of `window` steps, over their peaks."""
    found = {}
    for name, values in (("patterns", run.pattern_change), ("weights", run.weight_change)):
        sums = np.cumsum([0.0, *values])
        ends = np.arange(1, len(sums))
        begins = np.maximum(ends - window, 0)
        means = (sums[ends] - sums[begins]) / (ends - begins)
        found[name] = (run.steps, (means / (means.max() or 1.0)).tolist())
    return found


def load_digits(path: Path | None = None, seed: int = 0) -> Digits:
    """Return the digits in a random order: the first 1,297 to learn, the others to test."""
    with np.load(path or Path(__file__).with_name(DIGITS), allow_pickle=False) as stored:
        pixels, labels = stored["pixels"].astype(float), stored["labels"].astype(int)
    order = np.random.default_rng(seed).permutation(len(labels))
    pixels, labels = pixels[order], labels[order]
    learnt = pixels[:_TRAINING]
    pixels = (pixels - learnt.mean()) / learnt.std()
    return Digits(pixels[:_TRAINING], labels[:_TRAINING], pixels[_TRAINING:], labels[_TRAINING:])


def start(sizes: tuple[int, ...], random: np.random.Generator) -> Layers:
    """Return weights and biases, uniform up to the fan-in to the minus one half, as PyTorch."""
    layers = []
    for fan_in, units in pairwise(sizes):
        bound = fan_in**-0.5
        weight = random.uniform(-bound, bound, (units, fan_in))
        layers.append((weight, random.uniform(-bound, bound, units)))
    return layers


def forward(
    layers: Layers, inputs: Float[np.ndarray, "samples in"]
) -> list[Float[np.ndarray, "samples _"]]:
    """Return the inputs, the activations of every hidden layer, and the outputs."""
    seen = [inputs]
    for number, (weight, bias) in enumerate(layers, 1):
        reached = seen[-1] @ weight.T + bias
        seen.append(np.maximum(reached, 0) if number < len(layers) else reached)
    return seen


def gradient(
    layers: Layers, inputs: Float[np.ndarray, "samples in"], labels: Int[np.ndarray, " samples"]
) -> tuple[float, Layers]:
    """Return the mean cross-entropy, and its gradient."""
    seen = forward(layers, inputs)
    logits = seen[-1] - seen[-1].max(axis=1, keepdims=True)
    total = np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float((np.log(total[:, 0]) - logits[rows, labels]).mean())
    error = np.exp(logits) / total
    error[rows, labels] -= 1
    error /= len(labels)
    found: Layers = []
    for (weight, _), below in zip(reversed(layers), reversed(seen[:-1]), strict=True):
        found.append((error.T @ below, error.sum(axis=0)))
        error = (error @ weight) * (below > 0)
    return loss, found[::-1]


def patterns(
    layers: Layers, inputs: Float[np.ndarray, "samples in"]
) -> Bool[np.ndarray, "samples units"]:
    """Return which hidden units are on, for each input."""
    return np.concatenate(forward(layers, inputs)[1:-1], axis=1) > 0


class Stepper:
    """Turns gradients into steps: plain descent, heavy-ball momentum, or Adam, as PyTorch does."""

    def __init__(self, optimiser: str, rate: float) -> None:
        if optimiser not in ("sgd", "momentum", "adam"):
            raise ValueError(f"there is no optimiser {optimiser!r}; take sgd, momentum or adam")
        self.optimiser, self.rate, self.count = optimiser, rate, 0
        self.first: dict[int, np.ndarray] = {}
        self.second: dict[int, np.ndarray] = {}

    def begin(self) -> None:
        """Count a step."""
        self.count += 1

    def step(self, place: int, slope: np.ndarray) -> np.ndarray:
        """Return what is added to the parameters at a place."""
        if self.optimiser == "sgd":
            return -self.rate * slope
        if self.optimiser == "momentum":
            self.first[place] = _BETA * self.first.get(place, 0.0) + slope
            return -self.rate * self.first[place]
        one, two = _BETAS
        self.first[place] = one * self.first.get(place, 0.0) + (1 - one) * slope
        self.second[place] = two * self.second.get(place, 0.0) + (1 - two) * slope**2
        mean = self.first[place] / (1 - one**self.count)
        size = np.sqrt(self.second[place] / (1 - two**self.count)) + _TINY
        return -self.rate * mean / size


def train(
    width: int = 64,
    depth: int = 2,
    optimiser: str = "sgd",
    rate: float = 0.1,
    batch: int = 64,
    steps: int = 600,
    seed: int = 0,
    watch: Callable[[Run], object] | None = None,
    every: int = 25,
    data: Digits | None = None,
) -> Run:
    """Train a network on the digits, and watch its patterns and weights at every step.

    Parameters
    ----------
    width, depth : int
        Units of each hidden layer, and how many hidden layers there are.
    optimiser : str
        sgd, momentum or adam.
    rate : float
        Learning rate.
    batch, steps, seed : int
        Images a step, steps, and what the start and the batches are drawn from.
    watch : callable, optional
        Called with the run as far as it is, every `every` steps and at the end.

    Raises
    ------
    ValueError
        If there is no such optimiser, or the numbers diverge.
    """
    data = data or load_digits()
    random = np.random.default_rng(seed)
    layers = start((data.inputs.shape[1], *[width] * depth, data.classes), random)
    stepper, run = Stepper(optimiser, rate), Run()
    probe = data.test_inputs[:_PROBE]
    first = before = patterns(layers, probe)
    began = layers
    for count in range(1, steps + 1):
        chosen = random.integers(len(data.labels), size=batch)
        loss, slopes = gradient(layers, data.inputs[chosen], data.labels[chosen])
        if not np.isfinite(loss):
            raise ValueError(f"the loss diverged at step {count}; take a smaller rate")
        stepper.begin()
        flat = [part for layer in slopes for part in layer]
        moves = [stepper.step(place, slope) for place, slope in enumerate(flat)]
        layers = [
            (weight + moves[2 * n], bias + moves[2 * n + 1])
            for n, (weight, bias) in enumerate(layers)
        ]
        after = patterns(layers, probe)
        run.loss.append(loss)
        flips = (after != before).mean(axis=0)
        run.flips.append(flips)
        run.pattern_change.append(float(flips.mean()))
        run.pattern_from_start.append(float((after != first).mean()))
        run.weight_change.append(float(np.sqrt(sum((move**2).sum() for move in moves))))
        run.weight_from_start.append(_distance(layers, began))
        before, run.layers = after, layers
        if watch is not None and (count % every == 0 or count == steps):
            watch(run)
    answers = forward(layers, data.test_inputs)[-1].argmax(axis=1)
    run.accuracy = float((answers == data.test_labels).mean())
    return run


def _distance(layers: Layers, others: Layers) -> float:
    """Return the distance between two networks in the space of all parameters."""
    pairs = [(a, b) for one, two in zip(layers, others, strict=True)
             for a, b in zip(one, two, strict=True)]  # fmt: skip
    return float(np.sqrt(sum(((a - b) ** 2).sum() for a, b in pairs)))
