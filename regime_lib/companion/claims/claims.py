"""The claims that the book tests: `book/claims.yml` read strictly, and verdicts drawn from it."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from regime_lib.companion.book.catalogue import CHAPTER_NAME
from regime_lib.companion.claims.criteria import Predicate, parse_predicate
from regime_lib.errors import RegimeError


class Verdict(StrEnum):
    """What a measurement says about a claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    NOT_TESTED = "not tested"


class Source(StrEnum):
    """How we know what the paper claims."""

    FOUND = "found"
    KNOWN = "known"
    RECONSTRUCTED = "reconstructed"


@dataclass(frozen=True)
class Paper:
    """One of the papers of the book: its key, the prefix of its claims, and how to cite it."""

    key: str
    prefix: str
    name: str
    arxiv: str

    def __str__(self) -> str:
        return f"{self.name} (arXiv {self.arxiv})"


#: The papers, in the order of the book.
PAPERS: dict[str, Paper] = {
    paper.key: paper
    for paper in (
        Paper("regime-change", "rc", "Regime change", "2602.08333"),
        Paper("training-response", "tr", "Training response", "2405.04074"),
        Paper("multi-phase", "mp", "Multi-phase dynamics", "2305.12467"),
        Paper("deep-linear", "dl", "Deep linear networks", "2511.10362"),
        Paper("network-dynamics", "nd", "Network dynamics", "2501.02436"),
    )
}


@dataclass(frozen=True)
class Criterion:
    """When a measurement counts as reproduced, and when as partly so (None: never)."""

    reproduced: Predicate
    partly: Predicate | None = None

    @property
    def names(self) -> frozenset[str]:
        """Which of value, low, high and n the criterion asks for."""
        return self.reproduced.names | (self.partly.names if self.partly else frozenset())

    @property
    def sentence(self) -> str:
        """When the claim counts as reproduced or partly so, in one sentence."""
        partly = f"; partly if {self.partly.words}" if self.partly else ""
        return f"Reproduced if {self.reproduced.words}{partly}."

    def judge(self, quantities: Mapping[str, float]) -> Verdict:
        """Return the verdict on a measurement's numbers."""
        if self.reproduced.holds(quantities):
            return Verdict.REPRODUCED
        if self.partly and self.partly.holds(quantities):
            return Verdict.PARTLY
        return Verdict.NOT_REPRODUCED

    def as_dict(self) -> dict[str, str]:
        """Return the criterion as it is written in the claims file."""
        written = {"reproduced": self.reproduced.text}
        return written | ({"partly": self.partly.text} if self.partly else {})


@dataclass(frozen=True)
class Claim:
    """One claim of one paper, and how a chapter tests it."""

    id: str  # kebab case, beginning with the paper's prefix
    paper: Paper
    where: str  # in the paper: a theorem, a figure, the abstract
    chapter: str  # that measures it, perhaps not yet written
    statement: str  # one sentence in our words
    source: Source
    quantity: str  # what number is measured, in words
    unit: str  # its unit; "1": dimensionless
    criterion: Criterion


_TEXTS = ("id", "paper", "where", "chapter", "statement", "source", "quantity", "unit")
_ID = re.compile(r"[a-z]{2}(?:-[a-z0-9]+)+")


def load_claims(path: Path) -> dict[str, Claim]:
    """Read ``book/claims.yml``, strictly; the first entry that is wrong is named and refused."""
    try:
        return dict(_claims(path.read_text(encoding="utf-8"), path.name))
    except FileNotFoundError:
        raise RegimeError(f"there is no {path.parent.name}/{path.name}") from None
    except yaml.YAMLError as error:
        raise RegimeError(f"{path.name} is not valid YAML: {_one_line(error)}") from None


@lru_cache(maxsize=4)
def _claims(text: str, name: str) -> dict[str, Claim]:
    content = yaml.load(text, _StrictLoader)
    if not isinstance(content, list):
        raise RegimeError(f"{name} must be a list of claims, each starting with '- id: …'")
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(content, start=1):
        claim = _claim(entry, f"{name}, entry {number}")
        if claim.id in claims:
            raise RegimeError(f"{name} holds the claim '{claim.id}' twice; ids are unique")
        claims[claim.id] = claim
    return claims


def _claim(entry: object, place: str) -> Claim:
    if not isinstance(entry, dict):
        raise RegimeError(f"{place} must be a mapping of {', '.join(_TEXTS)} and criterion")
    if isinstance(entry.get("id"), str):
        place = f"{place} ('{entry['id']}')"
    _require_keys(entry, {*_TEXTS, "criterion"}, set(), place)
    text = {key: _text(entry[key], key, place) for key in _TEXTS}
    paper = PAPERS.get(text["paper"])
    if paper is None:
        raise RegimeError(f"{place}: paper '{text['paper']}' is none of {', '.join(PAPERS)}")
    if not _ID.fullmatch(text["id"]) or not text["id"].startswith(f"{paper.prefix}-"):
        raise RegimeError(
            f"{place}: the id of a claim of {paper.key} is kebab case and starts with "
            f"'{paper.prefix}-', such as {paper.prefix}-some-claim"
        )
    if not CHAPTER_NAME.fullmatch(text["chapter"]):
        raise RegimeError(f"{place}: chapter '{text['chapter']}' is not like 20_tracking_mlp")
    if text["source"] not in set(Source):
        raise RegimeError(f"{place}: source '{text['source']}' is none of {', '.join(Source)}")
    if "$" in text["statement"] + text["quantity"] + text["where"]:
        raise RegimeError(f"{place}: cards show plain text, so write σ or ‖W‖ instead of $…$")
    criterion, source = _criterion(entry["criterion"], place), Source(text["source"])
    typed: dict[str, Any] = {"paper": paper, "source": source, "criterion": criterion}
    return Claim(**{**text, **typed})


def _criterion(entry: object, place: str) -> Criterion:
    if not isinstance(entry, dict):
        raise RegimeError(f"{place}: criterion must be a mapping with 'reproduced: low >= 2'")
    _require_keys(entry, {"reproduced"}, {"partly"}, f"{place}, criterion")
    try:
        reproduced = parse_predicate(entry["reproduced"])
        partly = parse_predicate(entry["partly"]) if "partly" in entry else None
    except RegimeError as error:
        raise RegimeError(f"{place}: {error}") from None
    return Criterion(reproduced, partly)


def _require_keys(
    entry: Mapping[Any, Any], required: set[str], optional: set[str], place: str
) -> None:
    allowed = required | optional
    if unknown := sorted(str(key) for key in entry if key not in allowed):
        raise RegimeError(
            f"{place} has the unknown key '{unknown[0]}'; it may have {', '.join(sorted(allowed))}"
        )
    if missing := sorted(required - set(entry)):
        raise RegimeError(f"{place} lacks '{missing[0]}'")


def _text(value: object, key: str, place: str) -> str:
    if not isinstance(value, str):
        raise RegimeError(f'{place}: {key} must be text, so write {key}: "{value}" in quotes')
    text = " ".join(value.split())
    if not text:
        raise RegimeError(f"{place}: {key} is empty")
    return text


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without its quietest trap: a key that is given twice. In C, where that was built."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' is given twice", node.start_mark
                )
        mapping: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return mapping


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1})" if mark else " ".join(problem.split())
