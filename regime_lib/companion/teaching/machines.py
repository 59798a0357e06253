"""Receipts from other machines: kept with the book without names, and drawn as a table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from regime_lib.companion.book.project import Project
from regime_lib.companion.teaching.collecting import Handed, collect_receipts, receipt_files
from regime_lib.storage import all_or_nothing

#: Where they are kept, in the folder of pages.
RECEIPTS = "receipts"

_NONE = "Nobody has handed in a receipt from another machine yet; [this is how](rerun.md)."
_HEAD = (
    "| chapter | machine | numbers the same, or inside the book's interval | verdicts that stay | "
    "differs in |\n| --- | --- | --- | --- | --- |"
)


def keep_receipts(project: Project, places: Iterable[Path]) -> tuple[Path, ...]:
    """Keep receipts with the book, less the names in them; return the files, all or none written.

    A receipt is called by its content, so that one that is handed in twice is kept once.

    Raises
    ------
    RegimeError
        If one of them is not a receipt.
    """
    files = list(receipt_files(places))
    collect_receipts(files)  # whether all of them are receipts
    texts = {}
    for path in files:
        content = json.loads(path.read_text(encoding="utf-8"))
        for chapter in content["chapters"]:
            chapter["for"] = ""
        text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        texts[project.pages / RECEIPTS / f"{name}.json"] = text
    with all_or_nothing() as beside:
        for path, text in texts.items():
            beside(path).write_text(text, encoding="utf-8")
    return tuple(texts)


def machines(pages: Path) -> str:
    """Return a table of the receipts that are kept, in Markdown, for a page that lies in ``book/``.

    Only what is counted is shown: a receipt says whether the runs agree, not whose it is.
    """
    folder = pages / RECEIPTS
    if not any(folder.glob("*.json")):
        return _NONE
    handed = collect_receipts([folder]).handed
    rows = [_row(one) for one in sorted(handed, key=lambda one: (one.chapter, one.machine))]
    return "\n".join([_HEAD, *rows])


def _row(one: Handed) -> str:
    cells = [
        one.chapter.replace("_", " "),
        one.machine,
        f"{one.near} of {one.total}",
        f"{one.stays} of {one.total}",
        ", ".join(one.causes) or "nothing",
    ]
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    """Return text of a stranger's file so that Markdown shows it as it is, and in one cell."""
    safe = "".join(c if c.isalnum() or c in " .,()@-+/" else " " for c in text)
    return " ".join(safe.split())[:80]
