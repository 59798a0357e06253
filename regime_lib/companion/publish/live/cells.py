"""Which cells of a chapter are live, and what each needs to run with nothing else run before."""

from __future__ import annotations

import ast
import builtins
import json
import re
import symtable
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.book.declarations import parameters_of
from regime_lib.companion.book.notebooks import Node, bundles_of, code_cells, source_of
from regime_lib.companion.book.project import BuildFailed, reading_committed
from regime_lib.companion.claims.strict_yaml import load_strictly
from regime_lib.companion.running.provenance import PROVENANCE_MIME

#: Beside the pages: the live cells of each chapter, by their ids.
DECLARED = "live.yml"

#: Under this key, what a page adds to its live cells so that they draw.
PICTURES = "pictures"

#: A live block of a page that is written by hand.
FENCE = re.compile(r"^```\{live\} (?P<name>\S+)\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)

_PARAMETERS = "p"  # what a chapter calls its parameters


@dataclass(frozen=True)
class LiveCell:
    """A cell that a reader runs in the page."""

    identity: str
    source: str
    setup: str  # imports of cells before it, and the chapter's parameters, where it uses them
    needs: tuple[int, ...]  # the live cells that must have run before, by their places
    exercise: bool  # it waits for the reader's solution


def read_declared(pages: Path) -> dict[str, tuple[str, ...]]:
    """Return the ids of the live cells of each chapter; of none where there is no such file."""
    return {chapter: tuple(ids) for chapter, ids in _read(pages).items() if chapter != PICTURES}


def read_pictures(pages: Path) -> dict[str, str]:
    """Return the code by which a live cell draws in its page, by the id of the cell.

    In the book it is not seen, because there a figure stands for it; a reader who opens the cell
    gets it after the cell's own lines.
    """
    return dict(_read(pages).get(PICTURES, {}))


def _read(pages: Path) -> dict[str, Any]:
    path = pages / DECLARED
    if not path.is_file():
        return {}
    with reading_committed(path):
        found = load_strictly(path.read_text(encoding="utf-8"), DECLARED)
        told: dict[str, Any] = dict(found) if isinstance(found, dict) else {"": None}
        drawn = told.pop(PICTURES, {})
        lists = list(told.values())
        if not all(isinstance(ids, list) and all(isinstance(i, str) for i in ids) for ids in lists):
            raise ValueError("it must give each chapter a list of the ids of its live cells")
        ids = {identity for some in lists for identity in some}
        if not isinstance(drawn, dict) or not all(isinstance(code, str) for code in drawn.values()):
            raise ValueError(f"its '{PICTURES}' must give the id of a live cell some code")
        if unknown := set(drawn) - ids:
            raise ValueError(f"its '{PICTURES}' names '{min(unknown)}', which is no live cell")
    return {str(key): value for key, value in found.items()}


def live_cells(
    notebook: Node, ids: tuple[str, ...], where: str, pictures: Mapping[str, str] | None = None
) -> list[LiveCell]:
    """Return the live cells of a notebook in its order, each with what it needs.

    Parameters
    ----------
    notebook : dict
        The chapter.
    ids : tuple of str
        Of its live cells.
    where : str
        What the chapter is called.
    pictures : mapping, optional
        Code that is added to a cell, by its id.

    Raises
    ------
    BuildFailed
        If there is no such cell, or one uses a name that neither an import nor a live cell gives.
    """
    parameters = _setup_of_parameters(notebook, where)
    imports: dict[str, str] = {}
    makers: dict[str, int] = {}
    found: list[LiveCell] = []
    for cell in code_cells(notebook):
        source, identity = source_of(cell), cell.get("id", "")
        if identity in ids:
            if drawing := (pictures or {}).get(identity):
                source = f"{source.rstrip()}\n\n{drawing.strip()}"
            setup, needs = [], set[int]()
            for name in sorted(_free(source)):
                if name in makers:
                    needs.add(makers[name])
                elif name in imports:
                    setup.append(imports[name])
                elif name == _PARAMETERS:
                    setup += parameters
                else:
                    raise BuildFailed(
                        f"cell '{identity}' of {where} cannot be live: neither an import nor a "
                        f"live cell before it gives '{name}'; change it, or {DECLARED}"
                    )
            exercise = "NotImplementedError" in source
            lines = "\n".join(dict.fromkeys(setup))
            found.append(LiveCell(identity, source, lines, tuple(sorted(needs)), exercise))
            # what a reader's solution defines is nobody else's business
            makers |= dict.fromkeys(() if exercise else _bound(source), len(found) - 1)
        else:  # what it defines is not there in the page
            for name in _bound(source):
                makers.pop(name, None)
                imports.pop(name, None)
        imports |= _imports(source)
        for name in _imports(source):
            makers.pop(name, None)
    if absent := set(ids) - {cell.identity for cell in found}:
        raise BuildFailed(f"{DECLARED} names '{min(absent)}', which is no cell of code of {where}")
    return found


def _setup_of_parameters(notebook: Node, where: str) -> list[str]:
    """Return the lines that give a cell the parameters of the run, its profile filled in."""
    values = {p.name: p.default for p in parameters_of(notebook, where)}
    for footer in bundles_of(notebook, PROVENANCE_MIME):
        values |= footer["parameters"]
    text = f"{_PARAMETERS} = SimpleNamespace(**{values!r})"
    return ["from types import SimpleNamespace", text]


def _free(source: str) -> set[str]:
    """Return the names that some code takes from elsewhere."""
    used: set[str] = set()

    def look(table: symtable.SymbolTable) -> None:
        outside = table.get_type() == "module"
        used.update(
            symbol.get_name()
            for symbol in table.get_symbols()
            if symbol.is_referenced() and (outside or symbol.is_global())
        )
        for child in table.get_children():
            look(child)

    look(symtable.symtable(source, "cell", "exec"))
    return used - _bound(source) - set(dir(builtins))


def _bound(source: str) -> set[str]:
    """Return the names that some code gives to others."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def _imports(source: str) -> dict[str, str]:
    """Return the imports of some code, one line per name."""
    lines: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
            for alias in node.names:
                shown = f" as {alias.asname}" if alias.asname else ""
                lines[alias.asname or alias.name] = f"{origin}import {alias.name}{shown}"
    return lines


def cells_of_page(text: str, where: str) -> list[LiveCell]:
    """Return the live blocks of a page, each a fence ``{live} name`` of backticks.

    Raises
    ------
    BuildFailed
        If a block uses a name that neither Python nor a block before it gives.
    """
    imports: dict[str, str] = {}
    makers: dict[str, int] = {}
    found: list[LiveCell] = []
    for match in FENCE.finditer(text):
        identity, source = match["name"], match["source"].rstrip("\n")
        free = sorted(_free(source))
        if unknown := [name for name in free if name not in makers and name not in imports]:
            raise BuildFailed(
                f"the live block '{identity}' of {where} uses '{unknown[0]}', which no block "
                "before it gives"
            )
        setup = "\n".join(imports[name] for name in free if name in imports)
        needs = tuple(sorted({makers[name] for name in free if name not in imports}))
        found.append(LiveCell(identity, source, setup, needs, False))
        imports |= _imports(source)
        makers |= dict.fromkeys(_bound(source) - set(imports), len(found) - 1)
    return found


def as_json(cells: Sequence[LiveCell], packages: Sequence[Sequence[str]]) -> str:
    """Write cells for the page's script, safe inside a script element.

    Parameters
    ----------
    cells : sequence of LiveCell
        Those of the page.
    packages : sequence of sequences of str
        The wheels that each of them needs, which are loaded no earlier.
    """
    told = [
        {
            "id": cell.identity,
            "source": cell.source,
            "setup": cell.setup,
            "needs": cell.needs,
            "exercise": cell.exercise,
            "packages": needed,
        }
        for cell, needed in zip(cells, packages, strict=True)
    ]
    return json.dumps(told).replace("<", "\\u003c")
