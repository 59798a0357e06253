"""What the live cells of the book's pages cost; writes live.json and LIVE.md.

Each live page of the rendered book is opened in a fresh Chromium on this machine, without a
network, and started. Then the same code is timed in the page, by Python's own clock in the browser,
and in this process, with the same modules: medians of a few rounds.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

for _variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.report import write_pages
from benchmarks.run import environment
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.publish.live.cells import FENCE, read_declared
from regime_lib.companion.publish.live.shipped import LIVE_TAG, MODULES
from regime_lib.companion.running.doctor import find_browser

CELLS = f"div.cell:is(.tag_{LIVE_TAG}, .tag-{LIVE_TAG})"
SHOWN = "!!document.querySelector('.rl-live-output > *')"
READY = "document.querySelector('.rl-live-bar output').value.startsWith('Ready')"
MINUTES = 10
#: What is timed in the page and natively: what runs before the clock starts, and what is timed.
WORK = {
    "digits: 300 steps of a 64-64-64-10 network": (
        "from train_one import load_digits, train\ndata = load_digits()",
        "train(steps=300, data=data)",
    ),
    "exact two-layer flow, 1,000 neurons": (
        "from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons\n"
        "from regime_lib.simulators.two_layer.solver import exact_flow\n"
        "start = random_neurons(1000, 0, d=20, kappa1=1e-3)",
        "exact_flow(TwoPoints(4.0, 0.1, 1.0), start, 1e12)",
    ),
    "training response, 300 epochs": (
        "from regime_lib.simulators.training_response.one_point import train_on_one_input\n"
        "from regime_lib.simulators.training_response.setup import Setup\n"
        "setup = Setup('relu')",
        "train_on_one_input(setup, [0], rate=0.01, epochs=300)",
    ),
    "deep linear gradient flow, three layers": (
        "import numpy as np\n"
        "from regime_lib.simulators.deep_linear.flow import gradient_flow\n"
        "from regime_lib.simulators.deep_linear.initialisation import random_init\n"
        "from regime_lib.simulators.deep_linear.problem import LinearTask\n"
        "layers = random_init((3, 3, 3, 3), 0.05, np.random.default_rng(0))\n"
        "task = LinearTask.diagonal([3.0, 2.0, 1.0])",
        "gradient_flow(layers, task, np.linspace(0, 60, 400))",
    ),
}


def timing(before: str, work: str, rounds: int) -> str:
    """Return code that prints the seconds of each round; the first warms up."""
    return (
        f"import json, time\n{before}\nspent = []\nfor _ in range({rounds + 1}):\n"
        f"    began = time.perf_counter()\n    {work}\n"
        "    spent.append(time.perf_counter() - began)\nprint(json.dumps(spent[1:]))\n"
    )


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine alone."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def live_pages(project: Project) -> list[str]:
    """Return the addresses of the live pages, inside the book."""
    chapters = [f"notebooks/{name}.html" for name in read_declared(project.pages)]
    by_hand = [p for p in sorted(project.pages.glob("*.md")) if FENCE.search(p.read_text("utf-8"))]
    return chapters + [f"book/{path.stem}.html" for path in by_hand]


def opened(browser: Browser, address: str) -> tuple[Page, dict[str, Any]]:
    """Start a page that nothing is cached of; return it, and what starting cost."""
    context = browser.new_context()
    context.set_default_timeout(60_000 * MINUTES)
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    sizes: list[int] = []
    context.on("requestfinished", lambda r: sizes.append(r.sizes()["responseBodySize"]))
    began = time.perf_counter()
    page.get_by_role("button", name="Run this page").click()
    page.wait_for_function(f"() => {SHOWN} || {READY}")
    if not page.evaluate(f"() => {SHOWN}"):  # only exercises, which wait for the reader
        page.locator(CELLS).first.get_by_role("button", name="Run").click()
        page.wait_for_function(f"() => {SHOWN}")
    first = time.perf_counter() - began
    page.wait_for_function(f"() => {READY}")
    ready = time.perf_counter() - began
    costs = {"first_result_s": first, "ready_s": ready, "mb": sum(sizes) / 1e6}
    return page, {**costs, "tab_mb": tab_bytes() / 1e6}


def tab_bytes() -> int:
    """Return the bytes that the largest tab's process has for itself."""
    tabs = [
        process.memory_full_info().uss
        for process in psutil.Process().children(recursive=True)
        if "--type=renderer" in process.cmdline()
    ]
    return max(tabs, default=0)


def in_page(page: Page, code: str) -> list[float]:
    """Run code in a page's first cell; return the numbers that it prints."""
    cell = page.locator(CELLS).first
    cell.evaluate("(cell, code) => { cell.liveCode.value = code; }", code)
    cell.locator(".rl-editor-note").evaluate("note => { note.value = ''; }")
    cell.get_by_role("button", name="Run").click()
    page.wait_for_function("() => / s$/.test(document.querySelector('.rl-editor-note').value)")
    return list(json.loads(cell.locator(".rl-live-output pre").first.inner_text()))


def natively(modules: Path, code: str) -> list[float]:
    """Run the same code in this process, on the same modules."""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()) as printed:
        zipfile.ZipFile(modules).extractall(folder)
        sys.path.append(folder)  # the library itself is that of this process
        exec(code, {})
        sys.path.remove(folder)
    return list(json.loads(printed.getvalue()))


def measure(project: Project, browser: Browser, rounds: int) -> dict[str, Any]:
    """Open every live page, and time the work in the last of them and here."""
    starts: list[dict[str, Any]] = []
    works: list[dict[str, Any]] = []
    with served(project.html) as origin:
        for name in live_pages(project):
            page, cost = opened(browser, f"{origin}/{name}")
            print(f"{name}: ready after {cost['ready_s']:.0f} s", flush=True)
            starts.append({"page": name.rpartition("/")[2].removesuffix(".html"), **cost})
            if name == live_pages(project)[-1]:
                for what, (before, work) in WORK.items():
                    code = timing(before, work, rounds)
                    there = statistics.median(in_page(page, code))
                    here = statistics.median(natively(project.html / "_static" / MODULES, code))
                    works.append(
                        {"work": what, "page_s": there, "native_s": here, "ratio": there / here}
                    )
            page.context.close()
    about = {"environment": environment(), "browser": browser.version}
    return {**about, "load": os.getloadavg()[1], "starts": starts, "work": works}


def render(results: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    machine = ", ".join(f"{key} {value}" for key, value in results["environment"].items())
    lines = [
        "# What live cells cost",
        "",
        "Generated by `python -m benchmarks.live`; do not edit by hand. Every live page was opened "
        "in a Chromium that had cached nothing of Python, from a server on the same machine, so "
        "that no network counts; *first result* is the time from the click to the first output, "
        "*ready* to the last of the cells that run by themselves. *Loaded* is what the click asks "
        "for; *memory* is what the tab's process has for itself once it is ready.",
        "",
        f"Measured on: {machine}; Chromium {results['browser']}. Processes that wanted to run "
        f"meanwhile, these included: {results['load']:.0f}. Where that is more than the cores, "
        "seconds are stretched, and ratios are rough.",
        "",
        "| page | first result (s) | ready (s) | loaded (MB) | memory (MB) |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {row['page']} | {row['first_result_s']:.1f} | {row['ready_s']:.1f} "
            f"| {row['mb']:.1f} | {row['tab_mb']:.0f} |"
            for row in results["starts"]
        ),
        "",
        "The same code in the page and natively, on one thread; medians of the rounds after the "
        "first.",
        "",
        "| work | in the page (s) | native (s) | ratio |",
        "| --- | --- | --- | --- |",
        *(
            f"| {row['work']} | {row['page_s']:.3f} | {row['native_s']:.3f} | {row['ratio']:.1f} |"
            for row in results["work"]
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    project, rounds = find_project(), parser.parse_args().rounds
    chromium = find_browser(project)
    if chromium is None or not (project.html / "_static" / MODULES).is_file():
        print("live cells were not measured: it takes a Chromium, and a book with live cells "
              "(make book); benchmarks/LIVE.md is as it was")  # fmt: skip
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        results = measure(project, browser, rounds)
        browser.close()
    write_pages("live", results, render(results))


if __name__ == "__main__":
    main()
