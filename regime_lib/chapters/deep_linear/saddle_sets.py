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
_AWAY = 0.5  # share of the loss below which a network has left the saddle


@dataclass(frozen=True)
class MatrixSaddle(Part):
    """Networks of matrices near the origin: on its stable set, on its unstable one, and beside."""

    times: Float[np.ndarray, " times"]
    strengths: dict[str, Float[np.ndarray, "times modes"]]  # of the first layer, one start a depth
    formulas: dict[str, Float[np.ndarray, "times modes"]]
    sizes: dict[str, Float[np.ndarray, " times"]]  # norm of the weights beside the stable set


def matrix_saddle(settings: Settings) -> MatrixSaddle:
    """Follow random starts on the stable set, back in time on the unstable one, and beside."""
    task, random = settings.task, settings.generator(20)
    times = np.concatenate([[0.0], np.geomspace(0.1, _END, 81)])
    stable: list[Float[np.ndarray, "..."]] = []
    unstable: list[Float[np.ndarray, "..."]] = []
    strengths, formulas, left = {}, {}, 0
    for h in _DEPTHS:
        formula = strength_at(times[1:], h, settings.sigma)
        for _ in range(settings.n_seeds):
            part = positive_definite(random)
            into = strengths_along(on_the_set(-part, h, random), task, times)
            stable.append(into[-1] / formula[-1])
            small = 0.1 * part * settings.sigma_3
            back = strengths_along(on_the_set(small, h, random), task, times, backwards=True)
            unstable.append(back[-1] / formula[-1])
            beside = on_the_set(-part + _TURNED[-1] * rotation_part(part, random), h, random)
            end = task.loss(product(followed(beside, task, times)))[-1]
            left += bool(end < _AWAY * task.loss(np.zeros_like(task.target)))
        strengths[f"depth {h}"], formulas[f"depth {h}"] = into[1:], formula
    n, cases = len(_DEPTHS) * settings.n_seeds, np.size(stable)
    over = f"{cases} singular values of {n} random starts"
    part = positive_definite(random)
    aside = rotation_part(part, random)
    sizes = {
        f"{share:g}": norm_of(
            followed(on_the_set(-part + share * aside, 3, random), task, times[times <= 100])
        )
        for share in _TURNED
    }
    return MatrixSaddle(
        {
            "dl-matrix-stable": run_range(np.ravel(stable), over=over, statistic=farthest_from_one),
            "dl-matrix-unstable": run_range(
                np.ravel(unstable), over=over, statistic=farthest_from_one
            ),
        },
        {"beside-left": f"{left} of {n}"},
        times[1:],
        strengths,
        formulas,
        sizes,
    )


def positive_definite(random: np.random.Generator) -> Float[np.ndarray, "size size"]:
    """Return a random positive definite matrix, dense and of size one."""
    factor = random.standard_normal((3, 6))
    return factor @ factor.T / 6


def rotation_part(
    part: Float[np.ndarray, "size size"], random: np.random.Generator
) -> Float[np.ndarray, "size size"]:
    """Return a random antisymmetric matrix as large as another one."""
    draw = random.standard_normal(part.shape)
    return (draw - draw.T) * np.linalg.norm(part) / np.linalg.norm(draw - draw.T)


def on_the_set(
    network: Float[np.ndarray, "size size"], depth: int, random: np.random.Generator
) -> Layers:
    """Return a balanced network of this product, in random bases of its hidden layers."""
    return balanced_init(network, (len(network),) * (depth + 1), random)


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
) -> Float[np.ndarray, "times modes"]:
    """Return the singular values of the first layer, the largest first."""
    first = followed(layers, task, times, backwards=backwards)[0]
    return np.asarray(np.linalg.svd(first, compute_uv=False))


def strength_at(
    times: Float[np.ndarray, " times"], depth: int, sigma: tuple[float, ...]
) -> Float[np.ndarray, "times modes"]:
    """Return ((h - 2) σ t)^(-1/(h - 2)) for each singular value, the largest result first."""
    rates = np.sort(np.array(sigma)) * times[:, None]
    return np.asarray(((depth - 2) * rates) ** (-1 / (depth - 2)))


def norm_of(layers: Layers) -> Float[np.ndarray, " times"]:
    """Return the Euclidean norm of all weights."""
    return np.sqrt(sum((layer**2).sum(axis=(-2, -1)) for layer in layers))
