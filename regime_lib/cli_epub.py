"""The command `regime epub`: the rendered book as one file for readers of ePubs."""

from __future__ import annotations

import click

from regime_lib.companion.book.project import find_project
from regime_lib.companion.publish.epub import write_epub
from regime_lib.companion.running.doctor import find_browser
from regime_lib.errors import RegimeError


@click.command("epub")
@click.option("--browser", metavar="PATH", help="A Chromium or Chrome [default: one at hand].")
def epub_command(browser: str | None) -> None:
    """Bind the rendered book to _build/html/pdf/regimes-of-learning.epub.

    A browser typesets its formulas. The pages then offer it for download.
    """
    project = find_project()
    found = browser or find_browser(project)
    if found is None:
        raise RegimeError(
            "no Chromium was found to typeset formulas with; run: sh .ci/browser, or name one with "
            "--browser"
        )
    made = write_epub(project, found)
    click.echo(f"{project.show(made)}: {made.stat().st_size / 1e6:.1f} MB")
