"""A visit to a page in a real browser without a network: everything that a reader would meet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

WIDE: ViewportSize = {"width": 1280, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}
SHOWN: dict[str, tuple[ViewportSize, tuple[Literal["light", "dark"], ...]]] = {
    "wide": (WIDE, ("light", "dark")),
    "narrow": (NARROW, ("light",)),  # colours do not depend on the width
}
PATIENCE = 300_000  # milliseconds: a busy machine is slow, not broken

_TYPESET = """async () => {
  if (!document.querySelector(".math")) return;
  while (!(window.MathJax && MathJax.startup && MathJax.startup.promise))
    await new Promise(done => setTimeout(done, 20));
  await MathJax.startup.promise;
  const math = MathJax.startup.document;
  if (math.lazyTypesetAll) await math.lazyTypesetAll();
}"""
_LOADED = "() => Promise.all([...document.images].map(image => image.decode().catch(() => {})))"
_SETTLED = "() => Promise.all([document.fonts.ready, new Promise(requestAnimationFrame)])"
_IMAGES = """() => [...document.images].map(image => ({
  alt: image.getAttribute("alt"), loaded: image.naturalWidth > 0,
  decorative: !!image.closest("a.navbar-brand"),
  name: (image.getAttribute("src") || "").slice(0, 60)}))"""
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
    """Open a context that reaches nothing but `origin`; note in `foreign` what it tried."""

    def decide(route: Route) -> None:
        url = route.request.url
        if url.startswith((f"{origin}/", "data:", "blob:")):
            route.continue_()
        else:
            foreign.append(url)
            route.abort()

    context = browser.new_context(viewport=size, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    context.route("**/*", decide)
    try:
        yield context
    finally:
        context.close()


def visit(browser: Browser, origin: str, path: str) -> Visit:
    """Open a page on a wide screen and on a narrow one, in light and dark; note everything."""
    seen = Visit()
    for shape, (size, schemes) in SHOWN.items():
        with offline(browser, origin, seen.foreign_requests, size) as context:
            page = context.new_page()
            _listen(page, seen, origin)
            page.goto(f"{origin}/{path}", wait_until="load")
            page.evaluate(_TYPESET)
            page.evaluate(_LOADED)
            for scheme in schemes:
                page.emulate_media(color_scheme=scheme)
                _inspect(page, seen, scheme, shape)
            _look(page, seen)
            if shape == "narrow":
                seen.overflow = page.evaluate(_OVERFLOW)
    return seen


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
    seen.typeset = page.locator(".math > mjx-container, .math mjx-container").count()
    seen.formula_errors = page.locator("mjx-merror").all_inner_texts()
    seen.images = page.evaluate(_IMAGES)


def _inspect(page: Page, seen: Visit, scheme: str, shape: str) -> None:
    """Note the theme in effect and what axe-core holds against the page as it is now."""
    page.evaluate(_SETTLED)
    seen.theme[scheme] = page.evaluate("() => document.documentElement.dataset.theme")
    # without preload: axe would ask for the style sheets again, by addresses that it gets wrong
    results = Axe().run(page, options={"resultTypes": ["violations"], "preload": False})
    seen.violations[f"{scheme}, {shape}"] = [
        f"{finding['id']} ({finding['impact']}): {_first_targets(finding)}"
        for finding in results.response["violations"]
        if finding["impact"] in ("serious", "critical")
    ]


def _first_targets(finding: dict[str, Any]) -> str:
    targets = [" ".join(map(str, node["target"])) for node in finding["nodes"]]
    return ", ".join(targets[:3]) + (f" and {len(targets) - 3} more" if len(targets) > 3 else "")
