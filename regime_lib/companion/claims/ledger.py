"""The claim ledger: measurements as chapters record them, and as executed notebooks keep them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.book.notebooks import Node, bundles_of, read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Claim, Verdict, load_claims
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, Method

#: Under which type a measurement lies in the output of the cell that recorded it.
CLAIM_MIME = "application/vnd.regime.claim+json"

#: What a table of measurements holds of each, beside the parameters of the run.
COLUMNS = ("claim", "value", "low", "high", "n", "unit", "verdict", "over", "method")

#: How many significant digits of a measurement are kept.
DIGITS = 6


@dataclass(frozen=True)
class Measurement:
    """What a chapter measured about one claim.

    Attributes
    ----------
    id : str
        The claim.
    value : float or None
        The measured number, kept to six significant digits, in `unit`; None where there is none.
    low, high : float or None
        The ends of its interval.
    n : int or None
        The number of runs behind it.
    unit : str
        ``"1"`` where dimensionless.
    verdict : Verdict
        What the claim's criterion says about these numbers.
    over, method : str
        What varied, and how the interval was made: those of `Estimate`.
    """

    id: str
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    unit: str
    verdict: Verdict
    over: str = ""
    method: str = Method.NONE.value

    def as_dict(self) -> dict[str, Any]:
        """Return the measurement as JSON holds it."""
        return {**dataclasses.asdict(self), "verdict": str(self.verdict)}

    def _ipython_display_(self) -> None:
        """Show nothing at the end of a cell: the card stands there already."""

    @property
    def origin(self) -> str:
        """How the interval was made and what varied, in words; empty where nothing is known."""
        method = "" if self.method == Method.NONE else self.method
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
        """The measurement in one line of plain text."""
        return f"{self.id}: {self.verdict}, {self.numbers}"


def as_measurement(claim: Claim, estimate: Estimate) -> Measurement:
    """Turn an estimate into a measurement of `claim`, with its verdict.

    The numbers are rounded first, so that the verdict follows from what is stored.

    Raises
    ------
    RegimeError
        If it is no estimate, its unit is not the claim's, or the criterion needs an interval or a
        count that is missing.
    """
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
    value, low, high = (
        None if number is None else rounded(number)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    verdict = judge(claim, {"value": value, "low": low, "high": high, "n": estimate.n})
    return Measurement(
        claim.id,
        value,
        low,
        high,
        estimate.n,
        claim.unit,
        verdict,
        estimate.over,
        estimate.method.value,
    )


def plain_number(value: object, name: str) -> float:
    """Return a finite Python float from a number, a NumPy scalar or a one-element tensor."""
    scalar = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    if isinstance(scalar, bool) or not isinstance(scalar, int | float):
        raise RegimeError(f"{name} must be one number, not {type(value).__name__}")
    if not math.isfinite(scalar):
        raise RegimeError(f"{name} is {scalar}; only finite numbers can be recorded")
    return float(scalar)


def rounded(number: float) -> float:
    """Round to the digits that are kept."""
    return float(f"{number:.{DIGITS}g}")


def measurements_in(notebook: Node, where: str) -> dict[str, Measurement]:
    """Collect what an executed notebook recorded, by claim.

    Raises
    ------
    RegimeError
        If one claim was recorded twice.
    """
    found: dict[str, Measurement] = {}
    for content in bundles_of(notebook, CLAIM_MIME):
        measurement = Measurement(**{**content, "verdict": Verdict(content["verdict"])})
        if measurement.id in found:
            raise RegimeError(f"{where} records {measurement.id} twice; run the chapter again")
        found[measurement.id] = measurement
    return found


@dataclass(frozen=True)
class Record:
    """A claim with what was measured about it, if anything was.

    Attributes
    ----------
    claim : Claim
        What the paper says.
    measurement : Measurement or None
        None where the claim is recorded nowhere.
    notebook : Path or None
        The executed notebook that holds the measurement.
    """

    claim: Claim
    measurement: Measurement | None = None
    notebook: Path | None = None

    @property
    def verdict(self) -> Verdict:
        """The verdict; `Verdict.NOT_TESTED` without a measurement."""
        return self.measurement.verdict if self.measurement else Verdict.NOT_TESTED


def executed_notebook(project: Project, chapter: str) -> Path | None:
    """Return where the outputs of a chapter lie: its last run, else the committed notebook."""
    for folder in (project.executed, project.notebooks):
        path = folder / f"{chapter}.ipynb"
        if path.is_file():
            return path
    return None


def read_ledger(project: Project) -> tuple[Record, ...]:
    """Return every claim of the project with its measurement, in the order of the claims file.

    Verdicts follow from the stored numbers and the criterion as it is written today.

    Raises
    ------
    RegimeError
        If an executed notebook holds a measurement that the claims file does not know, or one
        in another unit: the chapter must be run again.
    """
    claims = load_claims(project.claims_file)
    found: dict[str, tuple[Measurement, Path]] = {}
    for chapter in sorted({path.stem for path in project.notebooks.glob("*.ipynb")}):
        path = executed_notebook(project, chapter)
        if path is None:
            continue
        where = project.show(path)
        for measurement in measurements_in(read_notebook(path), where).values():
            found[measurement.id] = (_current(measurement, claims, chapter, where), path)
    return tuple(Record(claim, *found.get(claim.id, ())) for claim in claims.values())


def _current(
    measurement: Measurement, claims: Mapping[str, Claim], chapter: str, where: str
) -> Measurement:
    """Judge a stored measurement by the claim as it is written today."""
    claim = claims.get(measurement.id)
    if claim is None or claim.chapter != chapter or claim.unit != measurement.unit:
        raise RegimeError(
            f"{where} records {measurement.id} in a way that book/claims.yml no longer knows; "
            f"run the chapter again: regime run {chapter}"
        )
    quantities = {key: getattr(measurement, key) for key in ("value", "low", "high", "n")}
    return dataclasses.replace(measurement, verdict=judge(claim, quantities))


def judge(claim: Claim, quantities: Mapping[str, float | None]) -> Verdict:
    """Return what a claim's criterion says about numbers; without a value it is not tested.

    Raises
    ------
    RegimeError
        If the criterion asks for one that is missing.
    """
    known = {name: number for name, number in quantities.items() if number is not None}
    if "value" not in known:
        return Verdict.NOT_TESTED
    if missing := sorted(claim.criterion.names - set(known)):
        given = "n" if missing == ["n"] else "an interval"
        raise RegimeError(f"{claim.id} needs {given}: its criterion asks for {', '.join(missing)}")
    return claim.criterion.judge(known)
