"""The command `regime pdf`: the rendered book as one PDF, and one per chapter."""

from __future__ import annotations

import click

from regime_lib.companion.book.catalogue import find_chapters
from regime_lib.companion.book.project import find_project
from regime_lib.companion.publish.paper import print_book
from regime_lib.companion.running.doctor import require_browser


@click.command("pdf")
@click.argument("chapters", nargs=-1, metavar="[CHAPTER...]")
@click.option("--browser", metavar="PATH", help="A Chromium or Chrome [default: one at hand].")
def pdf_command(chapters: tuple[str, ...], browser: str | None) -> None:
    """Print the rendered book to _build/html/pdf: one PDF of all, and one per chapter.

    With names of chapters, only these. The pages then offer what was printed for download.
    """
    project = find_project()
    names = [entry.name for entry in find_chapters(project, chapters)] if chapters else None
    found = require_browser(project, browser, "print")
    for made in print_book(project, found, names):
        click.echo(f"{project.show(made.path)}: {made.pages} pages")
