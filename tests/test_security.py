"""Nothing executes from a cache or a result; text is text on every page; actions are pinned."""

from __future__ import annotations

import ast
import dataclasses
import io
import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from bs4 import BeautifulSoup

from regime_lib.companion.claims.claims import Claim, Kind
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.claims.ledger import Measurement, Record, Verdict
from regime_lib.companion.claims.strict_yaml import load_strictly
from regime_lib.companion.figures.drawn import VARIANTS, DrawnFigure
from regime_lib.companion.publish.figure_page import figure_html
from regime_lib.companion.publish.findings import Findings
from regime_lib.companion.publish.markup import card, template
from regime_lib.companion.publish.paper_scale import PaperScale, comparison
from regime_lib.companion.publish.scorecard import paper_claims
from regime_lib.errors import RegimeError
from regime_lib.keeping import loads
from regime_lib.lab.training import checkpoints
from tests.companion.pictures import tiny_pictures
from tests.companion.publish.test_markup import CLAIM, MEASURED

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for path in (ROOT / "regime_lib").rglob("*.py") if "__pycache__" not in path.parts]
#: Runs what a reader writes, in the reader's own browser: a page is given it, nothing imports it.
IN_THE_PAGE = ROOT / "regime_lib" / "companion" / "publish" / "live" / "runner.py"

MARK = """<script>alert(1)</script><img src=x onerror=alert(2)>'&" onclick="alert(3)"""


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.place,))


# --- files ---------------------------------------------------------------------------------------


def test_the_trap_would_be_noticed(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").exists()


def test_no_kept_measurement_executes(tmp_path: Path) -> None:
    content = io.BytesIO()
    np.savez(content, tree=np.array([Trap(tmp_path / "sprung")], dtype=object))
    with pytest.raises(RegimeError):
        loads(dict, content.getvalue())
    assert not (tmp_path / "sprung").exists()


def test_no_checkpoint_executes(tmp_path: Path) -> None:
    torch.save({"model": Trap(tmp_path / "sprung")}, tmp_path / "step.pt")
    assert checkpoints._read(tmp_path / "step.pt") is None
    assert not (tmp_path / "sprung").exists()


def test_no_yaml_executes(tmp_path: Path) -> None:
    place = tmp_path / "sprung"
    with pytest.raises(RegimeError):
        load_strictly(f"!!python/object/apply:os.mkdir ['{place}']", "claims.yml")
    assert not place.exists()


def called(tree: ast.AST) -> list[tuple[str, dict[str, str]]]:
    """Return the calls of a source: their names, and what they are given by name."""
    return [
        (ast.unparse(node.func), {str(k.arg): ast.unparse(k.value) for k in node.keywords})
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_no_module_imports_what_runs_code_in_the_page() -> None:
    assert IN_THE_PAGE in SOURCES
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert "live.runner" not in text, path
        assert "import runner" not in text, path


def test_the_library_reads_no_pickle_and_evaluates_no_text() -> None:
    loaders = set()
    for path in set(SOURCES) - {IN_THE_PAGE}:
        for name, given in called(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path}: {name}"
            assert name not in {"eval", "exec", "pickle.load", "pickle.loads"}, where
            assert not name.endswith(("read_pickle", "unsafe_load", "full_load")), where
            if name == "torch.load":
                assert given.get("weights_only") == "True", where
            if name == "np.load":
                assert given.get("allow_pickle", "False") == "False", where
            loaders |= {name} & {"torch.load", "np.load"}
    assert loaders == {"torch.load", "np.load"}  # so that the search is known to find them


# --- pages ---------------------------------------------------------------------------------------

_TEXTS = ("statement", "where", "quantity", "unit", "derivation", "varied", "held", "why")


def hostile_claim() -> Claim:
    """Return a claim with markup in every text that its file lets people write."""
    change = dataclasses.replace(CLAIM.changed[0], date=MARK, was=MARK, why=MARK)
    texts = dict.fromkeys(_TEXTS, MARK)
    return dataclasses.replace(CLAIM, **texts, changed=(change,))  # type: ignore[arg-type]


def hostile_measurement() -> Measurement:
    texts = dict.fromkeys(("unit", "over", "method", "reason"), MARK)
    return dataclasses.replace(MEASURED, **texts)  # type: ignore[arg-type]


def inert(html: str) -> bool:
    """Say whether markup that was smuggled in became an element or an attribute."""
    page = BeautifulSoup(html, "html.parser")
    handlers = [name for tag in page.find_all() for name in tag.attrs if name.startswith("on")]
    return not page.find_all(["script", "img"]) and not handlers


def test_markup_would_be_noticed() -> None:
    assert not inert(f"<p>{MARK}</p>")
    assert not inert(f'<p title="{MARK}"></p>')


def test_claims_and_measurements_are_escaped_on_cards() -> None:
    firmness = Firmness({Verdict.REPRODUCED: 3}, Verdict.REPRODUCED, MARK)
    html = card(hostile_claim(), hostile_measurement(), firmness)
    assert inert(html)
    assert "alert(1)" in BeautifulSoup(html, "html.parser").get_text()


@pytest.mark.parametrize("kind", list(Kind))
def test_claims_and_measurements_are_escaped_in_rows(kind: Kind) -> None:
    claim = dataclasses.replace(hostile_claim(), kind=kind)
    record = Record(claim, hostile_measurement())
    rows = paper_claims(Findings((record,)), [record])
    assert inert(rows)
    assert "alert(1)" in rows
    fences = [line for line in rows.splitlines() if line.startswith("```")]
    assert fences == ["```{raw} html", "```"]


def test_claims_are_escaped_where_two_runs_stand_side_by_side() -> None:
    claim, measured = hostile_claim(), hostile_measurement()
    there = PaperScale({claim.id: measured}, {}, 1.0, MARK, {}, {})
    html, _ = comparison([claim], {claim.id: measured}, there)
    assert inert(html)


def test_parameters_and_versions_are_escaped_in_footers() -> None:
    html = template("footer.html.j2").render(rows=[(MARK, MARK)])
    assert inert(html)


def test_what_a_figure_says_is_escaped_and_its_numbers_end_no_script() -> None:
    scene = json.dumps({"title": f"</script>{MARK}"})
    figure = DrawnFigure("fig-x", MARK, MARK, tiny_pictures(), scene, MARK)
    page = BeautifulSoup(figure_html(figure, "10_tiny"), "html.parser")
    (script,) = page.find_all("script")  # the scene: data, which no browser executes
    assert script["type"] == "application/json"
    assert json.loads(script.get_text()) == json.loads(scene)
    assert len(page.find_all(["img", "source"])) == len(VARIANTS)
    assert not [name for tag in page.find_all() for name in tag.attrs if name.startswith("on")]


# --- workflows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=str)
def test_actions_are_pinned_by_commit_and_rights_are_few(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    for action in used:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        if name == "standalone":  # writes a branch of notebooks, and for no pull request
            assert job["permissions"] == {"contents": "write"}
            assert "github.event_name != 'pull_request'" in job["if"]
        else:
            assert name == "publish" or "permissions" not in job
    assert "${{ github.event" not in "".join(re.findall(r"run: (.*)", text))
