"""The report of one run or of several side by side: one HTML file, without a network."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

import regime_lib
from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import ALL, Coverage
from regime_lib.instrument.report.charts import Line, heat_map, line_chart
from regime_lib.instrument.report.style import STYLE
from regime_lib.instrument.settling.definitions import DEFINITIONS
from regime_lib.instrument.settling.regime_change import RegimeChange, regime_change

if TYPE_CHECKING:
    from regime_lib.instrument.tracking.trace import Trace

_BOOTSTRAPPED = 5_000  # observations up to which every definition gets its interval
_MOST_LAYERS = 24


def page(runs: Mapping[str, Trace]) -> str:
    """Return the report of the named runs as one HTML document."""
    title = " and ".join(runs)
    sections = [
        f"<h1>Regimes in training: {escape(title)}</h1>",
        *(_headline(name, trace, len(runs) > 1) for name, trace in runs.items()),
        _section("When did it settle?", _verdicts(runs)),
        _section("Patterns and weights", _grid(_both(runs), _raw(runs))),
    ]
    for name, trace in runs.items():
        of = f" of {name}" if len(runs) > 1 else ""
        sections.append(_section(f"Layer by layer{of}", _layers(trace)))
        sections.append(_section(f"What was seen{of}", _coverage(trace.coverage)))
    sections.append(_section("Provenance", _provenance(runs)))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Regimes in training: {escape(title)}</title><style>{STYLE}</style></head>"
        f'<body class="regime"><main>{"".join(sections)}</main></body></html>\n'
    )


def fragment(trace: Trace) -> str:
    """Return a short form for a notebook: the sentence, and patterns beside weights."""
    runs = {"this run": replace(trace, groups=None)}  # at once: without a bootstrap
    trace = runs["this run"]
    return (
        f'<style>{STYLE}</style><div class="regime">'
        f"{_headline('this run', trace, False)}{_grid(_both(runs))}</div>"
    )


def verdict(trace: Trace, definition: str) -> RegimeChange | str:
    """Return when patterns and weights settle by a definition, or why that cannot be said."""
    if len(trace.array("pattern_change")[0]) > _BOOTSTRAPPED:
        trace = replace(trace, groups=None)  # a bootstrap would take minutes
    try:
        return regime_change(trace, definition)
    except RegimeError as error:
        return str(error)


def _headline(name: str, trace: Trace, several: bool) -> str:
    try:
        said = str(verdict(trace, "peak@0.1"))
    except RegimeError as error:
        said = str(error)
    before = f"<strong>{escape(name)}:</strong> " if several else ""
    return f'<p class="lead">{before}{escape(said)}.</p>{_edge(trace, before)}'


def _edge(trace: Trace, before: str) -> str:
    """Say what the flips tell of the edge of stability, if the tracker looked at pairs of steps."""
    try:
        found = trace.edge_of_stability()
    except RegimeError:
        return ""
    spots = "".join(f"<li>{escape(spot)}</li>" for spot in found.blind_spots)
    return (
        f"<p>{before}{escape(str(found))}.</p><details><summary>What this does not tell</summary>"
        f"<ul>{spots}</ul></details>"
    )


def _verdicts(runs: Mapping[str, Trace]) -> str:
    head = ["definition", "patterns settle", "weights settle", "ratio", "interval", "what it is"]
    if len(runs) > 1:
        head.insert(0, "run")
    rows = []
    for name, trace in runs.items():
        for definition in DEFINITIONS:
            try:
                found = verdict(trace, definition)
            except RegimeError as error:
                found = str(error)
            first = [name, definition] if len(runs) > 1 else [definition]
            if isinstance(found, str):
                rows.append([*first, "–", "–", "–", "–", found])
            else:
                rows.append([*first, *_cells(found)])
    note = (
        "A time that the run does not show is censored: it stands as a bound, with a sign, and "
        "never as the end of the run. The interval of a single run is over parts of its probe."
    )
    return f"<p>{note}</p>{_table(head, rows)}"


def _cells(found: RegimeChange) -> list[str]:
    only_patterns, only_weights, both = found.censored
    times = (
        (">" if gone else "") + f"{time:.0f}"
        for time, gone in (
            (found.pattern_time, only_patterns + both > 0),
            (found.weight_time, only_weights + both > 0),
        )
    )
    interval = "none"
    if found.estimate.low is not None:
        interval = f"{found.ci_low:.2f} to {found.ci_high:.2f} ({found.estimate.method})"
    sign = {"lower": "≥ ", "upper": "≤ "}.get(found.bound, "")
    ratio = "–" if np.isnan(found.ratio) else f"{sign}{found.ratio:.2f}"
    what = {"exact": "a number", "lower": "a lower bound: weights are censored"}
    what |= {"upper": "an upper bound: patterns are censored", "undetermined": "both are censored"}
    return [*times, ratio, interval, what.get(found.bound, found.bound)]


def _both(runs: Mapping[str, Trace]) -> str:
    """Draw pattern and weight change of each run, divided by their peaks."""
    lines = []
    for name, trace in runs.items():
        for quantity, what in (("pattern_change", "patterns"), ("weight_change", "weights")):
            line = _line(trace, quantity, ALL, f"{what}, {name}" if len(runs) > 1 else what)
            if line is not None and len(line.values):
                peak = float(np.nanmax(line.values)) or 1.0
                lines.append(replace(line, values=line.values / peak))
    return line_chart("Change in one step", lines, "relative to its peak")


def _raw(runs: Mapping[str, Trace]) -> str:
    found = [
        _line(trace, "pattern_change", ALL, name if len(runs) > 1 else "all layers")
        for name, trace in runs.items()
    ]
    return line_chart("Flips in one step", _known(found), "share of bits")


def _layers(trace: Trace) -> str:
    names = [layer.name for layer in trace.coverage.layers][:_MOST_LAYERS]
    flips = _known([_line(trace, "pattern_change", name, name) for name in names])
    charts = [heat_map("Flips in one step, by layer", flips)]
    charts.append(line_chart("The same as curves (first six layers)", flips[:6], "share of bits"))
    for quantity, title in (
        ("dead", "Units that are off on every input"),
        ("always_on", "Units that are on on every input"),
    ):
        lines = _known([_line(trace, quantity, name, name) for name in [ALL, *names[:5]]])
        charts.append(line_chart(title, lines, "share of units"))
    weights = next((s.layers for s in trace.all_series if s.quantity == "weight_change_rel"), ())
    moved = _known([_line(trace, "weight_change_rel", name, name) for name in weights[1:7]])
    charts.append(line_chart("Update, by module (first six)", moved, "relative to the norm"))
    left = len(trace.coverage.layers) - len(names)
    more = f"<p>{left} further layers are in the trace and not drawn.</p>" if left else ""
    return _grid(*charts) + more


def _coverage(coverage: Coverage) -> str:
    head = ["layer", "function", "kind", "units", "seen by"]
    rows = [[one.name, one.op, str(one.kind), f"{one.units:,}", one.via] for one in coverage.layers]
    members = f" of {coverage.members} networks" if coverage.members > 1 else ""
    text = f"{coverage.units:,} rectified units{members} on each of {coverage.samples:,} inputs."
    unseen = "".join(f"<li>{escape(str(item))}</li>" for item in coverage.unseen)
    missed = f"<p>Not tracked:</p><ul>{unseen}</ul>" if unseen else "<p>Nothing was left out.</p>"
    return f"<p>{text}</p>{_table(head, rows)}{missed}"


def _provenance(runs: Mapping[str, Trace]) -> str:
    rows = []
    for name, trace in runs.items():
        steps = trace.all_series[0].steps
        rows.append([name, f"{steps[0]} to {steps[-1]}", f"{len(steps):,}", trace.digest[:12]])
    made = f"regime-lib {regime_lib.__version__}, Python {platform.python_version()}"
    table = _table(["run", "steps", "observations", "SHA-256 of its numbers"], rows)
    return f"{table}<p>Drawn by {made}. Curves are means over bins of equal width in log time.</p>"


def _line(trace: Trace, quantity: str, layer: str, name: str) -> Line | None:
    try:
        steps, values = trace.array(quantity, layer)
    except RegimeError:
        return None
    return Line(name, steps, values.mean(axis=1))


def _known(lines: Sequence[Line | None]) -> list[Line]:
    return [line for line in lines if line is not None]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="table"><table><thead>'
        f"<tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>"


def _grid(*charts: str) -> str:
    return f'<div class="charts">{"".join(charts)}</div>'
