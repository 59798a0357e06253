"""What the book adds to Sphinx: tables of public names, repairs of pages, and downloads.

The theme's pages break a few rules of WCAG that no setting reaches. Each repair below is made on
the finished page, changes nothing the second time, and leaves pages that need none untouched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, ClassVar

from bs4 import BeautifulSoup, NavigableString
from docutils import nodes
from docutils.parsers.rst.directives import unchanged
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.autosummary import Autosummary
from sphinx.ext.mathjax import html_visit_displaymath, html_visit_math
from sphinx.util.docutils import SphinxDirective

from regime_lib.companion.book.project import Project
from regime_lib.companion.book.repository import read_repository
from regime_lib.companion.teaching.course import COURSE_FILE, read_course
from regime_lib.companion.teaching.downloads import prepare_downloads
from regime_lib.companion.teaching.facts import FACTS_FILE, read_facts, with_facts
from regime_lib.companion.teaching.launching import with_launch_links
from regime_lib.companion.teaching.machines import machines
from regime_lib.companion.teaching.slides import syllabus

#: Where a page says that the table of receipts is to stand.
MACHINES = "<!-- receipts from other machines -->"
#: Where a page says that the sessions of the course are to stand.
SESSIONS = "<!-- sessions of course.yml -->"

_PAGE_NAME = re.compile(r"pagename = '([^']*)'")
_CHAPTER_FILE = re.compile(r"(?:^|/)(\d+)_\w+\.html")


class PublicNames(Autosummary):
    """A table of what a package offers: a row for each class and function in its ``__all__``."""

    required_arguments = 1
    has_content = False

    def run(self) -> list[Any]:
        """Write the rows that `autosummary` expects, and let it make the table."""
        module = import_module(self.arguments[0])
        names = [
            f"~{module.__name__}.{name}"
            for name in sorted(module.__all__, key=str.lower)
            if callable(getattr(module, name))
        ]
        self.options.setdefault("nosignatures", None)
        self.content = StringList(names, source=module.__name__)
        return list(super().run())


class AllModules(SphinxDirective):
    """What every module of a package holds, one after the other, in the order of their names."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"only": unchanged}  # the last part of their names

    def run(self) -> list[Any]:
        """Hand one `automodule` per module to Sphinx."""
        package, only = import_module(self.arguments[0]), self.options.get("only")
        lines: list[str] = []
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.ispkg and (only is None or module.name.endswith(f".{only}")):
                lines += [f".. rubric:: {module.name}", ""]
                lines += [f".. automodule:: {module.name}", "   :members:", ""]
        parent = nodes.container()
        self.state.nested_parse(StringList(lines, source=package.__name__), 0, parent)
        return list(parent.children)


def hide_paths(
    app: Sphinx, what: str, name: str, obj: object, options: object, signature: str, returns: str
) -> tuple[str, str]:
    """Keep folders of the machine that renders the book out of the signatures in it."""
    return re.sub(r"(?:Posix|Windows)Path\('[^']*'\)", "…", signature or ""), returns


def part_tables(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Set a directive of a docstring apart from the text that it follows."""
    for number in range(len(lines) - 1, 0, -1):
        if lines[number].startswith(".. ") and lines[number - 1].strip():
            lines.insert(number, "")


def speak_what_is_shown(page: BeautifulSoup) -> None:
    """Let buttons be called by the words on them: an `aria-label` that says less hides them."""
    for button in page.select("button.search-button-field, details.hide summary"):
        button.attrs.pop("aria-label", None)
    for icon in page.select("button.theme-switch-button [title]"):
        del icon["title"]


def name_landmarks(page: BeautifulSoup) -> None:
    """Give the logo's block a landmark, so that every word of the page lies in one."""
    for block in page.select(".sidebar-primary-item:has(> a.navbar-brand)"):
        block["role"] = "navigation"
        block["aria-label"] = "Book title"


def simplify_citations(page: BeautifulSoup) -> None:
    """Drop roles that docutils gives to citations and that promise children they do not have."""
    for entry in page.select("[role=doc-biblioentry], [role=list].citation-list"):
        del entry["role"]


def mark_corner_cells(page: BeautifulSoup) -> None:
    """Turn empty header cells, the corner of a data frame, into plain cells."""
    for cell in page.select("th"):
        if not cell.get_text(strip=True) and cell.find("img") is None:
            cell.name = "td"


def let_tables_scroll(page: BeautifulSoup) -> None:
    """Put tables that came as HTML into the theme's scrolling box, as it does with all others."""
    for table in page.select("article table"):
        if table.find_parent(class_=["pst-scrollable-table-container", "output"]) is None:
            table.wrap(page.new_tag("div", attrs={"class": "pst-scrollable-table-container"}))


def unlink_builtins(page: BeautifulSoup) -> None:
    """Drop the link to a source that there is none of: names made by a call have no module."""
    for link in page.select('a[href="builtins.html"]'):
        link.unwrap()


def drop_icon_script(page: BeautifulSoup) -> None:
    """Drop the theme's script of icons, of 1.5 MB: the dozen that it draws are shapes of ours."""
    for script in page.select('script[src*="scripts/fontawesome.js"]'):
        script.decompose()


def number_chapters(page: BeautifulSoup) -> None:
    """Show the number of a chapter above its title, and before its name in the side bar."""
    name = _PAGE_NAME.search(str(page.head)) if page.head else None
    here = _CHAPTER_FILE.search(f"{name[1]}.html") if name else None
    title = page.select_one("article h1")
    if here and title and page.select_one("article .rl-chapter") is None:
        label = page.new_tag("p", attrs={"class": "rl-chapter"})
        label.string = f"Chapter {here[1]}"
        title.insert_before(label)
    for link in page.select(".bd-sidebar-primary .toctree-l1 > a"):
        address = str(link["href"])
        found = here if address == "#" else _CHAPTER_FILE.search(address)
        if found and link.select_one(".rl-chapter-number") is None:
            number = page.new_tag("span", attrs={"class": "rl-chapter-number"})
            number.string = f"{found[1]} "
            link.insert(0, number)


REPAIRS: tuple[Callable[[BeautifulSoup], None], ...] = (
    speak_what_is_shown,
    name_landmarks,
    simplify_citations,
    mark_corner_cells,
    let_tables_scroll,
    unlink_builtins,
    drop_icon_script,
    number_chapters,
)


_NO_PROSE = [
    "rl-card",
    "rl-row",
    "rl-answer",
    "rl-predict",
    "rl-filter",
    "sd-card",
    "citation-list",
]
_NOT_EXPLAINED = ["a", "code", "pre", "h1", "h2", "h3", "h4", "abbr", "button", "summary", "dt"]


def meanings(glossary: BeautifulSoup) -> dict[str, tuple[str, str]]:
    """Return the terms of the glossary's page in lower case, each with its place and meaning."""
    found = {}
    for term in glossary.select("dl.glossary > dt[id]"):
        meaning = term.find_next_sibling("dd")
        words = " ".join(term.get_text(" ").replace("#", " ").split())
        if meaning is not None:
            found[words.lower()] = (str(term["id"]), " ".join(meaning.get_text().split()))
    return found


def explain_terms(page: BeautifulSoup, terms: dict[str, tuple[str, str]], glossary: str) -> None:
    """Let the first mention of each term of the glossary on a page show what it means.

    A pointer that rests on it reads the meaning; following it leads to the glossary.
    """
    wanted = {term for term in terms if page.select_one(f'a[data-term="{term}"]') is None}
    for paragraph in page.select("article p, article li"):
        for text in list(paragraph.find_all(string=True)):
            if not wanted or text.find_parent(_NOT_EXPLAINED) or text.find_parent(class_="math"):
                continue
            if text.find_parent(class_=_NO_PROSE):
                continue
            names = "|".join(sorted(map(re.escape, wanted), key=len, reverse=True))
            if found := re.search(rf"\b({names})s?\b", text, re.IGNORECASE):
                _explain(page, text, found, terms, glossary)
                wanted.discard(found[1].lower())


def _explain(
    page: BeautifulSoup,
    text: NavigableString,
    found: re.Match[str],
    terms: dict[str, tuple[str, str]],
    glossary: str,
) -> None:
    """Turn what was found in a text into a link that knows its meaning."""
    place, meaning = terms[found[1].lower()]
    attributes = {"class": "rl-term", "href": f"{glossary}#{place}", "title": meaning}
    link = page.new_tag("a", attrs={**attributes, "data-term": found[1].lower()})
    link.string = found[0]
    before, after = text[: found.start()], text[found.end() :]
    text.replace_with(before, link, after)


def repair(html: str) -> str:
    """Return the page with every repair made."""
    page = BeautifulSoup(html, "html.parser")
    before = str(page)
    for mend in REPAIRS:
        mend(page)
    after = str(page)
    return html if after == before else after


def repair_pages(app: Sphinx, error: Exception | None) -> None:
    """Repair every page of a build that succeeded."""
    if error is None and app.builder.format == "html":
        for path in sorted(Path(app.outdir).rglob("*.html")):
            html = path.read_text(encoding="utf-8")
            mended = repair(html)
            if mended != html:
                path.write_text(mended, encoding="utf-8")


def explain_pages(app: Sphinx, error: Exception | None) -> None:
    """Explain the glossary's terms on every page of the book that a person wrote."""
    glossary = Path(app.outdir) / "book" / "glossary.html"
    if error is None and app.builder.format == "html" and glossary.is_file():
        terms = meanings(BeautifulSoup(glossary.read_text(encoding="utf-8"), "html.parser"))
        for folder in ("book", "notebooks"):
            for path in sorted((Path(app.outdir) / folder).glob("*.html")):
                if path != glossary:
                    page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
                    explain_terms(page, terms, "../book/glossary.html")
                    path.write_text(str(page), encoding="utf-8")


def ready_downloads(app: Sphinx, error: Exception | None) -> None:
    """Make the notebooks that a page offers for download readable outside the book."""
    if error is None and app.builder.format == "html":
        staged = Project(Path(app.srcdir))
        facts, repository = read_facts(staged.pages), read_repository(staged)
        sources, bibliography = Path(app.outdir) / "_sources", staged.pages / "references.bib"
        prepare_downloads(sources, bibliography, facts, repository)


def draw_course(app: Sphinx, name: str, source: list[str]) -> None:
    """Write the sessions of the course, or the receipts, into a page that has a place for them."""
    if MACHINES in source[0]:
        source[0] = source[0].replace(MACHINES, machines(Path(app.srcdir) / "book"))
    if SESSIONS in source[0]:
        staged = Project(Path(app.srcdir))
        app.env.note_dependency(str(staged.pages / COURSE_FILE))
        source[0] = source[0].replace(SESSIONS, syllabus(read_course(staged)))


def teach_chapter(app: Sphinx, name: str, source: list[str]) -> None:
    """Let a chapter's page tell how hard its exercises are, and where it can be run."""
    if name.startswith("notebooks/"):
        staged = Project(Path(app.srcdir))
        facts = staged.pages / FACTS_FILE
        app.env.note_dependency(str(facts))
        told = with_facts(json.loads(source[0]), read_facts(staged.pages), page=True)
        chapter = name.rpartition("/")[2]
        source[0] = json.dumps(with_launch_links(told, chapter, read_repository(staged)))


def load_formulas(
    app: Sphinx,
    pagename: str,
    template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Let a page that has formulas, and no other, load what typesets them."""
    if doctree is not None and next(doctree.findall(is_formula), None) is not None:
        macros = json.dumps(app.config.formula_macros)
        app.add_css_file("math/formulas.css")
        app.add_js_file("math/temml.min.js", loading_method="defer")
        attributes: dict[str, Any] = {"loading_method": "defer", "data-macros": macros}
        app.add_js_file("math/formulas.js", **attributes)


def is_formula(node: nodes.Node) -> bool:
    """Tell whether a node of a page is a formula, within a line or of its own."""
    return isinstance(node, nodes.math | nodes.math_block)


def number_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number exercises and theorems by chapter: the third of chapter 20 is 20.3.

    Sphinx counts them through the book: a new one would change the number of all that follow.
    """
    for name, kinds in env.toc_fignumbers.items():
        if found := re.match(r"(\d+)_", name.rpartition("/")[2]):
            for numbers in kinds.values():
                in_order = sorted(numbers, key=lambda label: numbers[label])
                numbers.update({label: (int(found[1]), n) for n, label in enumerate(in_order, 1)})
    return []  # no page changes but those that Sphinx has found itself


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive and the repairs with Sphinx."""
    app.add_directive("public-names", PublicNames)
    app.add_directive("all-modules", AllModules)
    app.add_config_value("formula_macros", {}, "html")
    app.add_html_math_renderer(
        "mathml", (html_visit_math, None), (html_visit_displaymath, None)
    )  # as for MathJax: their TeX between \\( and \\), in elements of the class math
    app.connect("html-page-context", load_formulas)
    app.connect("autodoc-process-signature", hide_paths)
    app.connect("autodoc-process-docstring", part_tables)
    app.connect("source-read", teach_chapter)
    app.connect("source-read", draw_course)
    app.connect("env-get-updated", number_by_chapter, priority=900)  # once Sphinx has counted
    app.connect("build-finished", repair_pages)
    app.connect("build-finished", explain_pages)
    app.connect("build-finished", ready_downloads)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
