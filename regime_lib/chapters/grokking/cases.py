"""The networks of chapter 62: images, addition and its controls, and batch normalisation.

Each network of an ensemble has its own split of the images, or its own part of the addition table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from regime_lib.chapters.grokking.run import MeasuredRun, measure_run
from regime_lib.chapters.grokking.settings import Settings
from regime_lib.lab.data.files import cache_root
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.modular import modular_addition
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.models.initialisation import scale_parameters
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.checkpoints import CheckpointedRun, log_steps, train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig

IMAGE_LR = 1e-3
_WITHOUT_DECAY = 3  # networks without weight decay: a control that carries no claim
_CONDITIONS = {  # of addition: are labels shuffled, are weights decayed
    "true labels": (False, True),
    "shuffled labels": (True, True),
    "no weight decay": (False, False),
}


def _folder(settings: Settings) -> Path | None:
    """Return where to keep checkpoints: long runs are taken up from there."""
    return None if settings.dataset == "digits" else cache_root() / "grokking"


@lru_cache(maxsize=1)
def image_data(settings: Settings) -> Stack:
    """Return the images of the first case, few to learn from, others for each network."""
    return drawn(settings, settings.seeds, settings.train_size, 500)


def drawn(settings: Settings, seeds: Sequence[int], train_size: int, test_size: int) -> Stack:
    """Draw images to learn from and others to be tested on, anew for each seed."""
    data = load_dataset(settings.dataset)
    return stacked(data.redrawn(seed).subset(train_size, test_size) for seed in seeds)


def train_images(settings: Settings, scale: float, steps: int) -> CheckpointedRun:
    """Train with initial parameters that are `scale` times the usual ones."""
    data = image_data(settings)
    sizes = (data.train_inputs.shape[2], settings.width, settings.width, len(data.classes))
    model = MLPEnsemble(sizes, settings.seeds)
    scale_parameters(model, scale)
    config = TrainingConfig(
        optimizer="adamw",
        lr=IMAGE_LR,
        steps=settings.steps,
        batch_size=settings.batch_size or None,
        weight_decay=settings.decay,
        loss="squared",
    )
    checks = log_steps(10, steps, 40)
    return train_to_checkpoints(
        model, data, config, settings.seeds, checks, folder=_folder(settings)
    )


@lru_cache(maxsize=1)
def image_training(settings: Settings) -> CheckpointedRun:
    """Train the first case."""
    return train_images(settings, settings.scale, settings.steps)


@lru_cache(maxsize=1)
def image_run(settings: Settings) -> MeasuredRun:
    """Measure the first case."""
    data = image_data(settings)
    probe = data.test_inputs[:, : settings.probe_size]
    return measure_run(image_training(settings), data, probe=probe, replayed=settings.replayed)


@lru_cache(maxsize=1)
def addition_runs(settings: Settings) -> tuple[dict[str, CheckpointedRun], dict[str, MeasuredRun]]:
    """Train and measure addition under every condition."""
    trained, measured = {}, {}
    checks = log_steps(5, settings.modular_steps, 40)
    sizes = (2 * settings.modulus, settings.modular_width, settings.modulus)
    for name, (shuffled, decayed) in _CONDITIONS.items():
        seeds = settings.seeds if decayed else settings.seeds[:_WITHOUT_DECAY]
        data = stacked(
            modular_addition(settings.modulus, 0.6, seed, shuffled=shuffled) for seed in seeds
        )
        config = TrainingConfig(
            optimizer="adamw",
            lr=1e-2,
            steps=settings.modular_steps,
            batch_size=None,
            weight_decay=settings.modular_decay if decayed else 0.0,
        )
        model = MLPEnsemble(sizes, seeds)
        trained[name] = train_to_checkpoints(
            model, data, config, seeds, checks, folder=_folder(settings)
        )
        measured[name] = measure_run(
            trained[name],
            data,
            probe=data.test_inputs[:, : settings.probe_size],
            replayed=max(1, settings.replayed // 4),
            states=name == "true labels",
        )
    return trained, measured


def few_images(settings: Settings, seeds: Sequence[int]) -> Stack:
    """Return the images that networks with batch normalisation learn from."""
    return drawn(settings, seeds, 100, 300)


def normalised_model(settings: Settings, seeds: Sequence[int]) -> BatchNormMLPEnsemble:
    """Return deep networks with batch normalisation before training."""
    data = image_data(settings)
    hidden = [settings.normalised_width] * settings.depth
    sizes = (data.train_inputs.shape[2], *hidden, len(data.classes))
    return BatchNormMLPEnsemble(sizes, seeds)
