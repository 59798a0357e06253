"""Python for the browser is taken from whoever has it; its hashes decide, not who brought it."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.publish.live import kit
from regime_lib.errors import RegimeError

CONTENTS = {"core.mjs": b"export const x = 1", "numpy-1-any.whl": b"numbers"}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kit of two small files stands for the real one, whose files no test downloads."""
    pieces = tuple(
        kit.Piece(name, len(data), hashlib.sha256(data).hexdigest())
        for name, data in CONTENTS.items()
    )
    monkeypatch.setattr(kit, "PIECES", pieces)
    monkeypatch.delenv(kit.FOLDER, raising=False)


def filled(folder: Path, **changed: bytes) -> Path:
    folder.mkdir()
    for name, data in CONTENTS.items():
        (folder / name).write_bytes(changed.get(name.partition(".")[0], data))
    return folder


def nobody(names: tuple[str, ...], into: Path) -> None:
    raise OSError("no network")


def test_a_folder_that_the_reader_names_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(kit.FOLDER, str(filled(tmp_path / "mine")))
    into = tmp_path / "build" / "kit"
    said = kit.fetch_kit(into, (kit.from_folder, nobody))
    assert {p.name: p.read_bytes() for p in into.iterdir()} == CONTENTS
    assert kit.complete(into)
    assert "2 files" in said
    assert [p.name for p in into.parent.iterdir()] == ["kit"]  # nothing is left of the way there


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    into = filled(tmp_path / "kit")
    kit.fetch_kit(into, (nobody,))
    (into / "core.mjs").write_bytes(b"damaged, and by another size")
    asked: list[tuple[str, ...]] = []

    def giver(names: tuple[str, ...], folder: Path) -> None:
        asked.append(names)
        (folder / "core.mjs").write_bytes(CONTENTS["core.mjs"])

    kit.fetch_kit(into, (giver,))
    assert asked == [("core.mjs",)]
    assert kit.complete(into)


def test_another_file_under_the_same_name_is_refused_and_the_next_carrier_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # of the same size, so that only the hash can tell
    monkeypatch.setenv(kit.FOLDER, str(filled(tmp_path / "mine", core=b"export const x = 2")))
    into = tmp_path / "kit"
    with pytest.raises(RegimeError, match=r"core\.mjs .* cannot be had .*another file") as error:
        kit.fetch_kit(into, (kit.from_folder, nobody))
    assert "no network" in str(error.value)
    assert "without live cells" in str(error.value)
    assert kit.FOLDER in str(error.value)
    assert [p.name for p in into.iterdir()] == ["numpy-1-any.whl"]  # the right one is kept

    def release(names: tuple[str, ...], folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(CONTENTS[name])

    kit.fetch_kit(into, (kit.from_folder, release))
    assert kit.complete(into)


def test_a_package_that_carries_the_files_is_unpacked_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (into,) = (a.removeprefix("--dest=") for a in command if a.startswith("--dest="))
        with zipfile.ZipFile(Path(into) / "carrier-1-any.whl", "w") as wheel:
            for name, data in CONTENTS.items():
                wheel.writestr(f"open_webui/frontend/pyodide/{name}", data)
            wheel.writestr("open_webui/main.py", "raise SystemExit")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    into = tmp_path / "kit"
    kit.fetch_kit(into, (kit.from_package,))
    assert kit.complete(into)
    assert asked[0][3:4] == ["download"]
    assert "--no-deps" in asked[0]
    assert {p.name for p in into.iterdir()} == set(CONTENTS)


def test_a_download_that_fails_is_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pip(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "warning\nERROR: no such thing")

    def unreachable(*_: Any, **__: Any) -> None:
        raise TimeoutError("timed out")

    monkeypatch.setattr(subprocess, "run", pip)
    monkeypatch.setattr(kit, "urlopen", unreachable)
    with pytest.raises(RegimeError) as error:
        kit.fetch_kit(tmp_path / "kit")
    assert "the release: timed out" in str(error.value)
    assert "ERROR: no such thing" in str(error.value)
    assert "\n" not in str(error.value)
