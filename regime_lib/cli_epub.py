"""The command `regime epub`: the rendered book as one file for readers of ePubs."""

from __future__ import annotations

import click

from regime_lib.companion.book.project import find_project
from regime_lib.companion.publish.epub import write_epub
from regime_lib.companion.running.doctor import require_browser


@click.command("epub")
@click.option("--browser", metavar="PATH", help="A Chromium or Chrome [default: one at hand].")
def epub_command(browser: str | None) -> None:
    """Bind the rendered book to _build/html/pdf/regimes-of-learning.epub.

    A browser typesets its formulas. The pages then offer it for download.
    """
    project = find_project()
    made = write_epub(project, require_browser(project, browser, "typeset formulas"))
    click.echo(f"{project.show(made)}: {made.stat().st_size / 1e6:.1f} MB")
