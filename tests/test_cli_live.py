"""`regime live` brings Python for the browser, or says why the book goes without live cells."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from regime_lib import cli_live
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.live import kit, npm
from regime_lib.companion.publish.live.shipped import kit_folder, lacks_kit
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]
DATA = b"a small kit"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    digest = hashlib.sha256(DATA).hexdigest()
    monkeypatch.setattr(kit, "PIECES", (kit.Piece("core.mjs", len(DATA), digest),))

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network here")

    for carrier in ("urlopen", "subprocess"):
        stub = unreachable if carrier == "urlopen" else type("Pip", (), {"run": unreachable})
        monkeypatch.setattr(kit, carrier, stub)
    monkeypatch.setattr(npm, "urlopen", unreachable)
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)  # there is no npm either
    found = Project(tmp_path / "project")
    found.pages.mkdir(parents=True)
    (found.pages / "live.yml").write_text("10_tiny: [a]\n")
    monkeypatch.setattr(cli_live, "find_project", lambda: found)
    return found


def test_a_folder_at_hand_makes_the_book_live(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "core.mjs").write_bytes(DATA)
    monkeypatch.setenv(kit.FOLDER, str(tmp_path))
    assert lacks_kit(project)
    said = Said(capsys, "live")
    assert said.code == 0, said.err
    assert kit.VERSION in said.out
    assert "CodeMirror cannot be had: code is typed into plain text fields" in said.out
    assert "npm's registry: no network here" in said.out
    assert (kit_folder(project) / "core.mjs").read_bytes() == DATA
    assert not lacks_kit(project)


def test_without_any_it_says_in_one_sentence_that_the_book_goes_without(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv(kit.FOLDER, raising=False)
    said = Said(capsys, "live")
    assert said.code == 1
    assert "no network here" in said.err
    assert "without live cells" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert lacks_kit(project)
