"""The claims that the book tests: `book/claims.yml` read strictly, and verdicts drawn from it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import CHAPTER_NAME
from regime_lib.companion.book.project import reading_committed
from regime_lib.companion.claims.criteria import Position, Range
from regime_lib.companion.claims.strict_yaml import load_strictly, plain_text, require_keys
from regime_lib.errors import RegimeError


class Verdict(StrEnum):
    """What a measurement says about a claim."""

    REPRODUCED = "reproduced"
    CHECKED = "checked"
    MORE = "more than claimed"
    PARTLY = "partly"
    UNDETERMINED = "undetermined"
    NOT_REPRODUCED = "not reproduced"
    FAILED = "failed"
    NOT_TESTED = "not tested"


class Kind(StrEnum):
    """What sort of statement a claim is, which decides what a good result means."""

    EMPIRICAL = "empirical"
    LAW = "law"
    IDENTITY = "identity"


class Source(StrEnum):
    """How we know what the paper claims, or that it is we who ask."""

    FOUND = "found"
    KNOWN = "known"
    RECONSTRUCTED = "reconstructed"
    ASKED = "asked"  # by this book; no paper states it


class Definition(StrEnum):
    """Whose definition the measured quantity follows."""

    PAPER = "paper"
    OURS = "ours"


@dataclass(frozen=True)
class Paper:
    """Who states a claim: its key, the prefix of its claims, and how to cite it."""

    key: str
    prefix: str
    name: str
    arxiv: str = ""  # empty: this book itself

    def __str__(self) -> str:
        return f"{self.name} (arXiv {self.arxiv})" if self.arxiv else self.name


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

#: What this book asks itself, and no paper states: it is counted and shown apart from the papers.
THIS_BOOK = Paper("this-book", "tb", "This book")

#: The domain of a claim that names none.
ANY_NUMBER = Range("(-inf, inf)")

_STRONGER = {"above": Position.ABOVE, "below": Position.BELOW}
_VERDICTS = {
    Position.INSIDE: Verdict.REPRODUCED,
    Position.OVERLAPPING: Verdict.PARTLY,
    Position.WIDER: Verdict.UNDETERMINED,
    Position.BELOW: Verdict.NOT_REPRODUCED,
    Position.ABOVE: Verdict.NOT_REPRODUCED,
}
_OF_IDENTITIES = {
    Verdict.REPRODUCED: Verdict.CHECKED,
    Verdict.PARTLY: Verdict.UNDETERMINED,
    Verdict.NOT_REPRODUCED: Verdict.FAILED,
}


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what it follows from."""

    verdict: Verdict
    reason: str  # completes "…, because": "the interval lies inside the claimed range"


@dataclass(frozen=True)
class Criterion:
    """The range that a claim allows, judged by the position of the measured interval."""

    range: Range
    stronger: str | None = None  # "above" or "below": on this side is more than was claimed
    n: int | None = None  # fewest runs for a verdict

    def sentence(self, kind: Kind) -> str:
        """Say when the claim holds, in one sentence."""
        good = "Checked" if kind is Kind.IDENTITY else "Reproduced"
        more = f"; more than claimed {self.stronger} that" if self.stronger else ""
        least = f"; with fewer than {self.n} runs it is undetermined" if self.n else ""
        return f"{good} if the whole interval {self.range.words}{more}{least}."

    def judge(self, numbers: Mapping[str, float], kind: Kind) -> Judgement:
        """Return the verdict on the value, low, high and n of a measurement.

        Without a value nothing could be measured, such as a time that was censored. An empirical
        number without an interval decides nothing.
        """
        if "value" not in numbers:
            return Judgement(Verdict.UNDETERMINED, "there is no number")
        if self.n and numbers.get("n", 0) < self.n:
            return Judgement(Verdict.UNDETERMINED, f"there are fewer than {self.n} runs")
        if kind is Kind.EMPIRICAL and "low" not in numbers:
            return Judgement(Verdict.UNDETERMINED, "the number has no interval")
        low, high = (numbers.get(end, numbers["value"]) for end in ("low", "high"))
        position = self.range.position(low, high)
        verdict = _VERDICTS[position]
        if self.stronger and position is _STRONGER[self.stronger]:
            verdict = Verdict.MORE
        if kind is Kind.IDENTITY:
            verdict = _OF_IDENTITIES.get(verdict, verdict)
        interval = "low" in numbers
        return Judgement(verdict, position if interval else position.replace("interval", "number"))

    def as_dict(self) -> dict[str, Any]:
        """Return the criterion as it is written in the claims file."""
        fields = {"range": self.range.text, "stronger": self.stronger, "n": self.n}
        return {key: value for key, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Change:
    """What a criterion was before, until when, and why it changed."""

    date: str  # of the change, ISO
    was: str  # the old predicate
    why: str
    seen: bool  # whether the data had been seen when it changed

    @property
    def sentence(self) -> str:
        """Say the change in plain text."""
        seen = "after" if self.seen else "before"
        return f"Until {self.date}, {self.was}. Changed {seen} the data had been seen: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim, and how a chapter tests it."""

    id: str  # kebab case, beginning with the paper's prefix
    paper: Paper
    where: str  # in the paper: a theorem, a figure, the abstract
    chapter: str  # that measures it, perhaps not yet written
    statement: str  # one sentence in our words
    kind: Kind
    source: Source
    definition: Definition
    derivation: str | None = None  # label of the section in this book that derives it
    quantity: str  # what number is measured, in words
    unit: str  # its unit; "1": dimensionless
    domain: Range = ANY_NUMBER  # values that the quantity can take at all
    varied: str = ""  # what differs between the runs
    held: str = ""  # what is the same in all of them
    no_effect: float | None = None  # the value that means "no effect", where there is one
    criterion: Criterion
    why: str = ""  # an argument for the criterion or the kind
    not_repeated: str = ""  # why no fresh blocks of seeds were measured, where none were
    changed: tuple[Change, ...] = ()  # newest first

    @property
    def own(self) -> bool:
        """Whether the paper itself makes the statement."""
        return self.source in (Source.FOUND, Source.KNOWN)

    @property
    def asked_here(self) -> bool:
        """Whether it is a question of this book, on no paper's account."""
        return self.paper == THIS_BOOK

    @property
    def drawn(self) -> bool:
        """Whether other seeds could turn the verdict; that on a law, if its runs are random."""
        if self.kind is Kind.LAW:
            return bool(_DRAWN.search(self.varied))
        return self.kind is Kind.EMPIRICAL

    @property
    def by_our_definition(self) -> bool:
        """Whether a failure may lie in how we measure; for an identity there is no such choice."""
        return self.definition is Definition.OURS and self.kind is not Kind.IDENTITY

    def judge(self, numbers: Mapping[str, float]) -> Judgement:
        """Return what the criterion says about the value, low, high and n of a measurement.

        An interval that reaches into the range and also holds "no effect", which the range does
        not, tells the claim from nothing: it is undetermined.
        """
        judged, none = self.criterion.judge(numbers, self.kind), self.no_effect
        if judged.verdict is not Verdict.PARTLY or none is None or none in self.criterion.range:
            return judged
        if numbers["low"] <= none <= numbers["high"]:
            return Judgement(
                Verdict.UNDETERMINED, "the interval holds what is claimed and also no effect"
            )
        return judged


_TEXTS = ("id", "paper", "where", "chapter", "statement", "quantity", "unit")
_CHOICES = {"kind": Kind, "source": Source, "definition": Definition}
_MORE_TEXTS = ("derivation", "varied", "held", "why", "not_repeated")
_OPTIONAL = {*_MORE_TEXTS, "domain", "no_effect", "changed"}
_ID = re.compile(r"[a-z]{2}(?:-[a-z0-9]+)+")
# What runs differ by if they are drawn at random, in words of 'varied'.
_DRAWN = re.compile(r"\b(?:start|noise)\b")


def load_claims(path: Path) -> dict[str, Claim]:
    """Read ``book/claims.yml``, strictly; the first entry that is wrong is named and refused."""
    with reading_committed(path):
        text = path.read_text(encoding="utf-8")
    return dict(_claims(text, path.name))


@lru_cache(maxsize=4)
def _claims(text: str, name: str) -> dict[str, Claim]:
    content = load_strictly(text, name)
    if not isinstance(content, list):
        raise RegimeError(
            f"{name} must be a list of claims, each starting with '- id: …'; take the committed "
            f"one back: git checkout -- book/{name}"
        )
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(content, start=1):
        claim = _claim(entry, f"{name}, entry {number}")
        if claim.id in claims:
            raise RegimeError(f"{name} holds the claim '{claim.id}' twice; ids are unique")
        claims[claim.id] = claim
    return claims


def _claim(entry: object, place: str) -> Claim:
    required = {*_TEXTS, *_CHOICES, "criterion"}
    if not isinstance(entry, dict):
        raise RegimeError(f"{place} must be a mapping of {', '.join(sorted(required))}")
    if isinstance(entry.get("id"), str):
        place = f"{place} ('{entry['id']}')"
    require_keys(entry, required, _OPTIONAL, place)
    text = {key: plain_text(entry[key], key, place) for key in _TEXTS}
    text |= {key: plain_text(entry[key], key, place) for key in _MORE_TEXTS if key in entry}
    papers = PAPERS | {THIS_BOOK.key: THIS_BOOK}
    paper = papers.get(text["paper"])
    if paper is None:
        raise RegimeError(f"{place}: paper '{text['paper']}' is none of {', '.join(papers)}")
    for key in ("id", "derivation"):
        if key in text:
            _check_name(text[key], key, paper, place)
    if not CHAPTER_NAME.fullmatch(text["chapter"]):
        raise RegimeError(f"{place}: chapter '{text['chapter']}' is not like 20_tracking_mlp")
    typed: dict[str, Any] = {"paper": paper}
    for key, choices in _CHOICES.items():
        if entry[key] not in set(choices):
            raise RegimeError(f"{place}: {key} '{entry[key]}' is none of {', '.join(choices)}")
        typed[key] = choices(entry[key])
    _check_origin(typed, "derivation" in text, place)
    if "$" in "".join(text.values()):
        raise RegimeError(f"{place}: cards show plain text, so write σ or ‖W‖ instead of $…$")
    if typed["kind"] is not Kind.IDENTITY and not (text.get("varied") and text.get("held")):
        raise RegimeError(
            f"{place} lacks 'varied' or 'held': say what differs between runs, and what is the same"
        )
    typed["criterion"] = _criterion(entry["criterion"], typed["kind"], place)
    typed["changed"] = _changes(entry.get("changed", []), place)
    if "domain" in entry:
        typed["domain"] = _range(entry["domain"], f"{place}, domain")
    if "no_effect" in entry:
        typed["no_effect"] = _real(entry["no_effect"], f"{place}: no_effect")
    return Claim(**{**text, **typed})


def _check_name(name: str, key: str, paper: Paper, place: str) -> None:
    if not _ID.fullmatch(name) or not name.startswith(f"{paper.prefix}-"):
        raise RegimeError(
            f"{place}: the {key} of a claim of {paper.key} is kebab case and starts with "
            f"'{paper.prefix}-', such as {paper.prefix}-some-claim"
        )


def _check_origin(typed: Mapping[str, Any], derived: bool, place: str) -> None:
    """Refuse a question of ours that is laid at a paper's door, or a paper's called ours."""
    here = typed["paper"] == THIS_BOOK
    if here is not (typed["source"] is Source.ASKED):
        raise RegimeError(f"{place}: source 'asked' goes with paper '{THIS_BOOK.key}', and only so")
    if here and (typed["definition"] is Definition.PAPER or derived):
        raise RegimeError(
            f"{place}: of a claim of {THIS_BOOK.key} the definition is 'ours', and no derivation "
            "stands on a paper's page"
        )


def _criterion(entry: object, kind: Kind, place: str) -> Criterion:
    if not isinstance(entry, dict):
        raise RegimeError(f"{place}: criterion must be a mapping with 'range: \"[2, 4.5]\"'")
    require_keys(entry, {"range"}, {"stronger", "n"}, f"{place}, criterion")
    found = _range(entry["range"], f"{place}, criterion")
    stronger, least = entry.get("stronger"), entry.get("n")
    if stronger not in (None, *_STRONGER):
        raise RegimeError(f"{place}: stronger is '{stronger}'; it may be above or below")
    if stronger and kind is Kind.IDENTITY:
        raise RegimeError(f"{place}: an identity cannot be more than claimed; leave out stronger")
    if stronger and found.high == float("inf") and stronger == "above":
        raise RegimeError(f"{place}: nothing lies above {found}; leave out stronger")
    if stronger and found.low == -float("inf") and stronger == "below":
        raise RegimeError(f"{place}: nothing lies below {found}; leave out stronger")
    if least is not None and (not isinstance(least, int) or least < 1):
        raise RegimeError(f"{place}: n is {least!r}; expected a whole number of runs from 1 on")
    return Criterion(found, stronger, least)


def _range(text: object, place: str) -> Range:
    if not isinstance(text, str):
        raise RegimeError(f'{place} must be text in quotes, such as "[2, 4.5]", not {text!r}')
    try:
        return Range(text)
    except RegimeError as error:
        raise RegimeError(f"{place}: {error}") from None


def _changes(entries: object, place: str) -> tuple[Change, ...]:
    if not isinstance(entries, list):
        raise RegimeError(f"{place}: changed must be a list of date, was, why and seen")
    changes = []
    for entry in entries:
        if not isinstance(entry, dict):
            raise RegimeError(f"{place}: changed must be a list of date, was, why and seen")
        require_keys(entry, {"date", "was", "why", "seen"}, set(), f"{place}, changed")
        if not isinstance(entry["date"], datetime.date):
            raise RegimeError(f"{place}: the date of a change is like 2026-11-29")
        if not isinstance(entry["seen"], bool):
            raise RegimeError(f"{place}: seen is true or false: had the data been seen?")
        was, why = (plain_text(entry[key], key, place) for key in ("was", "why"))
        changes.append(Change(entry["date"].isoformat(), was, why, entry["seen"]))
    return tuple(changes)


def _real(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RegimeError(f"{name} must be a number, not {value!r}")
    return float(value)
