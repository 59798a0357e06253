"""What most parts of a chapter hold beside the arrays of their figures."""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.estimate import Estimate

#: Numbers and texts that the prose quotes.
Numbers = dict[str, float | int | str]


@dataclass(frozen=True)
class Part:
    """The claims of a part, by their ids, and what the prose quotes of it."""

    claims: dict[str, Estimate]
    numbers: Numbers
