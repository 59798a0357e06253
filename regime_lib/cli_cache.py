"""The command `regime cache`: what is kept to save time, how large it is, and making room."""

from __future__ import annotations

import json
import math
from pathlib import Path

import click

from regime_lib.cli_doctor import cache_folder
from regime_lib.companion.book.project import find_project
from regime_lib.companion.running.scratch import (
    abandoned_folders,
    remove_folders,
    remove_oldest,
    size_of,
)

_GIB = 1024**3
#: How much data sets and checkpoints may hold, in GiB, before the oldest are removed.
CAP = 20.0
_MOST = 2.0**20  # GiB: more is no cap


@click.command("cache")
@click.option(
    "--prune", is_flag=True, help="Remove what killed runs left, and what is above --cap."
)
@click.option("--cap", type=click.FloatRange(0, _MOST), default=CAP, show_default=True,
              metavar="GIB", help="How much data sets and checkpoints may hold.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def cache_command(prune: bool, cap: float, as_json: bool) -> None:
    """List what is kept to save time, with its size; all of it can be made again.

    Data sets and checkpoints are kept below a cap: `regime run` and --prune remove those that were
    not used for longest. What sweeps, fresh blocks and long runs computed is never removed here.
    """
    if math.isnan(cap):  # which lies in every range
        raise click.BadParameter("nan is no size in GiB.", param_hint="'--cap'")
    project = find_project()
    removed = keep_below(cap) if prune else []
    left = abandoned_folders()
    if prune:
        remove_folders(left)
        removed, left = [*removed, *left], []
    folders = {
        "data sets and checkpoints": cache_folder(),
        "measurements": project.measurements,
        "sweeps": project.build / "sweeps",
        "fresh blocks": project.build / "firmness",
        "long runs": project.build / "evidence",
        "the rendered book": project.html,
    }
    sizes = {what: size_of(place) for what, place in folders.items() if place}
    if as_json:
        told = {
            "cap": round(cap * _GIB),
            "kept": [{"what": what, "folder": str(folders[what]), "bytes": size}
                     for what, size in sizes.items()],
            "abandoned": [str(folder) for folder in left],
            "removed": [str(path) for path in removed],
        }  # fmt: skip
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    width = max(map(len, sizes))
    for what, size in sizes.items():
        limit = f" of at most {cap:g} GiB" if folders[what] == cache_folder() else ""
        click.echo(f"{what:{width}}  {size / _GIB:8.3f} GiB{limit}  {folders[what]}")
    for folder in left:
        click.echo(f"left behind by a killed run: {folder}; remove it with --prune")
    if prune:
        click.echo(f"{len(removed)} removed")


def keep_below(cap: float = CAP) -> list[Path]:
    """Remove what was not used for longest of data sets and checkpoints above a cap in GiB."""
    place = cache_folder()
    return remove_oldest(place, round(cap * _GIB)) if place else []
