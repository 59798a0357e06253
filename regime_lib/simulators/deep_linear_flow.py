"""Gradient flow of deep linear networks, integrated to tight tolerance, and the path it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.integrate import solve_ivp

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear import (
    Layers,
    LinearTask,
    Matrix,
    check_fit,
    gram_differences,
    product,
    speed,
    velocity,
)

#: Tolerances at which conserved quantities stay within 1e-9 in the runs of the book.
RTOL, ATOL = 1e-10, 1e-12

State = Float[np.ndarray, " parameters"]


@dataclass(frozen=True, eq=False)
class FlowPath:
    """A network, or a stack of them, on its way.

    Attributes
    ----------
    task : LinearTask
        What is learnt.
    times : array, shape (times,)
        When it was looked at; for gradient descent, step size times the number of steps.
    layers : tuple of array, shapes (times, ..., d_i, d_{i-1})
        The weights at these times.
    evaluations : int
        How often the right-hand side was computed.
    """

    task: LinearTask
    times: Float[np.ndarray, " times"]
    layers: Layers
    evaluations: int

    @property
    def products(self) -> Matrix:
        """The end-to-end maps, shape (times, ..., outputs, inputs)."""
        return product(self.layers)

    @property
    def losses(self) -> Float[np.ndarray, "times ..."]:
        """The losses."""
        return self.task.loss(self.products)

    @property
    def speeds(self) -> Float[np.ndarray, "times ..."]:
        """The norms of the gradient."""
        return speed(self.layers, self.task)

    @property
    def modes(self) -> Float[np.ndarray, "times ... modes"]:
        """How much of each singular direction is learnt, see `LinearTask.modes`."""
        return self.task.modes(self.products)

    @property
    def drift(self) -> Float[np.ndarray, "times ..."]:
        """Largest change of any entry of the conserved Gram differences since the start."""
        changes = [abs(c - c[:1]).max(axis=(-2, -1)) for c in gram_differences(self.layers)]
        return np.max(changes, axis=0) if changes else np.zeros_like(self.losses)

    @property
    def end(self) -> Layers:
        """The weights at the last time."""
        return tuple(layer[-1] for layer in self.layers)

    def member(self, index: int) -> FlowPath:
        """Return one member of a stack with one leading axis.

        Raises
        ------
        RegimeError
            If the path is that of one network.
        """
        if self.layers[0].ndim != 4:
            raise RegimeError("this path is that of one network; only a stack has members")
        chosen = tuple(layer[:, index] for layer in self.layers)
        return FlowPath(self.task, self.times, chosen, self.evaluations)


def gradient_flow(
    layers: Layers,
    task: LinearTask,
    times: Shaped[np.ndarray, " times"],
    *,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> FlowPath:
    """Integrate gradient flow with the explicit Runge–Kutta method of order eight (DOP853).

    Parameters
    ----------
    layers : tuple of array
        Weights at ``times[0]``; a stack of networks is integrated as one system.
    task : LinearTask
        What is learnt.
    times : array, shape (times,)
        At least two rising numbers: when to look.
    rtol, atol : float
        Relative and absolute tolerance of a step. The default keeps the conserved quantities of a
        network with weights of order one to 1e-9.

    Returns
    -------
    FlowPath
        The weights at `times`.

    Raises
    ------
    RegimeError
        If network and task do not fit, the times do not rise, or the integrator gives up.
    """
    return _integrate(layers, task, times, rtol, atol)


def settle(
    layers: Layers,
    task: LinearTask,
    *,
    tolerance: float = 1e-8,
    longest: float = 1e5,
    detail: int = 0,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> FlowPath:
    """Follow the flow until the largest gradient norm of the stack falls to `tolerance`.

    A saddle on the way is passed if the gradient there stays above `tolerance`.

    Parameters
    ----------
    layers : tuple of array
        Weights at time zero.
    task : LinearTask
        What is learnt.
    tolerance : float
        Where to stop.
    longest : float
        The latest time to stop at.
    detail : int
        How often the path looks within every step of the integrator, so that it sees fast and slow
        stretches alike; 0 keeps the start and the end only.
    rtol, atol : float
        As for `gradient_flow`.

    Returns
    -------
    FlowPath
        From time zero to the stop.

    Raises
    ------
    RegimeError
        As for `gradient_flow`, and if the gradient is still larger at the time `longest`.
    """
    shapes = [layer.shape for layer in layers]

    def calm(_: float, state: State) -> float:
        return float(speed(_unpacked(state, shapes), task).max()) - tolerance

    calm.terminal = True  # type: ignore[attr-defined]
    calm.direction = -1  # type: ignore[attr-defined]
    if float(np.max(speed(layers, task))) <= tolerance:
        raise RegimeError(
            f"the start is critical already: its gradient is below {tolerance:g}; start elsewhere"
        )
    span = np.array([0.0, longest])
    path = _integrate(layers, task, span, rtol, atol, calm, detail)
    if path.times[-1] >= longest:
        raise RegimeError(
            f"the gradient is {float(path.speeds[-1].max()):.3g} at time {longest:g}, above the "
            f"tolerance {tolerance:g}; allow a longer time"
        )
    return path


def _integrate(
    layers: Layers,
    task: LinearTask,
    times: Shaped[np.ndarray, " times"],
    rtol: float,
    atol: float,
    event: Callable[[float, State], float] | None = None,
    detail: int = 0,
) -> FlowPath:
    """Integrate through given times, or from the first until an event."""
    check_fit(layers, task)
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise RegimeError("the times must be at least two rising numbers, such as linspace(0, 10)")
    shapes = [layer.shape for layer in layers]

    def slope(_: float, state: State) -> State:
        return _packed(velocity(_unpacked(state, shapes), task))

    found = solve_ivp(
        slope,
        (times[0], times[-1]),
        _packed(layers),
        method="DOP853",
        t_eval=None if event else times,
        dense_output=detail > 0,
        rtol=rtol,
        atol=atol,
        events=event,
    )
    if found.status < 0:
        raise RegimeError(f"the integrator gave up: {found.message.rstrip('.')}")
    seen, states = found.t, found.y
    if event:
        seen, states = seen[[0, -1]], states[:, [0, -1]]
    if detail > 0:
        edges = np.arange(len(found.t))
        inner = np.linspace(0, len(found.t) - 1, detail * (len(found.t) - 1) + 1)
        seen = np.interp(inner, edges, found.t)
        states = found.sol(seen)
    return FlowPath(task, seen, _unpacked(states.T, shapes), found.nfev)


def _packed(layers: Layers) -> State:
    return np.concatenate([layer.ravel() for layer in layers])


def _unpacked(
    states: Float[np.ndarray, "*times parameters"], shapes: list[tuple[int, ...]]
) -> Layers:
    """Cut states into layers; leading axes stay."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + int(np.prod(shape))
        parts.append(states[..., start:stop].reshape(states.shape[:-1] + shape))
        start = stop
    return tuple(parts)
