"""Blocks are whole measurements of what depends on chance, with seeds that no page uses."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.fresh_blocks import (
    block_of,
    block_values,
    drawn_parts,
    fresh_blocks,
    measures_drawn,
    run_block,
)
from tests.companion.firm_project import make_firm_project
from tests.companion.refusals import refused


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("FIRM_CALLS", str(tmp_path / "calls"))
    return make_firm_project(tmp_path / "project")


def test_blocks_lie_a_thousand_seeds_apart_and_off_the_page(project: Project) -> None:
    entry = load_entry(project, "10_tiny")
    points = fresh_blocks(project, entry, 3)
    assert points == [{"seed": 100_000}, {"seed": 101_000}, {"seed": 102_000}]
    assert [block_of(point) for point in points] == [0, 1, 2]


def test_a_block_measures_the_drawn_parts_with_the_settings_of_the_page(
    project: Project, tmp_path: Path
) -> None:
    (row,) = run_block(project, "10_tiny", {"seed": 100_000})
    assert (row["claim"], row["n"], row["verdict"]) == ("rc-tiny-ratio", 4, "reproduced")
    assert row["low"] == pytest.approx(2.7)
    (row,) = run_block(project, "10_tiny", {"seed": 101_000})
    assert row["verdict"] == "not reproduced"
    assert (tmp_path / "calls").read_text() == "100000 101000 "
    assert block_values(project, load_entry(project, "10_tiny"), 7) == {
        "profile": "quick",
        "steps": 200,
        "rate": 0.1,
        "n_seeds": 4,
        "dataset": "digits",
        "seed": 7,
    }


def test_a_chapter_that_names_no_drawn_parts_is_measured_whole(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = load_entry(project, "10_tiny")
    assert measures_drawn(project, entry)
    module = sys.modules["firm_measure"]
    assert drawn_parts(module) == module.EMPIRICAL
    monkeypatch.delattr(module, "EMPIRICAL")
    assert drawn_parts(module) == module.PARTS
    monkeypatch.delattr(module, "PARTS")
    assert drawn_parts(module) == (module.measure,)
    monkeypatch.setattr(module, "EMPIRICAL", (), raising=False)
    assert not measures_drawn(project, entry)
    with refused("10_tiny", "no claim that other seeds"):
        fresh_blocks(project, entry, 3)


@pytest.mark.parametrize("blocks", [0, -1, 901])
def test_a_number_of_blocks_that_is_none_is_refused(project: Project, blocks: int) -> None:
    with refused(f"is {blocks}", "1 to 900"):
        fresh_blocks(project, load_entry(project, "10_tiny"), blocks)


def test_laws_that_are_seen_in_random_runs_are_measured_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["firm_measure"]
    monkeypatch.setattr(module, "LAWS", (module.steps, module.ratios), raising=False)
    assert drawn_parts(module) == (module.ratios, module.steps)
    monkeypatch.setattr(module, "EMPIRICAL", ())
    assert drawn_parts(module) == (module.steps, module.ratios)
    text = project.claims_file.read_text().replace("kind: empirical", "kind: law")
    project.claims_file.write_text(text)
    assert measures_drawn(project, load_entry(project, "10_tiny"))  # its runs vary the start
    project.claims_file.write_text(re.sub("varied: .*", "varied: rate", text))
    assert not measures_drawn(project, load_entry(project, "10_tiny"))


def test_a_chapter_whose_claims_no_seed_could_turn_is_refused(project: Project) -> None:
    text = project.claims_file.read_text().replace("kind: empirical", "kind: law")
    project.claims_file.write_text(text.replace("varied: start", "varied: rate"))
    with refused("10_tiny", "no claim that other seeds"):
        fresh_blocks(project, load_entry(project, "10_tiny"), 3)


@pytest.mark.parametrize(("seed", "fresh"), [(99_996, True), (99_997, False), (102_999, False),
                                             (103_000, True)])  # fmt: skip
def test_seeds_of_the_page_are_no_fresh_ones(
    tmp_path: Path, seed: int, fresh: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_firm_project(tmp_path / "other", seed=seed)
    entry = load_entry(project, "10_tiny")
    if fresh:  # four seeds a block, three blocks
        assert len(fresh_blocks(project, entry, 3)) == 3
    else:
        with refused("10_tiny", str(seed), "not be fresh"):
            fresh_blocks(project, entry, 3)


def test_blocks_that_would_share_runs_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = load_entry(project, "10_tiny")
    assert len(fresh_blocks(project, entry, 2)) == 2
    text = entry.path.read_text().replace("2..64", "2..6400")
    entry.path.write_text(text)
    monkeypatch.setattr(sys.modules["firm_measure"], "QUICK", {"n_seeds": 1001})
    with refused("1001 seeds", "share runs"):
        fresh_blocks(project, load_entry(project, "10_tiny"), 2)
