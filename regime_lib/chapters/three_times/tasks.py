"""What a run trains on: network, batches, probe and test set, for images and for text alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.networks import (
    PatchTransformer,
    TextTransformer,
    small_cnn,
    small_resnet,
    with_activation,
)
from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.text import CharacterData, SentenceData
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.batches import batch_order
from regime_lib.lab.training.loop import evaluate

WINDOW = 32  # characters, or words of a sentence, that a text model reads
_TEST = 2000  # most test samples that accuracy is measured on
_RARE = 3  # a word that occurs less often in training is unknown
_CHUNK = 500  # samples in one forward pass of an evaluation

_CONVOLUTIONAL: dict[str, Callable[..., nn.Module]] = {"cnn": small_cnn, "resnet": small_resnet}

Batch = tuple[Shaped[Tensor, "batch *features"], Int[Tensor, "batch *length"]]


@dataclass(frozen=True, eq=False)
class LearningTask:
    """Data of one run, ready for training."""

    data: Dataset  # for text, training inputs are windows or sentences of tokens
    stream: Int[Tensor, " characters"] | None  # to draw windows from; None for labelled data
    symbols: int  # distinct tokens of text; 0 for images
    probe: Shaped[Tensor, "probe *features"]  # test inputs on which patterns are taken
    source: str  # where the data come from, in words fit for a caption

    def network(self, config: RunConfig) -> nn.Module:
        """Return the network of a run, with the initial weights of its seed."""
        shape, classes, seed = self.data.image_shape, len(self.data.classes), config.seed
        if shape is None:
            labels = None if self.stream is not None else classes
            model: nn.Module = TextTransformer(
                self.symbols, WINDOW, labels, hidden=config.hidden, seed=seed
            )
            return with_activation(model, config.activation)
        if config.architecture == "mlp":
            features = self.data.train_inputs.shape[1]
            sizes = (features, config.hidden, config.hidden, classes)
            return MLP(sizes, seed, activation=config.activation)
        if config.architecture in _CONVOLUTIONAL:
            make = _CONVOLUTIONAL[config.architecture]
            model = make(shape, classes, hidden=config.hidden, seed=seed)
            return with_activation(model, config.activation)
        patch = (shape[1] // 4, shape[2] // 2)
        model = PatchTransformer(shape, classes, patch=patch, hidden=config.hidden, seed=seed)
        return with_activation(model, config.activation)

    def batches(self, config: RunConfig) -> Iterator[Batch]:
        """Yield inputs and targets, step after step and without end."""
        size, seed = config.batch_size, config.seed
        inputs, labels = self.data.train_inputs, self.data.train_labels
        if self.stream is not None:
            if size is None:
                raise RegimeError("text is read in windows; give a batch_size")
            places = generator(seed, "windows")
            reach = torch.arange(WINDOW + 1)
            while True:
                first = places.integers(len(self.stream) - WINDOW, size=size)
                windows = self.stream[torch.from_numpy(first)[:, None] + reach]
                yield windows[:, :-1], windows[:, 1:]
        if size is None:
            while True:
                yield inputs, labels
        for rows in batch_order(len(labels), size, [seed]):
            yield inputs.index_select(0, rows[0]), labels.index_select(0, rows[0])

    def epoch(self, config: RunConfig) -> int:
        """Return the steps in which a run sees as many samples as there are."""
        if config.batch_size is None:
            return 1
        samples = len(self.data.train_labels) if self.stream is None else len(self.stream) // WINDOW
        return max(1, samples // config.batch_size)

    def evaluated(self, samples: int) -> dict[str, Batch]:
        """Return some samples of the training set and of the test set."""
        data = self.data
        train: Batch = data.train_inputs[:samples], data.train_labels[:samples]
        if self.stream is not None:
            some = self.stream[: samples // 4 * (WINDOW + 1)]
            windows = some[: len(some) // (WINDOW + 1) * (WINDOW + 1)].view(-1, WINDOW + 1)
            train = windows[:, :-1], windows[:, 1:]
        return {"train": train, "test": (data.test_inputs[:samples], data.test_labels[:samples])}

    def accuracy(self, model: nn.Module) -> float:
        """Return the share of test labels (next characters) that the network gets right."""
        right = total = 0
        inputs, labels = self.data.test_inputs[:_TEST], self.data.test_labels[:_TEST]
        for some, true in zip(inputs.split(_CHUNK), labels.split(_CHUNK), strict=True):
            right += int((evaluate(model, some).argmax(dim=-1) == true).sum())
            total += true.numel()
        return right / total


def loss(logits: Float[Tensor, "batch *length classes"], targets: Int[Tensor, "*"]) -> Tensor:
    """Return the mean cross-entropy over samples and places."""
    return nn.functional.cross_entropy(logits.flatten(0, -2), targets.flatten())


def task_of(config: RunConfig) -> LearningTask:
    """Return the data of a run; kept for the next run of the same data."""
    split = config.seed if config.redraw else None
    return _task(config.dataset, config.samples, config.probe_size, split)


@lru_cache(maxsize=8)
def _task(name: str, samples: int | None, probe: int, split: int | None) -> LearningTask:
    found: Any = load_dataset(name) if split is None else _kept(name).redrawn(split)
    if isinstance(found, CharacterData):
        return _of_characters(found, samples, probe)
    if isinstance(found, SentenceData):
        return _of_sentences(found, samples, probe)
    data = found.subset(samples or len(found.train_labels), min(_TEST, len(found.test_labels)))
    _check_probe(name, probe, len(data.test_labels))
    return LearningTask(data, None, 0, data.test_inputs[:probe].clone(), data.provenance)


@lru_cache(maxsize=1)
def _kept(name: str) -> Dataset:
    """Return images of which several splits are drawn."""
    found: Any = load_dataset(name)
    return found


def _of_characters(found: CharacterData, samples: int | None, probe: int) -> LearningTask:
    """Cut test windows side by side; the probe are some of them, evenly spread."""
    stream = found.train_tokens[: samples or len(found.train_tokens)].clone()
    cut = found.test_tokens[: len(found.test_tokens) // (WINDOW + 1) * (WINDOW + 1)]
    windows = cut.view(-1, WINDOW + 1)
    chosen = torch.linspace(0, len(windows) - 1, min(_TEST // 4, len(windows))).long()
    windows = windows[chosen]
    _check_probe(found.name, probe, len(windows))
    spread = torch.linspace(0, len(windows) - 1, probe).long()
    nothing = torch.empty(0, dtype=torch.int64)
    data = Dataset(
        found.name,
        found.provenance,
        tuple(found.alphabet),
        nothing,
        nothing,
        windows[:, :-1],
        windows[:, 1:],
    )
    return LearningTask(
        data, stream, len(found.alphabet), windows[spread, :-1].clone(), found.provenance
    )


def _of_sentences(found: SentenceData, samples: int | None, probe: int) -> LearningTask:
    """Number the words; the probe are test sentences without padding, which would have patterns."""
    if samples is not None:
        found = found.subset(samples, len(found.test_labels))
    words = found.vocabulary(min_count=_RARE)
    data = found.as_tokens(words, WINDOW)
    long = data.test_inputs[(data.test_inputs != 0).all(dim=1)]
    _check_probe(found.name, probe, len(long))
    kept = replace(data, test_inputs=data.test_inputs[:_TEST], test_labels=data.test_labels[:_TEST])
    return LearningTask(kept, None, len(words), long[:probe].clone(), found.provenance)


def _check_probe(name: str, wanted: int, there: int) -> None:
    if not 1 <= wanted <= there:
        raise RegimeError(
            f"a probe of {wanted} inputs of {name} was asked for; expected 1 to {there}"
        )
