"""A chapter's claims that depend on chance, measured afresh: once per block of new seeds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import with_profile
from regime_lib.companion.running.sweep_chapter import measure_module, rows_of_parts
from regime_lib.errors import RegimeError

#: The seed of block 0, and how far the seeds of two blocks lie apart.
FIRST, WIDTH = 100_000, 1_000

#: How many blocks lie within the seeds that a chapter takes, which end at a million.
MOST = 900

_COUNTS = ("seeds", "starts")  # how parameters end that count runs


def fresh_blocks(project: Project, entry: Entry, blocks: int) -> list[dict[str, Value]]:
    """Return the points of a sweep over fresh blocks of a chapter's seeds, one a block.

    Refused are a chapter without claims that other seeds could turn, and seeds that would overlap:
    with those of the page, or those of one block with those of the next.
    """
    if not 1 <= blocks <= MOST:
        raise RegimeError(f"the number of blocks is {blocks}; give 1 to {MOST}")
    if not measures_drawn(project, entry):
        raise RegimeError(f"chapter {entry.name} measures no claim that other seeds could turn")
    values = block_values(project, entry, None)
    if not isinstance(published := values.get("seed"), int):
        raise RegimeError(f"chapter {entry.name} has no parameter 'seed', so no seed is fresh")
    counts = [v for k, v in values.items() if k.endswith(_COUNTS) and isinstance(v, int)]
    runs = max(counts, default=1)
    if runs > WIDTH:
        raise RegimeError(
            f"{entry.name} takes {runs} seeds a block, and blocks lie {WIDTH} seeds apart, so they "
            "would share runs"
        )
    if published + runs > FIRST and published < FIRST + WIDTH * blocks:
        raise RegimeError(
            f"the page of {entry.name} uses seeds from {published} on, so blocks from {FIRST} on "
            "would not be fresh; give the chapter another seed"
        )
    return [{"seed": FIRST + WIDTH * block} for block in range(blocks)]


def block_of(point: Mapping[Any, Any]) -> int:
    """Return the number of the block that a point, or a row of results at it, belongs to."""
    return (int(point["seed"]) - FIRST) // WIDTH


def measures_drawn(project: Project, entry: Entry) -> bool:
    """Whether a chapter measures claims that other seeds could turn, in parts that it names."""
    claims = load_claims(project.claims_file).values()
    drawn = any(claim.chapter == entry.name and claim.drawn for claim in claims)
    return drawn and bool(drawn_parts(measure_module(project, entry)))


def drawn_parts(module: ModuleType) -> tuple[Callable[[Any], Any], ...]:
    """Return a chapter's parts whose claims other seeds could turn, each once.

    They are ``EMPIRICAL``, else all parts, and ``LAWS``: parts of laws seen in random runs.
    """
    every = getattr(module, "PARTS", None)
    empirical = getattr(module, "EMPIRICAL", (module.measure,) if every is None else every)
    return tuple(dict.fromkeys([*empirical, *getattr(module, "LAWS", ())]))


def block_values(project: Project, entry: Entry, seed: int | None) -> dict[str, Value]:
    """Return the parameters of a block: those of the page in the profile quick, and its seed."""
    names = {parameter.name for parameter in entry.parameters}
    given: dict[str, Value] = {"profile": "quick"} if "profile" in names else {}
    given |= {} if seed is None else {"seed": seed}
    values = resolve_values(entry.parameters, given, entry.name)
    return with_profile(entry, values, measure_module(project, entry))


def block_function(project: Project, name: str) -> Any:
    """Return the function of one chapter's blocks: takes a point, returns a row per claim."""
    return partial(_run_in, str(project.root), name)


def run_block(project: Project, name: str, point: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Measure what other seeds could turn with the seeds of a block; return a row per claim."""
    (entry,) = find_chapters(project, [name])
    seed = point["seed"]
    values = block_values(project, entry, seed if isinstance(seed, int) else None)
    parts = drawn_parts(measure_module(project, entry))
    return rows_of_parts(project, entry, values, parts)


def _run_in(root: str, name: str, point: dict[str, Value]) -> Any:
    os.environ["REGIME_ROOT"] = root
    return run_block(find_project(), name, point)
