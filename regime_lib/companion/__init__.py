"""The companion turns notebooks into a book: parameters, claims, figures, execution, rendering.

A notebook needs one name of it, `open_chapter`; the command line and the tests use the rest.
Importing this package loads neither matplotlib nor papermill nor anything of the book's tools;
what a figure's function gets is in `regime_lib.companion.figures.theme`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regime_lib._lazy import attach

if TYPE_CHECKING:
    from regime_lib.companion.book.project import find_project
    from regime_lib.companion.chapter import Chapter
    from regime_lib.companion.claims.sweep_tables import published_sweep
    from regime_lib.companion.opening import open_chapter
    from regime_lib.companion.publish.evidence import published_evidence

__all__ = ["Chapter", "find_project", "open_chapter", "published_evidence", "published_sweep"]

__getattr__, __dir__ = attach(__name__, __file__)
