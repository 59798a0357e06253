"""Refuse words that are no English of the field, as `.ci/words.txt` lists them, in what is read.

Read are the pages of the book, the README, the claims and the statements, the text of the
chapters, and every string of their code (captions, headlines, hints, docstrings); code between
backticks is left out. `make lint` calls it; it prints a line for each place, and exits with 1 if
there is one.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def banned(listing: str) -> list[tuple[re.Pattern[str], str]]:
    """Read a list of expressions, each with its advice; a line without both is refused."""
    found = []
    for line in listing.splitlines():
        if line.strip() and not line.startswith("#"):
            expression, arrow, advice = line.partition(" => ")
            if not arrow or not advice.strip():
                raise SystemExit(f"words.txt: '{line}' has no ' => ' with what to write instead")
            found.append((re.compile(expression, re.IGNORECASE), advice.strip()))
    return found


def faults(text: str, words: list[tuple[re.Pattern[str], str]]) -> list[tuple[str, str]]:
    """Return what a text has of the banned words, each with the advice."""
    plain = " ".join(_CODE.sub(" ", text).split())
    return [(found[0], advice) for pattern, advice in words for found in pattern.finditer(plain)]


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Yield what readers read, with where it stands."""
    pages = [path for path in sorted(root.glob("book/**/*.md")) if "_generated" not in path.parts]
    ledgers = sorted(root.glob("book/*.yml"))
    for path in [*pages, *ledgers, root / "README.md"]:
        yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
    for path in sorted(root.glob("regime_lib/**/*.py")):
        for line, text in strings(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(root).as_posix()}:{line}", text
    for path in sorted(root.glob("notebooks/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            place, source = f"{path.name}, cell {cell['id']}", "".join(cell["source"])
            if cell["cell_type"] == "markdown":
                yield place, source
            else:
                yield from ((place, text) for _, text in strings(source))


def strings(code: str) -> list[tuple[int, str]]:
    """Return every string of some Python code with its line; none of code that is no Python."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a cell with a magic command
        return []
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def main() -> int:
    """Print every fault; return 1 if there is one."""
    words = banned((ROOT / ".ci" / "words.txt").read_text(encoding="utf-8"))
    found = [
        f"{place}: '{said}': {advice}"
        for place, text in texts(ROOT)
        for said, advice in faults(text, words)
    ]
    print("\n".join(found), end="\n" if found else "")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
