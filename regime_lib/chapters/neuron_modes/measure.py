"""What chapter 60 measures: rank slopes over training, layer by layer, and as a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int

from regime_lib.chapters.neuron_modes import layers
from regime_lib.chapters.neuron_modes.layers import LayerTrajectory, Reversal, Truncation
from regime_lib.chapters.neuron_modes.measure_units import (
    SHALLOWER,
    ByDepth,
    Extraction,
    Units,
    by_depth,
    extraction,
    units,
)
from regime_lib.chapters.neuron_modes.runs import (
    MANY,
    cut,
    deep_runs,
    deep_setup,
    shallow,
    shallow_setup,
    very_deep_runs,
)
from regime_lib.chapters.neuron_modes.settings import PAPER as PAPER
from regime_lib.chapters.neuron_modes.settings import QUICK as QUICK
from regime_lib.chapters.neuron_modes.settings import Settings as Settings
from regime_lib.chapters.neuron_modes.slopes import (
    SlopeRule,
    SlopeTrajectory,
    random_sign_ranks,
    slope_rule,
)
from regime_lib.chapters.neuron_modes.three_networks import (
    ThreeNetworks,
    smaller_half,
    three_networks,
    twin_slopes,
)
from regime_lib.chapters.neuron_modes.training import Setup
from regime_lib.estimate import Estimate, mean, over_runs, proportion
from regime_lib.instrument.modes.order import order_preservation

_ORDERED = 40  # samples whose order is asked for: cost grows with their square
_RULE_SIZES = (128, 128)
_RULE_RATES = (0.03, 0.1, 0.37)  # the paper's two and one in between


@dataclass(frozen=True)
class Slope:
    """A shallow tanh network learns."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    trajectory: SlopeTrajectory


def slope(settings: Settings) -> Slope:
    """Measure ranks before, in and after training."""
    _, found = shallow(settings)
    moments = found.moments
    numbers: dict[str, float | int | str] = {
        "slope-peak-step": int(found.steps[moments["peak"]]),
        "slope-error": float(found.stderr[-1].mean()),
    }
    for name, check in moments.items():
        numbers[f"slope-{name}"] = float(found.slope[check].mean())
        numbers[f"accuracy-{name}"] = float(found.accuracy[check].mean())
    return Slope(
        {"nd-slope-rise-and-fall": _mean(found.falls, settings)},
        numbers,
        found,
    )


@dataclass(frozen=True)
class Order:
    """Do neurons of the shallow network keep the order of samples, alone and together?"""

    numbers: dict[str, float | int | str]
    alone: dict[str, float]
    """Share of single neurons that keep the order of all pairs, by moment."""


def order(settings: Settings) -> Order:
    """Compare each neuron's pre-activation with its output, and with what its layer hands on."""
    (trained, found), setup = shallow(settings), shallow_setup(settings)
    numbers: dict[str, float | int | str] = {}
    alone = {}
    for name, check in found.moments.items():
        kept, agreed, exact = [], [], []
        for net, data in setup.alone(trained.model_at(check), _ORDERED):
            kept.append(order_preservation(net, data.train_inputs)[0].exact.double())
            (together,) = order_preservation(net, data.train_inputs, against="layer")
            agreed.append(together.agreement.double())
            exact.append(together.exact.double())
        alone[name], numbers[f"together-{name}"], numbers[f"exact-{name}"] = (
            float(torch.stack(shares).mean()) for shares in (kept, agreed, exact)
        )
    return Order(numbers, alone)


@dataclass(frozen=True)
class FewSamples:
    """A tanh network, its linear map and a linear network, with few samples and with many."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    networks: ThreeNetworks


def few_samples(settings: Settings) -> FewSamples:
    """Train on more and more samples."""
    setup = shallow_setup(settings)
    found = three_networks(setup, settings.hidden, settings.seeds, _sizes(setup))
    return FewSamples(
        {
            "nd-linear-coincide": _over_seeds(found.largest_gap, settings, "%"),
            "nd-linear-part": _over_seeds(found.lead, settings, "%"),
            "nd-slope-coincide": _over_seeds(found.slope_ratio, settings),
            "nd-slope-linear-steeper": _over_seeds(found.linear_excess, settings),
        },
        {"parting": str(found.parting or "no size of this run")},
        found,
    )


@dataclass(frozen=True)
class Deep:
    """The layers of a deep network while it learns."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    trajectory: LayerTrajectory
    reversal: Reversal


def deep(settings: Settings) -> Deep:
    """Ask which half of layers has the larger slope, early and late."""
    found = layers.layer_trajectory(deep_setup(settings), deep_runs(settings))
    turned = layers.reversal(found.slope)
    hits, n = int(turned.reversed.sum()), len(turned.reversed)
    return Deep(
        {"nd-deep-phases": proportion(hits, n, over=f"{n} runs")},
        {
            "deep-share": f"{hits} of {n}",
            "depth-said": settings.depth,
            "lean-early": float(turned.early_lean.mean()),
            "lean-late": float(turned.late_lean.mean()),
            "deep-accuracy": float(found.accuracy.mean()),
        },
        found,
        turned,
    )


@dataclass(frozen=True)
class VeryDeep:
    """The layers of a very deep network with batch normalisation while it learns."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    trajectory: LayerTrajectory


def very_deep(settings: Settings) -> VeryDeep:
    """Ask whether the slopes of all layers become one value."""
    found = layers.layer_trajectory(shallow_setup(settings), very_deep_runs(settings))
    return VeryDeep(
        {"nd-phase-three": _mean(found.spread[-1], settings)},
        {
            "very-deep-said": settings.very_deep,
            "very-width-said": settings.very_width,
            "width-said": settings.width,
            "very-accuracy": float(found.accuracy.mean()),
        },
        found,
    )


@dataclass(frozen=True)
class LateLayers:
    """Are late layers linear? By the name of the network."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    truncations: dict[str, Truncation]


def late_layers(settings: Settings) -> LateLayers:
    """Make the upper activations linear, of the deep network and of a shallower one."""
    depth = settings.depth
    shallower, deeper = cut(settings, SHALLOWER), cut(settings, depth)
    kept = depth - depth // 2
    removable = deeper.removable().astype(float)
    return LateLayers(
        {"nd-late-linear": _mean(removable, settings, "activations")},
        {
            "truncation-half": float(deeper.loss(kept).mean()),
            "truncation-moved": float(deeper.loss(kept, "shifts recentred").mean()),
            "truncation-shallow": float(shallower.loss(SHALLOWER // 2).mean()),
            "removable-recentred": float(deeper.removable("shifts recentred").mean()),
            "removable-shallow": float(shallower.removable().mean()),
        },
        {f"{SHALLOWER} layers": shallower, f"{depth} layers": deeper},
    )


@dataclass(frozen=True)
class Rule:
    """Is a small slope a good sign?"""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    rule: SlopeRule


def rule(settings: Settings) -> Rule:
    """Compare learning rates of SGD."""
    found = slope_rule(shallow_setup(settings), _RULE_SIZES, _RULE_RATES, settings.seeds)
    slow, *_, fast = found.accuracy_there.mean(axis=1)
    return Rule(
        {
            "nd-slope-rule": _over_seeds(found.correlation, settings),
            "nd-rate-gain": _mean(found.gain, settings, "%"),
            "nd-rate-gain-loss": _mean(found.gain_there, settings, "%"),
        },
        {
            "rule-within": found.within if np.isfinite(found.within) else "–",
            "equal-loss": float(found.equal_loss.mean()),
            "equal-loss-slow": float(slow),
            "equal-loss-fast": float(fast),
        },
        found,
    )


@dataclass(frozen=True)
class Controls:
    """What the slope is with random signs, and what it is in narrower networks."""

    numbers: dict[str, float | int | str]
    flat: bool
    """Whether all slopes with random signs are below one half."""


def controls(settings: Settings) -> Controls:
    """Give the trained network random signs; train narrow networks with few samples."""
    setup, (trained, _) = shallow_setup(settings), shallow(settings)
    sizes = _sizes(setup)
    few = sizes[smaller_half(sizes)]
    random = np.abs(random_sign_ranks(setup, trained.model, settings.seed).slope)
    narrow = twin_slopes(setup, max(2, settings.hidden // 4), settings.seeds, few)
    tanh, linear = (slopes.mean() for slopes in narrow.values())
    return Controls(
        {"control": float(random.mean()), "narrow-ratio": float(tanh / linear)},
        bool(random.max() < 0.5),
    )


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    slope: Slope
    order: Order
    units: Units
    extraction: Extraction
    few_samples: FewSamples
    deep: Deep
    very_deep: VeryDeep
    late_layers: LateLayers
    by_depth: ByDepth
    rule: Rule
    controls: Controls


def measure(settings: Settings) -> Measurements:
    """Everything: what a sweep maps and the tests call."""
    return Measurements(
        slope(settings),
        order(settings),
        units(settings),
        extraction(settings),
        few_samples(settings),
        deep(settings),
        very_deep(settings),
        late_layers(settings),
        by_depth(settings),
        rule(settings),
        controls(settings),
    )


#: All parts that measure claims; all of these are empirical, and none reads committed tables.
PARTS = (slope, few_samples, deep, very_deep, late_layers, rule, units, extraction, by_depth)
EMPIRICAL = PARTS
#: What a second process measures, from its end: in that order the notebook needs it.
AHEAD = (by_depth, extraction, units, rule, late_layers, very_deep)


def _over_seeds(
    statistic: Callable[[Int[np.ndarray, " picked"]], float], settings: Settings, unit: str = "1"
) -> Estimate:
    n = settings.n_seeds
    return over_runs(statistic, n, over=f"{n} runs", seed=settings.seed, unit=unit)


def _mean(values: Float[np.ndarray, " seeds"], settings: Settings, unit: str = "1") -> Estimate:
    return mean(values, over=f"{len(values)} runs", seed=settings.seed, unit=unit)


def _sizes(setup: Setup) -> tuple[int, ...]:
    """Return numbers of training samples, in steps of about two or three, up to all."""
    most = setup.data.train_labels.shape[1]
    less = (25, 50, 100, 200, 400, 800) if most < MANY else (100, 300, 600, 2000, 6000, 20000)
    return *less, most
