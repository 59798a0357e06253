"""Who may import whom: each room itself and the shared leaves, the command line anything."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "regime_lib"

ROOMS = ("instrument", "simulators", "theory", "lab", "companion", "sweeps")
LEAVES = ("errors", "storage")
#: Rooms that stand on others, and on which; no other room imports them.
UPPER = {"studies": ("instrument", "lab", "sweeps")}
DOORS = ("__init__", "__main__", "cli", "exercises")  # may import anything; no room imports them
WITHOUT_TORCH = ("simulators", "theory", "companion", "sweeps", *LEAVES)


def violations(package: Path) -> list[str]:
    """Return every import below `package` that its architecture forbids, one a line."""
    found = []
    for path in sorted(package.rglob("*.py")):
        home = path.relative_to(package).parts[0].removesuffix(".py")
        where = path.relative_to(package.parent).as_posix()
        if home not in (*ROOMS, *LEAVES, *DOORS, *UPPER):
            found.append(f"{where} lies in no room")
        if home in DOORS:
            continue
        for module in imported(path, package):
            top, _, inner = module.partition(".")
            if top == "torch" and home in WITHOUT_TORCH:
                found.append(f"{where} imports torch")
            room = inner.partition(".")[0]
            if top == package.name and room not in (home, *LEAVES, *UPPER.get(home, ())):
                found.append(f"{where} imports {module}")
    return found


def imported(path: Path, package: Path) -> Iterator[str]:
    """Yield the absolute name of every module that a file imports, by statement or by call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = _absolute(module or "", level, path, package)
                if base == package.name:  # `from package import room`: the name is the module
                    yield from (f"{base}.{alias.name}" for alias in names)
                else:
                    yield base
            case ast.Call(func=function, args=[ast.Constant(value=str() as module), *_]) if (
                ast.unparse(function).split(".")[-1] in ("import_module", "__import__")
            ):
                yield module


def _absolute(module: str, level: int, path: Path, package: Path) -> str:
    """Resolve a relative import against the file that it stands in."""
    if level == 0:
        return module
    folder = path.parents[level - 1].relative_to(package.parent)
    return ".".join([*folder.parts, *([module] if module else [])])


def test_every_import_keeps_to_its_room() -> None:
    assert violations(PACKAGE) == []


def test_the_rule_is_applied_to_files() -> None:
    rooms = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py")}
    assert {"instrument", "lab", "companion", "errors.py", "storage.py"} <= rooms


FORBIDDEN = {
    "companion/a.py": "from regime_lib.instrument import RegimeTracker",
    "companion/b.py": "import regime_lib.lab.models.mlp as models",
    "companion/c.py": "def late():\n    from regime_lib.simulators import toy",
    "companion/d.py": "import importlib\nimportlib.import_module('regime_lib.lab')",
    "companion/e.py": "from regime_lib import RegimeTracker",
    "instrument/a.py": "from regime_lib.lab.training.seeding import seed_everything",
    "instrument/b.py": "from ..lab import models",
    "instrument/c.py": "from .. import companion",
    "lab/a.py": "if TYPE_CHECKING:\n    import regime_lib.instrument",
    "lab/b.py": "from regime_lib.cli import main",
    "lab/c.py": "from regime_lib.chapters.checking import expect",
    "simulators/a.py": "import torch",
    "simulators/b.py": "from torch import nn",
    "theory/a.py": "import torch",
    "theory/b.py": "from regime_lib.instrument import certify",
    "simulators/deep/c.py": "from ...instrument import bits",
    "storage.py": "from regime_lib.companion import open_chapter",
    "attic.py": "import os",
    "studies/a.py": "from regime_lib.companion import open_chapter",
    "studies/b.py": "from regime_lib.simulators import toy",
    "lab/d.py": "from regime_lib.studies import tracked_run",
    "companion/f.py": "import regime_lib.studies",
}
ALLOWED = {
    "__init__.py": "from regime_lib.instrument import RegimeTracker",
    "cli.py": "import regime_lib.companion, regime_lib.lab, torch",
    "instrument/x.py": "import torch\nfrom regime_lib.errors import E\nfrom . import bits",
    "instrument/y.py": "from ..storage import atomic_write\nfrom regime_lib.instrument.x import z",
    "lab/x.py": "import torch\nfrom regime_lib import errors\nimport torchlike",
    "simulators/x.py": "import numpy, scipy\nfrom .y import z",
    "studies/x.py": "from regime_lib import instrument, lab\nimport regime_lib.sweeps",
    "exercises/x.py": "from regime_lib.instrument import Definition\nimport regime_lib.lab",
    "errors.py": "",
}


def write(package: Path, name: str, source: str) -> None:
    path = package / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, encoding="utf-8")


@pytest.mark.parametrize(("name", "source"), FORBIDDEN.items(), ids=FORBIDDEN)
def test_a_forbidden_import_is_noticed(tmp_path: Path, name: str, source: str) -> None:
    package = tmp_path / "regime_lib"
    write(package, name, source)
    (only,) = violations(package)
    assert only.startswith(f"regime_lib/{name} ")


def test_allowed_imports_are_no_fault(tmp_path: Path) -> None:
    for name, source in ALLOWED.items():
        write(tmp_path / "regime_lib", name, source)
    assert violations(tmp_path / "regime_lib") == []


@pytest.mark.parametrize("module", ["regime_lib", "regime_lib.companion", "regime_lib.cli"])
def test_importing_it_does_not_import_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
