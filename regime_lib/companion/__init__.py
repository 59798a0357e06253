"""The companion turns notebooks into a book: parameters, claims, figures, execution, rendering.

A notebook needs one name of it, `open_chapter`; the command line and the tests use the rest.
Importing this package loads neither matplotlib nor papermill nor anything of the book's tools;
what a figure's function gets is in `regime_lib.companion.theme`.
"""

from __future__ import annotations

from regime_lib.companion.catalogue import Entry, find_chapters, list_chapters
from regime_lib.companion.chapter import Chapter
from regime_lib.companion.checks import problems_of
from regime_lib.companion.claims import (
    PAPERS,
    Claim,
    Criterion,
    Paper,
    Source,
    Verdict,
    load_claims,
)
from regime_lib.companion.evidence_tables import Evidence, publish_evidence, published_evidence
from regime_lib.companion.execution import Plan, Run, execute, plan_run
from regime_lib.companion.ledger import Measurement, Record, read_ledger
from regime_lib.companion.opening import open_chapter
from regime_lib.companion.paper_scale import (
    PaperScale,
    collect_paper_scale,
    has_paper_profile,
    paper_scale_of_claims,
    pictures_of,
)
from regime_lib.companion.parameters import Parameter
from regime_lib.companion.points import chapter_function, check_points, dependencies, run_point
from regime_lib.companion.project import BuildFailed, Project, find_project
from regime_lib.companion.reference import Comparison, accept, compare_with_reference
from regime_lib.companion.settings import Settings
from regime_lib.companion.site import Book, build_book
from regime_lib.companion.sweep_tables import Share, publish_sweep, published_sweep, read_shares

__all__ = [
    "PAPERS",
    "Book",
    "BuildFailed",
    "Chapter",
    "Claim",
    "Comparison",
    "Criterion",
    "Entry",
    "Evidence",
    "Measurement",
    "Paper",
    "PaperScale",
    "Parameter",
    "Plan",
    "Project",
    "Record",
    "Run",
    "Settings",
    "Share",
    "Source",
    "Verdict",
    "accept",
    "build_book",
    "chapter_function",
    "check_points",
    "collect_paper_scale",
    "compare_with_reference",
    "dependencies",
    "execute",
    "find_chapters",
    "find_project",
    "has_paper_profile",
    "list_chapters",
    "load_claims",
    "open_chapter",
    "paper_scale_of_claims",
    "pictures_of",
    "plan_run",
    "problems_of",
    "publish_evidence",
    "publish_sweep",
    "published_evidence",
    "published_sweep",
    "read_ledger",
    "read_shares",
    "run_point",
]
