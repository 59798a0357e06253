"""Committed evidence comes back as it was written, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import folder_of, publish_evidence, published_evidence
from regime_lib.errors import RegimeError

TABLE = pd.DataFrame({"dataset": ["a", "b"], "ratio": [1.5, float("nan")]})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    publish_evidence(Project(tmp_path), "10_tiny", {"runs": TABLE}, {"runs_done": 2})
    return Project(tmp_path)


def test_tables_and_facts_come_back(project: Project) -> None:
    found = published_evidence("10_tiny", project)
    assert_frame_equal(found.tables["runs"], TABLE)
    assert found.manifest["runs_done"] == 2
    assert found.manifest["files"]["runs"]["rows"] == 2
    assert {"commit", "versions", "machine", "chapter"} <= found.manifest.keys()


def test_a_manifest_names_no_path_of_this_machine(project: Project) -> None:
    text = (folder_of(project, "10_tiny") / "manifest.json").read_text(encoding="utf-8")
    assert str(project.root) not in text
    assert json.loads(text)["machine"].endswith("one thread a run")


def test_another_table_than_the_manifest_names_is_refused(project: Project) -> None:
    (folder_of(project, "10_tiny") / "runs.parquet").write_bytes(b"other")
    with pytest.raises(RegimeError, match="not the one that the manifest names"):
        published_evidence("10_tiny", project)


def test_missing_evidence_is_said_with_what_to_do(project: Project) -> None:
    with pytest.raises(RegimeError, match="run regime evidence 20_other"):
        published_evidence("20_other", project)
