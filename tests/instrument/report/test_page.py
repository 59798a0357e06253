"""The report: what it says is what the trace says, and the file stands alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from regime_lib.cli import regime
from regime_lib.errors import RegimeError
from regime_lib.instrument import Coverage, Kind, Layer, Trace
from regime_lib.instrument.capture.coverage import Unseen
from regime_lib.instrument.report.charts import Line
from regime_lib.instrument.settling.definitions import DEFINITIONS
from regime_lib.instrument.tracking.trace import Series

VOID = {"meta", "line", "rect", "polyline", "br"}


def trace_of(steps: int, layers: int = 3, rate: float = 0.01) -> Trace:
    """Make a run whose patterns decay twice as fast as its weights."""
    names = ("all", *(f"block<{k}>" for k in range(layers)))
    at = np.arange(1, steps + 1)
    decay = np.exp(-rate * at)[:, None, None] * np.ones((1, layers + 1, 1))
    found = {"pattern_change": decay**2 / 50, "weight_change": decay, "weight_change_rel": decay}
    found |= {"dead": 1 - decay, "always_on": decay / 2}
    series = tuple(Series(name, names, at, values) for name, values in found.items())
    kinds = tuple(Layer(name, "relu", Kind.RECTIFIER, "function", 8, 1) for name in names[1:])
    return Trace(Coverage(kinds, (Unseen("head", "a sort", 1),), 16), series, None)


class Tags(HTMLParser):
    """Every opened element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed(tmp_path: Path) -> None:
    text = trace_of(800).report(tmp_path / "run.html").read_text()
    tags = Tags(text)
    assert tags.open == []
    assert not re.search(r"https?://|<script|<link|@import|url\(", text)
    assert "block&lt;0&gt;" in text
    assert "<0>" not in text
    assert "a sort in head" in text
    pictures = [own for tag, own in tags.seen if tag == "svg" and own.get("role") == "img"]
    assert len(pictures) >= 6
    assert all(own["aria-label"] for own in pictures)
    assert all(definition in text for definition in DEFINITIONS)


def test_the_page_says_what_the_functions_say() -> None:
    trace = trace_of(800)
    text = trace._repr_html_()
    assert str(trace.regime_change()) in text
    Tags(text)


def test_a_censored_time_stands_as_a_bound(tmp_path: Path) -> None:
    trace = trace_of(160)
    found = trace.regime_change()
    assert found.censored == (0, 1, 0)
    text = trace.report(tmp_path / "run.html").read_text()
    row = re.search(r'<th scope="row">peak@0.1</th>(.*?)</tr>', text)
    assert row is not None
    assert f"&gt;{found.weight_time:.0f}" in row[1]
    assert "a lower bound" in row[1]


def test_a_run_of_a_hundred_thousand_steps_is_below_two_megabytes(tmp_path: Path) -> None:
    file = trace_of(100_000, layers=30, rate=1e-4).report(tmp_path / "long.html")
    assert file.stat().st_size < 2_000_000


def test_bins_keep_the_sum_of_what_they_hold() -> None:
    line = Line("x", np.arange(1, 1001), np.linspace(0, 1, 1000))
    steps, values = line.binned(50)
    assert len(steps) <= 50
    assert np.all(np.diff(steps) > 0)
    assert np.allclose(values, (steps - 1) / 999)  # of a straight line, bins lie on it


def test_a_picture_can_be_restyled() -> None:
    pytest.importorskip("matplotlib").use("agg")
    trace = trace_of(200)
    axes = trace.plot()
    assert trace.plot(axes) is axes
    patterns, weights = axes.get_lines()[:2]
    assert np.allclose(patterns.get_ydata(), np.exp(-0.02 * (patterns.get_xdata() - 1)))
    assert np.allclose(weights.get_ydata(), np.exp(-0.01 * (weights.get_xdata() - 1)))
    axes.figure.clear()


def test_the_commands_report_and_compare_saved_runs(tmp_path: Path) -> None:
    for name, rate in (("fast", 0.02), ("slow", 0.01)):
        trace_of(600, rate=rate).save(tmp_path / name)
    runner = CliRunner()
    done = runner.invoke(regime, ["report", str(tmp_path / "fast")], catch_exceptions=False)
    assert done.exit_code == 0
    assert (tmp_path / "fast.html").is_file()
    both, page = [str(tmp_path / "fast"), str(tmp_path / "slow")], tmp_path / "both.html"
    done = runner.invoke(regime, ["compare", *both, "-o", str(page)], catch_exceptions=False)
    assert done.exit_code == 0
    for name in ("fast", "slow"):
        assert f"{name}: {Trace.load(tmp_path / name).regime_change()}" in done.output
        assert name in page.read_text()
    with pytest.raises(RegimeError, match="holds no trace"):
        runner.invoke(regime, ["report", str(tmp_path)], catch_exceptions=False)
