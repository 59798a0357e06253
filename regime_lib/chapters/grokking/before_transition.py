"""Two claims about the time before generalisation: flat slopes, and a norm that falls sharply.

Source: arXiv 2501.02436, version 5. What "small" and "sharp" are to
mean is not given there; both are made ratios of a network to itself at another time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.chapters.grokking.first_passage import mean_in, value_at
from regime_lib.errors import RegimeError

Members = Float[np.ndarray, " members"]


@dataclass(frozen=True, eq=False)
class SlopeRise:
    """Slopes of the rank distribution before the jump and from it on, the larger of all layers."""

    before: Members
    """Size of the mean slope on the plateau."""
    peak: Members
    """Highest slope from the jump on."""

    @property
    def ratio(self) -> Members:
        """How large slopes are before, for what they become."""
        return self.before / self.peak


@dataclass(frozen=True, eq=False)
class FallRates:
    """Relative rates at which the norm falls, per step."""

    early: Members
    """From the start to shortly before the jump."""
    late: Members
    """From there to the jump."""

    @property
    def ratio(self) -> Members:
        """Late over early; 1 if the norm falls by the same share per step all the time."""
        return self.late / self.early


def slope_rise(
    steps: Int[np.ndarray, " checks"],
    slopes: Float[np.ndarray, "layers checks members"],
    plateau: Bool[np.ndarray, "checks members"],
    jump: Members,
) -> SlopeRise:
    """Compare slopes on the plateau with the highest from the jump on.

    Parameters
    ----------
    steps : array, shape (checks,)
        Steps of the checks.
    slopes : array, shape (layers, checks, members)
        Slopes of the rank distributions.
    plateau : array, shape (checks, members)
        Which checks of a network are on its plateau.
    jump : array, shape (members,)
        Step at which each generalises; NaN gives a peak of NaN.
    """
    before = np.max([np.abs(mean_in(plateau, layer)) for layer in slopes], axis=0)
    after = np.asarray(steps)[:, None] >= jump
    peak = np.where(after & np.isfinite(slopes), slopes, -np.inf).max(axis=(0, 1))
    return SlopeRise(before, np.where(np.isfinite(peak), peak, np.nan))


def fall_rates(
    steps: Int[np.ndarray, " checks"],
    norm: Float[np.ndarray, "checks members"],
    jump: Members,
    *,
    last: float = 0.1,
) -> FallRates:
    """Compare how fast the norm falls in the last part of the way to the jump, and before that.

    Parameters
    ----------
    steps : array, shape (checks,)
        Steps of the checks, the first of them 0.
    norm : array, shape (checks, members)
        Norms above 0.
    jump : array, shape (members,)
        Step at which each network generalises.
    last : float
        Which part of the steps to the jump is the last, above 0 and below 1.

    Raises
    ------
    RegimeError
        If the part is out of range.
    """
    if not 0 < last < 1:
        raise RegimeError(f"the last part is {last}; expected a number above 0 and below 1")
    log_norm = np.log(norm)
    turn = (1 - last) * jump
    then, at_jump = (value_at(steps, log_norm, times) for times in (turn, jump))
    return FallRates(early=(log_norm[0] - then) / turn, late=(then - at_jump) / (jump - turn))
