"""The table that the freeze adviser reads, made from the committed runs, and how well it forecasts.

A branch enters with the level at which the change of its patterns was when it was frozen: what a
trainer could have seen. Levels within a factor of about two share a row.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from regime_lib.chapters.freeze_patterns.costs import SETTING, settings_of
from regime_lib.estimate import Estimate, proportion
from regime_lib.instrument.settling.freeze_advice import CostRow

#: Ends of the rows, as shares of the peak.
EDGES = (0.0, 0.1, 0.25, 0.5, 1.0)
#: The share of branches that cost at most what a row calls the most.
SHARE = 0.9
_FEWEST = 20  # branches of at least two settings that a row needs
_DATA = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "digits": "digits",
    "cifar10": "CIFAR-10",
    "tiny-shakespeare": "Tiny Shakespeare",
}
_NETS = {"mlp": "MLPs", "cnn": "CNNs", "transformer": "Transformers"}
_DIGITS = 3  # after the point, in points


def seen(costs: pd.DataFrame) -> pd.DataFrame:
    """Return the branches that were frozen whole, at a level that could be seen."""
    return costs[(costs["what"] == "all") & (costs["step"] > 0) & costs["level"].notna()]


def cost_table(costs: pd.DataFrame) -> tuple[CostRow, ...]:
    """Return a row for every stretch of levels in which enough was measured."""
    rows = seen(costs)
    found = []
    for above, upto in pairwise(EDGES):
        level = rows["level"].to_numpy(dtype=float)
        inside = (level > above) & (level <= upto) | ((above == 0) & (level == 0))
        own = rows[inside]
        settings = settings_of(own)
        if len(own) < _FEWEST or len(settings) < 2:
            continue
        cost = own["cost"].to_numpy(dtype=float)
        most = np.quantile(cost, SHARE, method="higher")
        found.append(
            CostRow(
                above=above,
                upto=upto,
                median=round(float(np.median(cost)), _DIGITS),
                most=round(float(most), _DIGITS),
                largest=round(float(cost.max()), _DIGITS),
                branches=len(own),
                settings=len(settings),
                source=_source(settings),
            )
        )
    return tuple(found)


def as_csv(rows: Sequence[CostRow]) -> str:
    """Return the table as the file that the instrument ships."""
    names = [*CostRow.__dataclass_fields__]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([getattr(row, name) for name in names] for row in rows)
    return text.getvalue()


def forecast(costs: pd.DataFrame) -> Estimate:
    """Return how often the cost is at most what the table says, made without the own setting.

    Branches at levels of which the table without their setting has no row are left out: the
    adviser refuses there.
    """
    rows = seen(costs)
    own = rows[list(SETTING)].astype(str)
    hits, asked = 0, 0
    for setting in settings_of(rows):
        mine = (own == list(setting)).all(axis=1).to_numpy()
        table = cost_table(rows[~mine])
        for level, cost in rows.loc[mine, ["level", "cost"]].to_numpy(dtype=float):
            row = next((one for one in table if one.above < level <= one.upto), None)
            if row is not None:
                asked, hits = asked + 1, hits + int(cost <= row.most)
    return proportion(hits, asked, over=f"{asked} branches of settings left out")


def _source(settings: Sequence[tuple[str, ...]]) -> str:
    nets = sorted({(architecture, dataset) for dataset, architecture, *_ in settings}, reverse=True)
    words = [f"{_NETS[net]} on {_DATA[data]}" for net, data in nets]
    return ", ".join(words)
