"""The tables and events of the chapter on four phases, in words."""

from __future__ import annotations

import pandas as pd

#: The events whose times the laws give, as figures and captions call them.
EVENTS = {
    "T_acc": "full accuracy",
    "T_II": "positives switch off",
    "T_III": "negatives switch on",
}
_PLACES = {
    "condensed": "phase I ends",
    "peak": "second output is largest",
    "accurate": "full accuracy",
    "off_first": "first positive neuron switches off",
    "on_first": "first negative neuron switches on",
}
_QUANTITIES = {
    "living_plus": "living positive neurons",
    "living_minus": "living negative neurons",
    "condensed_plus": "1 − cosine, farthest positive neuron",
    "condensed_minus": "1 − cosine, farthest negative neuron",
    "slope": "slope of the plateau, absolute",
    "height": "height of the plateau",
    "drift": "drift along the plateau, absolute",
    "arrival": "arrival on the plateau",
    "accuracy_time": "full accuracy",
    "off_time": "positive neurons switch off",
    "off_share": "share of positives that switch off",
    "on_delay": "delay until negatives switch on",
    "on_share": "share of negatives that switch on",
    "on_ratio": "ratio of class losses at that switch",
    "later_events": "later changes of pattern, number",
    "final_constant": "final loss × time",
    "final_exponent": "final exponent of the loss, absolute",
}


def events(table: pd.DataFrame) -> pd.DataFrame:
    """Return the times of events, named in words."""
    return table.assign(event=table["event"].map(_PLACES)).set_index("event")


def starts(table: pd.DataFrame) -> pd.DataFrame:
    """Return how far neurons are from their direction, by the scale of the start."""
    return table.rename(
        columns={
            "kappa1": "scale of the start, κ₁",
            "positive": "farthest positive neuron",
            "negative": "farthest negative neuron",
        }
    ).set_index("scale of the start, κ₁")


def quantities(table: pd.DataFrame) -> pd.DataFrame:
    """Return quantiles over the grid, each quantity named in words."""
    return table.rename(index=_QUANTITIES).rename_axis("measured over predicted")
