"""What each figure of the chapter on three times earlier found, in one sentence of its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.three_times.committed import COMPARED, Averages
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS
from regime_lib.chapters.three_times.multiverse import ShareAbove, chosen
from regime_lib.chapters.three_times.specifications import USUAL
from regime_lib.chapters.wording import each, listed

#: What the chapters take "about three" to mean, as the criteria of the claims have it.
_ABOUT_THREE = (2.0, 4.5)


def specification_curve(table: pd.DataFrame) -> str:
    """State how far the ratio goes, and how many specifications have one of about three."""
    exact = table.loc[table["bound"] == "exact", "ratio"]
    near, missing = int(exact.between(*_ABOUT_THREE).sum()), int(table["ratio"].isna().sum())
    if exact.empty:
        return f"None of {len(table)} specifications has an exact ratio."
    low, high = _ABOUT_THREE
    return (
        f"By the choice of specification the exact ratio goes from {exact.min():.2g} to "
        f"{exact.max():,.0f}; {near} of {len(table)} lie between {low:g} and {high:g}, and "
        f"{missing} have no ratio."
    )


def shares(found: Mapping[str, Sequence[ShareAbove]]) -> str:
    """State for which share of all specifications the ratio is surely above the highest level."""
    highest = {schedule: levels[-1] for schedule, levels in found.items()}
    (level,) = {share.level for share in highest.values()}
    surely = each({name: share.surely for name, share in highest.items()}, ".0%")
    perhaps = each({name: share.perhaps for name, share in highest.items()}, ".0%")
    return (
        f"The ratio is certain to exceed {level:g} in {surely} of the specifications; censoring "
        f"leaves it open in {perhaps}."
    )


def where_it_holds(medians: Float[np.ndarray, "definitions choices"]) -> str:
    """State under how many definitions and optimisers the median ratio is two or more."""
    halves = np.split(medians, len(COMPARED), axis=1)
    words = [
        f"{int((half >= 2).sum())} of {int(np.isfinite(half).sum())} ({schedule} rate)"
        for schedule, half in zip(COMPARED, halves, strict=True)
    ]
    return (
        "Of the pairs of definition and optimiser that have a median ratio, it is two or more in "
        f"{listed(words)}."
    )


def averages(found: Averages) -> str:
    """State the mean and the median of the ratios, beside the mean that is claimed."""
    return (
        f"The known ratios have a mean of {found.mean:.2f} and a median of {found.median:.2f}; a "
        "mean of 3.85 is claimed."
    )


def by_data(table: pd.DataFrame) -> str:
    """State the median of the exact ratios of every data set."""
    exact = table[table["bound"] == "exact"].groupby("dataset", sort=False)["ratio"].median()
    if exact.empty:
        return "No setting has an exact ratio."
    medians = {NAMES[str(name)]: float(value) for name, value in exact.items()}
    return f"The median of the exact ratios is {each(medians, '.2f')}."


def parallel(slope: float) -> str:
    """State how flips scale with the weight change in the median run."""
    return f"In the median run flips scale as the weight change to the power of {slope:.2f}."


def causes(table: pd.DataFrame) -> str:
    """State what a warm-up does to the ratio of AdamW, where both are known."""
    own = table[chosen(table, optimizer="adamw")].set_index(["change", "architecture"])["ratio"]
    plain, warm = (
        own.xs(change).dropna() if change in own.index.get_level_values(0) else own.iloc[:0]
        for change in ("as trained", "with warm-up")
    )
    both = [
        f"from {plain[name]:.2f} to {warm[name]:.2f} ({NAMES[name]})"
        for name in plain.index
        if name in warm.index
    ]
    if not both:
        return "For no network is the ratio of AdamW known both without and with a warm-up."
    return f"A warm-up takes the ratio of AdamW {listed(both)}."


def choices(table: pd.DataFrame) -> str:
    """State in how many settings the ratio is surely above three under the book's definition."""
    own = table[chosen(table, definition=USUAL, network="iterate")]
    above = {
        NAMES[name]: own[own["optimizer"] == name]
        for name in OPTIMIZERS
        if (own["optimizer"] == name).any()
    }
    words = [
        f"{int((rows['least'] > 3).sum())} of {len(rows)} settings ({name})"
        for name, rows in above.items()
    ]
    return f"Under this book's definition the ratio is certain to exceed three in {listed(words)}."
