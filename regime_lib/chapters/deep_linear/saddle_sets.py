"""The ways into a saddle of matrices and out of it, where the Hessian vanishes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp

from regime_lib.chapters.deep_linear.settings import Settings, farthest_from_one
from regime_lib.chapters.part import Part
from regime_lib.estimate import run_range
from regime_lib.simulators.deep_linear.flow import Packing
from regime_lib.simulators.deep_linear.initialisation import balanced_init
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, product

_DEPTHS = (3, 4)
_END = 1e3
_TURNED = (0.0, 0.001, 0.01, 0.1)  # size of the antisymmetric part of a product, over the other's
_SOON = 100.0  # by when networks beside the stable set have left
_AWAY = 0.5  # share of the loss below which a network has left the saddle


@dataclass(frozen=True)
class MatrixSaddle(Part):
    """Networks of matrices near the origin: on its stable set, on its unstable one, and beside."""

    times: Float[np.ndarray, " times"]
    strengths: dict[str, Float[np.ndarray, "times modes"]]  # of the first layer, one start a depth
    formulas: dict[str, Float[np.ndarray, "times modes"]]
    early: Float[np.ndarray, " early"]
    norms: dict[str, Float[np.ndarray, " early"]]  # of all weights, on the stable set and beside


def matrix_saddle(settings: Settings) -> MatrixSaddle:
    """Follow random starts on the stable set, back in time on the unstable one, and beside."""
    task, random, n = settings.task, settings.generator(20), settings.n_seeds
    times = np.concatenate([[0.0], np.geomspace(0.1, _END, 81)])
    ratios: dict[str, list[Float[np.ndarray, "..."]]] = {"stable": [], "unstable": []}
    strengths, formulas, left = {}, {}, 0
    for h in _DEPTHS:
        formula = strength_at(times[1:], h, settings.sigma)
        parts = [positive_definite(random) for _ in range(n)]
        into = strengths_along(on_the_set([-part for part in parts], h, random), task, times)
        small = [0.1 * settings.sigma_3 * part for part in parts]
        back = on_the_set(small, h, random)
        out_of = strengths_along(back, task, times, backwards=True)
        ratios["stable"].append(into[-1] / formula[-1])
        ratios["unstable"].append(out_of[-1] / formula[-1])
        turned = [-part + _TURNED[-1] * turning(part, random) for part in parts]
        beside = followed(on_the_set(turned, h, random), task, times[times < _SOON])
        losses = task.loss(product(beside))[-1]
        left += int((losses < _AWAY * task.loss(np.zeros_like(task.target))).sum())
        strengths[f"depth {h}"], formulas[f"depth {h}"] = into[1:, 0], formula
    over = f"{len(_DEPTHS) * n * len(settings.sigma)} singular values of {len(_DEPTHS) * n} starts"
    shown, aside = parts[0], turning(parts[0], random)
    early = times[times < _SOON]
    turns = followed(on_the_set([s * aside - shown for s in _TURNED], 3, random), task, early)
    norms = np.sqrt(sum((layer**2).sum(axis=(-2, -1)) for layer in turns))
    return MatrixSaddle(
        {
            f"dl-matrix-{name}": run_range(np.ravel(own), over=over, statistic=farthest_from_one)
            for name, own in ratios.items()
        },
        {"beside-left": f"{left} of {len(_DEPTHS) * n}"},
        times[1:],
        strengths,
        formulas,
        early[1:],
        {f"{share:g}": own[1:] for share, own in zip(_TURNED, norms.T, strict=True)},
    )


def positive_definite(random: np.random.Generator) -> Float[np.ndarray, "size size"]:
    """Return a random positive definite matrix, dense and of size one."""
    factor = random.standard_normal((3, 6))
    return factor @ factor.T / 6


def turning(
    part: Float[np.ndarray, "size size"], random: np.random.Generator
) -> Float[np.ndarray, "size size"]:
    """Return a random antisymmetric matrix as large as another one."""
    draw = random.standard_normal(part.shape)
    return (draw - draw.T) * np.linalg.norm(part) / np.linalg.norm(draw - draw.T)


def on_the_set(
    networks: list[Float[np.ndarray, "size size"]], depth: int, random: np.random.Generator
) -> Layers:
    """Return balanced networks of these products, each in random bases of its hidden layers."""
    own = [balanced_init(one, (len(one),) * (depth + 1), random) for one in networks]
    return tuple(np.stack(layers) for layers in zip(*own, strict=True))


def followed(
    layers: Layers,
    task: LinearTask,
    times: Float[np.ndarray, " times"],
    *,
    backwards: bool = False,
) -> Layers:
    """Integrate the flow, or the flow back in time, more tightly than elsewhere."""
    packing = Packing(layers)
    slope, sign = packing.slope(task), -1.0 if backwards else 1.0
    found = solve_ivp(
        lambda time, state: sign * slope(time, state),
        (times[0], times[-1]),
        packing.pack(layers),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-16,
    )
    return packing.layers(found.y.T)


def strengths_along(
    layers: Layers,
    task: LinearTask,
    times: Float[np.ndarray, " times"],
    *,
    backwards: bool = False,
) -> Float[np.ndarray, "times runs modes"]:
    """Return the singular values of the first layer, the largest first."""
    first = followed(layers, task, times, backwards=backwards)[0]
    return np.asarray(np.linalg.svd(first, compute_uv=False))


def strength_at(
    times: Float[np.ndarray, " times"], depth: int, sigma: tuple[float, ...]
) -> Float[np.ndarray, "times modes"]:
    """Return ((h - 2) σ t)^(-1/(h - 2)) for each singular value, the largest result first."""
    rates = np.sort(np.array(sigma)) * times[:, None]
    return np.asarray(((depth - 2) * rates) ** (-1 / (depth - 2)))
