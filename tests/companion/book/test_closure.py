"""The closure of imports holds what importing runs, and the digest of code only what it does."""

from __future__ import annotations

import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from regime_lib.companion.book.closure import COMMENT_OR_STRING, closure, module_of
from tests.companion.refusals import refused

ROOT = Path(__file__).resolve().parents[3]

FILES = {
    "pack/__init__.py": "",
    "pack/a.py": "from pack.b import name\nimport os",
    "pack/b.py": "def late():\n    from pack.inner import c\nname = 1",
    "pack/inner/__init__.py": "import pack.d",
    "pack/inner/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pack.e",
    "pack/d.py": "from importlib import import_module\nimport_module('pack.f')",
    "pack/e.py": "",
    "pack/f.py": "",
    "pack/unused.py": "",
    "pack/lazy/__init__.py": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from pack.lazy.one import first\n    from pack.lazy.two import second\n"
    ),
    "pack/lazy/one.py": "first = 1",
    "pack/lazy/two.py": "second = 2",
    "pack/exercises.py": "import pack.unused",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def found(root: Path, *modules: str, ignore: str | tuple[str, ...] = ()) -> set[str]:
    return {path.relative_to(root / "pack").as_posix() for path in closure([root], modules, ignore)}


def test_imports_are_followed_however_they_are_written(root: Path) -> None:
    assert found(root, "pack.a") == {
        *("__init__.py", "a.py", "b.py", "inner/__init__.py", "inner/c.py", "d.py", "f.py")
    }


def test_a_lazy_package_brings_in_only_what_is_asked_for(root: Path) -> None:
    assert found(root, "pack.lazy.first") == {"__init__.py", "lazy/__init__.py", "lazy/one.py"}
    assert found(root, "pack.lazy") == {"__init__.py", "lazy/__init__.py"}


def test_what_lies_elsewhere_or_is_ignored_is_not_followed(root: Path) -> None:
    assert found(root, "numpy.linalg", "os") == set()
    assert found(root, "pack.exercises", ignore="exercises") == set()
    assert found(root, "pack.exercises") == {"__init__.py", "exercises.py", "unused.py"}


def test_it_holds_every_file_that_importing_really_loads() -> None:
    name = "regime_lib.chapters.stability.figures"
    code = (
        f"import sys, {name}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith('regime_lib')])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    loaded = {Path(path) for path in done.stdout.split()}
    assert loaded
    assert loaded <= set(closure([ROOT], [name]))


def test_a_source_that_is_no_python_is_named() -> None:
    with refused("x.py is not Python", "line 2"):
        module_of("a = 1\nb =", "x.py")


ONE = '''"""Doc."""
# comment
x = "# no comment"  # one


def f(a: int) -> int:
    """Say é."""
    s = """no docstring
    # at all"""
    return a  # é
'''
OTHER = '''x = "# no comment"
def f(a: int) -> int:
    """Say something else,

    at length."""  # and more
    s = """no docstring
    # at all"""

    return a
'''


def code_of(source: str) -> str:
    return module_of(source, "x.py").code


def test_comments_docstrings_and_blank_lines_do_not_count() -> None:
    assert code_of(ONE) == code_of(OTHER)
    assert '"# no comment"' in code_of(ONE)
    assert "# at all" in code_of(ONE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("return a", "return -a"), ("# at all", "# at least"), ('"# no comment"', '"# no"')],
)
def test_everything_else_does(old: str, new: str) -> None:
    assert code_of(ONE) != code_of(ONE.replace(old, new))


def test_what_is_cut_are_the_comments_that_python_sees() -> None:
    for path in sorted((ROOT / "regime_lib" / "companion").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
        matches = COMMENT_OR_STRING.finditer(source.encode())
        assert [match[0].decode() for match in matches if match["comment"]] == comments
