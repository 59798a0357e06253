"""What "settled" can mean: the definitions of a convergence time.

The paper (arXiv 2602.08333) does not tell its definition in any copy that we could read; these are
candidates of ours (reconstructed). A time that the run does not show is *censored*: the
result then carries a lower bound and the reason, never the end of training as if it were a time.

=========  =======================  ==============================================================
name       series                   time
=========  =======================  ==============================================================
peak@q     change per step          stays below q times its peak from then on
first@q    change per step          first below q times its peak, after the peak
init@q     change per step          stays below q times its mean over the first 20 steps
range@q    change per step          stays below min + q (max - min) of the smoothed series
floor@q    change per step          stays below floor + q (peak - floor); floor: mean of last tenth
cum@q      change per step          a share q of the summed change is spent
auc        change per step          area under the series divided by its peak (an equivalent width)
auc0       change per step          the same, divided by the mean of the first 20 steps
fit        change per step          time constant of a fitted exponential decay with a floor
end@q      distance to the end      stays below q times its first value
start@q    distance to the start    stays above q times its last value
=========  =======================  ==============================================================

A fit is refused, and has no bound either, where it explains less than nine tenths of the variance
of the series after its peak, both smoothed: what is no exponential has no time constant.
"""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.errors import RegimeError

_DEFAULTS: dict[str, float | None] = {
    **dict.fromkeys(("peak", "first", "init", "range", "floor", "end"), 0.1),
    **dict.fromkeys(("cum", "start"), 0.9),
    **dict.fromkeys(("auc", "auc0", "fit")),
}

#: Every definition, each at its usual level.
DEFINITIONS = tuple(kind if q is None else f"{kind}@{q:g}" for kind, q in _DEFAULTS.items())

#: Steps over which the mean change stands for the start of a series, in init and auc0.
EARLY = 20


@dataclass(frozen=True)
class Definition:
    """A definition of a convergence time.

    Parameters
    ----------
    kind : str
        One of peak, first, init, range, floor, cum, auc, auc0, fit, end, start.
    level : float, optional
        The q of the definition, between 0 and 1; None for auc, auc0 and fit.
    window : int
        Width of the trailing mean, in observations. A run shorter than ten windows gets a tenth of
        its length. A trailing mean delays a time by up to half its width, so that the ratio of two
        times that are not much longer than the window is drawn towards one.

    Raises
    ------
    RegimeError
        If there is no such definition.
    """

    kind: str
    level: float | None = None
    window: int = 51

    def __post_init__(self) -> None:
        if self.kind not in _DEFAULTS:
            raise RegimeError(
                f"there is no time scale {str(self)!r}; write one of "
                + ", ".join(k if q is None else f"{k}@{q}" for k, q in _DEFAULTS.items())
            )
        usual = _DEFAULTS[self.kind]
        if usual is None and self.level is not None:
            raise RegimeError(f"{self.kind} takes no level; write it as {self.kind!r}")
        if usual is not None and not (isinstance(self.level, float) and 0 < self.level < 1):
            raise RegimeError(
                f"the level of {self.kind} is {self.level!r}, not a number between 0 and 1; "
                f"write it like {self.kind}@{usual}"
            )
        whole = isinstance(self.window, int) and not isinstance(self.window, bool)
        if not whole or self.window < 1:
            raise RegimeError(
                f"the smoothing window is {self.window!r}; expected at least 1 observation"
            )

    @classmethod
    def parse(cls, text: str, window: int = 51) -> Definition:
        """Read a definition written as ``kind@level``, such as ``peak@0.1``, or ``auc``.

        Raises
        ------
        RegimeError
            If there is no such definition.
        """
        if not isinstance(text, str):
            raise RegimeError(f"a definition is written as text, such as 'peak@0.1'; got {text!r}")
        kind, at, written = text.partition("@")
        try:
            level = float(written) if at else _DEFAULTS.get(kind)
        except ValueError:
            level = float("nan")
        return cls(kind, level, window)

    def __str__(self) -> str:
        return self.kind if self.level is None else f"{self.kind}@{self.level:g}"

    @property
    def q(self) -> float:
        """The level, for definitions that have one."""
        assert self.level is not None
        return self.level

    @property
    def quantity(self) -> str:
        """The series that the definition is about: change, from_end or from_start."""
        return {"end": "from_end", "start": "from_start"}.get(self.kind, "change")


@dataclass(frozen=True)
class TimeScale:
    """A convergence time, or why there is none."""

    time: float
    """In steps; NaN if censored."""
    at_least: float
    """The time itself, or a lower bound of it if censored, in steps."""
    censored: bool
    reason: str
    """Why it is censored; empty if it is not."""
    definition: Definition
    stderr: float = float("nan")
    """Standard error of a fitted time, in steps; NaN otherwise."""
