"""Draw the tables of files in ARCHITECTURE.md from the first lines of the modules.

Between `<!-- files: FOLDER -->` and `<!-- end -->` stands a table of the Python files of FOLDER,
each with what its first line says it is for. `make files` draws them; a test holds the page to it.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_TABLE = re.compile(r"(<!-- files: (?P<folder>\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table_of(folder: Path) -> str:
    """Return a Markdown table of the modules of a folder and of its packages."""
    rows = ["| file | what it is for |", "| --- | --- |"]
    for path in sorted(folder.iterdir()):
        if (path / "__init__.py").is_file():
            rows.append(f"| `{path.name}/` | {first_line(path / '__init__.py')} |")
        elif path.suffix == ".py" and path.stem not in ("__init__", "__main__"):
            rows.append(f"| `{path.name}` | {first_line(path)} |")
    return "\n".join(rows) + "\n"


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring, without its full stop."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.partition("\n")[0].removesuffix(".").replace("|", r"\|")


def drawn(page: str) -> str:
    """Return the page with every table drawn anew."""
    return _TABLE.sub(lambda m: f"{m[1]}{table_of(ROOT / m['folder'])}{m[3]}", page)


if __name__ == "__main__":
    place = ROOT / "ARCHITECTURE.md"
    place.write_text(drawn(place.read_text(encoding="utf-8")), encoding="utf-8")
