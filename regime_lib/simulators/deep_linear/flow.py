"""Gradient flow of deep linear networks, integrated to tight tolerance, and gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.integrate import solve_ivp

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear import problem

#: Tolerances at which conserved quantities stay within 1e-9 in the runs of the book.
RTOL, ATOL = 1e-10, 1e-12

State = Float[np.ndarray, " parameters"]


@dataclass(frozen=True, eq=False)
class FlowPath:
    """A network, or an ensemble of them, on its way."""

    task: problem.LinearTask
    times: Float[np.ndarray, " times"]  # for gradient descent, step size times number of steps
    layers: problem.Layers  # the weights at these times, of shapes (times, ..., d_i, d_{i-1})

    @property
    def products(self) -> problem.Matrix:
        """The end-to-end maps, shape (times, ..., outputs, inputs)."""
        return problem.product(self.layers)

    @property
    def losses(self) -> Float[np.ndarray, "times ..."]:
        """The losses."""
        return self.task.loss(self.products)

    @property
    def speeds(self) -> Float[np.ndarray, "times ..."]:
        """The norms of the gradient."""
        return problem.speed(self.layers, self.task)

    @property
    def modes(self) -> Float[np.ndarray, "times ... modes"]:
        """How much of each singular direction is learnt, see `LinearTask.modes`."""
        return self.task.modes(self.products)

    @property
    def drift(self) -> Float[np.ndarray, "times ..."]:
        """Largest change of any entry of the conserved Gram differences since the start."""
        changes = [abs(c - c[:1]).max(axis=(-2, -1)) for c in problem.gram_differences(self.layers)]
        return np.max(changes, axis=0) if changes else np.zeros_like(self.losses)

    @property
    def end(self) -> problem.Layers:
        """The weights at the last time."""
        return tuple(layer[-1] for layer in self.layers)

    def member(self, index: int) -> FlowPath:
        """Return one member of an ensemble with one leading axis."""
        if self.layers[0].ndim != 4:
            raise RegimeError("this path is that of one network; only a stack has members")
        chosen = tuple(layer[:, index] for layer in self.layers)
        return FlowPath(self.task, self.times, chosen)


def gradient_flow(
    layers: problem.Layers,
    task: problem.LinearTask,
    times: Shaped[np.ndarray, " times"],
    *,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> FlowPath:
    """Integrate gradient flow with the explicit Runge–Kutta method of order eight (DOP853).

    Parameters
    ----------
    layers : tuple of array
        Weights at ``times[0]``; an ensemble of networks is integrated as one system.
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
    problem.check_fit(layers, task)
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


def gradient_descent(
    layers: problem.Layers, task: problem.LinearTask, step: float, steps: int, *, every: int = 1
) -> FlowPath:
    """Take steps of gradient descent on all layers at once: Euler's method on the flow.

    The path holds the start and every so many steps; the step is in units of the flow's time.
    Weights may be infinite or NaN where it is too large.
    """
    problem.check_fit(layers, task)
    if step <= 0 or steps < 1 or every < 1:
        raise RegimeError(
            f"step is {step:g}, steps {steps} and every {every}; expected positive numbers"
        )
    kept = [layers]
    with np.errstate(over="ignore", invalid="ignore"):
        for number in range(1, steps + 1):
            moves = problem.velocity(layers, task)
            layers = tuple(layer + step * move for layer, move in zip(layers, moves, strict=True))
            if number % every == 0:
                kept.append(layers)
    stacked = tuple(np.stack(parts) for parts in zip(*kept, strict=True))
    return FlowPath(task, step * every * np.arange(len(kept)), stacked)


class Packing:
    """How the layers of a network, or of an ensemble of them, lie in one vector."""

    def __init__(self, layers: problem.Layers) -> None:
        ends = np.cumsum([0, *(layer.size for layer in layers)]).tolist()
        self._places = [
            (slice(start, stop), layer.shape)
            for start, stop, layer in zip(ends[:-1], ends[1:], layers, strict=True)
        ]

    def pack(self, layers: problem.Layers) -> State:
        """Return one vector."""
        return np.concatenate([layer.ravel() for layer in layers])

    def layers(self, states: Float[np.ndarray, "*times parameters"]) -> problem.Layers:
        """Cut states into layers; leading axes stay."""
        if states.ndim == 1:
            return tuple([states[place].reshape(shape) for place, shape in self._places])
        return tuple(
            [states[..., at].reshape(states.shape[:-1] + shape) for at, shape in self._places]
        )

    def slope(self, task: problem.LinearTask) -> Callable[[float, State], State]:
        """Return the right-hand side of the flow on vectors."""

        def slope(_: float, state: State) -> State:
            return self.pack(problem.velocity(self.layers(state), task))

        return slope
