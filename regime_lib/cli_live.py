"""The command `regime live`: get what the book's live cells run on, a Python for the browser."""

from __future__ import annotations

import click

from regime_lib.companion.book.project import find_project
from regime_lib.companion.publish.live.kit import fetch_kit
from regime_lib.companion.publish.live.npm import fetch_packages
from regime_lib.companion.publish.live.shipped import kit_folder


@click.command("live")
def live_command() -> None:
    """Get Pyodide for the live cells of the book's pages, pinned by checksums, 30 MB.

    It is taken from the folder that PYODIDE_DIR names, or downloaded, and kept in _build/pyodide.
    Without it the book is built all the same, without live cells. Beside it lie an editor,
    CodeMirror, and hyparquet, both from npm; cells run without them too.
    """
    folder = kit_folder(find_project())
    click.echo(fetch_kit(folder))
    click.echo(fetch_packages(folder))
