"""The slides of the course in a browser without a network: typeset, nothing cut, with notes."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.course import read_course
from regime_lib.companion.teaching.package import ROOT, write_course
from tests.book.browsing import FORMULAS_SET, offline, served

pytestmark = pytest.mark.book

PROJECT = find_project()
_TALL = """() => [...document.querySelectorAll(".slides > section")].map((section, place) => {
  Reveal.slide(place);
  const title = section.querySelector("h1, h2").textContent;
  return {title, height: section.scrollHeight, width: section.scrollWidth,
    shown: section.checkVisibility(), notes: Reveal.getSlideNotes(section)};
})"""
_RAW = """() => [...document.querySelectorAll(".slides .math")]
  .filter(one => !one.querySelector("math")).length"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    with zipfile.ZipFile(write_course(PROJECT, folder / "course.zip")) as archive:
        archive.extractall(folder)
    return folder / ROOT


def test_every_slide_fits_and_has_notes_without_a_network(browser: Browser, package: Path) -> None:
    lost: list[str] = []
    with served(package) as address, offline(browser, address, lost) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        for session in read_course(PROJECT):
            page.set_viewport_size({"width": 1280, "height": 720})
            page.goto(f"{address}/slides/{session.number:02}.html", wait_until="load")
            page.wait_for_function("() => window.Reveal && Reveal.isReady()")
            page.evaluate(FORMULAS_SET)
            slides = page.evaluate(_TALL)
            assert len(slides) >= 8
            for slide in slides:
                assert slide["height"] <= 720, slide
                assert slide["width"] <= 1280, slide
                assert slide["shown"], slide
                assert slide["notes"], slide
            assert page.evaluate(_RAW) == 0
        assert errors == []
    assert lost == []
