"""What a cell of a page draws with, and the files that its reader gives it.

It is shipped to the page as it stands. Elsewhere `draw` checks what it is given and draws nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Curve = tuple[Sequence[float], Sequence[float]]

#: The page puts here what takes a picture, as JSON.
send: Callable[[str], object] | None = None


def given(folder: Path = Path("given")) -> Path | None:
    """Return the file that the reader gave this page; None where there is none yet.

    Of the folder of a saved trace it is the file of the series.
    """
    files = [path for path in sorted(folder.glob("*")) if path.is_file()]
    return min(files, key=lambda path: (path.name == "manifest.json", path.name), default=None)


def draw(
    curves: Mapping[str, Curve], x: str = "", y: str = "", log: str = "", title: str = ""
) -> None:
    """Show curves in the output of the cell; a second call puts new ones in their place.

    Parameters
    ----------
    curves : mapping
        From the name of a curve to its two sequences of numbers, of equal length. Points that are
        not finite are left out; so are those that a logarithmic axis cannot show.
    x, y : str
        What the axes show.
    log : str
        Which axes are logarithmic: "", "x", "y" or "xy".
    title : str
        What is said above.

    Raises
    ------
    ValueError
        If a curve has sequences of two lengths, or `log` is none of these words.
    """
    if log not in ("", "x", "y", "xy"):
        raise ValueError(f"log is {log!r}; write '', 'x', 'y' or 'xy'")
    told = []
    for name, (across, up) in curves.items():
        if len(across) != len(up):
            raise ValueError(f"the curve {name!r} has {len(across)} and {len(up)} numbers")
        points = [(float(a), float(b)) for a, b in zip(across, up, strict=True)]
        kept = [
            (a, b)
            for a, b in points
            if math.isfinite(a + b) and (a > 0 or "x" not in log) and (b > 0 or "y" not in log)
        ]
        told.append({"name": str(name), "x": [a for a, _ in kept], "y": [b for _, b in kept]})
    if send is not None:
        axes = {"x": x, "y": y, "log": log, "title": title}
        send(json.dumps({"kind": "curves", "curves": told, **axes}))


def draw_units(
    rows: Sequence[Sequence[float]], ends: tuple[int, int], title: str = "flips", y: str = "units"
) -> None:
    """Show a row for each unit, over the logarithm of the step: the nearer to one, the darker.

    Parameters
    ----------
    rows : sequence of sequences
        Shares from 0 to 1: of each unit, from left to right.
    ends : tuple of int
        The steps at the left and at the right end.
    title, y : str
        What is said above.

    Raises
    ------
    ValueError
        If the rows have not all the same length.
    """
    if len({len(row) for row in rows}) != 1:
        raise ValueError("the rows have not all the same length")
    if send is not None:
        told = {"kind": "raster", "x": "step", "y": y, "title": title, "ends": ends}
        send(json.dumps({**told, "rows": [[round(float(n), 3) for n in row] for row in rows]}))
