"""The tables of the chapter on grokking, in words."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

_SCALES = {
    "scale": "scale of the start",
    "memorised": "memorised at step",
    "delay": "delay, steps",
    "slope 1": "slope of layer 1",
    "slope 2": "slope of layer 2",
    "second phase": "share in the second phase",
}
_MEASURED = {
    "first slope": "slope of the first layer",
    "last slope": "slope of the last layer",
    "norm": "norm of the weights",
    "flips": "share of units switching per step",
    "own batch": "test accuracy, the batch's own statistics",
    "lagging": "test accuracy, lagging statistics",
}
_RISES = {"flips": "flips", "update": "weight step", "excess": "flips per weight step"}
_WINDOWS = {
    "around": "window around the jump, factor",
    "plateau": "end of the plateau, share of the way",
    "per weight step": "flips per weight step",
}


def scales(medians: pd.DataFrame) -> pd.DataFrame:
    """Return what networks are at memorisation, by the scale of their initial weights."""
    return medians.rename(columns=_SCALES).set_index(_SCALES["scale"])


def transition(medians: pd.DataFrame) -> pd.DataFrame:
    """Return what was measured at three moments of the jump under lagging statistics."""
    rows = medians.assign(quantity=medians["quantity"].replace(_MEASURED))
    return rows.set_index("quantity").rename(columns={"memorised": "at memorisation"})


def rises(found: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Return the factors around the jump over the plateau, a row for each case."""
    return pd.DataFrame(found).T.rename(columns=_RISES).rename_axis("case")


def windows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the same factors under other windows."""
    return table.rename(columns=_WINDOWS).set_index(["case", *list(_WINDOWS.values())[:2]])
