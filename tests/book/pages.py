"""What can be wrong with a rendered page, found in its HTML: each check returns what it found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from bs4 import BeautifulSoup, CData, NavigableString, Tag

SHORTEST_ALT = 20
LONGEST = 3

_KIND = re.compile(r"<(?!/)[a-z0-9]+(?: class=\"[^\"]*\")?")

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|svg|gif|webp)", re.IGNORECASE)
_UNRESOLVED = re.compile(
    r"\{(?:glue|cite|ref|doc|numref|eq|prf)[^}\s]*\}|papermill\.record|\btensor\(|\bnp\.\w+\("
)
_NOTHING = {"no number", "nan", "none", ""}
_CSS_URL = re.compile(r"""url\(\s*(["']?)(.*?)\1\s*\)|@import\s+(["'])(.*?)\3""")


def pages_of(root: Path) -> list[str]:
    """Return every page of a rendered book, but for the one that only leads to the landing page."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*.html"))
    return sorted(name for name in names if name != "index.html" and not name.startswith("_static"))


def pages_to_visit(root: Path) -> list[str]:
    """Return the pages that a browser visits: all of the book, and as many listings as it takes.

    A listing of a module differs from the others by its tokens alone, and there are a hundred. The
    longest are visited, and any with a kind of token, or of other element, that none before had.
    """
    pages = pages_of(root)
    listings = [name for name in pages if name.startswith("_modules/regime_lib/")]
    texts = {name: (root / name).read_text(encoding="utf-8") for name in listings}
    listings.sort(key=lambda name: (-len(texts[name]), name))
    seen: set[str] = set()
    chosen = set(pages) - set(listings)
    for number, name in enumerate(listings):
        kinds = set(_KIND.findall(texts[name]))
        if number < LONGEST or not kinds <= seen:
            chosen.add(name)
            seen |= kinds
    return sorted(chosen)


@lru_cache(maxsize=2)  # pytest asks all its questions about a page in a row
def parsed(html: str) -> BeautifulSoup:
    """Return a page's elements; they are shared, so that nobody may change them."""
    return BeautifulSoup(html, "html.parser")


def alt_fault(alt: str | None, *, decorative: bool = False) -> str | None:
    """Say what is wrong with a picture's alternative text, if anything is."""
    if alt is None:
        return "has no alt text"
    if decorative and not alt:
        return None
    if _FILE_NAME.fullmatch(alt.strip()):
        return f"has a file name for alt text: {alt}"
    if len(alt.strip()) < SHORTEST_ALT:
        return f"has an alt text of {len(alt.strip())} characters: {alt!r}"
    return None


def unresolved(html: str) -> list[str]:
    """Return roles that were never rendered and values glued in a form that no reader wants."""
    return _UNRESOLVED.findall(" ".join(_texts(parsed(html))))


def _texts(element: Tag) -> Iterator[str]:
    """Yield the pieces of text in an element, but for code."""
    for child in element.children:
        if isinstance(child, Tag):
            if child.name not in ("pre", "code", "script", "style"):
                yield from _texts(child)
        elif type(child) in (NavigableString, CData):  # no comment
            yield child


def glued_nothings(html: str) -> list[str]:
    """Return the sentences of running text into which nothing was glued: "no number", or NaN.

    A table may have a cell without a number; a sentence that says "from no number to no number" was
    written for a run that measured one.
    """
    page = parsed(html)
    return [
        " ".join((glued.find_parent(["p", "li", "dd", "figcaption"]) or glued).get_text().split())
        for glued in page.select(".pasted-text")
        if glued.get_text(strip=True).lower() in _NOTHING and not glued.find_parent("table")
    ]


def remote_assets(html: str) -> list[str]:
    """Return what a page would load from elsewhere; links to follow are not loaded."""
    page = parsed(html)
    found = [
        str(element[name])
        for name in ("src", "data", "poster", "srcset")
        for element in page.select(f"[{name}]")
    ]
    found += [
        str(link["href"])
        for link in page.select("link[href]")
        if not {"canonical", "author", "license"} & set(link.get_attribute_list("rel"))
    ]
    for style in page.select("style"):
        found += css_urls(style.get_text())
    return [address for address in found if _is_remote(address)]


def css_urls(css: str) -> list[str]:
    """Return every address that a style sheet loads, apart from data it carries itself."""
    found = [match[2] or match[4] or "" for match in _CSS_URL.finditer(css)]
    return [address for address in found if address and not address.startswith(("data:", "#"))]


def broken_links(root: Path, name: str) -> list[str]:
    """Return the internal links and assets of a page that lead nowhere, fragments included."""
    page = parsed((root / name).read_text(encoding="utf-8"))
    return [
        f"{address} ({fault})"
        for address in _addresses(page)
        if not _is_remote(address) and (fault := _fault(root, root / name, address))
    ]


def broken_css(root: Path, name: str) -> list[str]:
    """Return what a style sheet of the book loads from elsewhere, or in vain."""
    sheet = root / name
    return [
        address
        for address in css_urls(sheet.read_text(encoding="utf-8"))
        if _is_remote(address) or not (sheet.parent / _path_of(address)).is_file()
    ]


def _addresses(page: BeautifulSoup) -> Iterator[str]:
    for element in page.select("a[href], link[href], img[src], script[src], iframe[src]"):
        yield str(element.get("href") or element.get("src"))


def _is_remote(address: str) -> bool:
    return bool(urlsplit(address).netloc) or address.startswith(("http:", "https:", "//"))


def _path_of(address: str) -> str:
    return unquote(urlsplit(address).path)


def _fault(root: Path, page: Path, address: str) -> str | None:
    if urlsplit(address).scheme:
        return None  # mailto:, data:, javascript:
    path, fragment = _path_of(address), unquote(urldefrag(address).fragment)
    target = (page.parent / path).resolve() if path else page
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(root.resolve()):
        return "leads out of the book"
    if not target.is_file():
        return "no such file"
    if fragment and target.suffix == ".html" and fragment not in _anchors(target):
        return "no such place on the page"
    return None


@cache
def _anchors(page: Path) -> frozenset[str]:
    found = _Anchors()
    found.feed(page.read_text(encoding="utf-8"))
    return frozenset(found.names)


class _Anchors(HTMLParser):
    """Collects the places of a page that a link can name, without a tree of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        places = {"id", "name"} if tag == "a" else {"id"}
        self.names.update(value for key, value in attrs if key in places and value)
