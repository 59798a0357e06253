"""A part of chapter 30: which activation patterns flip, seen by the instrument and counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.chapters.training_response.settings import Settings
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.simulators.training_response.fits import power_fit
from regime_lib.simulators.training_response.flips import count_flips
from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.networks import (
    Networks,
    make_networks,
    trained_inputs,
)

_TRACKED = 300  # epochs under the instrument

Share = Float[np.ndarray, " _"]


@dataclass(frozen=True)
class PatternFlips:
    """Flips over all inputs and features of ReLU networks that are trained on one input."""

    numbers: dict[str, float | int | str]
    # epochs in which instrument and simulator count different flips of the first seed
    differing: int
    # epochs, share by the instrument on the first seed
    tracked: tuple[Int[np.ndarray, " _"], Share]
    epochs: Int[np.ndarray, " observations"]
    from_start: Float[np.ndarray, "observations seeds"]  # share that is not as at the start
    predicted: tuple[Share, Share]  # epochs, share by the rotation, median over seeds
    per_epoch: dict[str, Float[np.ndarray, "observations _"]]  # change over the first


def as_module(networks: Networks, place: int = 0) -> nn.Sequential:
    """Return one of several ReLU networks as an ordinary PyTorch model, in double precision."""
    bits, features = networks.setup.bits, networks.setup.features
    below, above = nn.Linear(bits, features), nn.Linear(features, 1)
    values = (
        (below.weight, networks.weights[:-1, place].T),
        (below.bias, networks.weights[-1, place]),
        (above.weight, networks.readout[place, None]),
        (above.bias, networks.offset[place, None]),
    )
    for parameter, value in values:
        parameter.data = torch.tensor(np.array(value))
    return nn.Sequential(below, nn.ReLU(), above)


def flips(settings: Settings) -> PatternFlips:
    """Count flips by the instrument, the simulator and the rotation."""
    setup, seeds, rate = settings.setup(), settings.seeds, settings.rate_ce
    epochs, changes = _tracked(settings)
    counted = count_flips(setup, seeds[:1], rate=rate, epochs=range(_TRACKED + 1))
    pairs = 2**setup.bits * setup.features
    both = [np.rint(share * pairs) for share in (changes, counted.since_last[1:, 0])]
    found = count_flips(setup, seeds, rate=rate, epochs=settings.epochs)
    gaps = np.diff(found.epochs)[:, None]
    per_epoch = {
        name: values[1:] / gaps / values[1]
        for name, values in (
            # mean over seeds: single networks flip nothing at all in most epochs
            ("pattern", found.since_last.mean(axis=1, keepdims=True)),
            ("weight", found.moved),
        )
    }
    slopes = {
        name: float(power_fit(found.epochs[1:], np.maximum(values, 1e-12)).slope.mean())
        for name, values in per_epoch.items()
    }
    return PatternFlips(
        {
            "flips-share": 100 * float(np.median(found.from_start[-1])),
            "flips-slope": slopes["pattern"],
            "moved-slope": slopes["weight"],
        },
        int((both[0] != both[1]).sum()),
        (epochs, changes.cumsum()),
        found.epochs[1:],
        found.from_start[1:],
        _predicted(settings),
        per_epoch,
    )


def _tracked(settings: Settings) -> tuple[Int[np.ndarray, " _"], Share]:
    """Train the first network in PyTorch; return the share of units that flip in each epoch."""
    setup, first = settings.setup(), settings.seeds[:1]
    model = as_module(make_networks(setup, first))
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.rate_ce)
    x = torch.tensor(trained_inputs(setup, first))
    with RegimeTracker(model, torch.tensor(setup.all_inputs())) as tracker:
        for _ in range(_TRACKED):
            optimizer.zero_grad()
            nn.functional.softplus(-model(x)).sum().backward()  # cross-entropy towards one
            optimizer.step()
            tracker.update()
    steps, changes = tracker.trace.array("pattern_change", "all")
    return steps, changes[:, 0]


def _predicted(settings: Settings) -> tuple[Share, Share]:
    """Return epochs, and the share of flipped pairs by the hyperbolic rotation."""
    setup, seeds = settings.setup(), settings.seeds
    start = make_networks(setup, seeds)
    flow = HyperbolicFlow(start, trained_inputs(setup, seeds), settings.rate_ce)
    first, inputs = start.patterns(setup.all_inputs()), setup.all_inputs()
    epochs = np.unique(np.geomspace(1, settings.epochs, 12).round())
    shares = [
        float(np.median((flow.networks(angle).patterns(inputs) != first).mean(axis=(1, 2))))
        for angle in flow.angle_at(epochs)
    ]
    return epochs, np.array(shares)
