"""The network as one matrix, what its flow conserves, and what a change of basis leaves alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from scipy.integrate import solve_ivp

from regime_lib.chapters.deep_linear.settings import ONE, WIDE, Array, Settings
from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, mean, number
from regime_lib.simulators.deep_linear import problem
from regime_lib.simulators.deep_linear.adjacency import (
    Adjacency,
    adjacency,
    adjacency_velocity,
    characteristic_coefficients,
    off_structure,
)
from regime_lib.simulators.deep_linear.flow import gradient_descent, gradient_flow
from regime_lib.simulators.deep_linear.initialisation import chain, random_init
from regime_lib.simulators.deep_linear.proofs import prove
from regime_lib.simulators.deep_linear.symmetry import Bases, change_basis, random_bases

_PROVED = ((2, 2), (1, 1, 1), (2, 3, 2), (1, 2, 2, 1), (2, 1, 2, 2), (1, 1, 1, 1, 1))
_END = 8.0  # time over which drift is measured
_TIGHT = {"rtol": 1e-12, "atol": 1e-14}


@dataclass(frozen=True)
class Proofs:
    """What SymPy proves of the adjacency form."""

    claims: dict[str, Estimate]
    table: pd.DataFrame  # A shape per row: whether everything is proved, and the degree of the flow


def proofs(_: Settings) -> Proofs:
    """Prove the adjacency form for small shapes; no setting matters."""
    found = [prove(shape) for shape in _PROVED]
    excess = [proof.degree - (2 * (len(proof.sizes) - 1) - 1) for proof in found]
    table = pd.DataFrame(
        {
            "network": ["-".join(map(str, proof.sizes)) for proof in found],
            "proved": [proof.holds for proof in found],
            "degree": [proof.degree for proof in found],
        }
    )
    worst = max(excess, key=abs)
    return Proofs(
        {"dl-polynomial": number(worst, n=len(found), over=f"{len(found)} shapes")}, table
    )


def adjacency_flow(settings: Settings) -> Part:
    """Compare right-hand sides of random networks of up to five layers."""
    random = settings.generator(1)
    gaps, autograd_gaps = [], []
    for _ in range(settings.n_starts):
        sizes = tuple(int(d) for d in random.integers(1, 6, size=random.integers(2, 7)))
        layers = random_init(sizes, 1.0, random)
        task = problem.LinearTask(random.standard_normal((sizes[-1], sizes[0])))
        layerwise = adjacency(problem.velocity(layers, task))
        whole = adjacency_velocity(adjacency(layers), task, sizes)
        other = adjacency(velocity_by_autograd(layers, task.target))
        gaps.append(abs(whole - layerwise).max() / abs(layerwise).max())
        autograd_gaps.append(abs(other - layerwise).max() / abs(layerwise).max())
    over = f"{len(gaps)} random networks"
    return Part(
        {"dl-adjacency-flow": number(max(gaps), n=len(gaps), over=over)},
        {"autograd-gap": float(max(autograd_gaps))},
    )


def velocity_by_autograd(
    layers: problem.Layers, target: Float[np.ndarray, "outputs inputs"]
) -> problem.Layers:
    """Return minus the gradient of the loss, as PyTorch sees it."""
    leaves = [torch.tensor(layer, requires_grad=True) for layer in layers]
    network = leaves[0]
    for leaf in leaves[1:]:
        network = leaf @ network
    loss = 0.5 * ((torch.tensor(target) - network) ** 2).sum()
    return tuple(-move.numpy() for move in torch.autograd.grad(loss, leaves))


@dataclass(frozen=True)
class MatrixFlow(Part):
    """A whole adjacency matrix that flows freely, all its entries."""

    sizes: tuple[int, ...]
    begin: Adjacency
    end: Adjacency
    power: Adjacency  # the end to the power of the depth: the product, in one corner
    stray: float  # largest entry outside the layers at any time


def matrix_flow(settings: Settings) -> MatrixFlow:
    """Integrate the flow of the matrix, and of a chain of two that passes through zero."""
    depth, units = len(WIDE) - 1, sum(WIDE)
    begin = adjacency(random_init(WIDE, 0.4, settings.generator(2)))

    def slope(_: float, state: Float[np.ndarray, " entries"]) -> Float[np.ndarray, " entries"]:
        matrix = state.reshape(units, units)
        return adjacency_velocity(matrix, settings.task, WIDE).ravel()

    found = solve_ivp(
        slope,
        (0, 15),
        begin.ravel(),
        method="DOP853",
        rtol=1e-10,
        atol=1e-12,
        t_eval=np.linspace(0, 15, 61),
    )
    matrices = found.y.T.reshape(-1, units, units)
    powers = [abs(np.linalg.matrix_power(matrix, depth + 1)).max() for matrix in matrices]
    coefficients = [abs(characteristic_coefficients(matrix)).max() for matrix in matrices]
    n, over = len(matrices), f"{len(matrices)} times of one run"
    return MatrixFlow(
        {
            "dl-nilpotent": number(max(powers), n=n, over=over),
            "dl-isospectral": number(max(coefficients), n=n, over=over),
        },
        {"jordan-time": _time_of_zero_product()},
        WIDE,
        begin,
        matrices[-1],
        np.linalg.matrix_power(matrices[-1], depth),
        max(off_structure(matrix, WIDE) for matrix in matrices),
    )


def _time_of_zero_product() -> float:
    """Return when the product of the chain (1, -1/2) passes zero on its way to one."""
    start = (np.array([[1.0]]), np.array([[-0.5]]))
    path = gradient_flow(start, ONE, np.linspace(0, 2, 2001))
    return float(np.interp(0.0, path.products.ravel(), path.times))


@dataclass(frozen=True)
class Conservation(Part):
    """How far the conserved quantities drift."""

    times: Float[np.ndarray, " times"]
    runs: dict[str, Float[np.ndarray, " times"]]  # drift: the flow first, then descent
    steps: Float[np.ndarray, " steps"]
    drifts: Float[np.ndarray, "steps seeds"]  # of gradient descent at the end
    predicted: Float[np.ndarray, " steps"]  # first order in the step, median over seeds


def conservation(settings: Settings) -> Conservation:
    """Follow the flow and gradient descent from the same initialisations."""
    task, over = settings.task, f"{settings.n_seeds} random initialisations"
    start = random_init(WIDE, 0.5, settings.generator(3), runs=settings.n_seeds)
    flow = gradient_flow(start, task, np.linspace(0, _END, 401))
    steps = np.geomspace(3e-4, 1e-2, 6)
    counts = [round(_END / step) for step in steps]
    drifts = np.array(
        [
            gradient_descent(start, task, step, count, every=count).drift[-1]
            for step, count in zip(steps, counts, strict=True)
        ]
    )
    slopes = np.polyfit(np.log(steps), np.log(drifts), 1)[0]
    leading = [
        abs(np.trapezoid(change, flow.times, axis=0)).max(axis=(-2, -1))
        for change in problem.gram_differences(problem.velocity(flow.layers, task))
    ]
    per_step = np.max(leading, axis=0)  # shape (seeds,)
    runs = {"flow": flow.member(0).drift}
    first = tuple(layer[0] for layer in start)
    for step, every in ((0.01, 2), (0.001, 20)):
        path = gradient_descent(first, task, step, round(_END / step), every=every)
        runs[f"descent, step {step:g}"] = path.drift
    return Conservation(
        {
            "dl-conservation": number(flow.drift.max(), n=settings.n_seeds, over=over),
            "dl-conservation-descent": mean(slopes, over=over, seed=settings.seed),
        },
        {"drift-over-formula": float(np.median(drifts[0] / (steps[0] * per_step)))},
        flow.times,
        runs,
        steps,
        drifts,
        steps * np.median(per_step),
    )


def symmetry(settings: Settings) -> Part:
    """Exchange changes of basis with the flow, those that keep distances and those that do not."""
    task, random = settings.task, settings.generator(8)
    turned: list[float] = []
    stretched: list[float] = []
    for _ in range(settings.n_seeds):
        layers = random_init(WIDE, 0.5, random)
        for gaps, orthogonal in ((turned, True), (stretched, False)):
            bases = random_bases(WIDE, random, orthogonal=orthogonal)
            gaps.append(commutation_gap(layers, bases, task))
    over = f"{settings.n_seeds} random networks and bases"
    return Part(
        {"dl-quotient-flow": number(max(turned), n=len(turned), over=over)},
        {"stretched-gap": float(np.median(stretched))},
    )


def commutation_gap(layers: problem.Layers, bases: Bases, task: problem.LinearTask) -> float:
    """Return how far flowing and changing the basis are from being exchangeable."""
    times = np.array([0.0, 2.0])
    flowed = change_basis(gradient_flow(layers, task, times, **_TIGHT).end, bases)
    moved = gradient_flow(change_basis(layers, bases), task, times, **_TIGHT).end
    gaps = [abs(a - b).max() for a, b in zip(flowed, moved, strict=True)]
    return float(max(gaps) / max(abs(layer).max() for layer in moved))


@dataclass(frozen=True)
class Fibres:
    """Chains of numbers with goal one: the plane of two, and the curve of minima."""

    paths: Float[np.ndarray, "2 times paths"]  # both weights along trajectories of the flow
    fibres: dict[str, Float[np.ndarray, "2 points"]]  # of one product; the first holds the minima
    imbalance: Float[np.ndarray, " imbalances"]  # how much each square exceeds the one before
    curvature: dict[str, Float[np.ndarray, " imbalances"]]  # across the curve of minima, by depth


def fibres(_: Settings) -> Fibres:
    """Follow chains of two from rays, and compute the curvature along minima."""
    angles = np.linspace(0.06, np.pi / 2 - 0.06, 11)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    start = np.concatenate([0.25 * circle, 2.95 * circle], axis=1)
    first, second = (weights[:, None, None] for weights in start)
    path = gradient_flow((first, second), ONE, np.linspace(0, 12, 400))
    along = np.linspace(0.05, 3, 300)
    imbalance = np.linspace(-1.5, 1.5, 121)
    return Fibres(
        np.stack([layer[..., 0, 0] for layer in path.layers]),
        {
            f"w₁w₂ = {c:g}": np.stack([along, np.where(c / along < 3.2, c / along, np.nan)])
            for c in (1.0, 0.3, 2.5)
        },
        imbalance,
        {f"depth {h}": curvature_of_chains(h, imbalance) for h in (2, 3, 4)},
    )


def curvature_of_chains(depth: int, imbalance: Float[np.ndarray, " n"]) -> Array:
    """Return the curvature across the minima of a chain with product one."""
    return np.array([(1 / chain(1.0, depth, delta) ** 2).sum() for delta in imbalance])
