"""The editor and the reader of Parquet: held to their hashes, linked, or done without."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.publish.live import npm
from regime_lib.companion.publish.live.npm import Package
from regime_lib.errors import RegimeError

VIEW = (
    "import { a } from \"@small/state\";\nimport b, {\n  c\n} from 'crelt';\nexport { a, b, c };\n"
)
SOURCES = {
    "@small/view": {"dist/index.js": VIEW, "dist/index.cjs": "require('x')"},
    "@small/state": {"dist/index.js": "// from 'elsewhere'\nexport const a = 'import \"this\"';\n"},
    "crelt": {"dist/index.js": "export default 1;\nexport const c = typeof a == 'string';\n"},
    "table": {
        "src/index.js": "export * from './more.js';\n",
        "src/more.js": "export const x = 1;\n",
    },
}


def archive(name: str, files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path, text in {**files, "LICENSE": f"MIT, of {name}"}.items():
            entry = tarfile.TarInfo(f"package/{path}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


ARCHIVES = {name: archive(name, files) for name, files in SOURCES.items()}


@pytest.fixture(autouse=True)
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four small packages stand for the real ones, which no test downloads."""
    found = {
        name: Package(name, "1.0.0", len(data), hashlib.sha256(data).hexdigest())
        for name, data in ARCHIVES.items()
    }
    table = replace(found.pop("table"), entry="src/index.js")
    monkeypatch.setattr(npm, "EDITOR", tuple(found.values()))
    monkeypatch.setattr(npm, "PARQUET", (table,))
    monkeypatch.setattr(npm, "PACKAGES", (*found.values(), table))
    monkeypatch.delenv("PYODIDE_DIR", raising=False)


def giver(names: tuple[str, ...], into: Path) -> None:
    for package in npm.PACKAGES:
        if package.piece.name in names:
            (into / package.piece.name).write_bytes(ARCHIVES[package.name])


def test_modules_name_each_other_by_their_files_and_keep_their_licences(tmp_path: Path) -> None:
    said = npm.fetch_packages(tmp_path / "kit", (giver,))
    assert "4 archives" in said
    size = npm.write_editor(tmp_path / "kit", tmp_path / "static")
    folder = tmp_path / "static" / "editor"
    modules = {path.name: path.read_text() for path in folder.glob("*.js")}
    linked = VIEW.replace("@small/state", "./small-state.js").replace("'crelt'", "'./crelt.js'")
    assert modules["small-view.js"] == linked
    assert modules["small-state.js"] == SOURCES["@small/state"]["dist/index.js"]
    assert sum(map(len, modules.values())) == size == npm.editor_bytes(tmp_path / "kit")
    assert (folder / "LICENSES.txt").read_text().count("MIT, of") == 3
    npm.write_parquet(tmp_path / "kit", tmp_path / "static")
    parts = {path.name for path in (tmp_path / "static" / "parquet").iterdir()}
    assert parts == {"index.js", "more.js", "LICENSES.txt"}


def test_an_import_that_is_not_among_the_packages_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm.fetch_packages(tmp_path, (giver,))
    monkeypatch.setattr(npm, "EDITOR", npm.EDITOR[:2])
    with pytest.raises(RegimeError, match=r"@small/view 1\.0\.0 imports crelt"):
        npm.write_editor(tmp_path, tmp_path / "static")


def test_what_cannot_be_had_is_told_and_is_no_fault(tmp_path: Path) -> None:
    def other(names: tuple[str, ...], into: Path) -> None:
        for name in names:
            (into / name).write_bytes(b"something else")

    said = npm.fetch_packages(tmp_path / "kit", (other,))
    assert "CodeMirror cannot be had: code is typed into plain text fields" in said
    assert "hyparquet cannot be had: pages read no Parquet" in said
    assert "another file than the one that was pinned" in said
    assert list((tmp_path / "kit").iterdir()) == []
    assert not npm.ready(tmp_path / "kit", npm.EDITOR)


def test_npm_packs_what_is_lacking_and_installs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def pack(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        (into,) = (a.partition("=")[2] for a in command if a.startswith("--pack-destination="))
        giver(tuple(package.piece.name for package in npm.PACKAGES), Path(into))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(npm.shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(npm.subprocess, "run", pack)
    npm.fetch_packages(tmp_path / "kit", (npm.from_npm,))
    assert npm.ready(tmp_path / "kit", npm.PACKAGES)
    assert asked[0][:2] == ["/bin/npm", "pack"]
    assert {"@small/view@1.0.0", "table@1.0.0"} <= set(asked[0])
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    assert "npm: it is not installed" in npm.fetch_packages(tmp_path / "other", (npm.from_npm,))


def test_the_registry_has_an_archive_under_the_address_that_npm_uses() -> None:
    package = Package("@codemirror/state", "6.7.6", 1, "0" * 64)
    assert package.address == "https://registry.npmjs.org/@codemirror/state/-/state-6.7.6.tgz"
    assert package.piece.name == "codemirror-state-6.7.6.tgz"


def test_every_real_package_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert len({package.digest for package in npm.PACKAGES}) == len(npm.PACKAGES) == 16
    for package in npm.PACKAGES:
        assert re.fullmatch(r"[0-9a-f]{64}", package.digest)
        assert re.fullmatch(r"\d+\.\d+\.\d+", package.version)
        assert package.size > 0
