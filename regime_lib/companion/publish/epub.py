"""The book as an ePub: the pages as they are printed, formulas as MathML, pictures as drawings.

A browser typesets the formulas, as it does for paper. Code and solutions are left out as they are
there; whoever wants them reads the pages.
"""

from __future__ import annotations

import re
import time
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from regime_lib.companion.book.project import BuildFailed, Project
from regime_lib.companion.publish.markup import template
from regime_lib.companion.publish.paper import (
    BOOK,
    FOLDER,
    document,
    link_pages,
    on_paper,
    rendered_pages,
    shown,
)
from regime_lib.storage import atomic_write

if TYPE_CHECKING:
    from bs4 import Tag

_TITLE = "Regimes of Learning"
_STYLE = "_static/epub.css"
_MATHML = "http://www.w3.org/1998/Math/MathML"
# What a page on a screen has, and a reader of ePubs does not allow or need.
_LEFT_OUT = "svg, script, style, button, input, form, template, noscript, .rl-from, .temml-error"
_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".css": "text/css",
}
_PICTURE = re.compile(r'<img\b[^>]*?\ssrc="([^"]+)"')
# The earliest time that a ZIP can hold: the same pages always make the same file.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="book/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""


@dataclass(frozen=True)
class Part:
    """One page of the book as a file of the ePub."""

    name: str  # such as 20_tracking_mlp.xhtml
    title: str
    body: str  # well-formed XML
    sections: tuple[tuple[str, str], ...]  # place and heading of each part of the page

    @property
    def has_formulas(self) -> bool:
        """Whether it must be declared to hold MathML."""
        return "<math" in self.body


def write_epub(project: Project, browser: str) -> Path:
    """Write the rendered book as one ePub beside its PDFs, and link it from the pages.

    Parameters
    ----------
    project : Project
        Its book must have been rendered.
    browser : str
        A Chromium or Chrome, as its path.

    Raises
    ------
    BuildFailed
        If the book was not rendered, or the browser cannot typeset it.
    """
    names = on_paper(rendered_pages(project, "bind"))
    target = project.html / FOLDER / f"{BOOK}.epub"
    target.parent.mkdir(exist_ok=True)
    parts = split(typeset(project.html, document(project.html, names), browser))
    bind(project.html, parts, target)
    link_pages(project.html)
    return target


def typeset(html: Path, text: str, browser: str) -> str:
    """Return a document after a browser has run its scripts.

    Raises
    ------
    BuildFailed
        If the browser does not run or gives nothing back.
    """
    done = shown(html, text, browser, f"{BOOK}.epub", ["--dump-dom"])
    made = done.stdout.decode(errors="replace")
    if "</html>" not in made:
        raise BuildFailed(f"{browser} gave no page back for {BOOK}.epub")
    return made


def split(text: str) -> list[Part]:
    """Return the pages of a document, each as a file whose links lead to the others."""
    from bs4 import BeautifulSoup  # comes with the book's theme

    page = BeautifulSoup(text, "html.parser")
    articles = page.select("article.rl-part")
    homes = {
        str(element["id"]): f"{number:02}.xhtml"
        for number, article in enumerate(articles)
        for element in article.select("[id]")
    }
    return [_part(article, f"{number:02}.xhtml", homes) for number, article in enumerate(articles)]


def _part(article: Tag, name: str, homes: dict[str, str]) -> Part:
    for gone in article.select(_LEFT_OUT):
        gone.decompose()
    for formula in article.select("math"):
        formula["xmlns"] = _MATHML
    for link in article.select('a[href^="#"]'):
        place = str(link["href"]).removeprefix("#")
        if place in homes:
            link["href"] = f"{homes[place]}#{place}"
        else:
            link.unwrap()
    heading = article.select_one("h1")
    sections = tuple(
        (str(home["id"]), one.get_text(" ", strip=True))
        for one in article.select("h2")
        if (home := one.find_parent("section", id=True)) is not None
    )
    title = heading.get_text(" ", strip=True) if heading else name
    return Part(name, title, article.decode_contents(formatter="minimal"), sections)


def bind(html: Path, parts: Sequence[Part], target: Path) -> None:
    """Write an ePub of some parts, whose style and pictures lie below the folder of pages."""
    pictures = sorted({name for part in parts for name in _PICTURE.findall(part.body)})
    assets = [_STYLE, *pictures]
    made = max((html / name).stat().st_mtime for name in assets)
    about = {
        "title": _TITLE,
        "identifier": uuid.uuid5(uuid.NAMESPACE_URL, "".join(part.body for part in parts)),
        "modified": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made)),
        "style": _STYLE,
        "parts": parts,
        "assets": [(name, _TYPES[Path(name).suffix]) for name in assets],
    }
    files = {
        "META-INF/container.xml": _CONTAINER,
        "book/book.opf": template("epub_book.opf.j2").render(about),
        "book/contents.xhtml": template("epub_contents.xhtml.j2").render(about),
    }
    for part in parts:
        files[f"book/{part.name}"] = template("epub_page.xhtml.j2").render(about, part=part)
    with atomic_write(target) as beside, zipfile.ZipFile(beside, "w") as archive:
        # by this file, first and as it is, a reader knows what it opens
        archive.writestr(zipfile.ZipInfo("mimetype", _NO_TIME), "application/epub+zip")
        for name, text in files.items():
            _add(archive, name, text.encode())
        for name in assets:
            _add(archive, f"book/{name}", (html / name).read_bytes())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    information = zipfile.ZipInfo(name, _NO_TIME)
    information.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(information, content)
