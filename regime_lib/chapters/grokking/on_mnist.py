"""What the committed run on MNIST found, in sentences that figures of chapter 62 begin with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

Numbers = dict[str, Any]


def numbers_of(tables: Mapping[str, pd.DataFrame]) -> Numbers:
    """Return what the run glued, and the numbers of its claims, by name.

    Parameters
    ----------
    tables : mapping
        Those of the chapter's evidence: ``claims`` and ``glued``.
    """
    glued = tables["glued"]
    known = {
        name: json.loads(value) for name, value in zip(glued["name"], glued["value"], strict=True)
    }
    return known | dict(zip(tables["claims"]["id"], tables["claims"]["value"], strict=True))


def images_found(long: Numbers) -> str:
    """State when the image network memorises, and how much later it generalises."""
    return (
        f"On MNIST the network memorises at step {long['images-memorised']:,.0f} and generalises "
        f"{long['images-factor']:.1f} times later."
    )


def answer_found(long: Numbers) -> str:
    """State how often units switch around the jump, per step and per relative weight step."""
    factors = [
        f"{long[f'nd-grok-flips-{case}']:.1f} times as many flips around the jump as before, and "
        f"{long[f'nd-grok-excess-{case}']:.2f} times as many per relative weight step"
        for case in ("digits", "modular")
    ]
    return f"MNIST has {factors[0]}; addition {factors[1]}."
