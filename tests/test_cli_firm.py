"""`regime firm` says how fresh seeds judge a chapter, keeps every block, and publishes them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from regime_lib import cli_firm
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.firmness import read_firmness
from regime_lib.errors import RegimeError
from tests.companion.firm_project import make_firm_project
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = make_firm_project(tmp_path / "project")
    monkeypatch.setattr(cli_firm, "find_project", lambda: project)
    monkeypatch.setenv("REGIME_ROOT", str(project.root))
    monkeypatch.setenv("FIRM_CALLS", str(tmp_path / "calls"))
    return project


def test_blocks_are_kept_told_and_published(
    project: Project, capsys: Capture, tmp_path: Path
) -> None:
    said = Said(capsys, "firm", "10", "--blocks", "2", "-o", str(tmp_path / "kept"))
    assert said.code == 0
    first, second = said.out.splitlines()
    assert first.startswith("10_tiny: 2 of 2 blocks (2 computed now), ")
    told = "rc-tiny-ratio reproduced in 1 of 2 fresh blocks of 4 seeds, not reproduced in 1; "
    assert " ".join(second.split()) == told + "published: not tested"
    assert not (project.pages / "firmness").exists()
    more = ("firm", "10", "--blocks", "3", "-o", str(tmp_path / "kept"))
    said = Said(capsys, *more, "--publish", "--json")
    assert said.code == 0
    assert said.json()["10_tiny"]["rc-tiny-ratio"]["verdicts"] == {
        "reproduced": 2,
        "not reproduced": 1,
    }
    fewer = Said(capsys, "firm", "10", "--blocks", "1", "-o", str(tmp_path / "kept"))
    assert fewer.out.startswith("10_tiny: 1 of 1 blocks (0 computed now), ")
    assert (tmp_path / "calls").read_text() == "100000 101000 102000 "  # each block once
    table = pd.read_parquet(project.pages / "firmness" / "10_tiny.parquet")
    assert table["block"].tolist() == [0, 1, 2]
    assert table["value"].tolist() == pytest.approx([2.925, 0.975, 2.925])
    manifest = json.loads((project.pages / "firmness" / "10_tiny.json").read_text())
    assert manifest["seeds"] == [100_000, 101_000, 102_000]
    assert manifest["settings"]["n_seeds"] == 4
    assert "seed" not in manifest["settings"]
    assert manifest["parts"] == ["ratios"]
    assert {"date", "command", "depends", "commit", "versions", "machine"} <= manifest.keys()
    assert read_firmness(project)["rc-tiny-ratio"].blocks == 3


def test_a_broken_block_is_named_loses_no_other_and_is_tried_again(
    project: Project, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRM_FAILS", "101000")
    said = Said(capsys, "firm", "10", "--blocks", "3", "--publish")
    assert said.code == 1
    assert said.out.startswith("10_tiny: 2 of 3 blocks (2 computed now)")
    errors = said.err.strip().splitlines()[-2:]
    assert errors[0] == "regime: 10_tiny, block 1: ValueError: this block is broken"
    assert "not published" in errors[1]
    assert not (project.pages / "firmness").exists()
    monkeypatch.setenv("FIRM_FAILS", "")
    said = Said(capsys, "firm", "10", "--blocks", "3", "--publish")
    assert said.code == 0
    assert "3 of 3 blocks (1 computed now)" in said.out
    assert (tmp_path / "calls").read_text() == "100000 101000 102000 101000 "
    assert read_firmness(project)["rc-tiny-ratio"].blocks == 3


def test_a_page_that_is_out_of_date_hinders_no_block(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(project: Project) -> None:
        raise RegimeError("run the chapter again")

    monkeypatch.setattr(cli_firm, "read_ledger", stale)
    said = Said(capsys, "firm", "10", "--blocks", "1", "--publish")
    assert said.code == 0
    assert "reproduced in 1 of 1 fresh block of 4 seeds\n" in said.out
    assert "not known: run the chapter again" in said.err
    assert (project.pages / "firmness" / "10_tiny.parquet").is_file()


def test_long_runs_are_made_one_at_a_time_and_judged_by_whole_blocks(
    project: Project, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project.notebooks))  # as a library's modules are found
    monkeypatch.setenv("FIRM_FAILS", "101001")
    asked = ("firm", "10", "--long-runs", "--blocks", "2", "--publish")
    said = Said(capsys, *asked)
    assert said.code == 1
    assert said.out.startswith("10_tiny: 1 of 2 blocks (5 runs computed now), ")
    assert "the run of seed 101001: ValueError: this run is broken" in said.err
    assert "not published: blocks are missing" in said.err
    assert not (project.pages / "firmness").exists()
    monkeypatch.setenv("FIRM_FAILS", "")
    said = Said(capsys, *asked)
    assert said.code == 0
    assert said.out.startswith("10_tiny: 2 of 2 blocks (1 runs computed now), ")
    assert "reproduced in 1 of 2 fresh blocks of 3 runs, not reproduced in 1" in said.out
    calls = (tmp_path / "calls").read_text().split()
    assert sorted(calls) == sorted([*map(str, (*range(100_000, 100_003), *range(101_000, 101_003))),
                                    "101001"])  # fmt: skip
    table = pd.read_parquet(project.pages / "firmness" / "long_runs" / "10_tiny.parquet")
    assert table["low"].tolist() == pytest.approx([3.0, 1.0])  # by hand, from `long_run`
    assert table["high"].tolist() == pytest.approx([3.2, 1.2])
    manifest = json.loads((project.pages / "firmness" / "long_runs" / "10_tiny.json").read_text())
    assert (manifest["blocks"], manifest["seeds"]) == (2, [100_000, 101_000])
    assert manifest["runs"] == [{"size": 2}] * 3
    assert read_firmness(project)["rc-tiny-ratio"].blocks == 2


@pytest.mark.filterwarnings("default")  # Dask's own
@pytest.mark.parametrize("long", [False, True], ids=["whole", "long"])
def test_a_cluster_makes_the_same_blocks(
    project: Project,
    capsys: Capture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    long: bool,
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("PYTHONPATH", str(project.notebooks))  # as a library's modules are found
    monkeypatch.setenv("FIRM_FAILS", "")
    asked = ("firm", "10", "--blocks", "2", *(("--long-runs",) if long else ()))
    monkeypatch.chdir(tmp_path)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs="CRITICAL"
    ) as cluster:
        address = cluster.scheduler_address
        there = Said(capsys, *asked, "-o", "there", "--publish", "--scheduler", address)
    here = Said(capsys, *asked, "-o", "here")
    assert (there.code, here.code) == (0, 0)
    assert "reproduced in 1 of 2 fresh blocks" in there.out
    assert there.out.splitlines()[:-1] == here.out.replace("here", "there").splitlines()
    folder = project.pages / "firmness" / ("long_runs" if long else "")
    assert json.loads((folder / "10_tiny.json").read_text())["machine"] == "a cluster"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Missing argument"),
        (("99",), "no chapter '99'"),
        (("tinny",), "did you mean 10_tiny"),
        (("10", "--blocks", "0"), "give 1 to 900"),
        (("10", "--blocks", "many"), "not a valid integer"),
        (("10", "-j", "0"), "not in the range"),
        (("10", "-o", "/dev/null/kept"), "cannot be written to"),
        (("10", "--long-runs", "--without-a-seed"), "not both"),
        (("10", "--long-runs", "--blocks", "0"), "give 1 to 900"),
        (("10", "--scheduler", "nonsense"), "no Dask scheduler answers at nonsense"),
        (("10", "-j", "1", "--scheduler", "tcp://a:1"), "give one"),
        (("10", "--without-a-seed", "--scheduler", "tcp://a:1"), "give one"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(
    project: Project, capsys: Capture, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    said = Said(capsys, "firm", *arguments)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "calls").exists()


def test_a_chapter_without_long_runs_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    project = make_firm_project(tmp_path / "without", measure="firm_measure_short")
    measure = project.notebooks / "firm_measure_short.py"
    measure.write_text(measure.read_text().replace("LONG_RUNS = ", "OTHER = "))
    monkeypatch.setattr(cli_firm, "find_project", lambda: project)
    said = Said(capsys, "firm", "10", "--long-runs")
    assert said.code == 2
    assert "judges no long runs that can be made again; leave out --long-runs" in said.err


def test_all_leaves_out_chapters_that_seeds_cannot_turn(project: Project, capsys: Capture) -> None:
    text = project.claims_file.read_text().replace("kind: empirical", "kind: law")
    project.claims_file.write_text(text.replace("varied: start", "varied: rate"))
    said = Said(capsys, "firm", "all")
    assert (said.code, said.out) == (0, "")
    said = Said(capsys, "firm", "10")
    assert said.code == 2
    assert "measures no claim that other seeds could turn" in said.err
