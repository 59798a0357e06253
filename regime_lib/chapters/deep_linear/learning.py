"""How small weights learn: plateaus, their order, kinds of initialisations, solutions and rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.deep_linear.settings import ONE, Settings, farthest_from_one
from regime_lib.chapters.part import Numbers, Part
from regime_lib.estimate import Estimate, median, number, proportion, run_range
from regime_lib.simulators.deep_linear import initialisation, solutions
from regime_lib.simulators.deep_linear.critical import visited_values
from regime_lib.simulators.deep_linear.flow import FlowPath, gradient_flow
from regime_lib.simulators.deep_linear.plateaus import Match, find_plateaus, match_plateaus
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask
from regime_lib.simulators.deep_linear.settle import settle

#: Times, and losses of shape (times, runs); how many times differs between ensembles.
Losses = tuple[Float[np.ndarray, " _"], Float[np.ndarray, "_ runs"]]
_DEPTHS = (1, 2, 3, 4, 5)
_PAIRS = ((0.1, 0.2), (0.2, -0.1), (0.01, 1.0), (-0.5, 1.5), (2.0, 3.0), (0.3, 7.0))
_ORDERED = 5  # starts of the claims on order, over the chapter's `n_starts`
_RESOLVED = 1e-14  # loss below which the integrator's own errors show
_LATE, _EARLY = (1e-11, 1e-15), (1e-4, 1e-8)  # losses between which a rate is fitted


@dataclass(frozen=True)
class SmallWeights(Part):
    """The loss from small random weights, and its plateaus."""

    runs: dict[str, Losses]  # by depth
    values: Float[np.ndarray, " values"]  # critical values that learning visits
    plateaus: dict[str, int]  # how many the median run has, the initialisation included
    worst: dict[int, Float[np.ndarray, " seeds"]]  # largest distance of a plateau, by depth


def small_weights(settings: Settings) -> SmallWeights:
    """Follow the flow at depths one to three, and match plateaus with critical values."""
    random, values = settings.generator(9), visited_values(settings.sigma, 3)
    runs: dict[str, Losses] = {}
    plateaus, worst, missed = {}, {}, {}
    for h, scale in settings.scales.items():
        start = initialisation.random_init(settings.sizes(h), scale, random, runs=settings.n_seeds)
        path = settle(start, settings.task, tolerance=1e-7, detail=3, atol=1e-8 * scale)
        matches = matched_plateaus(path, values[:-1])
        runs[f"depth {h}"] = path.times[1:], path.losses[1:]
        plateaus[f"depth {h}"] = int(np.median([len(match.nearest) for match in matches]))
        worst[h] = np.array([match.worst for match in matches])
        missed[f"stairs-missed-{h}"] = sum(bool(match.missed) for match in matches)
    claims = [median(worst[h], over=f"{settings.n_seeds} seeds at depth {h}") for h in (2, 3)]
    return SmallWeights(
        {"dl-stairs": max(claims, key=lambda claim: claim.value or 0.0)},
        {
            **missed,
            "stairs-depth-two": float(np.median(worst[2])),
            "stairs-depth-three": float(np.median(worst[3])),
        },
        runs,
        values,
        plateaus,
        worst,
    )


def matched_plateaus(path: FlowPath, values: Float[np.ndarray, " values"]) -> list[Match]:
    """Match the plateaus of every run of an ensemble; the floor of the loss counts as zero."""
    losses, floor = path.losses - path.task.floor, path.task.floor
    return [
        match_plateaus(find_plateaus(path.times, loss, speed), values - floor)
        for loss, speed in zip(losses.T, path.speeds.T, strict=True)
    ]


def order(settings: Settings) -> Part:
    """Count random starts that learn the largest value first, at depths two and three."""
    random, claims = settings.generator(10), {}
    numbers: Numbers = {}
    n = _ORDERED * settings.n_starts
    for h, claim in ((2, "dl-stairs-order"), (3, "dl-stairs-order-deep")):
        scale = settings.scales[h]
        start = initialisation.random_init(settings.sizes(h), scale, random, runs=n)
        times = half_times_of(start, settings.task, 1e-8 * scale)
        hits = int(is_ordered(times).sum())
        numbers[f"order-{h}"] = f"{hits} of {n}"
        claims[claim] = proportion(hits, n, over=f"{n} random initialisations")
    return Part(claims, numbers)


def half_times_of(layers: Layers, task: LinearTask, atol: float) -> Float[np.ndarray, "runs modes"]:
    """Return when each mode passes half of its value; infinity for one that can only be the last.

    Each network is followed no longer than that, because the slowest of many takes very long.
    """
    sigma = task.singular_values
    times = np.full((len(layers[0]), len(sigma)), np.inf)
    followed, begin, span = np.arange(len(times)), 0.0, 8.0
    while len(followed):
        clock = np.linspace(begin, begin + span, 201)
        path = gradient_flow(layers, task, clock, rtol=1e-8, atol=atol)
        times[followed] = np.minimum(times[followed], half_times(path.times, path.modes, sigma))
        open_ = np.isinf(times[followed]).sum(axis=1) > 1
        layers, followed = tuple(layer[open_] for layer in path.end), followed[open_]
        begin, span = begin + span, 1.5 * span
    return times


def half_times(
    times: Float[np.ndarray, " times"],
    modes: Float[np.ndarray, "times runs modes"],
    sigma: Float[np.ndarray, " modes"],
) -> Float[np.ndarray, "runs modes"]:
    """Return when each mode first passes half of its singular value; infinity: at none of them."""
    strength = modes / (0.5 * sigma)
    passes = (strength[0] < 1) & (strength >= 1).any(axis=0)
    after = np.where(passes, (strength >= 1).argmax(axis=0), 1)
    low, high = (np.take_along_axis(strength, k[None], axis=0)[0] for k in (after - 1, after))
    back = np.divide(high - 1, high - low, out=np.zeros_like(high), where=passes)
    step = times[after] - times[after - 1]
    return np.where(passes, times[after] - step * back, np.inf)


def is_ordered(times: Float[np.ndarray, "runs modes"]) -> Bool[np.ndarray, " runs"]:
    """Say of every run whether its modes are learnt one after the other, the first one first."""
    return np.asarray((np.diff(times, axis=1) > 0).all(axis=1))


@dataclass(frozen=True)
class Initialisations:
    """Modes of networks of depth three from five kinds of initialisations."""

    numbers: Numbers
    sigma: Float[np.ndarray, " modes"]
    times: Float[np.ndarray, " times"]
    modes: dict[str, Float[np.ndarray, "times modes"]]

    @property
    def halves(self) -> dict[str, tuple[float, float]]:
        """When half of the largest and of the smallest value is learnt; 0: not in the time."""
        first = {
            name: self.times[(modes > self.sigma / 2).argmax(axis=0)]
            for name, modes in self.modes.items()
        }
        return {name: (float(times[0]), float(times[-1])) for name, times in first.items()}


def initialisations(settings: Settings) -> Initialisations:
    """Follow five networks whose products are about equally small."""
    task, random, times = settings.task, settings.generator(11), np.linspace(0, 12, 481)
    sizes, small = (3, 3, 3, 3), 0.02
    even = np.tile(initialisation.chain(small, 3), (3, 1)).T
    uneven = np.tile(initialisation.chain(small, 3, 0.5), (3, 1)).T
    mixed = np.linalg.qr(random.standard_normal((3, 3)))[0]
    kinds = {
        "decoupled, 0-balanced": initialisation.decoupled_init(task, sizes, even),
        "aligned": initialisation.aligned_init(task, sizes, even * [[2.0], [0.5], [1.0]], random),
        "0-balanced": initialisation.balanced_init(small * mixed, sizes, random),
        "δ-balanced (δ = 0.5)": initialisation.decoupled_init(task, sizes, uneven),
        "random": initialisation.random_init(sizes, small ** (1 / 3), random),
    }
    paths = {name: gradient_flow(start, task, times) for name, start in kinds.items()}
    aside = paths["aligned"].products.copy()
    aside[:, range(3), range(3)] = 0
    return Initialisations(
        {"aligned-leak": float(abs(aside).max())},
        np.array(settings.sigma),
        times,
        {name: path.modes for name, path in paths.items()},
    )


def closed_forms(settings: Settings) -> Part:
    """Compare a balanced network of depth two, balanced ones of any depth, and unbalanced pairs."""
    errors = {
        "dl-balanced-solution": (sigmoid_errors(settings), "singular values"),
        "dl-implicit-solution": (learning_time_errors(settings), "strengths"),
        "dl-unbalanced-solution": (pair_errors(), "pairs"),
    }
    claims = {
        claim: number(found.max(), n=len(found), over=f"{len(found)} {what}")
        for claim, (found, what) in errors.items()
    }
    return Part(claims, {})


def sigmoid_errors(settings: Settings) -> Float[np.ndarray, " modes"]:
    """Return the largest difference of every mode from its sigmoid at depth two."""
    start = initialisation.decoupled_init(settings.task, (3, 4, 3), np.full((2, 3), 0.01**0.5))
    path = gradient_flow(start, settings.task, np.linspace(0, 10, 401))
    closed = [solutions.sigmoid_of_depth_two(path.times, value, 0.01) for value in settings.sigma]
    return abs(path.modes - np.stack(closed, axis=1)).max(axis=0)


def learning_time_errors(settings: Settings) -> Float[np.ndarray, " strengths"]:
    """Return relative differences of the integral from the time of the simulation."""
    errors = []
    for h in _DEPTHS:
        start = initialisation.decoupled_init(
            settings.task, (3,) * (h + 1), np.tile(initialisation.chain(0.05, h), (3, 1)).T
        )
        path = gradient_flow(start, settings.task, np.linspace(0, 40, 2001))
        for strength, value in zip(path.modes.T, settings.sigma, strict=True):
            between = (strength > 0.1 * value) & (strength < 0.99 * value) & (path.times > 0)
            inside = np.flatnonzero(between)
            for k in inside[:: max(len(inside) // 10, 1)]:
                time = solutions.learning_time(float(strength[k]), h, value, 0.05)
                errors.append(abs(time / path.times[k] - 1))
    return np.array(errors)


def pair_errors() -> Float[np.ndarray, " pairs"]:
    """Return the largest difference of the product of each unbalanced pair from its formula."""
    times, errors = np.linspace(0, 6, 301), []
    for first, second in _PAIRS:
        path = gradient_flow((np.array([[first]]), np.array([[second]])), ONE, times)
        closed = solutions.unbalanced_pair(times, 1.0, first, second)
        errors.append(abs(path.products.ravel() - closed).max())
    return np.array(errors)


@dataclass(frozen=True)
class Rates(Part):
    """How fast the loss falls near a balanced minimum."""

    # times, and the loss over its first, by depth
    decays: dict[str, tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]]
    formulas: dict[str, Float[np.ndarray, " _"]]  # with the predicted rate


def rates(settings: Settings) -> Rates:
    """Fit the rate late and early in three runs of each depth."""
    late, early, decays, formulas = [], [], {}, {}
    for h, paths in _near_minima(settings).items():
        rate = solutions.rate_at_minimum(h, settings.sigma_3)
        late += [fitted_rate(path, *_LATE) / rate for path in paths]
        early += [fitted_rate(path, *_EARLY) / rate for path in paths]
        last = paths[-1]
        shown = (last.losses < _EARLY[0]) & (last.losses > 1e-12)
        losses = last.losses[shown] / last.losses[shown][0]
        times = last.times[shown] - last.times[shown][0]
        decays[f"depth {h}"] = times, losses
        formulas[f"depth {h}"] = losses[-1] * np.exp(-2 * rate * (times - times[-1]))
    over = f"{len(_DEPTHS)} depths x 3 initialisations"
    return Rates(
        {"dl-rate": run_range(late, over=over, statistic=farthest_from_one)},
        {"early-rate": max(early)},
        decays,
        formulas,
    )


def fitted_rate(path: FlowPath, top: float, bottom: float) -> float:
    """Return c of the loss ∼ e^(-2ct), fitted where the loss lies between two numbers."""
    inside = (path.losses < top) & (path.losses > bottom)
    slope = np.polyfit(path.times[inside], np.log(path.losses[inside]), 1)[0]
    return float(-slope / 2)


def _near_minima(settings: Settings) -> dict[int, list[FlowPath]]:
    """Follow balanced networks near the target, all modes mixed and some of the slowest in each."""
    task, random = settings.task, settings.generator(12)
    found: dict[int, list[FlowPath]] = {}
    for h in _DEPTHS:
        times = np.linspace(0, 18 / solutions.rate_at_minimum(h, settings.sigma_3), 901)
        found[h] = []
        for _ in range(3):
            near = task.target + 0.05 * random.standard_normal((3, 3))
            near[2, 2] = task.target[2, 2] - 0.05
            start = initialisation.balanced_init(near, (3,) * (h + 1), random)
            found[h].append(gradient_flow(start, task, times, rtol=1e-12, atol=1e-15))
    return found


@dataclass(frozen=True)
class RateBound:
    """The loss over its bound, of balanced networks with a deficiency margin."""

    claims: dict[str, Estimate]
    times: Float[np.ndarray, " times"]
    ratios: Float[np.ndarray, "times runs"]  # NaN where the bound is below what is resolved


def rate_bound(settings: Settings) -> RateBound:
    """Follow networks at depths two to four from within a distance of the target."""
    task, random, times = settings.task, settings.generator(13), np.linspace(0, 6, 241)
    ratios, falls = [], []
    for h in (2, 3, 4):
        for _ in range(settings.n_seeds):
            margin = settings.sigma_3 * random.uniform(0.05, 0.9)
            push = random.standard_normal((3, 3))
            near = task.target + (settings.sigma_3 - margin) * push / np.linalg.norm(push)
            start = initialisation.balanced_init(near, (3,) * (h + 1), random)
            path = gradient_flow(start, task, times, rtol=1e-12, atol=1e-15)
            bound = solutions.loss_bound(times, float(path.losses[0]), h, margin)
            ratios.append(np.where(bound > _RESOLVED, path.losses / bound, np.nan))
            falls.append(smallest_fall(times, path.losses, bound))
    over = f"{len(falls)} initialisations"
    return RateBound(
        {"dl-rate-bound": number(min(falls), n=len(falls), over=over)},
        times,
        np.array(ratios).T,
    )


def smallest_fall(
    times: Float[np.ndarray, " times"],
    losses: Float[np.ndarray, " times"],
    bound: Float[np.ndarray, " times"],
) -> float:
    """Return how far the logarithm of the loss has fallen, over how far it must, at the worst time.

    The start, where neither has fallen, and times at which the bound is not resolved do not count.
    """
    inside = (times > 0) & (bound > _RESOLVED)
    falls = [np.log(curve[inside] / losses[0]) for curve in (losses, bound)]
    return float((falls[0] / falls[1]).min())
