"""When curves over training pass a level, and what other quantities do in windows around that.

Times between two checks are read on the logarithm of the step, in which checks are evenly spaced.
A *curve* has shape (checks, members): a value at each check, for each network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, median, no_number

Steps = Int[np.ndarray, " checks"]
Curves = Float[np.ndarray, "checks members"]
Members = Float[np.ndarray, " members"]

MEMORISED = 0.99  # training accuracy
GENERALISED = 0.5  # test accuracy


@dataclass(frozen=True, eq=False)
class Moments:
    """When each network has memorised and when it generalises, in steps; NaN if it does not."""

    memorised: Members
    jump: Members

    @property
    def medians(self) -> tuple[float, float]:
        """The median over the networks of each moment; NaN if no network has it."""
        return median_of(self.memorised), median_of(self.jump)

    @property
    def delay(self) -> Members:
        """Steps from memorisation to generalisation; 0 if that comes first."""
        return np.maximum(0.0, self.jump - self.memorised)

    @property
    def late(self) -> Bool[np.ndarray, " members"]:
        """Whether a network has memorised before it generalises, or never does within the run."""
        return np.isfinite(self.memorised) & ~(self.jump <= self.memorised)


@dataclass(frozen=True, eq=False)
class Windows:
    """At which checks each network is on its plateau, and at which around its jump."""

    plateau: Bool[np.ndarray, "checks members"]
    jump: Bool[np.ndarray, "checks members"]


def first_passage(steps: Steps, curves: Curves, level: float) -> Members:
    """Return the step at which each curve first reaches a level.

    Between the check before and the check at which it is reached, the curve is taken to be linear
    in the logarithm of the step (step 0 counts as 1).

    Returns
    -------
    array, shape (members,)
        NaN where the level is never reached.

    Raises
    ------
    RegimeError
        If steps and curves differ in length.
    """
    steps, curves = _checked(steps, curves)
    times = np.full(curves.shape[1], np.nan)
    for k, curve in enumerate(curves.T):
        above = np.flatnonzero(curve >= level)
        if not len(above):
            continue
        i = above[0]
        if i == 0:
            times[k] = steps[0]
            continue
        share = (level - curve[i - 1]) / (curve[i] - curve[i - 1])
        before = max(steps[i - 1], 1)
        times[k] = before * (steps[i] / before) ** share
    return times


def moments(
    steps: Steps,
    train: Curves,
    test: Curves,
    *,
    memorised: float = MEMORISED,
    generalised: float = GENERALISED,
) -> Moments:
    """Return when training accuracy, and when test accuracy, first reach their level."""
    return Moments(first_passage(steps, train, memorised), first_passage(steps, test, generalised))


def windows(steps: Steps, times: Moments, *, width: float = 1.25, reach: float = 0.5) -> Windows:
    """Return the plateau and the surroundings of the jump.

    Parameters
    ----------
    steps : array, shape (checks,)
        Steps of the checks.
    times : Moments
        Of the networks.
    width : float
        *Around the jump* means within this factor of it, either way.
    reach : float
        How much of the way from memorisation to the jump, in the logarithm of the step, is plateau.
    """
    at = np.asarray(steps)[:, None]
    end = times.memorised ** (1 - reach) * times.jump**reach
    return Windows(
        plateau=(at >= times.memorised) & (at <= end),
        jump=(at >= times.jump / width) & (at <= times.jump * width),
    )


def mean_in(window: Bool[np.ndarray, "checks members"], curves: Curves) -> Members:
    """Return each curve's mean over the checks in a window at which it is known; NaN if at none."""
    inside = np.where(window & np.isfinite(curves), curves, np.nan)
    known = [curve[np.isfinite(curve)] for curve in inside.T]
    return np.array([some.mean() if len(some) else np.nan for some in known])


def rise(curves: Curves, where: Windows) -> Members:
    """Return each curve's mean around the jump over that on the plateau; NaN if that is not > 0."""
    resting = mean_in(where.plateau, curves)
    return mean_in(where.jump, curves) / np.where(resting > 0, resting, np.nan)


def over_plateau(curves: Curves, where: Windows) -> Curves:
    """Return each curve over its mean on the plateau; NaN if that is not above 0."""
    resting = mean_in(where.plateau, curves)
    return curves / np.where(resting > 0, resting, np.nan)


def value_at(steps: Steps, curves: Curves, times: Members) -> Members:
    """Return each curve at a step of its own, linear in the logarithm of the step between checks.

    Checks at which a curve is not known are passed over in all; before the first and after the last
    the value is constant. NaN where the time is.
    """
    axis, known = _on_log_axis(steps, curves)
    pairs = zip(times, known.T, strict=True)
    return np.array([np.interp(np.log(t), axis, c) if np.isfinite(t) else np.nan for t, c in pairs])


def median_at(steps: Steps, curves: Curves, step: float) -> float:
    """Return the median over the networks at a step, between checks as `value_at`."""
    axis, known = _on_log_axis(steps, curves)
    return float(np.interp(np.log(step), axis, np.median(known, axis=1)))


def aligned(
    steps: Steps,
    curves: Curves,
    times: Members,
    axis: Float[np.ndarray, " places"],
) -> Float[np.ndarray, "places members"]:
    """Return each curve on one axis for all, that of the step over the network's own time.

    NaN outside the run, and where the time is.
    """
    kept = np.asarray(steps) > 0
    known = np.log(np.asarray(steps)[kept])
    return np.stack(
        [
            np.interp(np.log(axis * time), known, curve, left=np.nan, right=np.nan)
            for time, curve in zip(times, curves[kept].T, strict=True)
        ],
        axis=1,
    )


def median_of(values: Float[np.ndarray, " members"]) -> float:
    """Return the median of the values that are known, or NaN if none is."""
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    return float(np.median(known)) if len(known) else float("nan")


def median_over_seeds(values: Float[np.ndarray, " seeds"]) -> Estimate:
    """Return the median of the values that are finite; no number of fewer than two."""
    known = values[np.isfinite(values)]
    over = f"{len(known)} runs"
    return median(known, over=over) if len(known) > 1 else no_number(over)


def median_or_dash(values: float | Float[np.ndarray, " seeds"]) -> float | str:
    """Return the median as the prose shows it; a dash where these settings give no number."""
    number = median_of(np.atleast_1d(values))
    return number if np.isfinite(number) else "–"


def _on_log_axis(
    steps: Steps, curves: Curves
) -> tuple[Float[np.ndarray, " known"], Float[np.ndarray, "known members"]]:
    """Leave out step 0, and the checks at which not all are known."""
    steps, curves = _checked(steps, curves)
    known = np.isfinite(curves).all(axis=1) & (steps > 0)
    if not known.any():
        raise RegimeError("no curve is known at any step above 0; measure it at one check or more")
    return np.log(steps[known]), curves[known]


def _checked(steps: Steps, curves: Curves) -> tuple[Steps, Curves]:
    steps, curves = np.asarray(steps), np.asarray(curves)
    if curves.ndim != 2 or len(steps) != len(curves):
        raise RegimeError(
            f"the curves have shape {curves.shape} for {len(steps)} checks; expected "
            "(checks, members)"
        )
    return steps, curves
