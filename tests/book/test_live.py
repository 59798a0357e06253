"""Code that runs in the page, in a real browser without a network: change it, run it, stop it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.trace import Series, Trace
from tests.book.browsing import NARROW, PATIENCE, WIDE, offline
from tests.book.conftest import chromium_path

pytestmark = pytest.mark.book

PAGES = ("10_stability", "30_training_response", "40_multi_phase", "50_deep_linear")
CELLS = "div.cell:is(.tag_rl-live-cell, .tag-rl-live-cell)"
LOOP = "while True:\n    pass"


@pytest.fixture(scope="module", autouse=True)
def python(html: Path) -> None:
    """Skip where the book was built without Python for the browser."""
    if not (html / "_static" / "pyodide").is_dir():
        pytest.skip("the book is built without live cells: Pyodide was not at hand (regime live)")


@dataclass
class Live:
    """A page that was started, with what was seen before and what happened since."""

    page: Page
    said: str  # beside the button, before it was pressed
    in_book: list[list[str]]  # words of each cell's output
    foreign: list[str]  # addresses outside this machine that it asked for
    faults: list[str] = field(default_factory=list)  # of its scripts

    @property
    def cells(self) -> list[Locator]:
        """Its live cells, with their own code again and nothing computed shown."""
        cells = self.page.locator(CELLS).all()
        for cell in cells:
            cell.get_by_role("button", name="Reset").click()
        return cells


@pytest.fixture(scope="module")
def live(browser: Browser, origin: str) -> Iterator[Callable[[str], Live]]:
    """Pages that were started, one a chapter, for tests that leave them as they like.

    To start Python takes longer than a test does. No test relies on what another one computed.
    """
    with ExitStack() as opened_pages:

        @cache
        def of(chapter: str) -> Live:
            foreign: list[str] = []
            context = opened_pages.enter_context(offline(browser, origin, foreign))
            page = opened(context, origin, chapter)
            in_book = [
                cell.locator(".cell_output").all_inner_texts() for cell in page.locator(CELLS).all()
            ]
            found = Live(
                page,
                page.locator(".rl-live-bar").inner_text(),
                ["".join(texts).split() for texts in in_book],
                foreign,
            )
            page.on("pageerror", lambda error: found.faults.append(str(error)))
            start(page)
            return found

        yield of


@pytest.fixture
def context(browser: Browser, origin: str) -> Iterator[BrowserContext]:
    """Tabs that no other test has a part in."""
    with offline(browser, origin, []) as alone:
        yield alone


def opened(context: BrowserContext, origin: str, chapter: str) -> Page:
    page = context.new_page()
    folder = "notebooks" if chapter[0].isdigit() else "book"
    page.goto(f"{origin}/{folder}/{chapter}.html", wait_until="load")
    return page


def started(context: BrowserContext, origin: str, chapter: str) -> Page:
    page = opened(context, origin, chapter)
    start(page)
    return page


def start(page: Page) -> None:
    page.get_by_role("button", name="Run this page").click()
    expect(page.locator(".rl-live-bar output")).to_have_text(
        "Ready: change the code and run it again.", timeout=PATIENCE
    )


def run(cell: Locator, code: str | None = None) -> str:
    """Run a cell, with other code if some is given; return what it shows."""
    if code is not None:
        write(cell, code)
    cell.get_by_role("button", name="Run").click()
    ended(cell)
    return "\n".join(cell.locator(".rl-live-output :is(pre, table)").all_inner_texts())


def write(cell: Locator, code: str) -> None:
    """Put some code into the cell's editor, all at once."""
    cell.evaluate("(cell, code) => { cell.liveCode.value = code; }", code)


def code_in(cell: Locator) -> str:
    return str(cell.evaluate("cell => cell.liveCode.value"))


def ended(cell: Locator) -> None:
    expect(cell.locator(".rl-editor-note")).to_contain_text(" s", timeout=PATIENCE)
    expect(cell.get_by_role("button", name="Run")).to_be_enabled(timeout=PATIENCE)


@pytest.mark.parametrize("chapter", PAGES)
def test_a_live_page_starts_and_each_of_its_cells_runs(
    live: Callable[[str], Live], chapter: str
) -> None:
    found = live(chapter)
    assert " MB" in found.said
    cells = found.cells
    for cell, shown in zip(cells, found.in_book, strict=True):
        assert shown
        assert run(cell).split() == shown
    if chapter != "10_stability":  # where a simulator runs, it draws
        assert cells[0].locator("svg.rl-plot path.rl-plot-line").count() > 0
    assert found.faults == []
    assert found.foreign == []


def test_an_edited_line_changes_what_is_shown_and_reset_takes_it_back(
    live: Callable[[str], Live],
) -> None:
    first, second, *_ = live("50_deep_linear").cells
    code = code_in(first)
    assert "layerwise" in code
    changed = code.replace("np.allclose(whole,", "np.allclose(2 * whole,")
    assert run(first, changed).strip() == "on one matrix the same: False"
    table = run(first, f"{code}\nwhole[:2]")
    assert "on one matrix the same: True" in table
    assert first.locator(".rl-live-output tbody tr").count() == 2
    # what one cell defines the next one sees, as it was last run
    assert run(second, "len(layers)").strip() == "2"
    first.get_by_role("button", name="Reset").click()
    assert code_in(first) == code
    assert first.locator(".cell_output").first.is_visible()


def test_an_exception_shows_pythons_message_and_the_page_goes_on(
    live: Callable[[str], Live],
) -> None:
    first = live("10_stability").cells[0]
    told = run(first, "values = [1, 2]\nvalues[5]")
    assert "IndexError: list index out of range" in told
    assert "values[5]" in told
    assert "SyntaxError" in run(first, "for")
    assert run(first, "sum(values)").strip() == "3"


def test_an_endless_loop_is_stopped_and_the_page_runs_again(live: Callable[[str], Live]) -> None:
    first, second = live("10_stability").cells[:2]
    write(first, f"print('on the way')\n{LOOP}")
    first.get_by_role("button", name="Run").click()
    expect(first.locator(".rl-editor-note")).to_have_text("running …", timeout=PATIENCE)
    assert not second.get_by_role("button", name="Run").is_enabled()
    first.get_by_role("button", name="Stop").click()
    expect(first.locator(".rl-editor-note")).to_contain_text("stopped", timeout=PATIENCE)
    assert run(first, "6 * 7").strip() == "42"


def test_what_prints_without_end_is_cut_and_can_be_stopped(live: Callable[[str], Live]) -> None:
    first = live("10_stability").cells[0]
    write(first, "while True:\n    print('and on')")
    first.get_by_role("button", name="Run").click()
    output = first.locator(".rl-live-output")
    expect(output).to_contain_text("what follows is not shown", timeout=PATIENCE)
    first.get_by_role("button", name="Stop").click()
    expect(first.locator(".rl-editor-note")).to_contain_text("stopped", timeout=PATIENCE)
    assert len(output.inner_text()) < 250_000


def test_a_wrong_exercise_gets_its_sentence_a_right_one_its_tick_and_both_are_kept(
    live: Callable[[str], Live], origin: str
) -> None:
    found = live("50_deep_linear")
    (cell,) = (cell for cell in found.cells if "orbits_of_chain" in code_in(cell))
    code = code_in(cell)
    assert "Replace `raise NotImplementedError` with your solution." in run(cell)
    wrong = code.replace("raise NotImplementedError", "return 2**depth")
    assert "not yet." in run(cell, wrong)
    assert not cell.evaluate("cell => cell.classList.contains('rl-solved')")
    right = code.replace("raise NotImplementedError", "return 2**depth - depth - 1")
    assert run(cell, right).strip() == "orbits of chains: solved."
    assert cell.evaluate("cell => cell.classList.contains('rl-solved')")
    again = opened(found.page.context, origin, "50_deep_linear")
    again.get_by_role("button", name="Run this page").click()
    kept = again.locator(f"{CELLS}.rl-opened")
    expect(kept).to_have_count(len(found.in_book), timeout=PATIENCE)
    assert right in [code_in(cell) for cell in kept.all()]
    again.close()


def test_what_stands_in_the_cells_is_handed_in_as_a_notebook_or_as_python(
    live: Callable[[str], Live],
) -> None:
    found = live("10_stability")
    first, second = found.cells[:2]
    assert "not yet" in run(first)
    write(second, "answer = 6 * 7")
    saved = {}
    for button in ("Save my code", "Save as a notebook"):
        with found.page.expect_download() as waiting:
            found.page.get_by_role("button", name=button).click()
        name = waiting.value.suggested_filename
        saved[name] = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert set(saved) == {"10_stability.py", "10_stability.ipynb"}
    compile(saved["10_stability.py"], "10_stability.py", "exec")
    assert "answer = 6 * 7" in saved["10_stability.py"]
    notebook = nbformat.reads(saved["10_stability.ipynb"], as_version=4)
    nbformat.validate(notebook)
    title, one, two = notebook.cells[:3]
    assert "10_stability" in title.source
    assert "not yet" in one.outputs[0].text
    assert (two.source.endswith("answer = 6 * 7"), two.metadata.solved) == (True, False)


def test_a_network_trains_in_the_page_and_the_landing_picture_appears(
    live: Callable[[str], Live],
) -> None:
    found = live("train_one")
    train, settle, _, regions, stairs = found.page.locator(CELLS).all()  # as the start left them
    picture = train.locator("svg[data-picture=curves]")
    assert picture.locator("path.rl-plot-line").count() == 2
    assert {"patterns", "weights"} <= set(picture.locator("text").all_text_contents())
    assert train.locator("svg[data-picture=raster] image").count() == 1
    assert settle.locator(".rl-live-output tbody tr").count() == 16
    assert stairs.locator("path.rl-plot-line").count() == 1
    told = regions.locator(".rl-live-scene p").inner_text()
    match = re.fullmatch(r"step 600: (\d+) linear regions, (\d+)% of the points right", told)
    assert match is not None, told
    assert regions.locator(".rl-live-scene path.rl-area").count() == int(match[1])
    assert int(match[2]) > 90
    before = picture.locator("path.rl-plot-line").first.get_attribute("d")
    code = code_in(train).replace('"sgd", rate=0.1', '"adam", rate=0.01')
    assert "right answers" in run(train, code.replace("steps=2000", "steps=300"))
    assert picture.count() == 1
    assert picture.locator("path.rl-plot-line").first.get_attribute("d") != before
    assert found.foreign == []


def test_a_run_of_the_readers_is_judged_and_drawn_beside_the_books(
    live: Callable[[str], Live], tmp_path: Path
) -> None:
    """As a folder that a tracker saved, of Parquet; as a table of CSV; and what is none of them."""
    found = live("train_one")
    yours = found.page.locator(CELLS).nth(2)
    files = found.page.locator(".rl-drop input[type=file]")
    steps = np.arange(1, 12001)
    series = [steps, 0.9 ** (steps / 40), 0.9 ** (steps / 120)]
    slower = -120 / np.log(0.9)  # an exponential has spent nine tenths after ln 10 of its time
    expected = [slower / 3 * np.log(10), slower * np.log(10), 3]

    def judged() -> list[float]:
        ended(yours)
        rows = yours.locator(".rl-live-output tbody tr").all_inner_texts()
        (times,) = (row.split()[1:] for row in rows if row.startswith("cum@0.9"))
        return [float(text) for text in times]

    save_as_a_tracker_does(tmp_path / "trace", steps, series[1], series[2])
    files.set_input_files(sorted((tmp_path / "trace").iterdir()))
    expect(yours.locator("path.rl-plot-line")).to_have_count(4, timeout=PATIENCE)
    assert judged() == pytest.approx(expected, rel=0.01)
    name = "step,pattern_change,weight_change"
    np.savetxt(tmp_path / "mine.csv", np.transpose(series), delimiter=",", header=name, comments="")
    write(yours, code_in(yours).replace("mine = [row", "print(path.name)\n    mine = [row"))
    files.set_input_files(tmp_path / "mine.csv")
    expect(yours.locator(".rl-live-output")).to_contain_text("mine.csv", timeout=PATIENCE)
    assert judged() == pytest.approx(expected, rel=0.01)
    (tmp_path / "bad.parquet").write_bytes(b"no Parquet at all")
    files.set_input_files(tmp_path / "bad.parquet")
    expect(yours.locator(".rl-error")).to_contain_text("cannot be read", timeout=PATIENCE)
    other = found.page.locator(CELLS).first
    assert run(other, "6 * 7").strip() == "42"  # which asks for no file
    files.set_input_files(tmp_path / "mine.csv")  # the next file is read again
    expect(yours.locator(".rl-live-output")).to_contain_text("mine.csv", timeout=PATIENCE)
    assert judged() == pytest.approx(expected, rel=0.01)
    assert found.foreign == []


def save_as_a_tracker_does(
    folder: Path, steps: np.ndarray, patterns: np.ndarray, weights: np.ndarray
) -> None:
    parts = [("pattern_change", patterns), ("weight_change", weights)]
    all_series = tuple(Series(name, ("all",), steps, x[:, None, None]) for name, x in parts)
    Trace(Coverage((), (), 8, 1), all_series, None).save(folder)


def test_twenty_runs_in_a_row_and_memory_stays_small(browser: Browser, origin: str) -> None:
    """In a browser of its own: in another one it is not told which process is the page's."""
    others = {one.pid for one in tabs()}
    alone = browser.browser_type.launch(executable_path=chromium_path())
    try:
        with offline(alone, origin, []) as context:
            first = started(context, origin, "50_deep_linear").locator(CELLS).first
            shown = {run(first).strip() for _ in range(20)}
            assert shown == {"on one matrix the same: True"}
            # all that the tab's process has for itself, Python and what it computed with
            own = [one.memory_full_info().uss for one in tabs() if one.pid not in others]
            assert 50e6 < max(own) < 500e6
    finally:
        alone.close()


def tabs() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [one for one in children if "renderer" in kind_of(one)]


def kind_of(process: psutil.Process) -> str:
    try:
        return next((part for part in process.cmdline() if part.startswith("--type=")), "")
    except psutil.Error:  # it has just ended
        return ""


def test_the_keyboard_runs_a_cell(live: Callable[[str], Live]) -> None:
    found = live("10_stability")
    first = found.cells[0]
    write(first, "'by ' + 'keys'")
    first.locator(".cm-content").press("Control+Enter")
    expect(first.locator(".rl-live-output")).to_have_text("'by keys'", timeout=PATIENCE)
    # typed as a reader types, with what the editor adds: the indent, and the closing bracket
    first.locator(".cm-content").press("Control+a")
    found.page.keyboard.type("for n in range(3):\nprint(n * 2", delay=5)
    assert code_in(first) == "for n in range(3):\n    print(n * 2)"
    assert run(first).split() == ["0", "2", "4"]
    assert first.locator(".tok-keyword").count() == 2


def test_without_its_editor_the_code_is_typed_into_a_plain_field(
    context: BrowserContext, origin: str
) -> None:
    context.route("**/live-editor.js", lambda route: route.abort())
    page = started(context, origin, "10_stability")
    first = page.locator(CELLS).first
    first.locator("textarea").fill("'in a ' + 'field'")
    first.locator("textarea").press("Control+Enter")
    expect(first.locator(".rl-live-output")).to_have_text("'in a field'", timeout=PATIENCE)


def test_axe_finds_no_fault_in_an_open_page_and_nothing_sticks_out(
    live: Callable[[str], Live],
) -> None:
    found = live("10_stability")
    page = found.page
    page.set_viewport_size(NARROW)
    run(found.cells[0], "import numpy as np\nprint(1)\nnp.zeros((2, 30))")
    for theme in ("light", "dark"):
        page.evaluate(f"() => document.documentElement.dataset.theme = '{theme}'")
        rules = {"resultTypes": ["violations"], "preload": False}
        faults = Axe().run(page, context=".rl-live-bar, .rl-editor", options=rules)
        assert faults.response["violations"] == []
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= NARROW["width"]
    page.set_viewport_size(WIDE)


def test_a_table_that_may_scroll_is_reached_by_the_keyboard_from_the_first_moment(
    context: BrowserContext, origin: str
) -> None:
    page = opened(context, origin, "10_stability")
    table = """async () => {
      const { tabled } = await import("../_static/live-draw.js");
      return tabled({ head: ["", "a"], rows: [["0", "1"]] }, 0).tabIndex;
    }"""
    assert page.evaluate(table) == 0


def test_without_a_script_or_webassembly_the_page_is_as_before(
    browser: Browser, origin: str
) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = opened(context, origin, "50_deep_linear")
        assert page.locator(".rl-live-bar").count() == 0
        assert page.locator(CELLS).count() > 0
    with offline(browser, origin, []) as context:
        context.add_init_script("delete globalThis.WebAssembly")
        page = opened(context, origin, "50_deep_linear")
        assert page.locator(".rl-live-bar").count() == 0


def test_from_a_file_a_sentence_says_what_to_do(browser: Browser, html: Path) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((html / "notebooks" / "50_deep_linear.html").as_uri(), wait_until="load")
        bar = page.locator(".rl-live-bar")
        assert "make serve" in bar.inner_text()
        assert bar.locator("button").count() == 0


def test_python_that_cannot_be_loaded_is_told(context: BrowserContext, origin: str) -> None:
    context.route("**/pyodide.asm.wasm", lambda route: route.abort())
    page = opened(context, origin, "10_stability")
    page.get_by_role("button", name="Run this page").click()
    note = page.locator(".rl-live-bar output")
    expect(note).to_contain_text("did not start: pyodide.asm.wasm cannot", timeout=PATIENCE)
