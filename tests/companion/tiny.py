"""A tiny project for tests: a few claims, one chapter that needs neither torch nor much time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, Claim, Criterion, Definition, Kind, Source
from regime_lib.companion.claims.criteria import Range


def a_claim(allowed: str, *, stronger: str | None = None, no_effect: float | None = None) -> Claim:
    """Return an empirical claim that allows a range."""
    return Claim(
        id="rc-effect",
        paper=PAPERS["regime-change"],
        where="abstract",
        chapter="10_tiny",
        statement="There is an effect.",
        kind=Kind.EMPIRICAL,
        source=Source.FOUND,
        definition=Definition.PAPER,
        quantity="difference",
        unit="1",
        no_effect=no_effect,
        criterion=Criterion(Range(allowed), stronger),
    )


CLAIMS = """\
- id: rc-tiny-ratio
  paper: regime-change
  where: abstract
  chapter: 10_tiny
  statement: Patterns settle at least twice as early as weights.
  kind: empirical
  source: found
  definition: ours
  quantity: ratio of two times
  unit: "1"
  domain: "(0, inf)"
  varied: start
  held: data
  no_effect: 1
  criterion:
    range: "[2, 8]"
    stronger: above
  changed:
    - date: 2026-01-02
      was: reproduced if low >= 1
      why: It was too easy.
      seen: true
- id: rc-tiny-steps
  paper: regime-change
  where: abstract
  chapter: 10_tiny
  statement: Patterns settle within `500` steps.
  kind: identity
  source: known
  definition: paper
  derivation: rc-derivation-2
  quantity: time of the patterns
  unit: steps
  criterion:
    range: "(-inf, 500]"
    n: 2
- id: mp-later
  paper: multi-phase
  where: Theorem 1
  chapter: 40_later
  statement: There are four phases.
  kind: law
  source: reconstructed
  definition: ours
  quantity: number of phases
  unit: "1"
  varied: start
  held: angle
  criterion:
    range: "[4, 4]"
"""

STATEMENTS = """\
- id: rc-says-earlier
  paper: regime-change
  where: abstract
  statement: Patterns settle earlier than weights.
  source: found
  kind: empirical
  claims: [rc-tiny-ratio]
- id: rc-says-cheaper
  paper: regime-change
  where: outlook
  statement: Training on with fixed patterns is cheaper.
  source: found
  kind: empirical
  claims: []
  untested_because: No chapter freezes `patterns` yet.
- id: rc-says-within
  paper: regime-change
  where: abstract
  statement: Patterns settle within 500 steps.
  source: known
  kind: identity
  claims: [rc-tiny-steps]
- id: mp-says-four
  paper: multi-phase
  where: Theorem 1
  statement: There are four phases.
  source: known
  kind: law
  claims: [mp-later]
"""

TITLE = """\
# A tiny chapter

## In one minute

The ratio is {glue:text}`rc-tiny-ratio:.2f`, and the claim is {glue:text}`rc-tiny-ratio-verdict`."""

PARAMETERS = """\
profile: str = "quick"  # how much to run [quick | paper]
steps: int = 200  # how long to watch [steps, 10..1000]
rate: float = 0.1  # learning rate [0..1]
n_seeds: int | None = None  # None takes the profile's value [seeds, 2..64]
dataset: str = "digits"  # which data to use"""

SETUP = """\
import tiny_measure
from regime_lib.companion import open_chapter

chapter = open_chapter("10_tiny", globals(), tiny_measure)
p = chapter.parameters"""

#: What a module that measures begins with, after its imports.
PROFILES = """
QUICK = {"n_seeds": 4}
PAPER = {"n_seeds": 16}


@dataclass(frozen=True)
class Settings:
    steps: int
"""

MEASURE = '''\
"""What the tiny chapter measures; it lies beside the notebook."""

from dataclasses import dataclass

import tiny_core
from regime_lib.estimate import Estimate, number, run_range
'''
MEASURE += PROFILES
MEASURE += '''\
    rate: float
    n_seeds: int


@dataclass(frozen=True)
class Times:
    claims: dict[str, Estimate]
    numbers: dict[str, float]


@dataclass(frozen=True)
class Measurements:
    times: Times


def times(settings: Settings) -> Times:
    """Three ratios of times, and the steps."""
    tiny_core.called()
    ratios = [settings.steps / by for by in (50, 80, 100)]
    over = f"{settings.n_seeds} seeds"
    ratio = run_range(ratios, over=over)
    ratio = Estimate(ratio.value, ratio.low, ratio.high, settings.n_seeds, over, ratio.method)
    steps = number(settings.steps, n=settings.n_seeds, over=over, unit="steps")
    claims = {"rc-tiny-ratio": ratio, "rc-tiny-steps": steps}
    return Times(claims, {"tiny-area": settings.rate * 3})


def measure(settings: Settings) -> Measurements:
    return Measurements(times(settings))
'''

CORE = '''\
"""What the measurements stand on; counts its calls in a file where one is named."""

import os
import time
from pathlib import Path

ANSWER = 42


def called() -> None:
    if place := os.environ.get("TINY_CALLS"):
        with Path(place).open("a") as file:
            file.write("called ")
    time.sleep(float(os.environ.get("TINY_SECONDS", "0")))
'''

FIGURE = """\
def draw(theme):
    figure, (ax,) = theme.panels(1)
    x = range(1, 50)
    theme.band(ax, x, [0.8 / i for i in x], [1 / i for i in x], [1.2 / i for i in x], "pattern")
    ax.legend()
    return figure

chapter.figure(
    draw, name="fig-regions", caption="Decay. A curve.",
    alt=f"The change of patterns falls from 1 to {1 / 49:.2f} within 49 steps.",
)"""

RECORD = """\
times = chapter.measure(tiny_measure.times)
chapter.record("rc-tiny-ratio", times.claims["rc-tiny-ratio"])
chapter.record("rc-tiny-steps", times.claims["rc-tiny-steps"])
chapter.glue_all(times.numbers)"""

IGNORED = "nbval-ignore-output"


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *tags: str) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def tiny_cells(story: str = "print(p.steps)", *, figure: bool = False) -> list[dict[str, Any]]:
    """Return the cells of a chapter that keeps the whole contract."""
    return [
        markdown(TITLE),
        code(PARAMETERS, "parameters"),
        code(SETUP),
        code(story),
        *([code(FIGURE, IGNORED)] if figure else []),
        code(RECORD, IGNORED),
        code("chapter.summary()"),
        markdown("## Where it fails\n\nEverywhere else."),
        markdown("## Exercises\n\nWrite your own."),
        code("chapter.provenance()", IGNORED),
    ]


def write_notebook(path: Path, cells: list[dict[str, Any]]) -> Path:
    named = [{**cell, "id": f"tiny-{number}"} for number, cell in enumerate(cells)]
    notebook = {
        "cells": named,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
    return path


def make_project(root: Path, cells: list[dict[str, Any]] | None = None) -> Project:
    """Make a project with one chapter, its code beside the notebook, and nothing executed."""
    for folder in ("notebooks", "book"):
        (root / folder).mkdir(parents=True)
    (root / "book" / "claims.yml").write_text(CLAIMS, encoding="utf-8")
    (root / "book" / "statements.yml").write_text(STATEMENTS, encoding="utf-8")
    (root / "requirements.lock").write_text("numpy==2.0\n", encoding="utf-8")
    (root / "notebooks" / "tiny_measure.py").write_text(MEASURE, encoding="utf-8")
    (root / "notebooks" / "tiny_core.py").write_text(CORE, encoding="utf-8")
    (root / "README.md").write_text(
        "# Tiny\n\n<!-- chapters:begin -->\n<!-- chapters:end -->\n\nThe end.\n", encoding="utf-8"
    )
    write_notebook(root / "notebooks" / "10_tiny.ipynb", cells or tiny_cells())
    return Project(root.resolve(), root.resolve() / "library")
