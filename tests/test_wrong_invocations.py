"""A hundred wrong ways to call the command: each gets one sentence, an exit status, and no wait."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from regime_lib.companion.book.project import Project
from tests.companion.faults import call, in_this_process
from tests.companion.tiny import make_project, tiny_cells
from tests.instrument.traces import decaying

WRONG = r"""
nonsense
rum 10
--wrong
-x
list 10
list --jason
list --json extra
run
run nothing
run ""
run 99
run 10 11
run ../../etc/passwd
run 10 --profile full
run 10 --profile ""
run 10 -p steps
run 10 -p steps many
run 10 -p steps -4
run 10 -p steps 1e3
run 10 -p steps ""
run 10 -p stepz 80
run 10 -p "" 80
run 10 -p rate nan
run 10 -p rate inf
run 10 -p rate 2
run 10 -p n_seeds 1
run 10 -p n_seeds 2.5
run 10 -p profile other
run 10 -p steps 80 -p steps 90
run 10 --profile quick -p profile paper
run 10 -j 0
run 10 -j -1
run 10 -j many
run 10 -j
run 10 --why -o README.md
run 10 -o
run 10 --grid steps=1
sweep
sweep 10
sweep 10 11 --grid steps=10
sweep nothing --grid steps=10
sweep all --grid steps=10
sweep 10 --grid ""
sweep 10 --grid steps
sweep 10 --grid steps=
sweep 10 --grid =10
sweep 10 --grid "steps=10 steps=20"
sweep 10 --grid steps=10,10
sweep 10 --grid steps=10,,20
sweep 10 --grid stepz=10
sweep 10 --grid steps=5
sweep 10 --grid steps=ten
sweep 10 --grid "steps=range(0)"
sweep 10 --grid "steps=range(10,20,0)"
sweep 10 --grid "steps=range(1,2,3,4)"
sweep 10 --grid "steps=range(1000000000)"
sweep 10 --grid "rate=linspace(0,1)"
sweep 10 --grid "rate=linspace(1,2,999999999)"
sweep 10 --grid "rate=linspace(0,1,-3)"
sweep 10 --grid "rate=logspace(1,400,3)"
sweep 10 --grid "rate=cube(1,2,3)"
sweep 10 --grid "rate=linspace(0,1,3"
sweep 10 --grid "steps=[10,20]"
sweep 10 --grid steps=10 -p steps 20
sweep 10 --grid steps=10 -p stepz 20
sweep 10 --grid steps=10 --profile other
sweep 10 --grid steps=10 -j 0
sweep 10 --grid steps=10 -o /dev/null/x
sweep 10 --grid steps=10 -o /proc/nope
sweep 10 --grid steps=10 -o nosuch://bucket/x
sweep 10 --grid steps=10 --scheduler nonsense
sweep 10 --grid steps=10 --scheduler tcp://h:1 -j 2
sweep 10 --grid steps=10 --scheduler tcp://h:1 --time-limit 3
sweep 10 --grid steps=10 --time-limit 0
sweep 10 --grid steps=10 --time-limit -3
sweep 10 --grid steps=10 --time-limit soon
sweep 10 --grid steps=10 --time-limit nan
sweep --status nowhere
sweep 10 --status nowhere
sweep --grid steps=10
sweep --publish
evidence
evidence nothing
evidence all
evidence 10 --collect
evidence 10 --collect -o nowhere
evidence 10 --figure
evidence 10 -j 0
book 10
book -j 0
book --wrong
accept
accept 10
claims nothing
claims --chapter 99
claims --verdict maybe
claims --paper none
claims --jason
compare
compare nothing
compare 10
compare all
compare nowhere.ipynb
receipts
receipts nowhere.json
receipts notebooks
doctor 10
doctor --wrong
firm
firm nothing
firm 10
firm 10 --blocks 0
firm 10 --blocks 1000000
firm 10 --blocks many
firm 10 -o /dev/null/x
live nothing
live --quietly
pdf
pdf nothing
pdf 10
pdf --browser
pdf --browser /no/such/browser
teach
teach student
teach parent 10
teach student nothing
teach student 10 --format paper
teach instructor 10 --for Ada
teach student 10 --for "//"
cache 10
cache --cap -1
cache --cap many
cache --cap nan
cache --cap inf
cache --prune --cap 1e400
report
report nowhere
report notebooks
report README.md
report tracked -o /dev/null/x
report tracked -o notebooks
report tracked extra
compare tracked nowhere
compare tracked notebooks
compare tracked tracked -o /proc/nope
firm 10 --without-a-seed
teach course 10
teach course --sheet
teach course -o notebooks
claims --statements more
receipts --publish
run 10 -p rate 1e400
evidence 10 --late all
""".strip().splitlines()


@pytest.fixture(scope="module")
def wrong_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Work in a project whose chapter was never run."""
    root = tmp_path_factory.mktemp("wrong") / "project"
    made = make_project(root, tiny_cells(figure=True))
    with pytest.MonkeyPatch.context() as patch:
        in_this_process(made, patch)
        patch.setenv("REGIME_CACHE", str(root / "cache"))
        decaying(3.0, 9.0, 40).save(root / "tracked")
        yield made


def files_of(project: Project) -> set[Path]:
    return {p for p in project.root.rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_there_are_a_hundred_and_each_is_another() -> None:
    assert len(WRONG) >= 100
    assert len({tuple(shlex.split(line)) for line in WRONG}) == len(WRONG)


@pytest.mark.parametrize("line", WRONG)
def test_a_wrong_call_gets_one_sentence_and_leaves_nothing(wrong_place: Project, line: str) -> None:
    before, start = files_of(wrong_place), time.process_time()
    said = call(*shlex.split(line))
    assert said.code in (1, 2), said
    assert said.out == ""
    assert said.err.startswith("regime: "), said.err
    assert said.err.count("\n") == 1, said.err
    assert len(said.err) < 600, said.err
    assert "Traceback" not in said.err
    assert files_of(wrong_place) == before
    assert time.process_time() - start < 3
