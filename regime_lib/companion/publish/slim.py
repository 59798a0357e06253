"""The rendered book made lighter: what no page of it uses is left out of styles and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from regime_lib.storage import write_text

#: Styles that themes and extensions ship for pages of every kind, below the folder of static files.
STYLES = (
    "styles/theme.css",
    "styles/pydata-sphinx-theme.css",
    "styles/sphinx-book-theme.css",
    "sphinx-design.min.css",
    "mystnb.*.css",
    "basic.css",
)
#: The page that searches; the others only lead to it, and need no index of the whole book.
_SEARCHING = "search.html"
_SEARCH = re.compile(
    r'<script[^>]*\bsrc="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*"[^>]*></script>\s*'
)
_WORD = re.compile(r"[\w-]+")
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_OF_SELECTOR = re.compile(r"\.((?:\\.|[\w-])+)")
_LISTS = re.compile(r":(?:not|is|where|has|matches)\([^()]*(?:\([^()]*\)[^()]*)*\)")
_GROUPS = ("@media", "@supports", "@layer", "@container")
# names and signs have the colour of the code around them, and need no element each
_PLAIN_CODE = re.compile(r'<span class="(?:n|p|w)">([^<]*)</span>')


def slim(html: Path) -> None:
    """Lighten a rendered book in its place.

    Parameters
    ----------
    html : Path
        The folder of rendered pages.
    """
    pages = sorted(html.rglob("*.html"))
    used: set[str] = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for found in _CLASSES.findall(text):
            used.update(found.split())
        lighter = _PLAIN_CODE.sub(r"\1", text)
        if page.name != _SEARCHING:
            lighter = _SEARCH.sub("", lighter)
        if lighter != text:
            write_text(page, lighter)
    static = html / "_static"
    for script in static.rglob("*.js"):
        if not {"mathjax", "pyodide"} & set(script.relative_to(static).parts):
            used.update(_WORD.findall(script.read_text(encoding="utf-8")))
    for pattern in STYLES:
        for sheet in static.glob(pattern):
            write_text(sheet, without_unused(sheet.read_text(encoding="utf-8"), used))


def without_unused(style: str, used: Iterable[str]) -> str:
    """Return a style sheet without the rules for classes that nothing bears.

    Parameters
    ----------
    style : str
        A style sheet.
    used : iterable of str
        Every class that an element may have; what a script could set counts as used.
    """
    known = set(used)
    return "".join(_kept(_COMMENT.sub("", style), known))


def _kept(style: str, used: set[str]) -> Iterator[str]:
    for head, body in _rules(style):
        if body is None:  # such as @import
            yield f"{head};"
        elif head.startswith(_GROUPS):
            if inner := "".join(_kept(body, used)):
                yield f"{head}{{{inner}}}"
        elif head.startswith("@"):
            yield f"{head}{{{body}}}"
        elif shown := [one for one in _selectors(head) if _may_match(one, used)]:
            yield f"{','.join(shown)}{{{body}}}"


def _rules(style: str) -> Iterator[tuple[str, str | None]]:
    """Yield what stands before each pair of braces, and within; None for a statement without."""
    at = 0
    while at < len(style):
        opening, end = style.find("{", at), style.find(";", at)
        if end != -1 and (opening == -1 or end < opening):
            if head := style[at:end].strip():
                yield head, None
            at = end + 1
            continue
        if opening == -1:
            return
        closing = _closing(style, opening)
        yield style[at:opening].strip(), style[opening + 1 : closing]
        at = closing + 1


def _closing(style: str, opening: int) -> int:
    """Return where the braces that open at a place close; those in strings do not count."""
    depth, quote, at = 0, "", opening
    while at < len(style):
        sign = style[at]
        if quote:
            if sign == "\\":
                at += 1
            elif sign == quote:
                quote = ""
        elif sign in "\"'":
            quote = sign
        elif sign == "{":
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(style)


def _selectors(head: str) -> Iterator[str]:
    """Yield the selectors of a list; commas within brackets do not part them."""
    depth, start = 0, 0
    for at, sign in enumerate(head):
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and depth == 0:
            yield head[start:at].strip()
            start = at + 1
    yield head[start:].strip()


def _may_match(selector: str, used: set[str]) -> bool:
    """Whether every class that a selector asks for is borne; what it excludes does not count."""
    needed = _OF_SELECTOR.findall(_LISTS.sub("", selector))
    return all(name.replace("\\", "") in used for name in needed)
