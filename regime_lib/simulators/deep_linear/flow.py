"""Gradient flow of deep linear networks, integrated to tight tolerance, and the path it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.integrate import solve_ivp

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.problem import (
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
        Of the observations; for gradient descent, step size times the number of steps.
    layers : tuple of array, shapes (times, ..., d_i, d_{i-1})
        The weights at these times.
    """

    task: LinearTask
    times: Float[np.ndarray, " times"]
    layers: Layers

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
        return FlowPath(self.task, self.times, chosen)


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
        At least two rising numbers: when to observe.
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
    check_fit(layers, task)
    times = np.asarray(times, dtype=float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise RegimeError("the times must be at least two rising numbers, such as linspace(0, 10)")
    packing = Packing(layers)
    found = solve_ivp(
        packing.slope(task),
        (times[0], times[-1]),
        packing.pack(layers),
        method="DOP853",
        t_eval=times,
        rtol=rtol,
        atol=atol,
    )
    if found.status < 0:
        raise RegimeError(f"the integrator gave up: {found.message.rstrip('.')}")
    return FlowPath(task, found.t, packing.layers(found.y.T))


class Packing:
    """How the layers of a network, or of a stack of them, lie in one vector."""

    def __init__(self, layers: Layers) -> None:
        ends = np.cumsum([0, *(layer.size for layer in layers)]).tolist()
        self._places = [
            (slice(start, stop), layer.shape)
            for start, stop, layer in zip(ends[:-1], ends[1:], layers, strict=True)
        ]

    def pack(self, layers: Layers) -> State:
        """Return one vector."""
        return np.concatenate([layer.ravel() for layer in layers])

    def layers(self, states: Float[np.ndarray, "*times parameters"]) -> Layers:
        """Cut states into layers; leading axes stay."""
        if states.ndim == 1:
            return tuple([states[place].reshape(shape) for place, shape in self._places])
        return tuple(
            [states[..., at].reshape(states.shape[:-1] + shape) for at, shape in self._places]
        )

    def slope(self, task: LinearTask) -> Callable[[float, State], State]:
        """Return the right-hand side of the flow on vectors."""

        def slope(_: float, state: State) -> State:
            return self.pack(velocity(self.layers(state), task))

        return slope
