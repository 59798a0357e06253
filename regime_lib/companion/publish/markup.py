"""HTML from templates: cards, badges, rows; verdicts by word and sign, never by colour alone."""

from __future__ import annotations

import html
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from regime_lib.companion.claims.claims import Claim, Kind, Source, Verdict
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.claims.ledger import Measurement
from regime_lib.companion.claims.statements import OPEN

if TYPE_CHECKING:
    from jinja2 import Template

#: The sign that stands beside the word of each verdict.
SIGNS = {
    Verdict.REPRODUCED: "✓",
    Verdict.CHECKED: "=",
    Verdict.MORE: "▲",
    Verdict.PARTLY: "◐",
    Verdict.UNDETERMINED: "?",
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.FAILED: "≠",
    Verdict.NOT_TESTED: "○",
}

#: What the three labels of a claim's source mean, shown when one points at them.
SOURCES = {
    Source.FOUND: "we read this statement in a source that the page on the papers names",
    Source.KNOWN: "stated from memory of the paper, not re-read in it",
    Source.RECONSTRUCTED: "our own derivation of what the paper must mean",
    Source.ASKED: "a question of this book, which no paper states",
}

#: What sort of statement a claim is, as its card says it.
KINDS = {
    Kind.EMPIRICAL: "empirical",
    Kind.LAW: "law of a solvable model",
    Kind.IDENTITY: "identity: a check of our code and the algebra",
}


@cache
def template(name: str) -> Template:
    """Return one of the templates of this package; what it is given is escaped."""
    from jinja2 import Environment, PackageLoader  # slow to load

    loader = PackageLoader("regime_lib.companion.publish")
    pages = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    pages.filters.update(prose=prose, number=number)
    pages.globals.update(signs=SIGNS, sources=SOURCES, kinds=KINDS)
    return pages.get_template(name)


def prose(text: str) -> Markup:
    """Escape plain text for HTML, showing `code` between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text)))


def number(value: float, form: str = "") -> Markup:
    """Write a number for a reader: a true minus, powers of ten, a space before per cent.

    Without a format it has four significant digits, and is written out above one.
    """
    mantissa, _, exponent = f"{value:{form or '.4g'}}".partition("e")
    if exponent and not form and abs(value) >= 1:
        mantissa, exponent = f"{float(f'{value:.4g}'):.0f}", ""
    if exponent and float(mantissa):
        mantissa += f"\u2009×\u200910<sup>{int(exponent)}</sup>"
    return Markup(mantissa.replace("-", "−").replace("%", "\u2009%"))


def badge(verdict: Verdict, count: int | None = None, note: str = "") -> str:
    """Return the badge of a verdict, after the number of claims that have it if one is given.

    It is outlined, not filled, where a note such as "not firm" qualifies the verdict.
    """
    return str(vars(template("parts.html.j2").module)["badge"](verdict, count, note))


def note_of(verdict: Verdict, firm: bool | None) -> str:
    """What qualifies a verdict on its badge: that other seeds often turn it; else nothing."""
    return "not firm" if firm is False and verdict not in OPEN else ""


def raw_html(name: str, **values: Any) -> str:
    """Fill in a template and return it as a MyST fragment."""
    return f"```{{raw}} html\n{template(f'{name}.html.j2').render(values)}\n```"


def card(
    claim: Claim,
    measurement: Measurement,
    firmness: Firmness | None = None,
    large: tuple[str, Measurement] | None = None,
) -> str:
    """Return the verdict card that a chapter shows where it measures a claim.

    Parameters
    ----------
    claim, measurement : Claim, Measurement
        What is claimed, and what the run at hand measured.
    firmness : Firmness, optional
        How fresh seeds judge it.
    large : (str, Measurement), optional
        What a committed run at larger scale measured, and what is larger: it stands first.
    """
    known = firmness.firm if firmness and firmness.blocks else None
    note = note_of(measurement.verdict, known)
    return template("card.html.j2").render(
        claim=claim, measurement=measurement, firmness=firmness, note=note, large=large
    )
