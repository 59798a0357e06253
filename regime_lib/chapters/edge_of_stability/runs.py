"""Runs of chapter 25: networks in training, their patterns and their sharpness watched together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.edge_of_stability.settings import Setting, Settings
from regime_lib.instrument.tracking.edge_of_stability import WINDOW, EdgeOfStability
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.cnn import CNNEnsemble
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.loop import train
from regime_lib.lab.training.sharpness import Sharpness

_CHANNELS, _UNITS = (3, 6), 16  # of the convolutional network
_WATCHED = ("pattern_change", "pattern_net_change")
_FULL = 1.0  # the sharpness, over the threshold, at which the edge is reached


@dataclass(frozen=True, eq=False)
class Watched:
    """Runs of one setting, watched in both ways; a member is a run."""

    steps: Int[np.ndarray, " looks"]
    """Steps done when the sharpness was measured."""
    sharpness: Float[np.ndarray, "looks runs"]
    """Over the threshold: one at the edge."""
    signs: EdgeOfStability
    """What the patterns show, in windows."""
    by_layer: dict[str, Float[np.ndarray, " windows"]]
    """The two-step ratio of each layer, median over runs; NaN where too few bits flip."""
    accuracy: Float[np.ndarray, " runs"]
    """On the test set, after the last step."""

    @property
    def level(self) -> Float[np.ndarray, "windows runs"]:
        """The mean sharpness in each window of the patterns, over the threshold."""
        starts, stops = self.signs.starts, self.signs.stops
        within = (self.steps > starts[:, None]) & (self.steps <= stops[:, None])
        return (within @ self.sharpness) / within.sum(axis=1, keepdims=True)

    @property
    def reached(self) -> Float[np.ndarray, " runs"]:
        """The step at which the sharpness is first seen at the threshold; infinite if never."""
        over = self.sharpness >= _FULL
        first = self.steps[np.argmax(over, axis=0)].astype(float)
        return np.where(over.any(axis=0), first, np.inf)


@lru_cache(maxsize=32)
def watched(settings: Settings, setting: Setting) -> Watched:
    """Train the networks of one setting, with a look at the sharpness every so many steps."""
    data = _as_images(settings) if setting.convolutional else _data(settings)
    model = _model(settings, data)
    look = Sharpness(model, data.train_inputs, data.train_labels, setting.loss)
    steps: list[int] = []
    found: list[Float[np.ndarray, " runs"]] = []
    probe = data.test_inputs

    def run_probe(network: nn.Module) -> Tensor:
        outputs: Tensor = network(probe)
        return outputs

    with RegimeTracker(
        model,
        run_probe,
        members=model.members,
        samples=probe.shape[1],
        window=2,
        quantities=_WATCHED,
    ) as tracker:

        def observe() -> None:
            tracker.update()
            steps.append(len(steps) + 1)
            if steps[-1] % setting.every == 0:
                found.append(look())

        history = train(
            model, data, setting.config(settings), list(settings.seeds), observe, evaluations=1
        )
    threshold = setting.threshold(settings)
    return Watched(
        np.arange(setting.every, settings.steps + 1, setting.every),
        np.array(found) / threshold,
        tracker.trace.edge_of_stability(),
        _by_layer(tracker.trace),
        history.final_test_accuracy,
    )


def _by_layer(trace: Trace) -> dict[str, Float[np.ndarray, " windows"]]:
    found = {}
    for layer in trace.coverage.layers:
        ratio = trace.edge_of_stability(WINDOW, layer=layer.name).ratio
        whole = ~np.isnan(ratio).any(axis=1)
        found[layer.name] = np.full(len(ratio), np.nan)
        found[layer.name][whole] = np.median(ratio[whole], axis=1)
    return found


@lru_cache(maxsize=1)
def _data(settings: Settings) -> Stack:
    """Draw a split of its own for every run."""
    data = load_dataset(settings.dataset)
    return stacked(
        data.redrawn(seed).subset(settings.samples, settings.probe_size) for seed in settings.seeds
    )


def _as_images(settings: Settings) -> Stack:
    """Return the data of a convolutional network: half as many, because it costs more."""
    data = _data(settings).subset(max(1, settings.samples // 2), max(1, settings.probe_size // 2))
    shape = load_dataset(settings.dataset).image_shape
    assert shape is not None
    return replace(
        data,
        train_inputs=data.train_inputs.unflatten(2, shape),
        test_inputs=data.test_inputs.unflatten(2, shape),
    )


def _model(settings: Settings, data: Stack) -> MLPEnsemble | CNNEnsemble:
    """Return networks that fit the data."""
    classes, seeds, shape = len(data.classes), list(settings.seeds), data.train_inputs.shape[2:]
    if len(shape) == 1:
        return MLPEnsemble((shape[0], settings.width, settings.width, classes), seeds)
    channels, height, width = shape
    return CNNEnsemble((channels, height, width), _CHANNELS, _UNITS, classes, seeds)
