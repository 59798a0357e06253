"""The commands `regime compare` and `regime receipts`: reruns beside the book, one or many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from regime_lib.cli_trace import compare_traces
from regime_lib.companion.book.catalogue import Entry, chapter_names, find_chapters, load_entry
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.teaching.collecting import collect_receipts
from regime_lib.companion.teaching.machines import keep_receipts
from regime_lib.companion.teaching.receipts import (
    Compared,
    Place,
    Receipt,
    chapter_of,
    compare_rerun,
    write_receipts,
)
from regime_lib.errors import RegimeError

_COLOURS = {Place.SAME: "green", Place.INSIDE: "green", Place.OUTSIDE: "yellow"}


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="CHAPTER|NOTEBOOK...|all|RUN RUN")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write a receipt, a JSON file that can be handed in; of tracked runs, a page."
              )  # fmt: skip
@click.option("--strict", is_flag=True,
              help="Exit with 1 if a number left its interval or a verdict turned.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def compare_command(
    runs: tuple[str, ...], output: Path | None, strict: bool, as_json: bool
) -> None:
    """Compare reruns with the book, claim by claim.

    A CHAPTER is compared as `regime run` left it; a NOTEBOOK is an executed file, such as your
    own copy. Says for each claim whether your number lies in the book's interval and whether the
    verdict stays, and for each chapter in what the two runs differ.

    A RUN is a folder that `trace.save` wrote; two or more are compared with each other, by every
    definition of when patterns and weights settle.
    """
    if any((Path(run) / "manifest.json").is_file() for run in runs):
        compare_traces(runs, output, as_json)
        return
    project = find_project()
    receipts = [compare_rerun(project, *asked) for asked in _asked(project, runs)]
    if output is not None:
        write_receipts(output, receipts)
    if as_json:
        told = [receipt.as_dict() for receipt in receipts]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        for receipt in receipts:
            _tell(receipt)
        if output is not None:
            click.echo(f"{output} is written")
    if strict and (moved := [one.claim for receipt in receipts for one in receipt.moved]):
        click.echo(f"regime: {len(moved)} moved: {', '.join(moved)}", err=True)
        raise click.exceptions.Exit(1)


@click.command("receipts")
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER...",
                type=click.Path(exists=True, path_type=Path))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
@click.option("--publish", is_flag=True,
              help="Keep them in book/receipts, without names, for the scorecard.")  # fmt: skip
def receipts_command(places: tuple[Path, ...], as_json: bool, publish: bool) -> None:
    """Read the receipts of many reruns: a line for each, and for each claim over all of them.

    A FOLDER is searched for JSON files. Two files that tell of the same notebook are named.
    """
    found = collect_receipts(places)
    if publish:
        project = find_project()
        kept = keep_receipts(project, places)
        click.echo(f"{len(kept)} kept in {project.show(kept[0].parent)}", err=True)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    for one in found.handed:
        whose = one.name or Path(one.file).stem
        causes = f"; differs in {', '.join(one.causes)}" if one.causes else ""
        click.echo(
            f"{whose}, {one.chapter}: {one.near} of {one.total} numbers the same or inside, "
            f"{one.stays} verdicts stay{causes} ({one.processor})"
        )
    for claim in found.claims:
        click.echo(
            f"  {claim.claim}: the same or inside in {claim.near} of {claim.runs} runs, "
            f"verdict stays in {claim.stays}"
        )
    for first, second in found.twice:
        click.echo(f"{second} tells of the same notebook as {first}")


def _asked(project: Project, runs: Sequence[str]) -> list[tuple[Entry, Path]]:
    """Return chapters with the notebooks to compare, each file once."""
    found: dict[Path, Entry] = {}
    for word in runs:
        path = Path(word)
        if path.suffix == ".ipynb" and path.is_file():
            name = chapter_of(path)
            if name not in chapter_names(project):
                raise RegimeError(f"{word} is a run of {name}, which is no chapter of this book")
            found[path] = load_entry(project, name)
            continue
        for entry in find_chapters(project, [word]):
            rerun = project.executed / entry.path.name
            if rerun.is_file():
                found[rerun] = entry
            elif word != "all":
                raise RegimeError(
                    f"there is no rerun of {entry.name}; run: regime run {entry.name}"
                )
    if not found:
        raise RegimeError("there is no rerun of any chapter; run: regime run all")
    return [(entry, path) for path, entry in found.items()]


def _tell(receipt: Receipt) -> None:
    whose = f", {receipt.name}" if receipt.name else ""
    stays = sum(one.verdict_stays for one in receipt.claims)
    near = sum(one.near for one in receipt.claims)
    total = len(receipt.claims)
    click.secho(
        f"{receipt.chapter}{whose}: {near} of {total} numbers the same or inside, "
        f"{stays} of {total} verdicts stay",
        bold=True,
    )
    for one in receipt.claims:
        place = click.style(str(one.place), fg=_COLOURS.get(one.place, "red"))
        click.echo(f"  {one.claim}: {place}{_numbers(one)}")
    for number, cause in enumerate(receipt.causes):
        begin = "likely because of" if number == 0 else "or of"
        click.echo(f"  {begin} the {cause.kind}: {cause.says}")


def _numbers(one: Compared) -> str:
    """Say both numbers where they differ, and both verdicts where these do."""
    if one.book is None or one.mine is None or one.place is Place.SAME:
        return ""
    verdict = "" if one.verdict_stays else f"; {one.mine.verdict} instead of {one.book.verdict}"
    return f", {one.mine.numbers} (book: {one.book.numbers}){verdict}"
