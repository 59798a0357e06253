"""What the fall of the pattern change is made of: contributions that add up exactly.

In one layer the flips of a step are a product of factors (`looks`); over a network they are a sum
of such products. The logarithmic mean weights of B. W. Ang (The LMDI approach to decomposition
analysis, Energy Policy 33, 2005) share the fall of such a sum among the factors, without a rest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.three_times.late.looks import FACTORS

#: Factors that are shown together, as powers: the size of the step; how far a random step moves
#: pre-activations compared with their size; the direction of the step; how many pre-activations
#: lie near zero, and how much these move; and what the first-order law leaves out.
GROUPS: dict[str, tuple[str, ...]] = {
    "step": ("step",),
    "scale": ("spread", "scale"),
    "direction": ("alignment",),
    "near": ("near", "density"),
    "rest": ("remainder",),
}
_BINS = 40  # of time, even in logarithm
_PEAK = 9  # looks around the largest pattern change, with which the others are compared


def contributions(flips: pd.DataFrame) -> pd.DataFrame:
    """Return the logarithm of what each group has contributed since the peak, at every look.

    The peak are the nine looks, one after the other, that flip most.

    Parameters
    ----------
    flips : DataFrame
        The table `flips` of one run: a row per look and layer.

    Returns
    -------
    DataFrame
        A row per look: what names the run, ``at``, ``last`` (the run's last look), ``step_bin``,
        ``total`` (the logarithm of the flips over those of the peak) and the columns of `GROUPS`,
        which sum to it; each layer's factors at the peak are geometric means. Looks at which a
        layer did not flip at all are left out.
    """
    named = flips.iloc[0].drop([*FACTORS, "at", "layer", "units", "flips"])
    wide = {
        name: flips.set_index(["at", "layer"])[name].astype(float).unstack()  # noqa: PD010
        for name in (*FACTORS, "flips")
    }
    usable = (wide["flips"] > 0).all(axis=1)
    for name in FACTORS:
        usable &= np.isfinite(wide[name]).all(axis=1)
    logs = {name: np.log(values[usable]) for name, values in wide.items()}
    steps = logs["flips"].index.to_numpy()
    units = flips.groupby("layer", observed=True)["units"].first().to_numpy(dtype=float)
    share = units / units.sum()
    now = np.exp(logs["flips"].to_numpy()) * share
    peak = _around_peak(now.sum(axis=1))
    then_logs = {name: values.iloc[peak].mean() for name, values in logs.items()}
    then = np.exp(then_logs["flips"].to_numpy()) * share
    weights = _log_mean(now, then) / _log_mean(now.sum(axis=1), then.sum())[:, None]
    found = {
        group: sum(
            (-1 if name == "scale" else 1)
            * (weights * (logs[name] - then_logs[name]).to_numpy()).sum(axis=1)
            for name in names
        )
        for group, names in GROUPS.items()
    }
    total = np.log(now.sum(axis=1) / then.sum())
    edges = np.geomspace(1, flips["at"].max() + 1, _BINS)
    table = pd.DataFrame({"at": steps, "total": total, **found})
    table["step_bin"] = np.digitize(steps + 1, edges)
    return table.assign(last=flips["at"].max(), **named.to_dict())


def _around_peak(flips: Float[np.ndarray, " looks"]) -> slice:
    """Return which looks, one after the other, flip most."""
    width = min(_PEAK, len(flips))
    first = int(np.convolve(flips, np.ones(width), "valid").argmax())
    return slice(first, first + width)


def _log_mean(
    a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."] | float
) -> Float[np.ndarray, "..."]:
    """Return (a - b) / ln(a / b), which is a where the two are equal."""
    a, b = np.broadcast_arrays(np.asarray(a, dtype=float), np.asarray(b, dtype=float))
    log = np.log(a) - np.log(b)
    near = np.abs(log) < 1e-9
    return np.where(near, (a + b) / 2, (a - b) / np.where(near, 1.0, log))
