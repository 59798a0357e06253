"""A picture of a run on matplotlib axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from regime_lib.errors import extra
from regime_lib.instrument.tracking.trace import Trace

_LABELS = {"pattern_change": "patterns", "weight_change": "weights"}


def plot(trace: Trace, axes: Any = None) -> Any:
    """Draw pattern and weight change of a run, each relative to its peak, over log time.

    Parameters
    ----------
    trace : Trace
        What was measured; of several members, each is a faint line and their mean a strong one.
    axes : matplotlib.axes.Axes, optional
        Where to draw; new axes by default.
    """
    with extra("plot"):
        import matplotlib.pyplot as plt
    if axes is None:
        _, axes = plt.subplots()
    for quantity, style in zip(_LABELS, ("-", "--"), strict=True):
        if quantity not in trace.quantities:
            continue
        steps, values = trace.array(quantity)
        relative = values / np.maximum(np.nanmax(values, axis=0), np.finfo(float).tiny)
        (line,) = axes.plot(steps, relative.mean(axis=1), style, label=_LABELS[quantity])
        if trace.members > 1:
            axes.plot(steps, relative, style, color=line.get_color(), alpha=0.25, lw=0.5)
    axes.set(xscale="log", xlabel="step", ylabel="change in one step / its peak", ylim=(0, None))
    axes.legend()
    return axes
