"""The scripts behind `make`: what they find, what they refuse, and what they notice."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
OLD_PYTHON = '#!/bin/sh\nif [ "$1" = --version ]; then echo "Python 3.9.2"; else exit 1; fi\n'
BROWSER = "#!/bin/sh\necho Chromium 1.0\n"


NEW_PYTHON = f"""\
#!/bin/sh
case "$1" in
--version) echo "Python 3.{{minor}}.0" ;;
-m) [ "$2" = pip ] || exec {sys.executable} "$@" ;;
esac
"""
SHIM = "#!/bin/sh\necho 'pyenv: command not found, though it exists in 3.12.1' >&2\nexit 127\n"
UNSET = ("REGIME_CHROMIUM", "PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")


def script(name: str) -> ModuleType:
    """Load a Python script of `.ci`."""
    spec = spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(path: Path, source: str) -> Path:
    """Write a small executable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")
    path.chmod(0o755)
    return path


def run(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k not in UNSET}
    return subprocess.run(
        [str(part) for part in command],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small git checkout with a tracked, an untracked and an ignored file."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_text("ignored\n")
    for name in ("tracked", "untracked", "ignored"):
        (tmp_path / name).write_text(name)
    git(tmp_path, "add", ".gitignore", "tracked")
    return tmp_path


def test_the_digest_of_an_unchanged_tree_is_the_same(checkout: Path) -> None:
    digest = script("digest").digest
    assert digest(checkout) == digest(checkout)


@pytest.mark.parametrize("name", ["tracked", "untracked", "new"])
def test_the_digest_notices_a_changed_file(checkout: Path, name: str) -> None:
    digest = script("digest").digest
    before = digest(checkout)
    (checkout / name).write_text("changed")
    assert digest(checkout) != before


def test_the_digest_notices_a_deleted_and_an_executable_file(checkout: Path) -> None:
    digest = script("digest").digest
    digests = {digest(checkout)}
    (checkout / "untracked").chmod(0o755)
    digests.add(digest(checkout))
    (checkout / "tracked").unlink()
    digests.add(digest(checkout))
    assert len(digests) == 3


def test_the_digest_leaves_out_what_git_ignores(checkout: Path) -> None:
    digest = script("digest").digest
    before = digest(checkout)
    (checkout / "ignored").write_text("changed")
    assert digest(checkout) == before


def test_the_digest_notices_whether_data_sets_are_at_hand(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = script("digest").digest
    monkeypatch.delenv("REGIME_DATA", raising=False)
    before = digest(checkout)
    monkeypatch.setenv("REGIME_DATA", "somewhere")
    assert digest(checkout) != before


def test_outside_git_no_two_digests_agree(tmp_path: Path) -> None:
    digest = script("digest").digest
    assert digest(tmp_path) != digest(tmp_path)


def test_the_lock_files_are_what_make_lock_writes(tmp_path: Path) -> None:
    script("lock").write(tmp_path)
    for name in ("requirements.lock", "environment.yml"):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()


class Pinned(metadata.Distribution):
    """A distribution that is installed nowhere, with these lines of metadata."""

    def __init__(self, *lines: str) -> None:
        self.text = "\n".join(["Name: pinned", "Version: 4.1.2", *lines, ""])

    def read_text(self, filename: str) -> str | None:
        return self.text if filename == "METADATA" else None

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        raise AssertionError(path)


def test_a_version_that_the_oldest_python_cannot_install_is_not_locked() -> None:
    refusal = script("lock").refusal
    too_new, fits = Pinned("Requires-Python: >=3.11.5"), Pinned("Requires-Python: >=3.8")
    assert refusal({"fits": fits, "silent": Pinned()}, Version("3.11")) is None
    assert refusal({"fits": fits, "new": too_new}, Version("3.11")) == (
        "new 4.1.2 needs Python >=3.11.5, but pyproject.toml promises 3.11 or newer: install an "
        "older one into this environment, then write the lock again."
    )


def test_refusing_leaves_the_lock_files_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = script("lock")
    monkeypatch.setattr(lock, "closure", lambda *_: {"new": Pinned("Requires-Python: >=3.11.5")})
    with pytest.raises(SystemExit, match=r"^new 4\.1\.2 needs Python >=3\.11\.5"):
        lock.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_extras_and_groups_are_locked_and_the_project_itself_is_not() -> None:
    declared = {
        "build-system": {"requires": ["builder"]},
        "project": {
            "name": "own",
            "requires-python": ">=3.11",
            "dependencies": ["core>=1"],
            "optional-dependencies": {"all": ["own[more]"], "more": ["extra"]},
        },
        "dependency-groups": {"dev": [{"include-group": "test"}, "tool"], "test": ["tester"]},
    }
    wanted = {need.name for need in script("lock").wanted(declared)}
    assert wanted == {"builder", "core", "extra", "tool", "tester"}
    assert script("lock").oldest(declared) == Version("3.11")


def test_the_lock_is_that_of_the_oldest_python_whatever_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = script("lock")
    top = Pinned(
        "Requires-Dist: old; python_version == '3.11'",
        "Requires-Dist: new; python_version > '3.11'",
        "Requires-Dist: patched; python_full_version < '3.11.3'",
        "Requires-Dist: more; extra == 'more'",
        "Provides-Extra: more",
    )
    known = {"top": top, **dict.fromkeys(("old", "patched", "more"), Pinned())}
    monkeypatch.setattr(lock.metadata, "distribution", known.__getitem__)
    names = set(lock.closure([Requirement("top")], Version("3.11")))
    assert names == {"top", "old", "patched"}
    assert set(lock.closure([Requirement("top[more]")], Version("3.11"))) == names | {"more"}


def test_a_python_that_is_too_old_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = program(tmp_path / "python3", OLD_PYTHON)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON=str(old))
    assert done.returncode == 1
    assert f"Found {old} (Python 3.9.2), but Python 3.11 or newer is needed" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "venv").exists()


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON="no-such-python")
    assert done.returncode == 1
    assert "Found no no-such-python" in done.stderr


def commands(folder: Path, **programs: str) -> str:
    """Return a PATH with these programs and what the script calls, and no Python besides."""
    for tool in ("sh", "grep", "true"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    for name, source in programs.items():
        program(folder / name.replace("_", "."), source)
    return str(folder)


@pytest.mark.parametrize("minor", [11, 14, 27])
def test_any_newer_python_on_the_path_is_found(tmp_path: Path, minor: int) -> None:
    found = {f"python3_{minor}": NEW_PYTHON.format(minor=minor), "python3_10": OLD_PYTHON}
    path = commands(tmp_path, python3=OLD_PYTHON, **found)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PATH=path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Making {tmp_path}/venv with Python 3.{minor}.0.\n"
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_a_command_that_stands_for_no_python_is_not_named(tmp_path: Path) -> None:
    path = commands(tmp_path, python3=OLD_PYTHON, python3_12=SHIM)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PATH=path)
    assert done.returncode == 1
    assert done.stderr.startswith(
        "Found python3 (Python 3.9.2), but Python 3.11 or newer is needed"
    )
    assert len(done.stderr.splitlines()) == 1


def test_another_python_than_the_one_there_makes_the_environment_again(tmp_path: Path) -> None:
    there = program(tmp_path / "venv" / "bin" / "python", NEW_PYTHON.format(minor=12))
    kept = program(tmp_path / "venv" / "kept", "")
    same = program(tmp_path / "same", NEW_PYTHON.format(minor=12))
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON=str(same))
    assert (done.returncode, done.stdout, kept.exists()) == (0, "", True)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv")
    assert (done.returncode, done.stdout, kept.exists()) == (0, "", True)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    version = f"Python {platform.python_version()}"
    assert done.stdout.splitlines()[0] == (
        f"{tmp_path}/venv holds Python 3.12.0, but {sys.executable} is {version}: making it again."
    )
    assert not kept.exists()
    assert run(there, "--version").stdout.strip() == version


def test_an_unfit_python_leaves_the_environment_alone(tmp_path: Path) -> None:
    program(tmp_path / "venv" / "bin" / "python", NEW_PYTHON.format(minor=12))
    old = program(tmp_path / "old", OLD_PYTHON)
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON=str(old))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Found {old} (Python 3.9.2), but Python 3.11 or newer is needed" in done.stderr
    assert (tmp_path / "venv" / "bin" / "python").exists()


def test_make_notices_that_another_python_is_asked_for(tmp_path: Path) -> None:
    for name in ("Makefile", ".ci/venv", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    program(tmp_path / "regime_lib" / "__init__.py", "")
    program(tmp_path / ".venv" / "bin" / "python", NEW_PYTHON.format(minor=12))
    program(tmp_path / ".venv" / ".installed", "")
    same = program(tmp_path / "same", NEW_PYTHON.format(minor=12))
    other = program(tmp_path / "other", NEW_PYTHON.format(minor=13))

    def up_to_date(*arguments: str) -> bool:
        return run("make", "--question", "-C", tmp_path, "setup", *arguments).returncode == 0

    assert up_to_date()
    assert up_to_date(f"PYTHON={same}")
    assert not up_to_date(f"PYTHON={other}")
    assert not up_to_date("PYTHON=no-such-python")


def test_an_environment_whose_making_was_interrupted_is_made_again(tmp_path: Path) -> None:
    broken = program(tmp_path / "venv" / "bin" / "python", "#!/bin/sh\nexit 1\n")
    done = run("sh", ROOT / ".ci" / "venv", tmp_path / "venv", PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    assert run(broken, "-m", "pip", "--version").returncode == 0


def test_the_browser_that_the_reader_names_is_taken(tmp_path: Path) -> None:
    named = program(tmp_path / "my browser", BROWSER)
    done = run("sh", ROOT / ".ci" / "browser", sys.executable, REGIME_CHROMIUM=str(named))
    assert (done.returncode, done.stdout) == (0, f"{named}\n")


def test_a_named_browser_that_does_not_run_is_refused(tmp_path: Path) -> None:
    named = program(tmp_path / "broken", "#!/bin/sh\nexit 1\n")
    done = run("sh", ROOT / ".ci" / "browser", sys.executable, REGIME_CHROMIUM=str(named))
    assert done.returncode == 1
    assert "which does not run" in done.stderr


def test_a_launcher_without_a_browser_behind_it_is_passed_over(tmp_path: Path) -> None:
    for tool in ("sh", "id", "true"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    program(tmp_path / "chromium", "#!/bin/sh\nexit 1\n")
    good = program(tmp_path / "google-chrome", BROWSER)
    done = run("sh", ROOT / ".ci" / "browser", "--find", "no-python", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{good}\n")


def test_looking_for_a_browser_installs_nothing(tmp_path: Path) -> None:
    for tool in ("sh", "id", "true"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    program(tmp_path / "apt-get", "#!/bin/sh\ntouch installed\n")
    done = run("sh", ROOT / ".ci" / "browser", "--find", "no-python", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")


def test_as_root_on_debian_the_distribution_is_asked_for_a_browser(tmp_path: Path) -> None:
    for tool in ("sh", "true", "cp", "chmod"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    program(tmp_path / "id", "#!/bin/sh\necho 0\n")
    program(tmp_path / "a-browser", BROWSER)
    program(
        tmp_path / "apt-get",
        f'#!/bin/sh\ncase "$*" in *chromium*fonts-dejavu-core*) '
        f"cp {tmp_path}/a-browser {tmp_path}/chromium;; esac\n",
    )
    done = run("sh", ROOT / ".ci" / "browser", "no-python", PATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/chromium\n")


def test_where_no_browser_can_be_had_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    for tool in ("sh", "true"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    program(tmp_path / "id", "#!/bin/sh\necho 1000\n")
    done = run("sh", ROOT / ".ci" / "browser", "no-python", PATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("No Chromium was found and none could be")


@pytest.mark.parametrize("name", ["venv", "beside", "browser", "run"])
def test_every_script_parses_and_may_be_executed(name: str) -> None:
    path = ROOT / ".ci" / name
    assert run("sh", "-n", path).returncode == 0
    assert os.access(path, os.X_OK)


def test_banned_words_are_found_with_advice_and_code_is_let_be(tmp_path: Path) -> None:
    words = script("words")
    listing = words.banned("# why\n\\bhangs? on\\b => depends on\n")
    assert words.faults("It\nhangs  on chance.", listing) == [("hangs on", "depends on")]
    assert words.faults("`hangs on` and it depends on chance", listing) == []
    with pytest.raises(SystemExit, match="what to write instead"):
        words.banned("hangs on")


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("Left: the loss.", True),
        ("Right, curves rise to one.", True),
        ("Left and middle: before and after.", True),
        ("mean over runs (left), and by layer (right; bands over runs)", True),
        ("at the end of the middle panel", True),
        ("Left of the dotted line the laws hold.", False),
        ("what is left of the path; the left half-line", False),
        ("Left out at the last epoch", False),
    ],
)
def test_panels_that_a_phone_stacks_are_not_called_left_and_right(text: str, banned: bool) -> None:
    words = script("words")
    listing = words.banned((ROOT / ".ci" / "words.txt").read_text(encoding="utf-8"))
    assert bool(words.faults(text, listing)) is banned


def test_every_page_and_chapter_is_read_for_banned_words() -> None:
    words = script("words")
    places = {place.partition(",")[0] for place, _ in words.texts(ROOT)}
    assert {"book/index.md", "book/claims.yml", "README.md", "10_stability.ipynb"} <= places
    assert any(place.startswith("regime_lib/chapters/stability/scene.py:") for place in places)
    assert words.strings('x = f"it {n} hangs"\ny = "on"') == [(2, "on"), (1, "it "), (1, " hangs")]
    assert words.strings("%time x") == []
