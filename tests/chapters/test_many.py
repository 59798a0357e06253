"""Many short runs are computed once, gathered, and say of claims what their rows say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from regime_lib.chapters.attraction_basins import many_runs as starts
from regime_lib.chapters.many import ManyRuns, collect, compute
from regime_lib.chapters.neuron_modes import many_runs as modes
from regime_lib.chapters.neuron_modes.many_claims import claims_of, removable_by_depth
from tests.sentences import refusal


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    if point["seed"] == 2:
        raise ValueError("no such run")
    return [{**point, "name": "square", "value": point["seed"] ** 2}]


def points() -> Iterator[dict[str, Any]]:
    yield from ({"part": "squares", "seed": seed} for seed in range(4))


RUNS = cast(
    "ManyRuns",
    SimpleNamespace(
        VERSION=3, SIZES={"steps": 1}, points=points, run_point=run_point, claims_of=claims_of
    ),
)


def test_what_is_finished_is_gathered_and_what_failed_is_said(tmp_path: Path) -> None:
    compute(RUNS, tmp_path, jobs=1)
    found = collect(RUNS, tmp_path)
    assert found.rows["value"].tolist() == [0, 1, 9]
    assert (found.done, found.asked) == (3, 4)
    assert "no such run" in found.failed[0]
    assert found.facts["sizes"] == {"steps": 1}
    assert (found.facts["version"], found.facts["runs_done"]) == (3, 3)


def test_nothing_finished_is_refused(tmp_path: Path) -> None:
    assert "compute some first" in refusal("holds", lambda: collect(RUNS, tmp_path / "none"))


@pytest.mark.parametrize("chapter", [modes, starts])
def test_points_differ_and_every_run_has_a_seed_of_its_own(chapter: Any) -> None:
    listed = list(chapter.points())
    assert len({tuple(point.items()) for point in listed}) == len(listed)
    for part in {point["part"] for point in listed}:
        seeds = [point["seed"] for point in listed if point["part"] == part]
        assert seeds == list(range(len(seeds)))
        assert len(seeds) >= 8


def _long(part: str, seed: int, numbers: Mapping[str, float], **where: Any) -> list[dict[str, Any]]:
    return [
        {"part": part, "seed": seed, "name": k, "value": v, **where} for k, v in numbers.items()
    ]


def test_the_rule_is_read_within_each_run() -> None:
    random, rows = np.random.default_rng(0), []
    slope, accuracy, there = random.random((3, 4)), random.random((3, 4)), random.random((3, 4))
    for number, seed in np.ndindex(3, 4):
        numbers = {
            "slope": slope[number, seed],
            "accuracy": accuracy[number, seed],
            "accuracy there": there[number, seed],
            "equal loss": 0.1,
        }
        rows += _long("rule", seed, numbers, rate=(0.03, 0.1, 0.37)[number])
    claims, _ = claims_of(pd.DataFrame(rows))
    x, y = ((values - values.mean(axis=0)).ravel() for values in (slope, accuracy))
    assert claims["nd-slope-rule"].value == pytest.approx(spearmanr(x, y).statistic)
    assert claims["nd-rate-gain"].value == pytest.approx(100 * (accuracy[2] - accuracy[0]).mean())
    gain = 100 * (there[2] - there[0]).mean()
    assert claims["nd-rate-gain-loss"].value == pytest.approx(gain)


def test_reversals_and_depths_are_those_of_complete_runs() -> None:
    rows = []
    early, late = [2.0, 1, 0, 0], [0.0, 0, 1, 2]
    for seed, ends in enumerate((late, late, early, late)):  # the third does not reverse
        for step, slopes in ((1, early), (9, ends)):
            for layer, slope in enumerate(slopes, start=1):
                rows += _long("deep", seed, {"slope": slope}, step=step, layer=layer, depth=10)
        rows += _long("deep", seed, {"removable": seed}, depth=10)
        if seed:
            rows += _long("depths", seed, {"removable": 2}, depth=2)
    claims, numbers = claims_of(pd.DataFrame(rows))
    assert claims["nd-deep-phases"].value == pytest.approx(3 / 4)
    assert numbers["deep-share"] == "3 of 4"
    assert {k: v.tolist() for k, v in removable_by_depth(pd.DataFrame(rows)).items()} == {
        2: [2, 2, 2],
        10: [1, 2, 3],
    }
    assert claims["nd-late-linear-depth"].value == pytest.approx(0)
    assert numbers["first-linear-said"] == "1.0, 9.0"


def test_widths_are_compared_start_by_start() -> None:
    rows = [
        {"part": "starts", "seed": seed, "start": start, "width": width, "accuracy": accuracy,
         "sample_basin": 1.0, "weight_basin": basin}
        for start, width, accuracy, basin in (
            ("usual", 512, 0.9, 4.0), ("usual", 32, 0.8, 1.0),
            ("fixed", 512, 0.7, 3.0), ("fixed", 32, 0.8, 2.0),
        )
        for seed in range(3)
    ]  # fmt: skip
    claims, numbers = starts.claims_of(pd.DataFrame(rows))
    assert claims["nd-width-helps"].value == pytest.approx(10)
    assert claims["nd-width-start"].value == pytest.approx(-10)
    assert claims["nd-width-start-basin"].value == pytest.approx(1.5)
    assert numbers == {"start-usual-growth": 4.0}
