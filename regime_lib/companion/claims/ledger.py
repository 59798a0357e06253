"""The claim ledger: measurements as chapters record them, and as executed notebooks keep them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.notebooks import Node, bundles_of, read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Claim, Verdict, load_claims
from regime_lib.errors import RegimeError
from regime_lib.storage import Damaged

if TYPE_CHECKING:
    from regime_lib.estimate import Estimate

#: Under which type a measurement lies in the output of the cell that recorded it.
CLAIM_MIME = "application/vnd.regime.claim+json"
#: What is glued of a measurement beside its value, under CLAIM-low and so on.
GLUED_PARTS = ("low", "high", "n", "verdict")

#: What a table of measurements holds of each, beside the parameters of the run.
COLUMNS = ("claim", "value", "low", "high", "n", "unit", "verdict", "over", "method")

_NUMBERS = ("value", "low", "high", "n")

#: How many significant digits of a measurement are kept.
DIGITS = 6


@dataclass(frozen=True)
class Measurement:
    """What a chapter measured about one claim."""

    id: str  # the claim's
    value: float | None  # kept to six significant digits, in `unit`; None: no number
    low: float | None  # the ends of its interval
    high: float | None
    n: int | None  # how many runs are behind it
    unit: str  # "1" where dimensionless
    verdict: Verdict  # what the claim's criterion says about these numbers
    over: str = ""  # what varied, and how the interval was made: those of `Estimate`
    method: str = "no interval"
    reason: str = ""  # what the verdict follows from

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON holds it."""
        return {**dataclasses.asdict(self), "verdict": str(self.verdict)}

    def _ipython_display_(self) -> None:
        """Show nothing at the end of a cell: the card stands there already."""

    @property
    def origin(self) -> str:
        """How the interval was made and what varied, in words; empty where nothing is known."""
        method = "" if self.method == Measurement.method else self.method
        return ", ".join(part for part in (method, self.over) if part)

    @property
    def numbers(self) -> str:
        """Value, interval, unit and number of runs in plain text."""
        if self.value is None:
            return "no number"
        interval = "" if self.low is None else f" [{self.low:g}, {self.high:g}]"
        runs = "" if self.n is None else f", n = {self.n}"
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.value:g}{interval}{unit}{runs}"

    @property
    def summary(self) -> str:
        """The verdict and the numbers in plain text."""
        return f"{self.verdict}, {self.numbers}"


def as_measurement(claim: Claim, estimate: Estimate) -> Measurement:
    """Turn an estimate into a measurement of `claim`, judged by its numbers as they are stored."""
    from regime_lib.estimate import Estimate  # loads much of SciPy

    if not isinstance(estimate, Estimate):
        raise RegimeError(
            f"{claim.id} was recorded with a {type(estimate).__name__}; record an Estimate, made "
            "by a function of regime_lib.estimate"
        )
    if estimate.unit != claim.unit:
        raise RegimeError(
            f"{claim.id} is measured in '{claim.unit}' but was recorded in '{estimate.unit}'; "
            "convert it"
        )
    ends = {name: getattr(estimate, name) for name in ("value", "low", "high")}
    kept = {name: None if end is None else rounded(end) for name, end in ends.items()}
    return measurement_of(claim, {**vars(estimate), **kept, "method": estimate.method.value})


def measurement_of(claim: Claim, stored: Mapping[Any, Any]) -> Measurement:
    """Read a measurement of a claim from stored fields, judged by the claim as it is today."""
    known = _known(stored)
    value, low, high, n = (known.get(name) for name in _NUMBERS)
    origin = {key: stored[key] for key in ("over", "method") if isinstance(stored.get(key), str)}
    judged, count = claim.judge(known), None if n is None else int(n)
    numbers = (value, low, high, count)
    return Measurement(
        claim.id, *numbers, claim.unit, judged.verdict, **origin, reason=judged.reason
    )


def judge(claim: Claim, stored: Mapping[Any, Any]) -> Verdict:
    """Return what a claim's criterion says about stored numbers."""
    return claim.judge(_known(stored)).verdict


def _known(stored: Mapping[Any, Any]) -> dict[str, float]:
    """Return the numbers that are there: a table has NaN where one is missing."""
    numbers = {name: stored.get(name) for name in _NUMBERS}
    return {k: float(x) for k, x in numbers.items() if x is not None and not math.isnan(x)}


def as_glued(number: float | str | None) -> float | str:
    """Return what is glued: a dash where there is no number, a verdict as plain text."""
    return "–" if number is None else str(number) if isinstance(number, str) else number


def plain_number(value: object, name: str) -> int | float:
    """Return a finite number of Python from a number, a NumPy scalar or a one-element tensor."""
    scalar = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(scalar, bool) or not isinstance(scalar, int | float):
        raise RegimeError(f"{name} must be one number, not {type(value).__name__}")
    if not math.isfinite(scalar):
        raise RegimeError(f"{name} is {scalar}; only finite numbers can be recorded")
    return scalar


def rounded(number: float) -> float:
    """Round to the digits that are kept."""
    return float(f"{number:.{DIGITS}g}")


def measurements_in(notebook: Node, where: str) -> dict[str, Measurement]:
    """Collect what an executed notebook recorded, by claim."""
    found: dict[str, Measurement] = {}
    for content in bundles_of(notebook, CLAIM_MIME):
        try:
            measurement = Measurement(**{**content, "verdict": Verdict(content["verdict"])})
        except (TypeError, ValueError, KeyError):
            raise RegimeError(
                f"{where} records a claim in a form that is not known; run the chapter again"
            ) from None
        if measurement.id in found:
            raise RegimeError(f"{where} records {measurement.id} twice; run the chapter again")
        found[measurement.id] = measurement
    return found


@dataclass(frozen=True)
class Record:
    """A claim with what was measured about it, if anything was."""

    claim: Claim
    measurement: Measurement | None = None
    notebook: Path | None = None  # the executed one that holds the measurement

    @property
    def verdict(self) -> Verdict:
        """The verdict; `Verdict.NOT_TESTED` without a measurement."""
        return self.measurement.verdict if self.measurement else Verdict.NOT_TESTED


def read_ledger(project: Project) -> tuple[Record, ...]:
    """Return every claim of the project with its measurement, in the order of the claims file.

    Measurements lie in the last run of a chapter, else in the committed notebook. Verdicts follow
    from the stored numbers and the criterion as it is written today. A measurement that the claims
    file does not know, or in another unit, is refused: the chapter must be run again.
    """
    claims = load_claims(project.claims_file)
    found: dict[str, tuple[Measurement, Path]] = {}
    for committed in sorted(project.notebooks.glob("*.ipynb")):
        path, notebook = _last_run(project, committed)
        for one in measurements_in(notebook, project.show(path)).values():
            claim = claims.get(one.id)
            if claim is None or (claim.chapter, claim.unit) != (path.stem, one.unit):
                raise RegimeError(
                    f"{project.show(path)} records {one.id} in a way that book/claims.yml no "
                    f"longer knows; run the chapter again: regime run {path.stem}"
                )
            found[one.id] = measurement_of(claim, vars(one)), path
    return tuple(Record(claim, *found.get(claim.id, ())) for claim in claims.values())


def _last_run(project: Project, committed: Path) -> tuple[Path, Node]:
    """Return the last run of a chapter; the committed one where that is missing or damaged."""
    last = project.executed / committed.name
    with suppress(Damaged):
        return last, read_notebook(last)
    return committed, read_notebook(committed)
