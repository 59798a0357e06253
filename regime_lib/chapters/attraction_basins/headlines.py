"""What each figure of the chapter on basins found, in one sentence of measured numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from regime_lib.chapters.attraction_basins.controls import FAMILIES, Controls
from regime_lib.chapters.attraction_basins.measure import Classes, Depth, Plane, Starts, TradeOff
from regime_lib.chapters.attraction_basins.predictors import Predictors
from regime_lib.chapters.attraction_basins.scans import BasinScan
from regime_lib.chapters.wording import each, listed, written

_DATA = {"mnist": "MNIST", "digits": "digits"}


def depth_and_width(depth: Depth, data: str = "digits") -> str:
    """State the best depth at every width."""
    return (
        f"On {data} the best number of hidden layers is {depth.numbers['best-depths']}, at widths "
        f"of {depth.numbers['widths-said']}."
    )


def depths_of_long_run(known: Mapping[str, Any]) -> str:
    """State what the committed long run on MNIST says of both basins of six layers and of one."""
    return (
        f"On MNIST six layers have {known['nd-sample-basin-depth']:.2f} times the sample basin of "
        f"one, and {known['nd-weight-basin-depth']:.2f} times its weight basin."
    )


def basins(found: BasinScan, what: str, first: int = 0, last: int = -1) -> str:
    """State by which factors both basins change from one setting to another.

    Parameters
    ----------
    found : BasinScan
        The settings.
    what : str
        What they are of, such as "hidden layers".
    first, last : int
        Places of the two.
    """
    factors = {
        name: float(np.median(values[last]) / np.median(values[first]))
        for name, values in found.basins.items()
    }
    return (
        f"On digits, from {found.values[first]:g} to {found.values[last]:g} {what}, the basins "
        f"change by factors of {each(factors, '.2f')}."
    )


def two_starts(found: Starts, data: str = "digits") -> str:
    """State what width does to accuracy under both starts."""
    gains = {
        f"{start} start": 100 * float((scan.accuracy[-1] - scan.accuracy[0]).mean())
        for start, scan in found.scans.items()
    }
    return (
        f"On {data} the widest networks are ahead of the narrowest by "
        f"{each(gains, '+.1f')} points of test accuracy."
    )


def trade_off(found: TradeOff) -> str:
    """State which kinds of settings move both basins the same way."""
    together = [name for name, scan in found.families.items() if scan.move.together]
    return (
        f"{len(together)} of {len(found.families)} kinds of setting move both basins the same way "
        f"({listed(together) or 'none'})."
    )


def by_class(classes: Classes, data: str = "the small digits") -> str:
    """State which digits have the largest and the smallest basin."""
    medians = np.median(classes.found.basin, axis=0)
    most, least = int(medians.argmax()), int(medians.argmin())
    return (
        f"On {data} the {classes.classes[most]} has the largest basin, "
        f"{medians[most]:.2f}, and the {classes.classes[least]} the smallest, {medians[least]:.2f}."
    )


def planes(plane: Plane) -> str:
    """State how many digits are answered on the plane."""
    counts = {
        f"{layers} hidden layer{'s' if layers > 1 else ''}": len(np.unique(answers))
        for layers, answers in plane.answers.items()
    }
    return f"On one plane of inputs, {each(counts, 'd')} different digits are answered."


def at_equal_loss(found: Controls) -> str:
    """State by which factors both basins change, at one training loss."""
    words = []
    for dataset in found.scans:
        for family in FAMILIES:
            factors = {
                f"{basin} basin": float(found.numbers[f"equal-{family}-{basin}-{dataset}"])
                for basin in ("sample", "weight")
            }
            words.append(f"{each(factors, '.2f')} over the {family} on {_DATA[dataset]}")
    return f"At one training loss the basins change by factors of {'; '.join(words)}."


def accuracy_over_basins(found: Predictors, dataset: str = "mnist") -> str:
    """State the rank correlations of both basins with test accuracy."""
    shown = {
        name: float(found.plain[dataset][name].value or np.nan)
        for name in ("sample basin", "weight basin")
    }
    return (
        f"Over {len(found.hundred[dataset].accuracy)} settings the rank correlation with test "
        f"accuracy is {each(shown, '.2f')}."
    )


def rivals(found: Predictors, dataset: str = "mnist") -> str:
    """State which predictor has the largest correlation, as measured and beyond the settings."""
    words = []
    for title, estimates in (("as measured", found.plain), ("beyond the settings", found.beyond)):
        known = {n: float(e.value) for n, e in estimates[dataset].items() if e.value is not None}
        best = max(known, key=lambda name: known[name])
        words.append(f"the {best} {title} ({written(known[best], '.2f')})")
    return f"The largest rank correlation with test accuracy is that of {listed(words)}."
