"""What the papers state, statement by statement: `book/statements.yml`, and a verdict on each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.project import reading_committed
from regime_lib.companion.claims.claims import PAPERS, Claim, Kind, Paper, Source, Verdict
from regime_lib.companion.claims.strict_yaml import load_strictly, plain_text, require_keys
from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class Statement:
    """One sentence that a paper asserts, and the claims of this book that test it."""

    id: str  # kebab case, beginning with the paper's prefix
    paper: Paper
    where: str  # in the paper: the abstract, a figure's caption, an item of a summary
    statement: str  # one sentence in our words
    source: Source  # found or known: what is only ours is no statement of a paper
    kind: Kind  # of the statement itself, whatever tests it
    claims: tuple[str, ...]  # ids; empty: nothing tests it
    untested_because: str = ""  # given if and only if there are no claims
    drawn: frozenset[str] = frozenset()  # those of the claims that other seeds could turn


@dataclass(frozen=True)
class StatementVerdict:
    """What the claims of a statement together say about it, and whether other seeds agree."""

    verdict: Verdict
    #: Whether every claim behind it that depends on chance is firm; None: one was not measured.
    firm: bool | None

    @property
    def words(self) -> str:
        """The verdict, and what is missing before it may be a headline."""
        if self.verdict in OPEN or self.firm:
            return str(self.verdict)
        return f"{self.verdict}, {'firmness not measured' if self.firm is None else 'not firm'}"

    @property
    def headline(self) -> bool:
        """Whether a page may say, without a qualification, that the statement was reproduced."""
        return self.verdict in HOLDING and self.firm is True


#: Verdicts of claims that hold, that do not, and that nothing has decided.
HOLDING = frozenset({Verdict.REPRODUCED, Verdict.CHECKED, Verdict.MORE})
FAILING = frozenset({Verdict.NOT_REPRODUCED, Verdict.FAILED})
OPEN = frozenset({Verdict.UNDETERMINED, Verdict.NOT_TESTED})

# The first of these that a claim has is the word for a statement all of whose claims hold.
_WORD_IF_ALL_HOLD = (Verdict.REPRODUCED, Verdict.MORE, Verdict.CHECKED)

_TEXTS = ("id", "paper", "where", "statement", "source", "kind")
_ID = re.compile(r"[a-z]{2}(?:-[a-z0-9]+)+")
_SOURCES = (Source.FOUND, Source.KNOWN)


def load_statements(path: Path, claims: Mapping[str, Claim]) -> dict[str, Statement]:
    """Read ``book/statements.yml``, strictly; the first entry that is wrong is named and refused.

    Parameters
    ----------
    path : Path
        The file.
    claims : Mapping of str to Claim
        The claims of the book by id, of which statements name theirs.

    Returns
    -------
    dict of str to Statement
        The statements by id, in the order of the file.

    Raises
    ------
    RegimeError
        If the file or one of its entries is wrong.
    """
    with reading_committed(path):
        text = path.read_text(encoding="utf-8")
    content = load_strictly(text, path.name)
    if not isinstance(content, list):
        raise RegimeError(
            f"{path.name} must be a list of statements, each starting with '- id: …'; take the "
            f"committed one back: git checkout -- book/{path.name}"
        )
    statements: dict[str, Statement] = {}
    for number, entry in enumerate(content, start=1):
        statement = _statement(entry, f"{path.name}, entry {number}", claims)
        if statement.id in statements:
            raise RegimeError(
                f"{path.name} holds the statement '{statement.id}' twice; ids are unique"
            )
        statements[statement.id] = statement
    return statements


def unstated(statements: Mapping[str, Statement], claims: Mapping[str, Claim]) -> list[str]:
    """Return the claims that say to come from a paper, but that no statement of a paper names."""
    named = {claim for statement in statements.values() for claim in statement.claims}
    return [id for id, claim in claims.items() if claim.source in _SOURCES and id not in named]


def statement_verdict(
    statement: Statement, verdicts: Mapping[str, Verdict], firm: Mapping[str, bool | None]
) -> StatementVerdict:
    """Return what the claims of a statement together say about it.

    Parameters
    ----------
    statement : Statement
        The statement.
    verdicts : Mapping of str to Verdict
        The verdict of each claim by id; a claim that is missing counts as not tested.
    firm : Mapping of str to bool or None
        By claim, whether at least 15 of 20 fresh blocks of seeds gave its published verdict; None,
        or missing: not measured. Only empirical claims are asked for.

    Returns
    -------
    StatementVerdict
        The verdict (see `combined`), and whether it is firm. A verdict that rests on no claim that
        depends on chance is firm: no seed can turn it. One that nothing has decided is not.
    """
    found = {claim: verdicts.get(claim, Verdict.NOT_TESTED) for claim in statement.claims}
    verdict = combined(found.values())
    if verdict in OPEN:
        return StatementVerdict(verdict, None)
    behind = [
        firm.get(claim)
        for claim, one in found.items()
        if one not in OPEN and claim in statement.drawn
    ]
    if False in behind:
        return StatementVerdict(verdict, False)
    return StatementVerdict(verdict, None if None in behind else True)


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict of a statement from those of its claims.

    A statement asserts all of its claims at once. So it

    - is *not tested* or *undetermined* if no claim is decided: undetermined as soon as one was
      measured;
    - is *not reproduced* if no claim that is decided holds (*failed* if all of the decided ones are
      identities), unless at least as many were measured without a decision: then what could be
      decided is no sample of the whole, and it is *undetermined*;
    - is *partly* reproduced if claims that hold stand beside others that do not, that hold in part
      only, or that are open;
    - holds if all of its claims hold: it is *more than claimed* if all measured ones are, *checked*
      if all are identities, else *reproduced*. An identity that checks out beside measured claims
      does not change their verdict.
    """
    every = list(verdicts)
    found = set(every)
    decided = found - OPEN
    if not decided:
        measured = Verdict.UNDETERMINED in found
        return Verdict.UNDETERMINED if measured else Verdict.NOT_TESTED
    if decided <= FAILING:
        if every.count(Verdict.UNDETERMINED) >= sum(one in FAILING for one in every):
            return Verdict.UNDETERMINED
        return decided.pop() if len(decided) == 1 else Verdict.NOT_REPRODUCED
    if found <= HOLDING:
        return next(one for one in _WORD_IF_ALL_HOLD if one in found)
    return Verdict.PARTLY


def _statement(entry: object, place: str, claims: Mapping[str, Claim]) -> Statement:
    if not isinstance(entry, dict):
        raise RegimeError(f"{place} must be a mapping of {', '.join(_TEXTS)} and claims")
    if isinstance(entry.get("id"), str):
        place = f"{place} ('{entry['id']}')"
    require_keys(entry, {*_TEXTS, "claims"}, {"untested_because"}, place)
    text = {key: plain_text(entry[key], key, place) for key in _TEXTS}
    paper = PAPERS.get(text["paper"])
    if paper is None:
        raise RegimeError(f"{place}: paper '{text['paper']}' is none of {', '.join(PAPERS)}")
    _check_words(text, paper, place, claims)
    linked = _linked(entry["claims"], paper, place, claims)
    reason = plain_text(entry.get("untested_because", "-"), "untested_because", place)
    if linked and "untested_because" in entry:
        raise RegimeError(f"{place} names claims and says why it is untested; drop one of the two")
    if not linked and "untested_because" not in entry:
        raise RegimeError(f"{place} names no claim, so it must say untested_because: …")
    kind = Kind(text["kind"])
    empirical = any(claims[one].kind is Kind.EMPIRICAL for one in linked)
    if kind is Kind.EMPIRICAL and linked and not empirical:
        raise RegimeError(
            f"{place} is empirical, but none of its claims is; identities and laws do not "
            "test what training does"
        )
    return Statement(
        id=text["id"],
        paper=paper,
        where=text["where"],
        statement=text["statement"],
        source=Source(text["source"]),
        kind=kind,
        claims=linked,
        untested_because="" if linked else reason,
        drawn=frozenset(one for one in linked if claims[one].drawn),
    )


def _check_words(
    text: Mapping[str, str], paper: Paper, place: str, claims: Mapping[str, Claim]
) -> None:
    if not _ID.fullmatch(text["id"]) or not text["id"].startswith(f"{paper.prefix}-"):
        raise RegimeError(
            f"{place}: the id of a statement of {paper.key} is kebab case and starts with "
            f"'{paper.prefix}-', such as {paper.prefix}-some-statement"
        )
    if text["id"] in claims:
        raise RegimeError(f"{place}: '{text['id']}' is the id of a claim; find another")
    if text["source"] not in _SOURCES:
        raise RegimeError(
            f"{place}: source '{text['source']}' is neither found nor known, and what is only ours "
            "is no statement of a paper"
        )
    if text["kind"] not in set(Kind):
        raise RegimeError(f"{place}: kind '{text['kind']}' is none of {', '.join(Kind)}")
    if "$" in text["statement"] + text["where"]:
        raise RegimeError(f"{place}: tables show plain text, so write σ or ‖W‖ instead of $…$")


def _linked(
    value: object, paper: Paper, place: str, claims: Mapping[str, Claim]
) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise RegimeError(f"{place}: claims must be a list of ids of claims, perhaps an empty one")
    for one in value:
        if one not in claims:
            raise RegimeError(f"{place} names the claim '{one}', which claims.yml does not hold")
        if claims[one].paper != paper:
            raise RegimeError(f"{place} names the claim '{one}', which is one of another paper")
        if value.count(one) > 1:
            raise RegimeError(f"{place} names the claim '{one}' twice")
    return tuple(value)
