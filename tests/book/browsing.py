"""A visit to a page in a real browser without a network: everything that a reader would meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Request, ViewportSize

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
Scheme = Literal["light", "dark"]
SHOWN: dict[str, tuple[ViewportSize, tuple[Scheme, ...]]] = {
    "wide": (WIDE, ("light", "dark")),
    "narrow": (NARROW, ("light",)),  # colours do not depend on the width
}
PATIENCE = 300_000  # milliseconds: a busy machine is slow, not broken

#: Waits until the formulas of a page are typeset.
FORMULAS_SET = """async () => {
  if (!document.querySelector(".math")) return;
  while (document.documentElement.dataset.formulas !== "set")
    await new Promise(done => setTimeout(done, 20));
}"""
# How many elements a page has, and how many of them are its formulas and tables.
_COUNTED = """() => [document.querySelectorAll("*").length,
  document.querySelectorAll("math, math *, table, table *").length]"""
# What is folded away is read as well: it is there once it is opened.
_UNFOLDED = "() => window.rlUnfold && window.rlUnfold()"
# A picture of the other theme waits until it is needed: here it is asked for.
_LOADED = """() => Promise.all([...document.images].map(image => {
  image.loading = "eager";
  return image.decode().catch(() => {});
}))"""
_SETTLED = "() => Promise.all([document.fonts.ready, new Promise(requestAnimationFrame)])"
_IMAGES = """() => [...document.images].map(image => ({
  alt: image.getAttribute("alt"), loaded: image.naturalWidth > 0,
  decorative: !!image.closest("a.navbar-brand"),
  name: (image.getAttribute("src") || "").slice(0, 60)}))"""
# Text looks the same wherever its element, its elements around it, and all their colours are the
# same, on whichever page. One of each look that no page had before is marked: reading every token
# of every listing would take minutes.
_LOOKS = """known => {
  const places = new Map(), numbers = new Map(known.numbers), marked = new Set(known.marked);
  const number = key => numbers.get(key) ?? (numbers.set(key, numbers.size), numbers.size - 1);
  const place = element => {
    if (!element) return 0;
    if (!places.has(element)) {
      const style = getComputedStyle(element);
      places.set(element, number([place(element.parentElement), element.tagName,
        element.getAttribute("class"), style.backgroundColor, style.backgroundImage, style.opacity,
        style.color, style.fontSize, style.fontWeight].join()));
    }
    return places.get(element);
  };
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (says && element.checkVisibility() && !marked.has(place(element))) {
      marked.add(place(element));
      element.setAttribute("data-look", "");
    }
  }
  return {numbers: [...numbers], marked: [...marked]};
}"""
# Thousands of tokens that look like another one say nothing to axe, and slow it down.
_PLAIN_CODE = """() => document
  .querySelectorAll(".highlight pre span:not([data-look], :has(a, [data-look]))")
  .forEach(span => span.isConnected && span.replaceWith(span.textContent))"""
_OVERFLOW = """() => {
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= edge) return [];
  return [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > edge + 1 && e.offsetParent)
    .slice(-3).map(e => `${e.tagName.toLowerCase()}.${e.className}`).concat("the page");
}"""


@dataclass
class Visit:
    """What happened on a page, and what stood there."""

    console_errors: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)
    failed_requests: list[str] = field(default_factory=list)
    foreign_requests: list[str] = field(default_factory=list)
    elements: int = 0
    """On the page as it comes, with its formulas typeset."""
    of_formulas_and_tables: int = 0
    formulas: int = 0
    typeset: int = 0
    formula_errors: list[str] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    theme: dict[str, str] = field(default_factory=dict)
    """By the colour scheme that the reader's system asks for."""
    violations: dict[str, list[str]] = field(default_factory=dict)
    """Serious and critical findings of axe-core, by how the page was shown."""
    overflow: list[str] = field(default_factory=list)
    """What sticks out of the page to the right on a telephone."""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")  # the scripts of all pages are the same
        super().end_headers()


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone; yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def offline(
    browser: Browser, origin: str, foreign: list[str], size: ViewportSize = WIDE
) -> Iterator[BrowserContext]:
    """Open a context that reaches nothing but this machine; note in `foreign` what it tried."""

    def note(request: Request) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "blob:")):
            foreign.append(request.url)

    # Nobody listens at the proxy. Deciding about each request would switch the cache off.
    context = browser.new_context(
        viewport=size,
        reduced_motion="reduce",
        proxy={"server": "http://127.0.0.1:9", "bypass": "127.0.0.1"},
    )
    context.set_default_timeout(PATIENCE)
    context.on("request", note)
    try:
        yield context
    finally:
        context.close()


class Visitor:
    """Opens pages one after the other in two windows, which keep what pages have in common."""

    def __init__(self, browser: Browser, origin: str) -> None:
        self._origin = origin
        self._foreign: list[str] = []
        self._looks: dict[str, Any] = {"numbers": [], "marked": []}
        self._open = ExitStack()
        self._windows = {
            shape: self._open.enter_context(offline(browser, origin, self._foreign, size))
            for shape, (size, _) in SHOWN.items()
        }

    def close(self) -> None:
        """Close both windows."""
        self._open.close()

    def visit(self, path: str) -> Visit:
        """Open a page on a wide screen and on a narrow one, in light and dark; note everything."""
        seen = Visit()
        self._foreign.clear()
        for shape, (_, schemes) in SHOWN.items():
            page = self._windows[shape].new_page()
            try:
                self._read(page, path, seen, shape, schemes)
            finally:
                page.close()
        seen.foreign_requests = list(self._foreign)
        return seen

    def _read(
        self, page: Page, path: str, seen: Visit, shape: str, schemes: Sequence[Scheme]
    ) -> None:
        _listen(page, seen, self._origin)
        page.emulate_media(color_scheme="light")
        page.goto(f"{self._origin}/{path}", wait_until="load")
        page.evaluate(FORMULAS_SET)
        seen.elements, seen.of_formulas_and_tables = page.evaluate(_COUNTED)
        page.evaluate(_UNFOLDED)
        page.evaluate(_LOADED)
        _look(page, seen)
        if shape == "narrow":
            seen.overflow = page.evaluate(_OVERFLOW)
        for scheme in schemes:
            _show(page, scheme)
            seen.theme[scheme] = page.evaluate("() => document.documentElement.dataset.theme")
            self._looks = page.evaluate(_LOOKS, self._looks)
        page.evaluate(_PLAIN_CODE)
        for scheme in reversed(schemes):
            _show(page, scheme)
            seen.violations[f"{scheme}, {shape}"] = _contrast(page) + _structure(page, scheme)


@contextmanager
def one_page(browser: Browser, address: str, path: str = "page.html") -> Iterator[Page]:
    """Open a page that is served, without a network; an error of its scripts fails at the end."""
    with offline(browser, address, []) as context:
        page, faults = context.new_page(), list[str]()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{address}/{path}", wait_until="load")
        yield page
        assert faults == []


def _listen(page: Page, seen: Visit, origin: str) -> None:
    page.on("console", lambda m: seen.console_errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: seen.page_errors.append(str(error)))
    page.on(
        "requestfailed",
        lambda r: seen.failed_requests.append(r.url) if r.url.startswith(origin) else None,
    )
    page.on("response", lambda r: seen.failed_requests.append(r.url) if r.status >= 400 else None)


def _look(page: Page, seen: Visit) -> None:
    seen.formulas = page.locator(".math").count()
    seen.typeset = page.locator(".math:has(> math)").count()
    seen.formula_errors = page.locator(".temml-error").all_inner_texts()
    seen.images = page.evaluate(_IMAGES)


def _show(page: Page, scheme: Scheme) -> None:
    page.emulate_media(color_scheme=scheme)
    page.evaluate(_SETTLED)


def _contrast(page: Page) -> list[str]:
    """Return the looks of text that are too pale."""
    if not page.locator("[data-look]").count():
        return []  # axe would read the whole page
    return _axe(page, {"runOnly": ["color-contrast"]}, {"include": [["[data-look]"]]})


def _structure(page: Page, scheme: Scheme) -> list[str]:
    """Return whatever else axe-core holds against the page as it is now.

    In the dark only what can differ there: which picture is shown, and what colour tells.
    """
    if scheme == "dark":
        return _axe(page, {"runOnly": ["image-alt", "link-in-text-block"]})
    return _axe(page, {"rules": {"color-contrast": {"enabled": False}}})


def _axe(page: Page, options: dict[str, Any], context: dict[str, Any] | None = None) -> list[str]:
    """Return serious and critical findings."""
    # without preload: axe would ask for the style sheets again, by addresses that it gets wrong
    common = {"resultTypes": ["violations"], "preload": False}
    results = Axe().run(page, context=context, options=common | options)
    return [
        f"{finding['id']} ({finding['impact']}): {_first_targets(finding)}"
        for finding in results.response["violations"]
        if finding["impact"] in ("serious", "critical")
    ]


def _first_targets(finding: dict[str, Any]) -> str:
    targets = [" ".join(map(str, node["target"])) for node in finding["nodes"]]
    return ", ".join(targets[:3]) + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")
