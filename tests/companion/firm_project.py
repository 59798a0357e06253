"""A tiny project whose empirical claim depends on the block of seeds: it holds in every other one.

Its calls are logged in a file that `FIRM_CALLS` names, and the block of the seed that `FIRM_FAILS`
names fails, in whichever process they happen.
"""

from __future__ import annotations

from pathlib import Path

from regime_lib.companion.book.project import Project
from tests.companion.tiny import PROFILES, make_project, tiny_cells

MEASURE = '''\
"""What the chapter measures, in two parts; one of them measures an empirical claim."""

import os
from dataclasses import dataclass
from pathlib import Path

from regime_lib.estimate import Estimate, number, run_range
'''
MEASURE += PROFILES
MEASURE += """\
    n_seeds: int
    seed: int


@dataclass(frozen=True)
class Part:
    claims: dict[str, Estimate]


def ratios(settings: Settings) -> Part:
    with Path(os.environ["FIRM_CALLS"]).open("a") as file:
        file.write(f"{settings.seed} ")
    if os.environ.get("FIRM_FAILS") == str(settings.seed):
        raise ValueError("this block is broken")
    centre = (3.0, 1.0)[settings.seed // 1000 % 2]
    values = [centre * (0.9 + 0.05 * i) for i in range(settings.n_seeds)]
    over = f"{settings.n_seeds} seeds, each a start"
    return Part({"rc-tiny-ratio": run_range(values, over=over)})


def steps(settings: Settings) -> Part:
    found = number(settings.steps, n=settings.n_seeds, over="one run", unit="steps")
    return Part({"rc-tiny-steps": found})


@dataclass(frozen=True)
class Long:
    depends: dict[str, int]

    def points(self, first: int) -> list[dict[str, int]]:
        return [{"seed": first + k, "size": 2} for k in range(3)]

    def judge(self, runs: object) -> Part:
        values = [row["ratio"] for _, rows in runs for row in rows]
        return Part({"rc-tiny-ratio": run_range(values, over=f"{len(values)} runs, each a start")})

    @property
    def run(self) -> object:
        return long_run


def long_run(point: dict[str, int]) -> list[dict[str, float]]:
    with Path(os.environ["FIRM_CALLS"]).open("a") as file:
        file.write(f"{point['seed']} ")
    if os.environ.get("FIRM_FAILS") == str(point["seed"]):
        raise ValueError("this run is broken")
    return [{"ratio": (3.0, 1.0)[point["seed"] // 1000 % 2] + 0.1 * (point["seed"] % 1000)}]


PARTS = (ratios, steps)
EMPIRICAL = (ratios,)
LONG_RUNS = Long({"version": 1})


def measure(settings: Settings) -> tuple[Part, ...]:
    return tuple(part(settings) for part in PARTS)
"""


def make_firm_project(root: Path, *, seed: int = 0, measure: str = "firm_measure") -> Project:
    """Make the project; its page uses the seeds from `seed` on."""
    cells = tiny_cells()
    for cell in cells:
        cell["source"] = cell["source"].replace("tiny_measure", measure)
    cells[1]["source"] += f"\nseed: int = {seed}  # the seeds are seed, seed + 1, ... [0..1000000]"
    project = make_project(root, cells)
    (project.notebooks / f"{measure}.py").write_text(MEASURE, encoding="utf-8")
    return project
