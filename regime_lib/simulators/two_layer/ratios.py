"""Every measured quantity of the phases of one run over its prediction.

Wang & Ma, arXiv 2305.12467, names of the phases; the predictions are reconstructed, see
`theory`. What a run does not reach is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.flow import Flow
from regime_lib.simulators.two_layer.phases import (
    Phases,
    Plateau,
    largest_angles,
    living_at,
    log_slope,
    measure_phases,
    measure_plateau,
)
from regime_lib.simulators.two_layer.problem import TwoPoints


@dataclass(frozen=True)
class PhaseRatios:
    """What one run does over what is predicted for it, phase by phase.

    Attributes
    ----------
    living_plus, living_minus : float
        Fractions of living neurons at T_I over their expected values.
    condensed_plus, condensed_minus : float
        Largest 1 - cosine of a living neuron to the predicted direction at T_I.
    slope : float
        Smallest size of ``d log loss / d log time`` on the plateau.
    height : float
        Loss on the plateau over 2 sqrt(p) / (1 + p).
    drift : float
        Largest relative difference of the loss from the law of the plateau, from there to T_acc.
    arrival : float
        Time at which the loss is within 2 % of the predicted height, over the tanh law's time.
    accuracy_time : float
        T_acc over its prediction; here and below with the run's own living fractions.
    off_time, off_share : float
        T_II over its prediction; share of the living positives that switch off within 2 % of it.
    on_delay, on_share, on_ratio : float
        T_III - T_II over its prediction; share of the living negatives that switch on together;
        A / B at that moment over the cosine of the angle.
    later_events : float
        Changes of pattern after that.
    final_constant, final_exponent : float
        Loss times time at the end over its limit; d log loss / d log time there.
    """

    living_plus: float
    living_minus: float
    condensed_plus: float
    condensed_minus: float
    slope: float
    height: float
    drift: float
    arrival: float
    accuracy_time: float
    off_time: float
    off_share: float
    on_delay: float
    on_share: float
    on_ratio: float
    later_events: float
    final_constant: float
    final_exponent: float


def phase_ratios(
    flow: Flow, kappa1: float, phases: Phases | None = None, plateau: Plateau | None = None
) -> PhaseRatios:
    """Measure one run, which must last until well after T_I = 10 sqrt(kappa1 / kappa2).

    Parameters
    ----------
    flow : Flow
        The run.
    kappa1 : float
        Scale of the input weights at its start.
    phases, plateau : optional
        If they are measured already.

    Raises
    ------
    RegimeError
        If the run ends before T_I, or p cos(delta) <= 1.
    """
    problem = flow.problem
    run = phases or measure_phases(flow)
    flat = plateau or measure_plateau(flow, run)
    ready = theory.condensation_time(kappa1, problem.kappa2)
    living = living_at(flow, ready)
    expected = theory.living_fractions(problem)
    share = [float((living == sign).mean()) for sign in (1, -1)]
    aims = theory.condensation_directions(problem)
    far = largest_angles(flow, np.array([ready]), aims, living)[:, 0]
    own = run.alive_plus, run.alive_minus
    height = theory.plateau_loss(problem)
    arrived = _first_below(flow, (1 + theory.CLOSE) * height, run.condensed, run.accurate)
    end = np.array([flow.t_end])
    done = math.isfinite(run.on_first)
    both = min(own) > 0
    return PhaseRatios(
        living_plus=share[0] / expected[0],
        living_minus=share[1] / expected[1],
        condensed_plus=float(far[0]),
        condensed_minus=float(far[1]),
        slope=abs(flat.slope),
        height=flat.loss / height,
        drift=_drift(flow, flat.time, run) if both else math.nan,
        arrival=arrived / theory.arrival_time(problem, own[0]) if own[0] > 0 else math.nan,
        accuracy_time=run.accurate / theory.accuracy_time(problem, *own) if both else math.nan,
        off_time=run.off_first / theory.deactivation_time(problem, *own) if both else math.nan,
        off_share=run.off_share,
        on_delay=_delay(run) / theory.reactivation_delay(problem, *own) if both else math.nan,
        on_share=run.on_share,
        on_ratio=run.on_ratio / problem.cos,
        later_events=float(run.later_events) if done else math.nan,
        final_constant=_constant(flow) / theory.final_constant(problem, *own) if done else math.nan,
        final_exponent=float(log_slope(flow, end)[0]) if done else math.nan,
    )


def _delay(run: Phases) -> float:
    return run.on_first - run.off_last


def _constant(flow: Flow) -> float:
    return float(flow.loss(np.array([flow.t_end]))[0]) * flow.t_end


def _drift(flow: Flow, begin: float, run: Phases) -> float:
    if not begin < run.accurate < math.inf:
        return math.nan
    times = np.geomspace(begin, run.accurate, 40)
    law = theory.drift(flow.problem, run.alive_plus, run.alive_minus, times)
    return float(np.abs(flow.loss(times) / law - 1).max())


def _first_below(flow: Flow, level: float, begin: float, end: float) -> float:
    """Return when the loss, which falls, passes a level between two times; NaN if it does not."""

    if not begin < end < math.inf:
        return math.nan
    for _ in range(4):  # ever finer between the neighbours of the crossing
        times = np.geomspace(max(begin, 1e-9 * end), end, 24)
        loss = flow.loss(times)
        k = int(np.argmax(loss <= level))
        if k == 0:  # below from the start, or never
            return math.nan
        begin, end = float(times[k - 1]), float(times[k])
    return float(np.interp(-level, -loss[k - 1 : k + 1], times[k - 1 : k + 1]))


def settings_around(
    problem: TwoPoints, kappa1: float
) -> list[tuple[TwoPoints, float, dict[str, int]]]:
    """Return a grid of the four parameters around a setting.

    Half and twice the angle, half and twice the class ratio (but no less than 1.5), a tenth and ten
    times kappa1 (but no more than a hundredth), and a quarter of kappa2; the setting included.

    Returns
    -------
    list of (problem, kappa1, levels)
        `levels` says for each parameter's symbol whether it is below (-1), at (0) or above (1) the
        setting given.
    """
    grid = []
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            for k in (-1, 0, 1):
                for scale in (-1, 0):
                    p = max(problem.p * 2.0**i, 1.5)
                    delta = min(problem.delta * 2.0**j, 0.5)
                    other = TwoPoints(p, delta, problem.kappa2 * 4.0**scale)
                    start = min(kappa1 * 10.0**k, 0.01)
                    grid.append((other, start, {"p": i, "Δ": j, "κ₁": k, "κ₂": scale}))
    return grid
