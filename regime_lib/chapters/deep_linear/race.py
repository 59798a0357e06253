"""Which of two singular values is learnt first, against their gap and the scale of the start."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.integrate import quad, solve_ivp
from scipy.special import gammainc, gammaincinv

from regime_lib.chapters.deep_linear.learning import half_times
from regime_lib.chapters.deep_linear.settings import Settings
from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, over_runs, proportion
from regime_lib.simulators.deep_linear.flow import Packing, State
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.innermost import Matrices, product, runs_last, velocity
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask

#: Ratios of the larger singular value to the smaller, which is one, by depth.
_RATIOS = {2: (1.05, 1.1, 1.2, 1.3), 3: (1.1, 1.3, 1.5)}
_SCALES = (0.01, 0.001)  # standard deviations of the weights
_LIKELY = 0.05  # probability from which on the claim on the gap takes a setting
_POWERS = {2: (1.1, 1.2), 3: (1.5,)}  # ratios of the claims on powers
_STARTS = 40  # starts of a setting over the chapter's `n_starts`


@dataclass(frozen=True)
class Race(Part):
    """Shares of starts that learn the smaller of two values first, by depth and scale."""

    ratios: dict[str, tuple[float, ...]]
    shares: dict[str, list[Estimate]]
    fine: Float[np.ndarray, " fine"]  # ratios of the curves
    predicted: dict[str, Float[np.ndarray, " fine"]]  # at depth two, by scale


def race(settings: Settings) -> Race:
    """Count starts of two depths and scales and several gaps, against a race of exponentials."""
    n = _STARTS * settings.n_starts
    over = f"{n} random starts"
    ratios, shares = {}, {}
    gaps: list[Estimate] = []
    powers: dict[int, list[Estimate]] = {2: [], 3: []}
    for h, own in _RATIOS.items():
        lost = {ratio: out_of_order(h, ratio, n, settings) for ratio in own}
        for scale in _SCALES:
            name = f"depth {h}, weights of {scale:g}"
            ratios[name] = own
            counts = [int(lost[ratio][scale].sum()) for ratio in own]
            shares[name] = [proportion(count, n, over=over) for count in counts]
            if h == 2:
                expected = [first_loses(ratio, scale) for ratio in own]
                gaps += [
                    over_probability(share, chance)
                    for share, chance in zip(shares[name], expected, strict=True)
                    if chance >= _LIKELY
                ]
        for ratio in _POWERS[h]:
            power = ratio - 1 if h == 3 else race_power(ratio)
            powers[h].append(power_of(lost[ratio], power, over, settings.seed))
    deep = lost[_POWERS[3][0]]
    fine = np.linspace(1.0, 1.5, 26)[1:]
    return Race(
        {
            "dl-order-gap": farthest(gaps),
            "dl-order-power": farthest(powers[2]),
            "dl-order-scale": over_runs(
                lambda picks: deep[_SCALES[1]][picks].mean() / deep[_SCALES[0]][picks].mean(),
                n,
                over=over,
                seed=settings.seed,
            ),
            "dl-order-power-deep": powers[3][0],
        },
        {
            "order-settings": len(gaps),
            "order-wide": in_words(wide_over_race(settings)),
        },
        ratios,
        shares,
        fine,
        {f"{scale:g}": np.array([first_loses(r, scale) for r in fine]) for scale in _SCALES},
    )


def out_of_order(
    depth: int, ratio: float, n: int, settings: Settings, width: int = 2
) -> dict[float, Bool[np.ndarray, " runs"]]:
    """Say of the same starts at each scale whether they learn the smaller value first."""
    random = settings.generator(round(100 * ratio) + 1000 * depth + width)
    unit = random_init((2, *[width] * (depth - 1), 2), 1.0, random, runs=n)
    task = LinearTask.diagonal([ratio, 1.0])
    return {
        scale: ~first_is_first(tuple(scale * layer for layer in unit), task) for scale in _SCALES
    }


def wide_over_race(settings: Settings) -> Estimate:
    """Return the share over the race's probability if modes hardly share hidden units."""
    width, ratio, scale, n = 32, 1.01, _SCALES[0], 10 * settings.n_starts
    lost = out_of_order(2, ratio, n, settings, width)[scale]
    share = proportion(int(lost.sum()), n, over=f"{n} random starts")
    return over_probability(share, first_loses(ratio, scale, width))


def in_words(ratio: Estimate) -> str:
    """Return a ratio and its interval as the prose quotes them."""
    return f"{ratio.value:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]"


def power_of(
    lost: dict[float, Bool[np.ndarray, " runs"]], expected: float, over: str, seed: int
) -> Estimate:
    """Return by which power of the scale a share falls, over the expected one."""
    large, small = (lost[scale] for scale in _SCALES)
    decades = np.log(_SCALES[0] / _SCALES[1]) * expected

    def power(picks: Int[np.ndarray, " n"]) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log(large[picks].mean() / small[picks].mean()) / decades)

    return over_runs(power, len(large), over=over, seed=seed)


def race_power(ratio: float) -> float:
    """Return the power of the scale by which the probability of the race falls."""
    large, small = (first_loses(ratio, scale) for scale in _SCALES)
    return float(np.log(large / small) / np.log(_SCALES[0] / _SCALES[1]))


def farthest(ratios: list[Estimate]) -> Estimate:
    """Return the ratio that differs most from one."""
    return max(ratios, key=lambda one: abs(np.log(max(one.value or 0.0, 1e-9))))


def first_is_first(layers: Layers, task: LinearTask) -> Bool[np.ndarray, " runs"]:
    """Say of every network whether it learns half of the first of two singular values first.

    The target is diagonal, with these values. Each network has a clock of its own, time times its
    norm to the power h - 2. On it the small and slow take no longer than others, and what comes
    first on one clock does so on all.
    """
    first = np.zeros(len(layers[0]), dtype=bool)
    open_, begin = np.arange(len(first)), 0.0
    now = runs_last(layers)
    while len(open_):
        clock = begin + np.linspace(0, 4, 101)
        path = _on_own_clocks(now, task, clock)
        modes = np.diagonal(product(path))  # of shape (times, runs, modes)
        times = half_times(clock, modes, task.singular_values)
        first[open_] = times[:, 0] < times[:, 1]
        unknown = np.isinf(times).all(axis=1)
        now = tuple(layer[:, :, -1, unknown] for layer in path)
        open_, begin = open_[unknown], float(clock[-1])
    return first


def _on_own_clocks(
    layers: Matrices, task: LinearTask, clock: Float[np.ndarray, " times"]
) -> Matrices:
    """Integrate the flow of networks whose runs lie innermost; times lie before the runs then."""
    packing, target = Packing(layers), task.target[..., None]

    def slope(_: float, state: State) -> State:
        now = packing.layers(state)
        squares: Float[np.ndarray, " runs"] = sum((layer**2).sum(axis=(0, 1)) for layer in now)
        pace = squares ** (1 - len(now) / 2)
        return packing.pack(velocity(now, lambda network: pace * (target - network)))

    start = packing.pack(layers)
    smallest = 1e-10 * float(abs(start).max())
    found = solve_ivp(
        slope, (clock[0], clock[-1]), start, "DOP853", clock, rtol=1e-8, atol=smallest
    )
    return tuple(np.moveaxis(layer, 0, -2) for layer in packing.layers(found.y.T))


def first_loses(ratio: float, scale: float, width: int = 2) -> float:
    """Return the probability that the smaller value, one, wins a race of independent modes.

    At depth two each mode starts from a strength of half the squared scale times a χ² variable, of
    as many degrees of freedom as there are hidden units, and follows its sigmoid: half of σ is
    learnt at ln(σ/s - 1) / 2σ.
    """
    half, freedom = 0.5 * scale**2, width / 2

    def loses(quantile: float) -> float:
        strength = half * 2 * gammaincinv(freedom, quantile)  # half the square times this χ²
        time = 0.5 * np.log(1 / strength - 1)
        slowest = ratio / (1 + np.exp(2 * ratio * time))  # strength that is as late
        return float(gammainc(freedom, slowest / half / 2))

    return float(quad(loses, 0, 1)[0])


def over_probability(share: Estimate, probability: float) -> Estimate:
    """Return a share, and the ends of its interval, over what was expected."""
    parts = (share.value, share.low, share.high)
    value, low, high = (None if x is None else x / probability for x in parts)
    return dataclasses.replace(share, value=value, low=low, high=high)
