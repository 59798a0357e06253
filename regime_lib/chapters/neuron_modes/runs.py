"""The networks of chapter 60 that several of its parts measure, each trained once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from regime_lib.chapters.neuron_modes import layers
from regime_lib.chapters.neuron_modes.layers import Truncation
from regime_lib.chapters.neuron_modes.settings import Settings
from regime_lib.chapters.neuron_modes.slopes import SlopeTrajectory, slope_trajectory, train_shallow
from regime_lib.chapters.neuron_modes.training import Setup, Trained
from regime_lib.lab.data.files import cache_root
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked

MANY = 5000  # training samples from which on a data set is large


@lru_cache(maxsize=1)
def deep_setup(settings: Settings) -> Setup:
    """Draw a split of the data for each seed of deep networks.

    Training on a large data set is long, and taken up from its checkpoints.
    """
    data = load_dataset(settings.dataset)
    return Setup(
        data=stacked(data.redrawn(seed) for seed in settings.deep_seeds),
        steps=settings.steps,
        batch_size=settings.batch_size,
        probe_size=settings.probe_size,
        bins=settings.bins,
        folder=cache_root() / "60_neuron_modes" if len(data.train_labels) >= MANY else None,
    )


def shallow_setup(settings: Settings) -> Setup:
    """Return the setup of the other networks."""
    return deep_setup(settings).first(settings.n_seeds)


@lru_cache(maxsize=1)
def shallow(settings: Settings) -> tuple[Trained, SlopeTrajectory]:
    """Train the shallow tanh networks, and measure their slopes."""
    setup = shallow_setup(settings)
    trained = train_shallow(setup, settings.hidden, settings.seeds)
    return trained, slope_trajectory(setup, trained)


@lru_cache(maxsize=1)
def deep_runs(settings: Settings) -> Trained:
    """Train the deep networks."""
    steps = settings.steps
    checks = [0, *np.geomspace(steps / 40, steps, 7).round().astype(int).tolist()]
    shape = settings.depth, settings.width
    return layers.train_deep(deep_setup(settings), *shape, settings.deep_seeds, checks=checks)


@lru_cache(maxsize=1)
def very_deep_runs(settings: Settings) -> Trained:
    """Train the very deep networks, with batch normalisation and large batches."""
    setup = shallow_setup(settings)
    most = setup.data.train_labels.shape[1]
    batch_size = min(256 if most < MANY else 2048, most // 2)
    shape = settings.very_deep, settings.very_width
    return layers.train_very_deep(setup, *shape, settings.seeds, batch_size)


@lru_cache(maxsize=4)
def of_depth(settings: Settings, depth: int) -> Trained:
    """Train networks like the deep ones, of another depth."""
    return layers.train_deep(shallow_setup(settings), depth, settings.width, settings.seeds)


@lru_cache(maxsize=2)
def cut(settings: Settings, depth: int) -> Truncation:
    """Make late activations of networks of a depth linear."""
    if depth == settings.depth:
        return layers.truncation(deep_setup(settings), deep_runs(settings).model, depth)
    return layers.truncation(shallow_setup(settings), of_depth(settings, depth).model, depth)
