"""The committed blocks of fresh seeds are whole, fresh, and of the settings of today's pages."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup

from regime_lib.companion.book.catalogue import chapter_names, load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.firmness import BLOCKS, read_firmness
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.claims.repeated_tables import LONG, WITHOUT
from regime_lib.companion.claims.sweep_tables import read_shares
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.publish.findings import Findings
from regime_lib.companion.publish.scorecard import scorecard
from regime_lib.companion.running.fresh_blocks import block_values, measures_drawn
from regime_lib.companion.running.long_blocks import long_blocks

PROJECT = Project(Path(__file__).resolve().parents[2])
FOLDER = PROJECT.pages / "firmness"
TABLES = sorted(path.stem for path in FOLDER.glob("*.parquet"))


def manifest_of(chapter: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{chapter}.json").read_text(encoding="utf-8"))
    return found


@cache
def entries() -> dict[str, dict[str, Any]]:
    """Read the claims file without the library."""
    return {one["id"]: one for one in yaml.safe_load(PROJECT.claims_file.read_text())}


@pytest.mark.parametrize("chapter", chapter_names(PROJECT))
def test_every_chapter_that_seeds_could_turn_has_its_blocks(chapter: str) -> None:
    entry = load_entry(PROJECT, chapter)
    expected = entry.measure is not None and measures_drawn(PROJECT, entry)
    assert (chapter in TABLES) is expected, f"run: regime firm {chapter} --publish"


@pytest.mark.parametrize("chapter", TABLES)
def test_blocks_are_whole_and_enough(chapter: str) -> None:
    table, manifest = pd.read_parquet(FOLDER / f"{chapter}.parquet"), manifest_of(chapter)
    assert table["block"].nunique() == manifest["blocks"] == len(manifest["seeds"]) >= BLOCKS
    assert not table.duplicated(["block", "claim"]).any()
    assert set(table.groupby("claim").size()) == {manifest["blocks"]}


@pytest.mark.parametrize("chapter", TABLES)
def test_blocks_have_the_settings_of_the_page_and_none_of_its_seeds(chapter: str) -> None:
    manifest = manifest_of(chapter)
    values = block_values(PROJECT, load_entry(PROJECT, chapter), None)
    seed = values.pop("seed")
    assert manifest["settings"] == values, f"run again: regime firm {chapter} --publish"
    assert isinstance(seed, int)
    steps = {b - a for a, b in zip(manifest["seeds"], manifest["seeds"][1:], strict=False)}
    assert steps == {1000}
    assert seed < manifest["seeds"][0] - 1000


@pytest.mark.parametrize("chapter", TABLES)
def test_the_page_says_what_the_table_holds(chapter: str) -> None:
    found = read_firmness(PROJECT)
    table = pd.read_parquet(FOLDER / f"{chapter}.parquet")
    for claim, rows in table.groupby("claim"):
        entry = entries().get(str(claim))
        drawn = entry and (entry["kind"] == "law" and "start" in entry.get("varied", ""))
        if entry and (entry["kind"] == "empirical" or drawn):
            good = found[str(claim)].verdicts.get("reproduced", 0)  # type: ignore[call-overload]
            assert good == inside(rows, entry["criterion"]), claim


def inside(rows: pd.DataFrame, criterion: dict[str, Any]) -> int:
    """Count intervals that lie inside a range, straight from the numbers."""
    match = re.fullmatch(r"([\[(])(.+),(.+)([\])])", criterion["range"].replace(" ", ""))
    assert match is not None
    first, last = float(match[2]), float(match[3])
    low, high = rows["low"].astype(float), rows["high"].astype(float)
    above = (low > first) if match[1] == "(" else (low >= first)
    below = (high < last) if match[4] == ")" else (high <= last)
    enough = rows["n"].astype(float) >= criterion.get("n", 0) if "n" in criterion else True
    return int((above & below & enough).sum())


def test_a_sweep_is_on_the_scorecard_as_it_came_out() -> None:
    """Whoever sees "reproduced" on a card sees in how many settings it was."""
    table = pd.read_parquet(PROJECT.pages / "sweeps" / "20_tracking_mlp.parquet")
    rows = table[table["claim"] == "rc-ratio-mlp-adam"]
    good = inside(rows, entries()["rc-ratio-mlp-adam"]["criterion"])
    share = read_shares(PROJECT)["rc-ratio-mlp-adam"]
    settings = len(table.drop_duplicates(list(share.parameters)))
    assert share.points == sum(share.verdicts.values()) == settings
    assert share.verdicts.get("reproduced", 0) == good  # type: ignore[call-overload]
    records = tuple(Record(claim) for claim in load_claims(PROJECT.claims_file).values())
    page = BeautifulSoup(scorecard(Findings(records, shares=read_shares(PROJECT))), "html.parser")
    (row,) = (r for r in page.select("li.rl-row") if "rc-ratio-mlp-adam" in r.get_text())
    told = " ".join(row.get_text(" ").split())
    assert f"In a sweep of {settings} settings" in told
    for verdict, count in share.verdicts.items():
        assert f"{count} {verdict}" in told


def test_every_empirical_claim_has_fresh_blocks_or_says_why_not() -> None:
    found = read_firmness(PROJECT)
    for claim, entry in entries().items():
        if entry["kind"] == "empirical":
            repeated = claim in found and found[claim].blocks > 0
            assert repeated is ("not_repeated" not in entry), claim


@pytest.mark.parametrize("chapter", list(LONG.chapters(PROJECT)))
def test_blocks_of_long_runs_are_whole_enough_and_of_the_runs_that_the_page_judges(
    chapter: str,
) -> None:
    place = LONG.place(PROJECT, chapter)
    table, manifest = pd.read_parquet(place), json.loads(place.with_suffix(".json").read_text())
    assert table["block"].nunique() == manifest["blocks"] == len(manifest["seeds"]) >= BLOCKS
    assert not table.duplicated(["block", "claim"]).any()
    assert set(table.groupby("claim").size()) == {manifest["blocks"]}
    (first, *_) = long_blocks(PROJECT, load_entry(PROJECT, chapter), 1)
    today = [{key: value for key, value in point.items() if key != "seed"} for point in first]
    assert manifest["runs"] == today, f"run again: {manifest['command']}"


@pytest.mark.parametrize("chapter", list(WITHOUT.chapters(PROJECT)))
def test_claims_without_a_seed_are_of_todays_committed_runs(chapter: str) -> None:
    place = WITHOUT.place(PROJECT, chapter)
    manifest = json.loads(place.with_suffix(".json").read_text(encoding="utf-8"))
    for name, files in manifest["evidence"].items():
        today = published_evidence(name, PROJECT).manifest["files"]
        assert files == today, f"run again: {manifest['command']}"
    table = pd.read_parquet(place)
    assert not table.duplicated(["seed", "claim"]).any()
    assert (table.groupby("claim").size() >= 3).all()


def test_the_cnns_without_each_seed_are_what_their_runs_say() -> None:
    from regime_lib.chapters.three_times.late import networks

    tables = published_evidence("late_stage", PROJECT).tables
    for row in WITHOUT.committed(PROJECT, "21_tracking_cnn"):
        left = {name: table[table["seed"] != row["seed"]] for name, table in tables.items()}
        judged = networks.late_network(left, networks.CNN, "rc-late-cnn").claims[str(row["claim"])]
        assert (judged.n, judged.over) == (row["n"], row["over"])
