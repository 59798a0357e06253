"""The syllabus: ten sessions that add up, on a page and in a package that needs no network."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup, Tag

from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.teaching.course import COURSE_FILE, Session, read_course
from regime_lib.companion.teaching.handing_out import line, prose
from regime_lib.companion.teaching.package import ROOT, offer_course, write_course
from regime_lib.companion.teaching.slides import Material, syllabus
from regime_lib.errors import RegimeError

PROJECT = find_project()
SESSIONS = read_course(PROJECT)
by_session = pytest.mark.parametrize("session", SESSIONS, ids=lambda s: f"session {s.number}")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked course."""
    folder = tmp_path_factory.mktemp("course")
    with zipfile.ZipFile(write_course(PROJECT, folder / "course.zip")) as archive:
        archive.extractall(folder)
    return folder / ROOT


def deck(package: Path, session: Session) -> BeautifulSoup:
    text = (package / "slides" / f"{session.number:02}.html").read_text("utf-8")
    return BeautifulSoup(text, "html.parser")


def words(node: Tag) -> str:
    return " ".join(node.get_text(" ").split())


def test_there_are_ten_sessions_of_ninety_minutes_on_every_chapter() -> None:
    assert [session.number for session in SESSIONS] == list(range(1, 11))
    assert {session.minutes for session in SESSIONS} == {90}
    taught = {chapter.name for session in SESSIONS for chapter in session.chapters}
    named = re.findall(r"file: notebooks/(\w+)", (PROJECT.root / "_toc.yml").read_text("utf-8"))
    assert taught <= set(named)


@by_session
def test_a_vote_opens_and_closes_a_session(session: Session, package: Path) -> None:
    assert "vote" in session.plan[0][1]
    assert "second vote" in session.plan[-1][1]
    assert len(set(session.vote)) == len(session.vote) >= 3
    votes = deck(package, session).select("ol.vote")
    assert [[words(item) for item in vote.select("li")] for vote in votes] == 2 * [
        [words(BeautifulSoup(line(answer), "html.parser")) for answer in session.vote]
    ]


@by_session
def test_slides_ask_first_show_every_finding_and_have_notes(
    session: Session, package: Path
) -> None:
    material = Material(PROJECT, session)
    sections = deck(package, session).select(".slides > section")
    assert all(section.select_one("aside.notes") for section in sections)
    assert all(section.select_one("h1, h2") for section in sections)
    titles = [words(section.select("h1, h2")[0]) for section in sections]
    images = [image for section in sections for image in section.select("img")]
    assert len(images) == len(session.figures)
    for image, shown in zip(images, material.shown, strict=True):
        assert image["alt"] == shown.figure.alt
    first = next(place for place, title in enumerate(titles) if title.startswith("What was found"))
    assert first > max(place for place, section in enumerate(sections) if section.select("img"))
    assert material.findings
    told = [words(BeautifulSoup(prose(point), "html.parser")) for point in material.findings]
    assert [words(s.select("h2 + div")[0]) for s in sections[first : first + len(told)]] == told
    assert not re.search(r"\{[a-z:]+\}|\(run the chapter\)", " ".join(told))


def test_findings_are_all_points_of_in_one_minute() -> None:
    for session in SESSIONS:
        points = 0
        for chapter in session.chapters:
            text = "".join("".join(c["source"]) for c in chapter.notebook["cells"][:3])
            start = text.split("## In one minute", 1)[1].split("\n## ")[0]
            points += len(re.findall(r"^- ", start, re.MULTILINE))
        assert len(Material(PROJECT, session).findings) == points


def test_the_package_is_the_same_each_time(tmp_path: Path) -> None:
    first, second = (write_course(PROJECT, tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == second.read_bytes()


def test_the_rendered_book_offers_it_and_writes_it_only_where_something_is_newer(
    tmp_path: Path,
) -> None:
    html = tmp_path / "html"
    packed = offer_course(PROJECT, html)
    assert packed is not None
    assert packed == html / "_static" / "course.zip"
    folder = html / "_static" / "course"
    with zipfile.ZipFile(packed) as archive:
        inside = {name.removeprefix(f"{ROOT}/") for name in archive.namelist()}
    assert inside == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    for session in SESSIONS:
        for kind in ("slides", "handouts"):
            address = f"course/{kind}/{session.number:02}.html"
            assert f'href="../_static/{address}"' in syllabus((session,))
            assert (html / "_static" / address).is_file()
    before = packed.stat().st_mtime_ns
    offer_course(PROJECT, html)
    assert packed.stat().st_mtime_ns == before


def test_every_page_finds_what_it_names_in_the_package_and_loads_nothing_else(
    package: Path,
) -> None:
    pages = sorted(package.rglob("*.html"))
    assert len(pages) == 2 * len(SESSIONS) + 1
    for path in pages:
        page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        named = [(tag, key) for tag in page.select("[src], [href]") for key in ("src", "href")
                 if tag.has_attr(key)]  # fmt: skip
        assert named
        style = "".join(tag.get_text() for tag in page.select("style"))
        addresses = [str(tag[key]) for tag, key in named] + re.findall(r"url\(([^)]+)\)", style)
        for address in addresses:
            assert urlsplit(address).scheme == ""
            assert (path.parent / unquote(address)).resolve().is_file(), (path.name, address)


def test_a_handout_tells_no_finding_and_no_notebook_a_solution(package: Path) -> None:
    for session in SESSIONS:
        text = (package / "handouts" / f"{session.number:02}.html").read_text("utf-8")
        said = words(BeautifulSoup(text, "html.parser"))
        for point in Material(PROJECT, session).findings:
            assert words(BeautifulSoup(prose(point), "html.parser")) not in said
        assert all(task.exercise.title in said for task in session.tasks)
    notebooks = {path.stem for path in (package / "notebooks").glob("*.ipynb")}
    assert notebooks == {chapter.name for session in SESSIONS for chapter in session.chapters}


def test_the_page_of_the_book_says_all_of_it() -> None:
    text = syllabus(SESSIONS)
    for session in SESSIONS:
        assert f"### {session.number}. {session.question}" in text
        for task in session.tasks:
            assert f"<{task.exercise.label}>` ({task.facts.effort})" in text
        assert session.needs in text
        assert all(answer in text for answer in session.vote)


def test_prose_keeps_formulas_and_loses_targets_of_the_book() -> None:
    assert line("a $x_1 < y_2$ *b*") == (
        r'a <span class="math inline">\(x_1 &lt; y_2\)</span> <em>b</em>'
    )
    assert line("see [below](#here), [site](https://x.org)") == (
        'see below, <a href="https://x.org">site</a>'
    )
    assert prose('<a href="#claim">c</a> <b>d</b>') == "<p>c &lt;b&gt;d&lt;/b&gt;</p>\n"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("- question:", "- questions:"), "session 1 has the unknown key 'questions'"),
        (("    - 10 | first", "    - ten | first"), "the plan begins each line with minutes"),
        (("    - 10 | first", "    - 10: first"), "must be text"),
        (("fig-regions | ", "fig-regions "), "write each entry of figures as A | B"),
        (("[10_stability]", "[11_none]"), "no chapter '11_none'"),
        (("[ex10-radius,", "[ex20-probe,"), "asks for ex20-probe, which is no exercise"),
        (("needs: matrices", "needs: 3 #"), "needs must be text"),
    ],
)
def test_a_course_that_breaks_the_form_is_refused(
    change: tuple[str, str], says: str, tmp_path: Path
) -> None:
    text = (PROJECT.pages / COURSE_FILE).read_text("utf-8")
    assert change[0] in text
    pages = tmp_path / "book"
    pages.mkdir()
    (pages / COURSE_FILE).write_text(text.replace(*change, 1), encoding="utf-8")
    (pages / "exercises.yml").symlink_to(PROJECT.pages / "exercises.yml")
    (tmp_path / "notebooks").symlink_to(PROJECT.notebooks)
    with pytest.raises(RegimeError, match=re.escape(says)):
        read_course(Project(tmp_path))


def test_a_figure_that_there_is_not_is_named() -> None:
    session = SESSIONS[0]
    gone = Session(**{**vars(session), "figures": (("fig-gone", "Where?"),)})
    with pytest.raises(RegimeError, match="session 1 shows fig-gone, which is no figure"):
        _ = Material(PROJECT, gone).shown
