"""The rendered book, a server for it, and a browser, for the tests of its pages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.book.browsing import served
from tests.book.pages import pages_of, pages_to_visit

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
NO_BOOK = "the book is not built, so its pages cannot be tested; run make book (make test does)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that asks for `page_name` every page; for `visited_name`, those to visit."""
    for fixture, pages in (("page_name", pages_of), ("visited_name", pages_to_visit)):
        if fixture in metafunc.fixturenames:
            names = pages(HTML) or [NO_BOOK]
            metafunc.parametrize(fixture, names, scope="session", indirect=True)


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the rendered book."""
    if not (HTML / "book" / "index.html").is_file():
        pytest.fail(NO_BOOK)
    return HTML


@pytest.fixture(scope="session")
def page_name(request: pytest.FixtureRequest, html: Path) -> str:
    """One page of the book."""
    return str(request.param)


@pytest.fixture(scope="session")
def visited_name(request: pytest.FixtureRequest, html: Path) -> str:
    """One of the pages that a browser visits."""
    return str(request.param)


@pytest.fixture(scope="session")
def origin(html: Path) -> Iterator[str]:
    """The address under which the book is served, on this machine alone."""
    with served(html) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium: the one that `make test` found or installed, else one at hand."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path())
        yield chromium
        chromium.close()


def chromium_path() -> str:
    """Ask `.ci/browser` for a Chromium without installing one."""
    if named := os.environ.get("REGIME_CHROMIUM"):
        return named
    script = ROOT / ".ci" / "browser"
    done = subprocess.run(
        ["sh", str(script), "--find", sys.executable], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail("no Chromium was found; run sh .ci/browser to install one (make test does)")
    return done.stdout.strip()
