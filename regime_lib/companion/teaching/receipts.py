"""A rerun of a chapter against the book: claim by claim, with the likely cause of a difference."""

from __future__ import annotations

import datetime
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.notebooks import Node, bundles_of, read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.claims.ledger import Measurement, measurement_of, measurements_in
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.companion.running.threads import ENVIRONMENT
from regime_lib.companion.teaching.cells import EDITION_KEY
from regime_lib.errors import RegimeError
from regime_lib.storage import Unwritten, sha256_of, unwritten, write_text

#: By which key and number a file is known as a receipt.
FORMAT = ("regime_receipt", 1)

# Numbers are kept to six digits; the last of them may differ. A deviation of an identity below the
# second number is rounding itself, and as large as the machine makes it.
_ROUNDING, _NOISE = 1e-5, 1e-6


class Place(StrEnum):
    """Where a rerun's number lies, seen from the book's."""

    SAME = "the same"
    INSIDE = "inside the book's interval"
    OUTSIDE = "outside the book's interval"
    OTHER = "another number, and the book's has no interval"
    ONE_ONLY = "a number in one of the two only"
    MISSING = "not measured in the rerun"
    NEW = "not measured in the book's run"


@dataclass(frozen=True)
class Compared:
    """One claim in the book's run and in the rerun."""

    claim: str
    place: Place
    book: Measurement | None
    mine: Measurement | None

    @property
    def verdict_stays(self) -> bool:
        """Whether both runs lead to the same verdict."""
        return bool(self.book and self.mine and self.book.verdict == self.mine.verdict)

    @property
    def near(self) -> bool:
        """Whether the rerun's number is the book's, or inside its interval."""
        return self.place in (Place.SAME, Place.INSIDE)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        both = {"book": self.book, "rerun": self.mine}
        told = {key: one.as_dict() if one else None for key, one in both.items()}
        return {"claim": self.claim, "place": str(self.place), **told,
                "verdict_stays": self.verdict_stays}  # fmt: skip


@dataclass(frozen=True)
class Cause:
    """Something in which the two runs differ, from what moves numbers most to what does least."""

    kind: str  # parameter, seed, code, version, or machine
    says: str


@dataclass(frozen=True)
class Receipt:
    """A chapter's rerun beside the book's run."""

    chapter: str
    name: str  # whose notebook it is, where it says so
    claims: tuple[Compared, ...]
    causes: tuple[Cause, ...]  # none if every number is the same
    book: Mapping[str, Any]  # provenance of the committed run
    mine: Mapping[str, Any]  # and of the rerun
    digest: str  # SHA-256 of the rerun's notebook

    @property
    def moved(self) -> tuple[Compared, ...]:
        """Claims whose number left its interval, or whose verdict turned."""
        return tuple(one for one in self.claims if not (one.near and one.verdict_stays))

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "chapter": self.chapter,
            "for": self.name,
            "notebook_sha256": self.digest,
            "likely_causes": [asdict(cause) for cause in self.causes],
            "claims": [one.as_dict() for one in self.claims],
            "book": dict(self.book),
            "rerun": dict(self.mine),
        }


def compare_rerun(project: Project, entry: Entry, notebook: Path) -> Receipt:
    """Compare an executed notebook of a chapter with the committed one.

    Both are judged by the criteria as they are written today.

    Raises
    ------
    RegimeError
        If the notebook was not run to its end.
    """
    rerun = read_notebook(notebook)
    here, there = project.show(notebook), project.show(entry.path)
    book, mine = _provenance(entry.notebook, there), _provenance(rerun, here)
    if mine["chapter"] != entry.name:
        raise RegimeError(f"{here} is a run of {mine['chapter']}, not of {entry.name}")
    claims = load_claims(project.claims_file)
    accepted = _judged(entry.notebook, there, claims)
    found = _judged(rerun, here, claims)
    names = [*accepted, *(name for name in found if name not in accepted)]
    compared = tuple(_compared(name, accepted.get(name), found.get(name)) for name in names)
    differ = any(one.place is not Place.SAME for one in compared)
    name = str(rerun.get("metadata", {}).get(EDITION_KEY, {}).get("for", ""))
    causes = tuple(likely_causes(book, mine)) if differ else ()
    return Receipt(entry.name, name, compared, causes, book, mine, sha256_of(notebook))


def chapter_of(notebook: Path) -> str:
    """Return the name of the chapter that an executed notebook is a run of."""
    return str(_provenance(read_notebook(notebook), str(notebook))["chapter"])


def likely_causes(book: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[Cause]:
    """Yield in what two runs differ; if in nothing that they recorded, the machine is left."""
    seeds = {"seed"}
    parameters = list(_differences(book.get("parameters", {}), mine.get("parameters", {})))
    others = [says for name, says in parameters if name not in seeds]
    sown = [says for name, says in parameters if name in seeds]
    versions = [s for _, s in _differences(book.get("versions", {}), mine.get("versions", {}))]
    found = False
    for kind, says in (("parameter", others), ("seed", sown), ("version", versions)):
        if says:
            found = True
            yield Cause(kind, _listed(says))
    if book.get("library") != mine.get("library"):
        found = True
        yield Cause("code", f"the library was at {_commit(book)}, and is at {_commit(mine)}")
    if not found:
        yield Cause(
            "machine",
            "the runs differ in nothing that they recorded, so another processor or number of "
            "threads sums in another order, and training enlarges the difference",
        )


def write_receipts(path: Path, receipts: Sequence[Receipt]) -> None:
    """Write receipts into one JSON file, whole or not at all.

    Raises
    ------
    RegimeError
        If a file lies there that is no receipt, or the file cannot be written.
    """
    key, number = FORMAT
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or key not in found:
            raise RegimeError(f"{path} is there and is no receipt; give another name with -o")
    content = {
        key: number,
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "chapters": [receipt.as_dict() for receipt in receipts],
    }
    try:
        write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise Unwritten(unwritten(error, path, "nothing was changed")) from None


def machine() -> dict[str, Any]:
    """Return what is known of the machine that a receipt is made on."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "threads": {name: os.environ.get(name, "not set") for name in ENVIRONMENT},
    }


def _compared(name: str, book: Measurement | None, mine: Measurement | None) -> Compared:
    return Compared(name, _place(book, mine), book, mine)


def _place(book: Measurement | None, mine: Measurement | None) -> Place:
    if mine is None:
        return Place.MISSING
    if book is None:
        return Place.NEW
    if book.value is None or mine.value is None:
        return Place.SAME if book.value is mine.value else Place.ONE_ONLY
    if math.isclose(book.value, mine.value, rel_tol=_ROUNDING, abs_tol=0):
        return Place.SAME
    checked = book.verdict == mine.verdict == Verdict.CHECKED
    if checked and max(abs(book.value), abs(mine.value)) < _NOISE:
        return Place.SAME
    if book.low is None or book.high is None:
        return Place.OTHER
    return Place.INSIDE if book.low <= mine.value <= book.high else Place.OUTSIDE


def _judged(notebook: Node, where: str, claims: Mapping[str, Any]) -> dict[str, Measurement]:
    """Return what a notebook recorded of claims that still are, judged as they are today."""
    stored = measurements_in(notebook, where)
    return {name: measurement_of(claims[name], vars(one)) for name, one in stored.items()
            if name in claims}  # fmt: skip


def _provenance(notebook: Node, where: str) -> dict[str, Any]:
    found = list(bundles_of(notebook, PROVENANCE_MIME))
    if not found:
        raise RegimeError(f"{where} has no footer; run all of its cells, and save it")
    return dict(found[-1])


def _differences(book: Mapping[str, Any], mine: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in sorted(book.keys() | mine.keys()):
        if book.get(name) != mine.get(name):
            yield name, f"{name} {_shown(book, name)} in the book, {_shown(mine, name)} here"


def _shown(values: Mapping[str, Any], name: str) -> str:
    return str(values[name]) if name in values else "absent"


def _commit(run: Mapping[str, Any]) -> str:
    return str(run.get("commit", "an unknown commit"))


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _processor() -> str:
    """Return the name of the processor, which Linux keeps in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
