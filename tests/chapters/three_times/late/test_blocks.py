"""A block of fresh runs is judged as the page judges the committed ones, and shares no run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regime_lib.chapters.three_times.late import blocks
from regime_lib.chapters.three_times.late.decomposition import decomposition
from regime_lib.chapters.three_times.late.headline import headline
from regime_lib.chapters.three_times.late.refinement import refinement
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence

PROJECT = Project(Path(__file__).resolve().parents[4])


def test_the_committed_runs_of_a_block_say_what_the_page_says_of_all_runs() -> None:
    """The claims of a block hang on no other run than those that a block has."""
    tables = published_evidence("late_stage", PROJECT).tables
    own = {
        name: table[(table["part"] == "mnist-mlp") & (table["schedule"] == "constant")]
        for name, table in tables.items()
    }
    runs: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
        ({"seed": seed}, [
            {"table": name, **row}
            for name, table in own.items()
            for row in table[table["seed"] == seed].drop(columns=["part"]).to_dict("records")
        ])
        for seed in own["runs"]["seed"].unique()
    ]  # fmt: skip
    judged = blocks.judged(runs).claims
    assert set(judged) == set(blocks.CLAIMS)
    every = [part(tables).claims for part in (headline, decomposition, refinement)]
    for claim, estimate in judged.items():
        (expected,) = (found[claim] for found in every if claim in found)
        assert (estimate.value, estimate.low, estimate.high, estimate.n) == pytest.approx(
            (expected.value, expected.low, expected.high, expected.n), rel=1e-6
        )


def test_a_block_has_every_optimiser_and_seed_once_and_seeds_of_its_own() -> None:
    points = blocks.block_points(101_000)
    named = {(point["optimizer"], point["seed"]) for point in points}
    assert len(named) == len(points) == 15
    assert {seed for _, seed in named} == set(range(101_000, 101_005))
    assert {point["schedule"] for point in points} == {"constant"}
    others = blocks.block_points(102_000)
    assert not any(point in others for point in points)


def test_the_claims_of_a_block_are_empirical_ones_of_the_book() -> None:
    claims = load_claims(PROJECT.claims_file)
    for claim in blocks.CLAIMS:
        assert claims[claim].drawn
        assert claims[claim].chapter == "23_three_times_earlier"
