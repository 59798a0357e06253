"""Where the loss rests: how long the gradient is there, and which way the loss curves."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.multi_phase.one_run import weight_speed
from regime_lib.chapters.multi_phase.plateaus import Rests
from regime_lib.chapters.multi_phase.settings import Numbers, Settings, or_no_run, typical
from regime_lib.estimate import Estimate, no_number, number, proportion
from regime_lib.simulators.two_layer.curvature import hessian, negative_curvatures
from regime_lib.simulators.two_layer.phases import measure_phases, measure_plateau
from regime_lib.simulators.two_layer.problem import random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

_NEURONS = 100
PLACES = ("saddle", "plateau")


@dataclass(frozen=True)
class Saddles:
    """The gradient and the curvatures in the middle of the first rest and on the plateau."""

    claims: dict[str, Estimate]
    numbers: Numbers
    shares: Float[np.ndarray, " times"]
    """Times over that of full accuracy."""
    gradients: Float[np.ndarray, "runs times"]
    """Length of the gradient over the longest of the run."""
    when: Float[np.ndarray, "runs 2"]
    """When the two places are, over the time of full accuracy."""
    there: Float[np.ndarray, "runs 2"]
    """The length of the gradient there."""
    down: Float[np.ndarray, "runs 2"]
    """Directions of negative curvature in all weights, for each neuron that is active."""


def saddles(settings: Settings) -> Saddles:
    """Look at networks of 100 neurons; one that never rests is left out."""
    shares, rows = np.geomspace(1e-6, 10, 200), []
    for seed in settings.seeds:
        start = random_neurons(_NEURONS, seed, d=settings.d, kappa1=settings.kappa1)
        flow = exact_flow(settings.problem, start, settings.horizon)
        phases = measure_phases(flow)
        rests, flat = Rests.of(flow, phases.condensed), measure_plateau(flow, phases)
        if not (0 < rests.condensed < rests.left and flat.time < phases.accurate):
            continue
        places = np.array([math.sqrt(rests.condensed * rests.left), flat.time])
        times = shares * phases.accurate
        speeds = weight_speed(flow, np.concatenate([times, places]))
        in_inputs, in_all = (
            [negative_curvatures(hessian(flow, place, outputs=outputs)) for place in places]
            for outputs in (False, True)
        )
        _, patterns = flow.neurons(places)
        active = (patterns > 0).sum(axis=1)
        top = speeds.max()
        when = places / phases.accurate
        rows.append((speeds[:-2] / top, speeds[-2:] / top, in_inputs, in_all, active, when))
    n, over = len(rows), f"{len(rows)} networks"
    gradients, there, alone, down, active, when = (
        np.array([row[i] for row in rows]).reshape(n, -1 if n else 2) for i in range(6)
    )
    down = down / active

    def share(column: int) -> Estimate:
        if not n:
            return no_number(over)
        return proportion(int((down[:, column] > 0).sum()), n, over=over)

    numbers: Numbers = {"rests": n}
    for i, place in enumerate(PLACES):
        numbers[f"down-{place}"] = or_no_run(np.median(down[:, i]) if n else np.nan)
    return Saddles(
        {
            "mp-saddle-gradient": typical(there[:, 0], over),
            "mp-plateau-gradient": typical(there[:, 1], over),
            "mp-saddle-curvature": share(0),
            "mp-plateau-curvature": share(1),
            "mp-pieces-convex": number(
                alone.max() if n else None, n=max(2 * n, 1), over=f"both places in {over}"
            ),
        },
        numbers,
        shares,
        gradients,
        when,
        there,
        down,
    )
