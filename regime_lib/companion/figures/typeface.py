"""The typeface of figures: Inter, as the pages have it, from two files beside this module.

A font that comes along makes a figure the same on every machine. What Inter's subset lacks, such as
arrows, is taken from DejaVu Sans, which matplotlib brings along.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager

from regime_lib.errors import RegimeError

NAME = "Inter Book"
SECOND = "DejaVu Sans"
FILES = tuple(
    Path(__file__).parent / "fonts" / f"inter-book-{weight}.ttf"
    for weight in ("regular", "semibold")
)


@cache
def register() -> None:
    """Make the typeface known to matplotlib, once in a process."""
    for file in FILES:
        try:
            font_manager.fontManager.addfont(file)
        except (OSError, RuntimeError) as fault:
            raise RegimeError(
                f"the font {file} of figures is missing or damaged; install regime-lib again, or "
                f"run: git restore {file.name}"
            ) from fault


def require() -> None:
    """Raise `RegimeError` if a figure would not find its fonts."""
    register()
    try:
        font_manager.findfont(SECOND, fallback_to_default=False)
    except ValueError as fault:
        raise RegimeError(
            f"matplotlib finds no font {SECOND}, which it should bring along; "
            "run: pip install --force-reinstall --no-deps matplotlib"
        ) from fault


def settings() -> dict[str, Any]:
    """Return matplotlib's settings for words and formulas in the typeface."""
    register()
    return {
        "font.family": [NAME, SECOND],
        "axes.titleweight": "bold",
        "mathtext.fontset": "custom",
        "mathtext.rm": NAME,
        "mathtext.it": f"{SECOND}:italic",
        "mathtext.bf": f"{NAME}:bold",
        "mathtext.cal": SECOND,
        "mathtext.sf": NAME,
        "mathtext.tt": f"{SECOND} Mono",
        "mathtext.fallback": "stixsans",
    }
