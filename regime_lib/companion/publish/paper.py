"""The book on paper: pages of the rendered book as one document, printed by a browser to PDF.

On paper nothing can be opened, so code and solutions are left out, and what a page folds otherwise
is open. Formulas are typeset before anything is printed, figures are vectors where there are any.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from regime_lib.companion.book.project import BuildFailed, Project, reading_committed
from regime_lib.companion.claims.strict_yaml import load_strictly
from regime_lib.companion.publish.fold import unfold
from regime_lib.companion.publish.markup import template
from regime_lib.storage import write_text

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

#: Where the PDFs lie in the rendered book, and what the one of the whole book is called.
FOLDER = "pdf"
BOOK = "regimes-of-learning"

_TITLE = "Regimes of Learning"
#: Pages that are of no use on paper.
_SCREEN_ONLY = "book/api/"
#: What is left out on paper: code with its buttons, solutions, and what only a screen can do.
_LEFT_OUT = (
    ".solution, .headerlink, .copybtn, .rl-take, .rl-only-screen, script, style, noscript, "
    "section:not(#exercises) > .cell > .cell_input, details.above-input"
)
_UNFOLDED = "details.below-input, details.rl-provenance"
# Chromium lets this much time pass, in milliseconds, which it skips while nothing is left to do.
_PATIENCE = 120_000
_SECONDS = 900
_LINK = '<li><a class="dropdown-item rl-paper-link" href="{address}">{name}</a></li>'


@dataclass(frozen=True)
class Printed:
    """A PDF and what it holds."""

    path: Path
    pages: int
    headings: int  # entries of its outline


def print_book(
    project: Project, browser: str, chapters: Iterable[str] | None = None
) -> list[Printed]:
    """Print the whole book and each chapter, or some chapters only, and link them from the pages.

    Parameters
    ----------
    project : Project
        Its book must have been rendered.
    browser : str
        A Chromium or Chrome, as its path.
    chapters : iterable of str, optional
        Names such as ``20_tracking_mlp``: only these, and not the book.

    Raises
    ------
    BuildFailed
        If the book was not rendered, or the browser makes no PDF.
    """
    names = rendered_pages(project, "print")
    wanted = {f"notebooks/{name}" for name in chapters} if chapters is not None else set(names)
    jobs = {
        PurePosixPath(name).name: [name]
        for name in names
        if name.startswith("notebooks/") and name in wanted
    }
    if chapters is None:
        jobs[BOOK] = on_paper(names)
    (project.html / FOLDER).mkdir(exist_ok=True)
    done = []
    for name, parts in jobs.items():
        target = project.html / FOLDER / f"{name}.pdf"
        done.append(print_document(project.html, document(project.html, parts), target, browser))
    link_pages(project.html)
    return done


def rendered_pages(project: Project, purpose: str) -> list[str]:
    """Return the pages of the rendered book in order; refuse, for a purpose, one that is not."""
    if not (project.html / "book" / "index.html").is_file():
        raise BuildFailed(
            f"the book is not rendered, so there is nothing to {purpose}; run: regime book"
        )
    return pages_in_order(project)


def pages_in_order(project: Project) -> list[str]:
    """Return the pages of the book as its table of contents lists them, without suffix."""
    path = project.root / "_toc.yml"
    with reading_committed(path):
        contents = load_strictly(path.read_text(encoding="utf-8"), path.name)
        return [contents["root"], *_files(contents)]


def on_paper(names: Iterable[str]) -> list[str]:
    """Return the pages that are of use on paper."""
    return [name for name in names if not name.startswith(_SCREEN_ONLY)]


def _files(contents: Mapping[str, Any]) -> Iterable[str]:
    for part in contents.get("parts", [contents]):
        for entry in part.get("chapters", []):
            yield entry["file"]


def document(html: Path, names: list[str]) -> str:
    """Return some pages of a rendered book as one page to print, in this order.

    Addresses in it hold in the folder `html`; places within a page are named after page and place.
    """
    from bs4 import BeautifulSoup  # comes with the book's theme

    articles, titles = [], []
    head: BeautifulSoup | None = None
    macros = ""  # of formulas; a page that has none of them names none
    for name in names:
        page = BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")
        head = head or page
        if script := page.select_one("script[data-macros]"):
            macros = str(script["data-macros"])
        article = page.select_one("article")
        if article is None:
            raise BuildFailed(f"{name}.html has no article to print; render the book again")
        _make_printable(article)
        _readdress(article, name, set(names))
        articles.append(str(article.section or article))
        heading = page.select_one("article h1")
        titles.append((_place(name, ""), heading.get_text(" ", strip=True) if heading else name))
    assert head is not None
    sheets = [_from_root(names[0], str(one["href"])) for one in head.select("link[rel=stylesheet]")]
    return template("paper.html.j2").render(
        title=_TITLE if len(names) > 1 else titles[0][1],
        book=_TITLE,
        sheets=sheets,
        macros=macros,
        contents=titles if len(names) > 1 else [],
        articles=articles,
    )


def _make_printable(article: Tag) -> None:
    unfold(article)
    for gone in article.select(_LEFT_OUT):
        gone.decompose()
    for folded in article.select(_UNFOLDED):
        for summary in folded.find_all("summary", recursive=False):
            if "rl-provenance" not in folded.get_attribute_list("class"):
                summary.decompose()
        folded["open"] = ""
    for figure in article.select("figure.rl-figure"):
        first = figure.select_one("img")
        if first is None:
            continue
        for other in figure.select("picture, img"):
            if other is not first and first not in other.descendants:
                other.decompose()
        for source in figure.select("source"):
            source.decompose()
        first["class"] = "rl-printed"
        first.attrs.pop("loading", None)
        if drawing := figure.get("data-drawing"):
            first["src"] = drawing


def _readdress(article: Tag, name: str, known: set[str]) -> None:
    """Let every place and address of a page hold in a document of several pages."""
    for element in article.select("[id]"):
        element["id"] = _place(name, str(element["id"]))
    if article.section is not None:
        article.section["id"] = _place(name, "")
    for element in article.select("[aria-labelledby], [aria-describedby], [for]"):
        for attribute in ("aria-labelledby", "aria-describedby", "for"):
            element.attrs.pop(attribute, None)
    for picture in article.select("[src]"):
        picture["src"] = _from_root(name, str(picture["src"]))
    for link in article.select("a[href]"):
        address = urlsplit(str(link["href"]))
        if address.scheme or address.netloc:
            continue
        page = _from_root(name, unquote(address.path)) if address.path else f"{name}.html"
        if page.removesuffix(".html") in known:
            link["href"] = "#" + _place(page.removesuffix(".html"), unquote(address.fragment))
        else:
            link.unwrap()


def _from_root(name: str, address: str) -> str:
    """Return an address that holds on a page as one that holds in the root of the book."""
    if urlsplit(address).scheme:
        return address
    return os.path.normpath((PurePosixPath(name).parent / address.partition("?")[0]).as_posix())


def _place(name: str, anchor: str) -> str:
    return f"{PurePosixPath(name).name}--{anchor or 'top'}"


def print_document(html: Path, text: str, target: Path, browser: str) -> Printed:
    """Print a document to `target`, from a file beside the pages whose pictures it takes.

    Raises
    ------
    BuildFailed
        If the browser does not run or makes no PDF.
    """
    with tempfile.TemporaryDirectory(prefix="regime-print-") as scratch:
        made = Path(scratch) / "made.pdf"
        options = (
            "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            f"--print-to-pdf={made}",
        )
        done = shown(html, text, browser, target.name, options)
        if not made.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise BuildFailed(f"{browser} made no {target.name}: {said[-1]}")
        shutil.copyfile(made, target)
    return read_pdf(target)


def shown(
    html: Path, text: str, browser: str, name: str, options: Iterable[str]
) -> subprocess.CompletedProcess[bytes]:
    """Let a browser load a document beside the pages, for `name`; return how that went.

    Raises
    ------
    BuildFailed
        If the browser does not run.
    """
    page = html / f".{PurePosixPath(name).stem}.html"
    with tempfile.TemporaryDirectory(prefix="regime-print-") as scratch:
        command = [
            browser,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={scratch}/profile",
            "--allow-file-access-from-files",
            f"--virtual-time-budget={_PATIENCE}",
            *options,
            page.as_uri(),
        ]
        write_text(page, text)
        try:
            return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildFailed(f"{browser} could not print {name}: {error}") from None
        finally:
            page.unlink(missing_ok=True)


def read_pdf(path: Path) -> Printed:
    """Count the pages of a PDF of Chromium's and the entries of its outline."""
    content = path.read_bytes()
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", content))
    return Printed(
        path, pages, len(re.findall(rb"/Title\s*[(<][^\n]*\s*/(?:Parent|Dest|A)\b", content))
    )


def link_pages(html: Path) -> None:
    """Offer the PDFs and the ePub that there are in each page's menu; again changes nothing."""
    from bs4 import BeautifulSoup

    for path in sorted(html.rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        if "dropdown-download-buttons" not in text:
            continue
        page = BeautifulSoup(text, "html.parser")
        menu = page.select_one(".dropdown-download-buttons .dropdown-menu")
        if menu is None:
            continue
        for old in menu.select("li:has(> .rl-paper-link)"):
            old.decompose()
        up = "../" * (len(path.relative_to(html).parts) - 1)
        for name, words in (
            (f"{path.stem}.pdf", "PDF of this chapter"),
            (f"{BOOK}.pdf", "PDF of the book"),
            (f"{BOOK}.epub", "ePub of the book"),
        ):
            if (html / FOLDER / name).is_file():
                address = f"{up}{FOLDER}/{name}"
                menu.append(BeautifulSoup(_LINK.format(address=address, name=words), "html.parser"))
        path.write_text(str(page), encoding="utf-8")
