"""The figures of the multiverse: every specification of one ratio, sorted, and what makes it.

Functions take plain tables, so that this room needs nothing of the studies. A table of
specifications has the columns `dataset`, `architecture`, `optimizer`, `schedule`, `definition`,
`ratio`, `low`, `high` and `bound` (exact, partial, lower, upper, mixed or undetermined).
"""

from regime_lib.chapters.three_times.figures_causes import by_data, causes, parallel
from regime_lib.chapters.three_times.figures_curve import family_of, specification_curve
from regime_lib.chapters.three_times.figures_shares import averaging, shares, where_it_holds
from regime_lib.chapters.three_times.style import CLAIMED, NAMES

__all__ = [
    "CLAIMED",
    "NAMES",
    "averaging",
    "by_data",
    "causes",
    "family_of",
    "parallel",
    "shares",
    "specification_curve",
    "where_it_holds",
]
