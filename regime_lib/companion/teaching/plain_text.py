"""A chapter's prose in plain Markdown: what only the book's renderer reads is written out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.project import reading_committed

#: What stands for a number that the committed run does not hold.
NOT_KNOWN = "(run the chapter)"

_ROLE = re.compile(r"\{(?P<role>[a-z:]+)\}`(?P<body>[^`]*)`")
_DIRECTIVE = re.compile(
    r"^(?P<fence>:{3,})\{(?P<kind>[^}]*)\} *(?P<title>.*)\n(?P<options>(?::\w+:.*\n)*)",
    re.MULTILINE,
)
_FENCE_END = re.compile(r"^:{3,}[ \t]*$\n?", re.MULTILINE)
_TARGET = re.compile(r"^\([^)\n]+\)=[ \t]*\n", re.MULTILINE)
_FILE_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)[^)\s]+\)")
# What only a page does: in a notebook nothing is hidden.
_HIDDEN = re.compile(r"\s*[^.\n]*\bsolutions?\b[^.\n]*\bhidden\b[^.\n]*\.")
_SHOWN_TEXT = re.compile(r"(?P<text>.*?) *<(?P<target>[^>]+)>")
_ENTRY = re.compile(r"^@\w+\{(?P<key>[^,]+),(?P<fields>.*?)^\}", re.MULTILINE | re.DOTALL)
_KINDS = {"prf:theorem": "Theorem", "prf:proof": "Proof", "exercise": "Exercise", "margin": "Note"}


@dataclass(frozen=True)
class Known:
    """What roles of the book's prose stand for."""

    numbers: Mapping[str, int | float | str]  # glued by the committed run
    works: Mapping[str, str]  # a citation for each key of the bibliography
    titles: Mapping[str, str]  # of theorems and the like, by label


def written_out(source: str, known: Known) -> str:
    """Return Markdown that any notebook viewer shows as it is meant.

    Glued numbers are the committed run's. Citations become author and year, directives a line in
    bold. Links to files of the book keep their words only, since a copy has other neighbours; a
    sentence on hidden solutions goes, since a notebook hides none.
    """
    text = _ROLE.sub(lambda role: _shown(role["role"], role["body"], known), source)
    text = _DIRECTIVE.sub(_headline, text)
    for pattern, by in ((_FENCE_END, ""), (_TARGET, ""), (_FILE_LINK, r"\1"), (_HIDDEN, "")):
        text = pattern.sub(by, text)
    return text.strip()


def titles_in(prose: str) -> dict[str, str]:
    """Return the title of every directive that has a label, by label."""
    found = {}
    for directive in _DIRECTIVE.finditer(prose):
        if label := re.search(r"^:label: *(\S+)", directive["options"], re.MULTILINE):
            found[label[1]] = directive["title"].strip()
    return found


def works_in(bibliography: Path) -> dict[str, str]:
    """Return how each work of a BibTeX file is cited: its authors' names and its year."""
    if not bibliography.is_file():
        return {}
    with reading_committed(bibliography):
        text = bibliography.read_text(encoding="utf-8")
    entries = _ENTRY.finditer(text)
    return {entry["key"].strip(): _cited(entry["fields"]) for entry in entries}


def _cited(fields: str) -> str:
    found = {
        name: re.search(rf"^\s*{name}\s*=\s*\{{(.*?)\}}", fields, re.MULTILINE)
        for name in ("author", "year")
    }
    author, year = (match[1] if match else "" for match in found.values())
    names = [name.partition(",")[0].strip("{}") for name in author.split(" and ")]
    first = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
    return f"{first}, {year}".strip(", ")


def _shown(role: str, body: str, known: Known) -> str:
    roles: dict[str, Callable[[], str]] = {
        "glue:text": lambda: _number(body, known.numbers),
        "cite:p": lambda: f"({'; '.join(known.works.get(k, k) for k in body.split(','))})",
        "cite:t": lambda: "; ".join(known.works.get(k, k) for k in body.split(",")),
    }
    if role in roles:
        return roles[role]()
    if shown := _SHOWN_TEXT.fullmatch(body):
        return shown["text"]
    return known.titles.get(body, body)


def _number(body: str, numbers: Mapping[str, int | float | str]) -> str:
    name, colon, spec = body.partition(":")
    value = numbers.get(name)
    if value is None:
        return NOT_KNOWN
    return format(value, spec) if colon and not isinstance(value, str) else str(value)


def _headline(directive: re.Match[str]) -> str:
    kind = directive["kind"]
    if kind == "solution-end":
        return ""
    if kind == "solution-start":  # its title is a label
        return "**Solution.**\n\n"
    name = _KINDS.get(kind, kind.rpartition(":")[2].capitalize())
    title = directive["title"].strip()
    return f"**{name}{': ' + title if title else ''}.**\n\n"
