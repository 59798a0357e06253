"""A live cell needs imports, parameters and other live cells; whatever else it uses is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.project import BuildFailed
from regime_lib.companion.publish.live.cells import (
    LiveCell,
    as_json,
    cells_of_page,
    live_cells,
    read_declared,
    read_pictures,
)
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.errors import RegimeError


def notebook(*sources: tuple[str, str]) -> dict[str, Any]:
    first = ("parameters", "seed: int = 3\nrate: float | None = None")
    cells = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {"tags": ["parameters"] if name == "parameters" else []},
            "source": source,
            "outputs": [],
        }
        for name, source in (first, *sources)
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4}


CELLS = (
    ("setup", "import numpy as np\nfrom math import sqrt as root\nchapter = 1"),
    ("first", "x = np.arange(p.seed)"),
    ("between", "print(x)"),
    ("second", "y = root(len(x))\ny"),
    ("stub", "def f(n: int) -> int:\n    raise NotImplementedError\n\n\nprint(f)"),
)


def found(*ids: str, cells: tuple[tuple[str, str], ...] = CELLS) -> list[LiveCell]:
    return live_cells(notebook(*cells), ids, "10_tiny.ipynb")


def test_each_runs_alone_with_what_it_is_given() -> None:
    cells = found("first", "second", "stub")
    names: dict[str, Any] = {}
    for cell in (cells[0], cells[1]):
        exec(f"{cell.setup}\n{cell.source}", names)
    assert names["p"].seed == 3
    assert names["p"].rate is None
    assert names["y"] == pytest.approx(3**0.5)
    assert [cell.needs for cell in cells] == [(), (0,), ()]
    assert [cell.exercise for cell in cells] == [False, False, True]
    assert cells[1].setup == "from math import sqrt as root"  # and not NumPy, which it does not use


def test_parameters_are_those_of_the_run_with_its_profile_filled_in() -> None:
    executed = notebook(*CELLS)
    footer = {"data": {PROVENANCE_MIME: {"parameters": {"seed": 3, "rate": 0.5}}}}
    executed["cells"][-1]["outputs"] = [{"output_type": "display_data", **footer}]
    (cell,) = live_cells(executed, ("first",), "10_tiny.ipynb")
    names: dict[str, Any] = {}
    exec(cell.setup, names)
    assert names["p"].rate == 0.5


def test_a_name_that_nothing_live_gives_is_refused() -> None:
    with pytest.raises(BuildFailed, match=r"'second' of 10_tiny\.ipynb cannot be live.*gives 'x'"):
        found("second")
    with pytest.raises(BuildFailed, match="gives 'chapter'"):
        found("third", cells=(*CELLS, ("third", "chapter + 1")))


def test_what_other_code_made_of_a_name_does_not_count_as_the_live_one() -> None:
    other = (*CELLS[:3], ("again", "x = 0"), CELLS[3])
    with pytest.raises(BuildFailed, match="gives 'x'"):
        found("first", "second", cells=other)


def test_what_a_solution_defines_is_nothing_to_build_on() -> None:
    with pytest.raises(BuildFailed, match="gives 'f'"):
        found("stub", "after", cells=(*CELLS, ("after", "f(2)")))


def test_a_cell_that_is_not_there_is_named() -> None:
    with pytest.raises(BuildFailed, match="names 'nowhere'"):
        found("first", "nowhere")


def test_the_list_is_read_strictly(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    pages = tmp_path / "book"
    assert read_declared(pages) == {}
    (pages / "live.yml").write_text("10_tiny: [a, b]\n")
    assert read_declared(pages) == {"10_tiny": ("a", "b")}
    for wrong in ("10_tiny: a\n", "- a\n", "10_tiny: [1]\n", "10_tiny: [a"):
        (pages / "live.yml").write_text(wrong)
        with pytest.raises(RegimeError, match=r"live\.yml"):
            read_declared(pages)


def test_blocks_of_a_page_build_on_each_other() -> None:
    blocks = ("{live} one\nimport math\nx = 1", "{live} two\nmath.sin(x)", "python\ny")
    text = "# T\n\n" + "".join(f"```{block}\n```\n\n" for block in blocks)
    one, two = cells_of_page(text, "t.md")
    assert (one.source, one.setup, one.needs) == ("import math\nx = 1", "", ())
    assert (two.source, two.setup, two.needs) == ("math.sin(x)", "import math", (0,))
    with pytest.raises(BuildFailed, match=r"'two' of t\.md uses 'x'"):
        cells_of_page(text.replace("x = 1", "z = 1"), "t.md")


def test_no_tag_in_a_cell_ends_the_script_that_holds_it() -> None:
    text = as_json([LiveCell("a", "print('</script><b>')", "", (), False)], [["numpy"]])
    assert "<" not in text
    assert json.loads(text)[0]["source"] == "print('</script><b>')"


def test_a_cell_gets_the_code_that_draws_it_and_what_that_needs(tmp_path: Path) -> None:
    (tmp_path / "live.yml").write_text(
        "10_tiny: [a]\npictures:\n  a: |\n    from page import draw\n    draw({'x': (x, x)})\n"
    )
    assert read_declared(tmp_path) == {"10_tiny": ("a",)}
    pictures = read_pictures(tmp_path)
    cells = (("a", "x = [1, 2]\n"), ("b", "y = x"))
    one, two = live_cells(notebook(*cells), ("a", "b"), "10_tiny", pictures)
    assert one.source == "x = [1, 2]\n\nfrom page import draw\ndraw({'x': (x, x)})"
    assert two.source == "y = x"
    assert read_pictures(tmp_path / "nowhere") == {}
    (tmp_path / "live.yml").write_text("10_tiny: [a]\npictures: {b: x}\n")
    with pytest.raises(RegimeError, match="names 'b', which is no live cell"):
        read_pictures(tmp_path)
