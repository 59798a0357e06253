"""The book in other languages: a catalogue of its sentences, and pages that were translated."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from regime_lib.companion.book.project import BuildFailed, Project, reading_committed
from regime_lib.companion.publish.site import stage
from regime_lib.storage import write_text

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

#: The page that a translation begins with, and the domain of its sentences.
PAGE, DOMAIN = "book/index", "book"

_CONF = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
_LINK = re.compile(r'(<a\b[^>]*\bhref=")([^"#?:]+\.html)')


def languages(project: Project) -> tuple[str, ...]:
    """Return the languages that there is a translation into."""
    found = (project.pages / "locale").glob(f"*/LC_MESSAGES/{DOMAIN}.po")
    return tuple(sorted(path.parents[1].name for path in found))


def write_catalogue(project: Project) -> Path:
    """Write the sentences of the book, for translators, as .pot files; return their folder.

    Raises
    ------
    BuildFailed
        If Sphinx cannot read the book.
    """
    folder = project.build / "gettext"
    root = _staged(project)
    _sphinx(root, ["-b", "gettext", str(root), str(folder)])
    return folder


def write_translation(project: Project, language: str) -> Path:
    """Render the landing page in another language; return its file.

    Its links lead to the pages of the book in English, which `make book` has rendered. Sentences
    that are not translated stay in English. A rendered book gets the page as well, and its landing
    page a link to it.

    Raises
    ------
    RegimeError
        If the catalogue is damaged, or the page does not render.
    """
    root = _staged(project)
    compile_catalogue(project, language, root / "locale")
    folder = project.build / "gettext" / language
    settings = [f"-Dlanguage={language}", f"-Dlocale_dirs={root / 'locale'}"]
    _sphinx(root, ["-b", "html", *settings, str(root), str(folder), str(root / f"{PAGE}.md")])
    path = folder / f"{PAGE}.html"
    html = path.read_text(encoding="utf-8")
    path.write_text(with_links_to(html, path, project.html), encoding="utf-8")
    _publish(project, language, html, folder)
    return path


def _publish(project: Project, language: str, html: str, folder: Path) -> None:
    """Put a translated page beside the rendered one, if there is one: there all its links hold."""
    english = project.html / f"{PAGE}.html"
    if english.is_file():
        write_text(project.html / f"{PAGE}.{language}.html", with_languages(html, ("en",)))
        words = folder / "_static" / "translations.js"  # what the theme's own script says
        if words.is_file():
            write_text(project.html / "_static" / words.name, words.read_text(encoding="utf-8"))
        there = [path.name.split(".")[1] for path in english.parent.glob("index.*.html")]
        page = english.read_text(encoding="utf-8")
        write_text(english, with_languages(page, tuple(sorted(there))))


def with_languages(html: str, languages: Sequence[str]) -> str:
    """Return a landing page that offers itself in other languages; again changes nothing."""
    from babel import Locale
    from bs4 import BeautifulSoup

    page = BeautifulSoup(html, "html.parser")
    for old in page.select(".rl-languages"):
        old.decompose()
    offered = page.new_tag("p", attrs={"class": "rl-languages"})
    for language in languages:
        address = "index.html" if language == "en" else f"index.{language}.html"
        link = page.new_tag("a", attrs={"href": address, "hreflang": language, "lang": language})
        link.string = Locale(language).get_display_name() or language
        offered.append(link)
    if title := page.select_one("article h1"):
        title.insert_after(offered)
    return str(page)


def compile_catalogue(project: Project, language: str, folder: Path) -> None:
    """Compile the translation into a language to where Sphinx looks for it."""
    from babel.messages.mofile import write_mo

    catalogue = _translation(project, language)
    compiled = folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
    compiled.parent.mkdir(parents=True, exist_ok=True)
    with compiled.open("wb") as file:
        write_mo(file, catalogue)


def lagging(project: Project, language: str, catalogues: Path) -> tuple[str, ...]:
    """Return the sentences of a translation that the book, by its catalogue, no longer holds.

    Whoever edits a page need not know every language: such a sentence is shown in English until
    somebody translates it again.
    """
    from babel.messages.pofile import read_po

    with (catalogues / f"{DOMAIN}.pot").open("rb") as file:
        held = {str(message.id) for message in read_po(file)}
    return tuple(
        str(one.id) for one in _translation(project, language) if one.id and str(one.id) not in held
    )


def with_links_to(html: str, page: Path, book: Path) -> str:
    """Let links of a page that lead to no page beside it lead to the same one in the book."""

    def target(link: re.Match[str]) -> str:
        if (page.parent / link[2]).is_file():
            return link[0]
        there = posixpath.normpath(f"{posixpath.dirname(PAGE)}/{link[2]}")
        return f"{link[1]}{posixpath.join(os.path.relpath(book, page.parent), there)}"

    return _LINK.sub(target, html)


def _translation(project: Project, language: str) -> Catalog:
    from babel.messages.pofile import read_po

    path = project.pages / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with reading_committed(path), path.open("rb") as file:
        return read_po(file, locale=language)


def _staged(project: Project) -> Path:
    """Stage the book with the settings of Sphinx beside it."""
    root = stage(project)
    _call([sys.executable, "-c", _CONF, "config", "sphinx", str(root)], os.environ)
    return root


def _sphinx(root: Path, options: Sequence[str]) -> None:
    path = os.pathsep.join(filter(None, [str(root / "book/_ext"), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    _call([sys.executable, "-m", "sphinx", "-q", *options], environment)


def _call(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise BuildFailed(f"the book could not be read for translation: {''.join(last)}")
