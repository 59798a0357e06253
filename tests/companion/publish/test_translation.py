"""A translation keeps what the run fills in, covers the page as it is, and leads into the book."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.publish.translation import (
    DOMAIN,
    compile_catalogue,
    lagging,
    languages,
    with_languages,
    with_links_to,
)
from regime_lib.errors import RegimeError

PROJECT = find_project()
ROLE = re.compile(r"\{[a-z:]+\}`[^`]*`")
TARGET = re.compile(r"\]\(([^)]*)\)")
CODE = re.compile(r"`[^`]*`")


def messages(language: str) -> list[Message]:
    path = PROJECT.pages / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    with path.open("rb") as file:
        return [message for message in read_po(file, abort_invalid=True) if message.id]


def on_one_line(text: str) -> str:
    return " ".join(text.split())


def test_there_is_a_page_in_japanese() -> None:
    assert languages(PROJECT) == ("ja",)


@pytest.mark.parametrize("language", languages(PROJECT))
def test_a_translated_sentence_keeps_roles_links_and_code(language: str) -> None:
    for message in messages(language):
        assert message.string, message.id
        said, meant = str(message.string), str(message.id)
        for form in (ROLE, TARGET):
            assert sorted(form.findall(said)) == sorted(form.findall(meant))
        assert CODE.findall(ROLE.sub("", said)) == CODE.findall(ROLE.sub("", meant))
        assert message.string.count("*") == message.id.count("*")


def test_sentences_that_the_book_no_longer_holds_are_counted(tmp_path: Path) -> None:
    known = [str(message.id) for message in messages("ja")]
    entries = "".join(f'msgid "{escaped(one)}"\nmsgstr ""\n\n' for one in known[2:])
    (tmp_path / f"{DOMAIN}.pot").write_text(entries, encoding="utf-8")
    assert lagging(PROJECT, "ja", tmp_path) == tuple(known[:2])


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def test_a_catalogue_is_compiled_for_sphinx(tmp_path: Path) -> None:
    compile_catalogue(PROJECT, "ja", tmp_path)
    found = gettext.translation(DOMAIN, tmp_path, ["ja"])
    assert found.gettext("Three findings") == "三つの結果"
    assert found.gettext("not there") == "not there"


def test_a_damaged_catalogue_is_named(tmp_path: Path) -> None:
    path = tmp_path / "book" / "locale" / "xx" / "LC_MESSAGES" / f"{DOMAIN}.po"
    path.parent.mkdir(parents=True)
    path.write_bytes(b'msgid "a"\nmsgstr "\xff\xfe"\n')
    with pytest.raises(RegimeError, match=r"locale/xx/LC_MESSAGES/book\.po"):
        compile_catalogue(Project(tmp_path), "xx", tmp_path / "out")


def test_links_that_lead_to_no_page_beside_it_lead_into_the_book(tmp_path: Path) -> None:
    page = tmp_path / "gettext" / "ja" / "book" / "index.html"
    page.parent.mkdir(parents=True)
    (page.parent / "here.html").touch()
    html = (
        '<a href="here.html">a</a><a class="x" href="../notebooks/20.html#b">b</a>'
        '<a href="#c">c</a><a href="https://x.org/d.html">d</a>'
    )
    assert with_links_to(html, page, tmp_path / "html") == html.replace(
        "../notebooks/20.html", "../../../html/notebooks/20.html"
    )


def test_a_landing_page_offers_itself_in_other_languages_once() -> None:
    page = "<html><body><article><h1>Regimes</h1><p>Text.</p></article></body></html>"
    offered = with_languages(page, ("ja",))
    assert '<a href="index.ja.html" hreflang="ja" lang="ja">日本語</a>' in offered
    assert with_languages(offered, ("ja",)) == offered
    back = with_languages(offered, ("en",))
    assert "日本語" not in back
    assert '<a href="index.html" hreflang="en" lang="en">English</a>' in back
