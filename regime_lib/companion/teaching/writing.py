"""Writing notebooks for a course; one that somebody has worked in is never overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from regime_lib.companion.book.notebooks import Node, read_notebook, source_of
from regime_lib.companion.teaching.cells import EDITION_KEY
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing


def write_notebooks(
    notebooks: Iterable[tuple[Path, Node]], *, keep: bool = False
) -> tuple[Path, ...]:
    """Write notebooks, all of them or none, and return those that were written.

    Parameters
    ----------
    notebooks : iterable of (path, notebook)
        What to write where.
    keep : bool
        Leave a file alone that was edited, instead of refusing to write any.

    Raises
    ------
    RegimeError
        If a file lies there that this did not write, or that was edited since. A notebook that
        was only run counts as unedited.
    """
    reasons = {path: (notebook, _why_not(path)) for path, notebook in notebooks}
    if not keep:
        for path, (_, reason) in reasons.items():
            if reason:
                raise RegimeError(
                    f"{path} {reason}; move it away, choose another folder with -o, or leave it "
                    "as it is with --keep"
                )
    every = {path: notebook for path, (notebook, reason) in reasons.items() if not reason}
    with all_or_nothing() as beside:
        for path, notebook in every.items():
            digest = _digest(notebook)
            marked = {**notebook["metadata"][EDITION_KEY], "digest": digest}
            metadata = {**notebook["metadata"], EDITION_KEY: marked}
            text = json.dumps({**notebook, "metadata": metadata}, indent=1, ensure_ascii=False)
            beside(path).write_text(text + "\n", encoding="utf-8")
    return tuple(every)


def _why_not(path: Path) -> str:
    """Say why a file may not be overwritten; empty where it may, or where there is none."""
    if not path.exists():
        return ""
    try:
        found = read_notebook(path)
    except (RegimeError, OSError):
        return "is there and is not a notebook of this command"
    marked = found.get("metadata", {}).get(EDITION_KEY)
    if not isinstance(marked, dict) or "digest" not in marked:
        return "was not written by this command"
    return "" if marked["digest"] == _digest(found) else "was edited since it was written"


def _digest(notebook: Node) -> str:
    """Return a digest of what a reader can write: the type and the source of every cell."""
    cells = [[cell["cell_type"], source_of(cell)] for cell in notebook["cells"]]
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()[:16]
