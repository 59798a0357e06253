"""Charts of a report as inline SVG: they follow the page's theme and need no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 480, 250, 58, 40, 12
_POINTS = 240
_CELLS = 60


@dataclass(frozen=True)
class Line:
    """One curve: values over steps."""

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def binned(self, bins: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return steps and mean values of bins of equal width in the logarithm of the step."""
        known = np.isfinite(self.values)
        steps, values = self.steps[known], self.values[known]
        if not len(steps):
            return np.empty(0), np.empty(0)
        place = np.log10(steps + 1.0)
        which = np.minimum((place / max(place[-1], 1e-9) * bins).astype(int), bins - 1)
        _, start, count = np.unique(which, return_index=True, return_counts=True)
        mean = np.add.reduceat(values, start) / count
        return np.add.reduceat(steps.astype(float), start) / count, mean


def line_chart(title: str, lines: Sequence[Line], unit: str) -> str:
    """Draw curves over the logarithm of the step, with a legend and a table of their values."""
    curves = [(line.name, *line.binned(_POINTS)) for line in lines]
    curves = [curve for curve in curves if len(curve[1])]
    if not curves:
        return ""
    last = max(steps[-1] for _, steps, _ in curves)
    top = max(float(values.max()) for _, _, values in curves) or 1.0
    low = min(0.0, *(float(values.min()) for _, _, values in curves))
    parts, title = [_axes(last, low, top)], f"{title}, {unit}"
    for number, (_, steps, values) in enumerate(curves):
        points = " ".join(
            f"{_x(s, last):.1f},{_y(v, low, top):.1f}" for s, v in zip(steps, values, strict=True)
        )
        parts.append(f'<polyline class="line c{number % 6}" points="{points}"/>')
    names = "".join(
        f'<li><svg class="key" viewBox="0 0 28 8" aria-hidden="true"><line class="line c{k % 6}" '
        f'x1="0" y1="4" x2="28" y2="4"/></svg>{escape(name)}</li>'
        for k, (name, _, _) in enumerate(curves)
    )
    said = "; ".join(
        f"{name} from {values[0]:.3g} to {values[-1]:.3g}, at most {values.max():.3g}"
        for name, _, values in curves[:6]
    )
    return _figure(title, parts, said, f'<ul class="keys">{names}</ul>', _table(curves))


def heat_map(title: str, lines: Sequence[Line]) -> str:
    """Draw one row of cells for each layer: how many of its bits flip, over the logarithm of time.

    Cells are as strong as the square root of the share of flips, relative to the strongest.
    """
    curves = [(line.name, *line.binned(_CELLS)) for line in lines]
    curves = [curve for curve in curves if len(curve[1])]
    if not curves:
        return ""
    last = max(steps[-1] for _, steps, _ in curves)
    top = max(float(values.max()) for _, _, values in curves) or 1.0
    row = (_HEIGHT - _BOTTOM - _TOP) / len(curves)
    parts = [_time_axis(last)]
    for number, (name, steps, values) in enumerate(curves):
        y = _TOP + number * row
        shown = name if len(name) < 10 else f"…{name[-8:]}"
        if len(curves) <= 16:
            parts.append(
                f'<text x="{_LEFT - 4}" y="{y + row / 2 + 4:.1f}" text-anchor="end">'
                f"{escape(shown)}</text>"
            )
        edges = [_x(s, last) for s in (*steps, last)]
        for k, value in enumerate(values):
            width = max(edges[k + 1] - edges[k], 3.0)
            strength = float(np.sqrt(max(value, 0.0) / top))
            parts.append(
                f'<rect class="cell" x="{edges[k]:.1f}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{row - 1:.1f}" fill-opacity="{strength:.2f}"/>'
            )
    said = f"{len(curves)} layers; the strongest cell is {top:.3g} of a layer's bits in a step"
    return _figure(title, parts, said, "", _table(curves))


def _figure(title: str, parts: list[str], said: str, keys: str, table: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>{keys}"
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}: {escape(said)}">{"".join(parts)}</svg>'
        f"<details><summary>Numbers</summary>{table}</details></figure>"
    )


def _table(curves: Sequence[tuple[str, NDArray[np.float64], NDArray[np.float64]]]) -> str:
    """Write some of the points as a table, for those who read it better."""
    rows = []
    for name, steps, values in curves:
        picks = np.unique(np.linspace(0, len(steps) - 1, 6).astype(int))
        cells = "".join(f"<td>{steps[k]:.0f}: {values[k]:.3g}</td>" for k in picks)
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return f'<div class="wide" tabindex="0"><table>{"".join(rows)}</table></div>'


def _axes(last: float, low: float, top: float) -> str:
    lines = []
    for value in np.linspace(low, top, 5):
        y = _y(float(value), low, top)
        lines.append(f'<line class="grid" x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH}" y2="{y:.1f}"/>')
        label = f"{value:.2g}"
        lines.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    return "".join(lines) + _time_axis(last)


def _time_axis(last: float) -> str:
    y, marks = _HEIGHT - _BOTTOM, [0]
    marks += [10**k for k in range(12) if 10**k <= last]
    parts = [f'<line class="axis" x1="{_LEFT}" y1="{y}" x2="{_WIDTH}" y2="{y}"/>']
    for mark in marks:
        parts.append(
            f'<text x="{_x(mark, last):.1f}" y="{y + 16}" text-anchor="middle">{mark:,}</text>'
        )
    middle = (_LEFT + _WIDTH) / 2
    return "".join(parts) + (
        f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">step (logarithmic)</text>'
    )


def _x(step: int | float, last: int | float) -> float:
    share = np.log10(step + 1.0) / max(np.log10(last + 1.0), 1e-9)
    return _LEFT + 6 + float(share) * (_WIDTH - _LEFT - 20)


def _y(value: float, low: float, top: float) -> float:
    share = (value - low) / max(top - low, 1e-300)
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)
