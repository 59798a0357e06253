"""The committed networks are of the settings as they are drawn today, and all of them are there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regime_lib.chapters.attraction_basins import network_runs
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import Evidence, published_evidence
from tests.sentences import refusal

ROOT = Path(__file__).resolve().parents[3]
SETTING = ["dataset", "family", "setting"]


@pytest.fixture(scope="module")
def committed() -> Evidence:
    return published_evidence(network_runs.EVIDENCE, Project(ROOT))


def test_every_setting_is_asked_for_once() -> None:
    points = [tuple(sorted(point.items())) for point in network_runs.points()]
    assert len(points) == len(set(points))
    assert len(network_runs.drawn_settings()) == network_runs.SETTINGS


def test_every_network_is_of_a_setting_that_is_asked_for(committed: Evidence) -> None:
    asked = {tuple(point[name] for name in SETTING): point for point in network_runs.points()}
    networks = committed.tables["networks"]
    for row in networks.to_dict("records"):
        point = asked[tuple(row[name] for name in SETTING)]
        assert {name: row[name] for name in point} == point
    assert not networks.duplicated([*SETTING, "run"]).any()
    manifest = committed.manifest
    assert manifest["runs_asked"] == len(asked)
    assert manifest["runs_done"] == len(networks.drop_duplicates(SETTING))
    assert manifest["version"] == network_runs.VERSION


def test_who_has_steps_is_at_the_loss(committed: Evidence) -> None:
    networks = committed.tables["networks"]
    at = networks["steps"].notna()
    assert (networks.loc[at, "loss"] <= network_runs.TARGET).all()
    assert (networks.loc[~at, "loss"] > network_runs.TARGET).all()
    assert np.isfinite(networks.loc[at, ["sample_basin", "weight_basin"]]).all(axis=None)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    refusal("holds no finished run", lambda: network_runs.collect(str(tmp_path / "nothing")))
