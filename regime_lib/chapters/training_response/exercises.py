"""Checks of the exercises of the chapter on the training response."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float
from scipy.integrate import solve_ivp
from scipy.stats import spearmanr

from regime_lib.chapters.checking import checks, hint
from regime_lib.simulators.training_response.networks import (
    distances,
    make_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.response import by_distance
from regime_lib.simulators.training_response.setup import Setup

Values = Float[np.ndarray, " n"]


@checks
def response_kernel(solution: Callable[..., Values]) -> None:
    """Check a function that averages a response over each Hamming distance."""
    setup, random = Setup(bits=5), np.random.default_rng(0)
    inputs = setup.all_inputs()
    trained = inputs[11]
    response = 3.0 - np.arange(32) / 20 + random.random(32)
    truth = by_distance((response / response[11])[None], distances(inputs, trained[None]))[0]
    found = np.asarray(solution(response, inputs, trained))
    if found.shape != (6,):
        hint(f"Five bits have the distances 0 to 5, six in all; you return shape {found.shape}.")
    if np.allclose(found, truth * response[11]):
        hint("Divide by the response at the trained input, so that the kernel starts at one.")
    if np.allclose(found, truth * np.array([1, 5, 10, 10, 5, 1])):
        hint("You added up; average over the inputs at each distance.")
    if not np.allclose(found, truth):
        hint("Some distance has the wrong mean; compare by brute force.")


@checks
def logit_response(solution: Callable[..., float]) -> None:
    """Check a function that predicts the first-order response of a ReLU network at its logit."""
    setup = Setup(bits=4, features=12, init="uniform")
    networks, trained = make_networks(setup, range(4)), trained_inputs(setup, range(4))
    kernel = networks.tangent_kernel(setup.all_inputs(), trained)
    for seed in range(4):
        for place, x in enumerate(setup.all_inputs()):
            weights, biases = networks.weights[:-1, seed].T, networks.weights[-1, seed]
            h, there = weights @ x + biases, weights @ trained[seed] + biases
            found = solution(h, there, networks.readout[seed], float(x @ trained[seed]), 0.2)
            truth = 0.2 * kernel[seed, place]
            on = np.maximum(h, 0) @ np.maximum(there, 0)
            if np.isclose(found, 0.2 * on):
                hint(
                    "That is the part of the read-out v; the weights W, the biases b and the "
                    "offset c move as well."
                )
            if np.isclose(found, truth - 0.2) and not np.isclose(found, truth):
                hint("The offset c moves too, and moves every logit alike.")
            if not np.isclose(found, truth, rtol=1e-9):
                hint(
                    f"For one input the exact first-order response is {truth:.4g}, and your "
                    f"function says {found:.4g}. A feature passes a gradient only where it is on, "
                    "at both inputs."
                )


@checks
def exponents(solution: Callable[[float], tuple[float, float]]) -> None:
    """Check a function that gives the exponents for an error that vanishes like a power."""
    for power in (1.0, 2.0, 3.0, 1.5):
        times = np.geomspace(1e5, 1e7, 20)
        u = solve_ivp(
            lambda _, x, p=power: (1 + np.exp(x)) ** -p,
            (0, 1e7),
            [0.0],
            t_eval=times,
            rtol=1e-9,
            atol=1e-12,
            method="LSODA",
        ).y[0]
        rest = 1 / (1 + np.exp(u))
        truth = [
            float(np.polyfit(np.log(times), np.log(y), 1)[0])
            for y in (rest**power, rest ** (power + 1))
        ]
        logit, output = solution(power)
        said = f"For an error of power {power:g} a simulation finds the exponent"
        if not abs(logit - truth[0]) < 0.03:
            hint(f"{said} {truth[0]:.2f} at the logit, you say {logit:.2f}. Solve u' = exp(-p u).")
        if not abs(output - truth[1]) < 0.03:
            hint(
                f"{said} {truth[1]:.2f} at the output, you say {output:.2f}. Late on, y' is 1 - y, "
                "so multiply the logit's response by that."
            )


@partial(checks, name="switching off")
def switches_off_at(solution: Callable[[float, float, float], float]) -> None:
    """Check a function that gives the hyperbolic angle at which a feature switches off."""
    for h, v, q in ((0.5, -0.3, 3.0), (1.0, -0.5, 2.5), (0.2, -1.0, 3.0)):
        flow = solve_ivp(
            lambda _, state, q=q: [q * state[1], state[0] / q],
            (0, 20),
            [h, v],
            events=_crossing,
            rtol=1e-10,
            atol=1e-12,
        )
        truth = float(flow.t_events[0][0])
        found = solution(h, v, q)
        if not np.isclose(found, truth, rtol=1e-5):
            hint(
                f"With h = {h}, v = {v}, q = {q} the equations reach h = 0 at {truth:.4f}, you say "
                f"{found:.4f}. Set h cosh θ + q v sinh θ to zero."
            )
    for h, v, q in ((0.5, 0.3, 3.0), (2.0, -0.3, 3.0)):
        found = solution(h, v, q)
        if not np.isinf(found):
            hint(f"With h = {h}, v = {v}, q = {q} it never switches off: return infinity.")


def _crossing(_: float, state: Values | list[float]) -> float:
    return float(state[0])


_crossing.terminal = True  # type: ignore[attr-defined]


@partial(checks, name="correlation within groups")
def correlation_within(solution: Callable[..., float]) -> None:
    """Check a function that correlates ranks within groups."""
    random = np.random.default_rng(0)
    x = np.concatenate([random.random(200), random.random(200) + 3])
    group = np.repeat([0, 1], 200)
    other = random.random(400) - 5 * group
    pooled = float(spearmanr(x, other).statistic)
    found = solution(x, other, group)
    if not abs(found - pooled) > 0.2:
        hint(f"You pooled the groups and found {pooled:.2f}; within each there is nothing.")
    if not abs(found) < 0.15:
        hint(f"There is nothing within the groups, and you find {found:.2f}.")
    for sign in (1, -1):
        found = solution(x, sign * x - 5 * group, group)
        if not abs(found - sign) < 0.01:
            hint(
                f"Within each group the order is the same up to sign: expected {sign}, you find "
                f"{found:.2f}."
            )


@partial(checks, name="step zero")
def at_step_zero(solution: Callable[[Values, Values], float]) -> None:
    """Check a function that extrapolates a number to steps of size zero."""
    for steps in (np.array([1.0, 0.8, 0.6, 0.4, 0.2]), np.array([0.3, 0.1, 0.05])):
        for limit, first, second in ((0.0, -0.4, -1.2), (-0.7, 0.1, 0.5)):
            values = limit + first * steps + second * steps**2
            found = solution(steps, values)
            if np.isclose(found, values[-1]):
                hint("That is the value at the smallest step, which is not yet zero.")
            if np.isclose(found, np.polyfit(steps, values, 1)[-1]):
                hint("You drew a straight line; the second order in the step bends it.")
            if not np.isclose(found, limit):
                hint(
                    f"These values come from a quadratic that is {limit} at zero, and you say "
                    f"{found:.3f}."
                )
