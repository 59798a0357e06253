"""What a live page finds beside it: Python for the browser, and the modules of its cells."""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regime_lib.companion.book.closure import closure, imports_of
from regime_lib.companion.book.notebooks import ONLY_ON_PAGES_TAG, Node
from regime_lib.companion.book.project import BuildFailed, Project, reading_committed
from regime_lib.companion.publish.live import kit, npm
from regime_lib.companion.publish.live.cells import (
    FENCE,
    LiveCell,
    as_json,
    cells_of_page,
    live_cells,
    read_declared,
    read_pictures,
)
from regime_lib.companion.publish.live.scenes import PALETTE
from regime_lib.companion.publish.live.traces import BOOK
from regime_lib.companion.publish.live.train_one import DIGITS
from regime_lib.companion.publish.markup import template
from regime_lib.storage import atomic_write

#: By its class a page's script finds a live cell.
LIVE_TAG = "rl-live-cell"
#: Beside the page's other static files.
PYTHON, MODULES = "pyodide", "live-modules.zip"

_HERE, _PACKAGE = Path(__file__).parent, __name__.rpartition(".")[0]
# that cells import by these names
_MODULES = ("jaxtyping", "moons", "page", "runner", "scenes", "traces", "train_one")
# Whole packages that weigh too much, or are not there, in a browser.
_ABSENT = ("torch", "matplotlib", "pandas", "sympy", "sklearn", "seaborn", "regime_lib.companion")
# The runs of the book that a page has: one for each optimiser.
_RUNS = "23_three_times_earlier"
_RUN = {"dataset": "mnist", "architecture": "mlp", "schedule": "constant", "batch": "mini",
        "seed": 0, "network": "iterate"}  # fmt: skip
_STILL = "This book was built without Python for the browser, so here the code can only be read."
_STARTED = (2020, 1, 1, 0, 0, 0)  # a date in an archive that never changes


def kit_folder(project: Project) -> Path:
    """Return where a project keeps Python for the browser."""
    return project.build / PYTHON


@dataclass(frozen=True)
class LivePages:
    """The live cells of a book whose kit is at hand."""

    project: Project
    declared: dict[str, tuple[str, ...]]
    modules: set[str]  # what the cells seen so far import

    def enliven(self, notebook: Node, chapter: str) -> None:
        """Mark the live cells of a chapter, and add what the page's script reads."""
        if ids := self.declared.get(chapter):
            pictures = read_pictures(self.project.pages)
            cells = live_cells(notebook, ids, f"{chapter}.ipynb", pictures)
            for cell in notebook["cells"]:
                if cell.get("id") in ids:
                    tags = cell["metadata"].get("tags", [])
                    cell["metadata"]["tags"] = sorted({*tags, LIVE_TAG})
            notebook["cells"].append(_script_cell(self._script(cells, chapter)))

    def enliven_page(self, text: str, where: str) -> str:
        """Return a page written by hand whose live blocks are cells, as those of a chapter."""
        cells = cells_of_page(text, where)
        script = f"\n```{{raw}} html\n{self._script(cells, where)}\n```\n" if cells else ""
        return FENCE.sub(_as_cell, text) + script

    def _script(self, cells: list[LiveCell], where: str) -> str:
        """Return what a page's script reads of its live cells, and note what these import."""
        imported = {name for cell in cells for name in _imported(cell)}
        packages = packages_of(self.project, imported, where)
        self.modules.update(imported)
        folder = kit_folder(self.project)
        edited = npm.ready(folder, npm.EDITOR)
        return template("live.html.j2").render(
            cells=as_json(
                cells, [packages_of(self.project, _imported(cell), where) for cell in cells]
            ),
            packages=packages,
            size=size_of(packages),
            scripts=npm.editor_bytes(folder) if edited else 0,
            python=PYTHON,
            modules=MODULES,
            editor=npm.EDITOR_FOLDER if edited else "",
            parquet=npm.PARQUET_FOLDER if npm.ready(folder, npm.PARQUET) else "",
        )

    def write(self, static: Path) -> None:
        """Put Python and the modules that cells import beside the pages."""
        folder = static / PYTHON
        folder.mkdir(parents=True, exist_ok=True)
        for piece in kit.PIECES:
            shutil.copyfile(kit_folder(self.project) / piece.name, folder / piece.name)
        if npm.ready(kit_folder(self.project), npm.EDITOR):
            npm.write_editor(kit_folder(self.project), static)
        if npm.ready(kit_folder(self.project), npm.PARQUET):
            npm.write_parquet(kit_folder(self.project), static)
        (folder / "pyodide-lock.json").write_text(json.dumps(lock()), encoding="utf-8")
        with atomic_write(static / MODULES) as temporary:
            temporary.write_bytes(modules_zip(self.project, self.modules))


def live_pages(project: Project) -> LivePages | None:
    """Return what makes pages live; None where the book goes without."""
    declared = read_declared(project.pages)
    ready = declared and not lacks_kit(project)
    return LivePages(project, declared, set()) if ready else None


def lacks_kit(project: Project) -> bool:
    """Return whether cells are declared live, and the Python for them is not at hand."""
    return bool(read_declared(project.pages)) and not kit.complete(kit_folder(project))


def packages_of(project: Project, imported: set[str], where: str) -> list[str]:
    """Return the wheels that some modules need, directly or through others."""
    own = {f"{_PACKAGE}.{name}" for name in imported if name.partition(".")[0] in _MODULES}
    files = closure([project.library.parent], imported | own)
    names = {name for module in files.values() for name in module.imports} | imported
    names = {name for name in names if not name.startswith(_PACKAGE)}
    for absent in _ABSENT:
        if found := [n for n in sorted(names) if f"{n}.".startswith(f"{absent}.")]:
            raise BuildFailed(f"a live cell of {where} needs {found[0]}, which no browser has")
    wanted = [piece.package for piece in kit.PIECES if piece.package]
    return [p for p in wanted if any(f"{name}.".startswith(f"{p}.") for name in names)]


def size_of(packages: list[str]) -> int:
    """Return how many bytes a page loads that needs some packages."""
    return sum(p.size for p in kit.PIECES if not p.package or p.package in packages)


def lock() -> dict[str, object]:
    """Return Pyodide's lock file, of what we ship alone."""
    packages = {
        piece.package: {
            "name": piece.package,
            "version": piece.name.split("-")[1],
            "file_name": piece.name,
            "install_dir": "site",
            "sha256": piece.digest,
            "package_type": "package",
            "imports": [piece.package],
            "depends": ["numpy"] if piece.package == "scipy" else [],
            "unvendored_tests": False,
        }
        for piece in kit.PIECES
        if piece.package
    }
    about = {"abi_version": "2026_0", "arch": "wasm32", "platform": "emscripten_5_0_3"}
    return {"info": {**about, "python": "3.14.0"}, "packages": packages}


def modules_zip(project: Project, imported: set[str]) -> bytes:
    """Return an archive of the modules that cells import, of all simulators, and of the runner."""
    root = project.library.parent
    paths = {*closure([root], imported), *(project.library / "simulators").rglob("*.py")}
    files = {path.relative_to(root).as_posix(): path for path in paths}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _STARTED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes())
        made = {f"{name}.py": _renamed(_HERE / f"{name}.py") for name in _MODULES}
        made |= {DIGITS: digits_file(), PALETTE: palette_file(), BOOK: book_runs_file(project)}
        for name, data in made.items():
            archive.writestr(zipfile.ZipInfo(name, _STARTED), data, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _renamed(path: Path) -> bytes:
    """Return a module that a page gets under a name of its own, and its neighbours likewise."""
    text = path.read_text(encoding="utf-8")
    return text.replace(f"from {_PACKAGE} import", "import").replace(f"{_PACKAGE}.", "").encode()


def palette_file() -> bytes:
    """Return the colours of the book, for scenes that cells draw."""
    from regime_lib.companion.figures.theme import BACKGROUND, COLOURS

    grounds = [BACKGROUND[dark] for dark in (False, True)]
    return json.dumps({"colours": COLOURS, "grounds": grounds}).encode()


def book_runs_file(project: Project) -> bytes:
    """Return series of runs of the book, by optimiser and quantity, to draw a reader's beside."""
    path = project.pages / "evidence" / _RUNS / "series.parquet"
    if not path.is_file():
        return b"{}"
    import pandas as pd  # takes a second to import

    with reading_committed(path):
        table = pd.read_parquet(path)
        for column, value in _RUN.items():
            table = table[table[column] == value]
        runs: dict[str, dict[str, dict[str, list[float]]]] = {}
        for (optimiser, quantity), rows in table.groupby(["optimizer", "quantity"], observed=True):
            own = {"steps": rows["step"].tolist(), "values": rows["value"].tolist()}
            runs.setdefault(str(optimiser), {})[str(quantity)] = own
    return json.dumps(runs).encode()


def digits_file() -> bytes:
    """Return scikit-learn's digits as whole numbers, in a file that NumPy reads."""
    from sklearn.datasets import load_digits  # takes a second to import

    bunch = load_digits()
    stored = io.BytesIO()
    pixels, labels = bunch.data.astype(np.uint8), bunch.target.astype(np.uint8)
    np.savez_compressed(stored, pixels=pixels, labels=labels)
    return stored.getvalue()


def _imported(cell: LiveCell) -> set[str]:
    return {full for _, full in imports_of(ast.parse(f"{cell.setup}\n{cell.source}"))}


def _as_cell(block: re.Match[str]) -> str:
    return (
        f":::::{{div}} cell tag-{LIVE_TAG}\n::::{{div}} cell-input\n"
        f"```{{code-block}} python\n{block['source']}```\n::::\n:::::"
    )


def still_page(text: str) -> str:
    """Return a page whose live blocks are code to read, for a book without live cells."""
    first = FENCE.search(text)
    if first is None:
        return text
    note = f":::{{note}}\n{_STILL}\n:::\n\n"
    text = text[: first.start()] + note + text[first.start() :]
    return FENCE.sub(r"```{code-block} python\n\g<source>```", text)


def _script_cell(html: str) -> Node:
    """Return a cell that shows nothing and tells the page's script what is live."""
    output = {"output_type": "display_data", "data": {"text/html": html}, "metadata": {}}
    return {
        "cell_type": "code",
        "id": "live-cells",
        "metadata": {"tags": ["remove-input", ONLY_ON_PAGES_TAG, "rl-silent"]},
        "source": "# what the page's script reads of its live cells",
        "outputs": [output],
        "execution_count": None,
    }
